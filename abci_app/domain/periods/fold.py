"""What each fact does to periods. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from abci_app.domain.periods.schema import (
    MOST_BIAS,
    UNTOUCHED,
    Anchor,
    BiasJudged,
    Declaration,
    Fact,
    Figures,
    FiguresDeclared,
    FiguresOpened,
    Flags,
    LineShifts,
    Period,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    RunningBias,
    StatementRefused,
    StatementSigned,
    StatementStruck,
    Stream,
    UsageAnchored,
)
from abci_app.domain.periods.tables import (
    ANCHORS,
    BIAS,
    DECLARATIONS,
    FIGURES,
    PERIODS,
    SHIFTS,
    STATEMENTS,
    STREAMS,
    AnchorKey,
    BiasKey,
    FilingKey,
    PeriodKey,
    StatementKey,
    StreamKey,
)
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    """Write what a fact says: the rows beside the period, then the period itself."""
    match fact:
        case UsageAnchored():
            _anchor(state, fact)
        case FiguresDeclared():
            declaration = Declaration(fact.rating, fact.streams, fact.detail, fact.commitments)
            DECLARATIONS.put(state, _filing(fact), declaration)
        case FiguresOpened():
            FIGURES.put(state, _filing(fact), Figures(fact.seed, fact.lines, fact.prices))
        case StatementStruck():
            STATEMENTS.put(state, StatementKey(fact.document), fact.statement)
        case BiasJudged():
            SHIFTS.put(state, _period(fact), LineShifts(fact.document, fact.lines, fact.moved))
        case PeriodSigned():
            _move_bias(state, fact)
        case PeriodCutOff() | StatementSigned() | StatementRefused() | PeriodClosed():
            pass
        case _:
            assert_never(fact)
    key = _period(fact)
    before = PERIODS.get(state, key)
    PERIODS.put(state, key, _after(UNTOUCHED if before is None else before, fact))


def _after(row: Period, fact: Fact) -> Period:
    match fact:
        case UsageAnchored() | BiasJudged():
            return row
        case PeriodCutOff():
            pinned = replace(row, height=fact.height, rating=fact.rating, tolerance=fact.tolerance)
            return replace(pinned, state=PeriodState.CUT_OFF)
        case FiguresDeclared():
            declared = _with(row.declared, fact.party, fact.revision)
            both = all(declared) and row.state == PeriodState.CUT_OFF
            return replace(row, declared=declared, state=PeriodState.DECLARED if both else row.state)
        case FiguresOpened():
            return replace(row, opened=_with(row.opened, fact.party, fact.revision))
        case StatementStruck():
            struck = replace(row, statement=fact.document, flags=fact.statement.flags, signatures=())
            return replace(struck, state=PeriodState.RECONCILED)
        case StatementSigned():
            return replace(row, signatures=(*row.signatures, fact.signature))
        case StatementRefused():
            return replace(row, flags=row.flags | Flags.REFUSED.value)
        case PeriodSigned():
            deemed = Flags.DEEMED.value
            flags = row.flags | deemed if fact.deemed else row.flags & ~deemed
            return replace(row, state=PeriodState.SIGNED, flags=flags)
        case PeriodClosed():
            return replace(row, state=PeriodState.CLOSED)
        case _:
            assert_never(fact)


def _anchor(state: Writer, fact: UsageAnchored) -> None:
    stream = StreamKey(fact.agreement, fact.pair, fact.ordinal, fact.party, fact.stream)
    STREAMS.put(state, stream, Stream(fact.sequence, fact.running, fact.sums))
    ANCHORS.put(state, AnchorKey(*stream, fact.sequence), Anchor(fact.root, fact.totals, fact.late))


def _move_bias(state: Writer, fact: PeriodSigned) -> None:
    """The signed statement counts, and no earlier one: a period is signed once."""
    shifts = SHIFTS.get(state, _period(fact))
    if shifts is None or shifts.document != fact.document:
        return
    key = BiasKey(fact.agreement, fact.pair)
    before = BIAS.get(state, key)
    first, second = (0, 0) if before is None else before.bias
    moved = within_bias(first + shifts.moved[0]), within_bias(second + shifts.moved[1])
    BIAS.put(state, key, RunningBias(moved))


def within_bias(bias: int) -> int:
    """A bias at its bound stays there: no rule tells such figures apart, and a fold has no way to refuse."""
    return max(-MOST_BIAS, min(MOST_BIAS, bias))


def _period(fact: Fact) -> PeriodKey:
    about = fact.statement if isinstance(fact, StatementStruck) else fact
    return PeriodKey(about.agreement, about.pair, about.ordinal)


def _filing(fact: FiguresDeclared | FiguresOpened) -> FilingKey:
    return FilingKey(fact.agreement, fact.pair, fact.ordinal, fact.revision, fact.party)


def _with(numbers: tuple[int, int], party: int, number: int) -> tuple[int, int]:
    return (numbers[0], number) if party else (number, numbers[1])
