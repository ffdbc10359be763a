"""Where periods live, and what must always hold of them."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple, assert_never

from abci_app.domain.periods.schema import (
    MOST_BIAS,
    Anchor,
    BiasJudged,
    Declaration,
    Fact,
    Figures,
    FiguresDeclared,
    FiguresOpened,
    LineShifts,
    Period,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    RunningBias,
    Statement,
    StatementRefused,
    StatementSigned,
    StatementStruck,
    Stream,
    UsageAnchored,
)
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 5
PERIOD_FORM = "IBH"


class PeriodKey(NamedTuple):
    agreement: int
    pair: int
    ordinal: int


class StreamKey(NamedTuple):
    agreement: int
    pair: int
    ordinal: int
    party: int
    stream: int


class AnchorKey(NamedTuple):
    agreement: int
    pair: int
    ordinal: int
    party: int
    stream: int
    sequence: int


class FilingKey(NamedTuple):
    """One party's declaration or figures of one revision."""

    agreement: int
    pair: int
    ordinal: int
    revision: int
    party: int


class BiasKey(NamedTuple):
    agreement: int
    pair: int


class StatementKey(NamedTuple):
    document: bytes


PERIODS: Table[PeriodKey, Period] = Table(STORE, 1, PeriodKey, PERIOD_FORM, Period)
STREAMS: Table[StreamKey, Stream] = Table(STORE, 2, StreamKey, PERIOD_FORM + "BB", Stream)
ANCHORS: Table[AnchorKey, Anchor] = Table(STORE, 3, AnchorKey, PERIOD_FORM + "BBI", Anchor)
DECLARATIONS: Table[FilingKey, Declaration] = Table(STORE, 4, FilingKey, PERIOD_FORM + "BB", Declaration)
FIGURES: Table[FilingKey, Figures] = Table(STORE, 5, FilingKey, PERIOD_FORM + "BB", Figures)
STATEMENTS: Table[StatementKey, Statement] = Table(STORE, 6, StatementKey, "32s", Statement)
SHIFTS: Table[PeriodKey, LineShifts] = Table(STORE, 7, PeriodKey, PERIOD_FORM, LineShifts)
BIAS: Table[BiasKey, RunningBias] = Table(STORE, 8, BiasKey, "IB", RunningBias)

_OBJECT = Struct(">2s" + PERIOD_FORM)
_PERIODS_PREFIX = bytes((STORE, 1))


def period_named(key: bytes) -> PeriodKey | None:
    """The period whose object key these bytes are; None where they are none."""
    if len(key) != _OBJECT.size:
        return None
    prefix, *numbers = _OBJECT.unpack(key)
    return PeriodKey(*numbers) if prefix == _PERIODS_PREFIX else None


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about: always the period's."""
    match fact:
        case StatementStruck():
            statement = fact.statement
            return PERIODS.at(PeriodKey(statement.agreement, statement.pair, statement.ordinal))
        case (
            UsageAnchored()
            | PeriodCutOff()
            | FiguresDeclared()
            | FiguresOpened()
            | StatementSigned()
            | StatementRefused()
            | PeriodSigned()
            | PeriodClosed()
            | BiasJudged()
        ):
            return PERIODS.at(PeriodKey(fact.agreement, fact.pair, fact.ordinal))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the statement or rating rule that a fact rests on; empty where there is none."""
    match fact:
        case StatementStruck() | StatementSigned() | StatementRefused() | PeriodSigned() | BiasJudged():
            return fact.document
        case PeriodCutOff() | FiguresDeclared():
            return fact.rating
        case UsageAnchored() | FiguresOpened() | PeriodClosed():
            return b""
        case _:
            assert_never(fact)


def statements_add_up(state: Reader) -> bool:
    """In every statement the totals are the sums of the lines, and nothing is payable above the creditor's figure."""
    return all(
        sum(statement.payable) == sum(line.settled for line in statement.lines)
        and sum(statement.disputed) == sum(line.disputed for line in statement.lines)
        for _, statement in STATEMENTS.rows(state)
    )


def bias_is_what_was_signed(state: Reader) -> bool:
    """A pair's bias is what its signed statements have moved, each once, whatever was judged before them."""
    wanted: dict[BiasKey, list[int]] = {}
    for key, shifts in SHIFTS.rows(state):
        row = PERIODS.require(state, key)
        if row.state >= PeriodState.SIGNED and shifts.document == row.statement:
            moved = wanted.setdefault(BiasKey(key.agreement, key.pair), [0, 0])
            for direction in (0, 1):
                moved[direction] = max(-MOST_BIAS, min(MOST_BIAS, moved[direction] + shifts.moved[direction]))
    return {key: list(row.bias) for key, row in BIAS.rows(state)} == wanted


def periods_are_whole(state: Reader) -> bool:
    """A period from RECONCILED on has its statement; each party's opened revision has figures."""
    for key, row in PERIODS.rows(state):
        reconciled = row.state >= PeriodState.RECONCILED
        if reconciled != bool(row.statement):
            return False
        if reconciled and STATEMENTS.get(state, StatementKey(row.statement)) is None:
            return False
        for party, revision in enumerate(row.opened):
            if revision > row.declared[party]:
                return False
            if revision and FIGURES.get(state, FilingKey(*key, revision, party)) is None:
                return False
    return True
