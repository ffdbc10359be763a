"""What anyone may ask about periods, and what has fallen due on one."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.agreements.queries import TermsInForce, active_terms, binding
from abci_app.domain.agreements.schema import Direction, Flow, Terms
from abci_app.domain.periods.fold import fold
from abci_app.domain.periods.schema import (
    UNTOUCHED,
    Fact,
    Flags,
    LineFigures,
    Period,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    PerParty,
    Statement,
    StatementLine,
    StatementStruck,
    StreamReference,
    Verdict,
    statement_hash,
)
from abci_app.domain.periods.tables import (
    ANCHORS,
    DECLARATIONS,
    FIGURES,
    PERIOD_FORM,
    PERIODS,
    STATEMENTS,
    STREAMS,
    FilingKey,
    PeriodKey,
    StatementKey,
)
from abci_app.domain.rulebook.queries import version_for, versions_over
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U8, U16, U32, Decoder, Hash32, Value
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Overlay, Reader

_PERIOD_PREFIX = Struct(">" + PERIOD_FORM)
_PARTY_PREFIX = Struct(">" + PERIOD_FORM + "B")
_AGREEMENT_PREFIX = Struct(">I")
_AGREED = (Verdict.EQUAL, Verdict.WITHIN)
_NO_CHAIN = bytes(32)
_NO_FIGURES = LineFigures(0, 0, 0, 0)
_LOOKED_BACK = 12  # ordinals in which provisional figures are looked for: a year of months


# the state as it is stored


def period(state: Reader, key: PeriodKey) -> Period:
    """A period's row; `UNTOUCHED` where no message has made one."""
    row = PERIODS.get(state, key)
    return UNTOUCHED if row is None else row


def statement_of(state: Reader, row: Period) -> Statement | None:
    """The present statement of a period."""
    return STATEMENTS.require(state, StatementKey(row.statement)) if row.statement else None


def streams_of(state: Reader, key: PeriodKey, party: int) -> tuple[StreamReference, ...]:
    """All streams that a party has anchored for a period: what its next declaration must name."""
    rows = STREAMS.rows(state, _PARTY_PREFIX.pack(*key, party))
    return tuple(StreamReference(place.stream, row.sequence, row.root) for place, row in rows)


def has_difference(statement: Statement) -> bool:
    """Whether a line is neither equal nor within tolerance: only then is there something to correct."""
    return any(line.verdict not in _AGREED for line in statement.lines)


def owes_nothing(statement: Statement) -> bool:
    """Whether nothing is payable and nothing disputed: such a period closes when it is signed."""
    return not any(statement.payable) and not any(statement.disputed)


def creditor_of(flow: Flow, direction: int) -> int:
    """The party, 0 or 1, that is owed for traffic of a direction.

    Where the calling party pays, the sender owes, so the receiver is creditor. Bill and keep compares
    in the same order and owes nothing.
    """
    receiver = 1 if direction == Direction.FIRST_TO_SECOND else 0
    return 1 - receiver if flow == Flow.RECEIVER_PAYS else receiver


# what a line comes to


def line_of(
    governing: TermsInForce, index: int, figures: tuple[LineFigures, LineFigures], verdict: Verdict, settled: int
) -> StatementLine:
    """A statement line. Bill and keep settles nothing, whatever the figures are."""
    first, second = figures
    terms = governing.terms
    if terms.flow == Flow.BILL_AND_KEEP:
        return StatementLine(first, second, verdict, 0, 0)
    creditor = figures[creditor_of(terms.flow, terms.catalogue[index].direction)]
    disputed = 0 if verdict in _AGREED else creditor.amount - settled
    return StatementLine(first, second, verdict, settled, disputed)


def undisputed(figures: tuple[LineFigures, LineFigures], prices: tuple[int, int]) -> int:
    """What is payable of a line that is not agreed: no party's figure and no price of the rule lies below it."""
    return min(figures[0].amount, figures[1].amount, *prices)


def statement_over(
    governing: TermsInForce,
    key: PeriodKey,
    row: Period,
    lines: tuple[StatementLine, ...],
    flags: Flags = Flags.NONE,
    provisional_from: int = 0,
) -> Statement:
    """The statement that lines add up to, per direction of traffic."""
    payable, disputed = [0, 0], [0, 0]
    for line, sort in zip(lines, governing.terms.catalogue, strict=True):
        payable[sort.direction] += line.settled
        disputed[sort.direction] += line.disputed
    return Statement(
        key.agreement,
        governing.version,
        key.pair,
        key.ordinal,
        row.opened,
        flags.value,
        provisional_from,
        row.rating,
        row.tolerance,
        lines,
        (payable[0], payable[1]),
        (disputed[0], disputed[1]),
    )


def settled_before(state: Reader, row: Period, index: int) -> StatementLine | None:
    """The line of the present statement if it is agreed: a re-issue leaves it as it is."""
    statement = statement_of(state, row)
    if statement is None or statement.lines[index].verdict not in _AGREED:
        return None
    return statement.lines[index]


# what has fallen due: each step sees what the steps before it have written


def due_facts(
    state: Reader, chain: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int
) -> tuple[Fact, ...]:
    """What time has done to a period and nobody has recorded: cut-off, the exits of silence, deemed signing."""
    view = Overlay(state)
    facts: tuple[Fact, ...] = ()
    for step in (_cut_off, _silence, _deemed):
        due = step(view, chain, key, governing, time, height)
        for fact in due:
            fold(view, fact)
        facts += due
    return facts


class Present(NamedTuple):
    """A period as time has left it: what is due, and the state with it."""

    due: tuple[Fact, ...]
    view: Overlay
    row: Period


def present(state: Reader, chain: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int) -> Present:
    """The effective period: the fold of what is due. `view` is scratch; nothing reaches the state."""
    if time < governing.row.cut_off:  # nothing falls due before
        return Present((), Overlay(state), period(state, key))
    due = due_facts(state, chain, key, governing, time, height)
    view = Overlay(state)
    for fact in due:
        fold(view, fact)
    return Present(due, view, period(view, key))


def signed_by(document: bytes, statement: Statement, *, deemed: bool) -> tuple[Fact, ...]:
    """What follows from a statement that binds both: signed, and closed at once where nothing is owed."""
    place = (statement.agreement, statement.pair, statement.ordinal)
    signed = PeriodSigned(*place, document, deemed)
    return (signed, PeriodClosed(*place)) if owes_nothing(statement) else (signed,)


def _cut_off(
    view: Reader, _: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int
) -> tuple[Fact, ...]:
    if period(view, key).state != PeriodState.OPEN or time < governing.row.cut_off:
        return ()
    rating, tolerance = pinned_rules(view, governing, height)
    return (PeriodCutOff(*key, height, rating, tolerance),)


def pinned_rules(state: Reader, governing: TermsInForce, height: int) -> tuple[bytes, bytes]:
    """The bundles that rate and judge a period as of a height; empty where no one version covers its usage."""
    rating, tolerance = binding(governing.terms, Slot.RATING), binding(governing.terms, Slot.TOLERANCE)
    assert rating is not None, "every agreement binds a rating rule"
    assert tolerance is not None, "every agreement binds a tolerance rule"
    row = governing.row
    over = versions_over(state, rating.rule, row.usage_from, row.usage_to, height)
    judge = version_for(state, tolerance.rule, row.usage_from, height)
    only = over[0] if len(over) == 1 else None
    return (b"" if only is None else only.bundle, b"" if judge is None else judge.bundle)


def _silence(
    view: Reader, chain: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int
) -> tuple[Fact, ...]:
    """The exits of DOMAIN "Silence has an exit everywhere" that end in figures."""
    row, dates = period(view, key), governing.row
    if row.state not in (PeriodState.CUT_OFF, PeriodState.DECLARED):
        return ()
    opened = [party for party in (0, 1) if row.opened[party]]
    silent = [party for party in (0, 1) if not row.opened[party]]
    undeclared = time >= dates.declare_by and not any(row.declared[party] for party in silent)
    if time < dates.open_by and not undeclared:
        return ()
    if opened:
        statement = one_sided(view, key, governing, row, opened[0])
    else:
        statement = _provisional(key, governing, row, _signed_before(view, chain, key, time, height))
    return (StatementStruck(statement_hash(chain, statement), statement),)


def one_sided(state: Reader, key: PeriodKey, governing: TermsInForce, row: Period, party: int) -> Statement:
    """The only opened figures stand for both parties; the rating rule's price still limits what is payable."""
    filed = FIGURES.require(state, FilingKey(*key, row.opened[party], party))
    lines: list[StatementLine] = []
    for index, (own, price) in enumerate(zip(filed.lines, filed.prices, strict=True)):
        figures = (own, own)
        before = settled_before(state, row, index)
        if before is not None:
            lines.append(before)
        elif own.amount == price:
            lines.append(line_of(governing, index, figures, Verdict.EQUAL, own.amount))
        else:
            settled = undisputed(figures, (price, price))
            lines.append(line_of(governing, index, figures, Verdict.MISPRICED, settled))
    return statement_over(governing, key, row, tuple(lines), Flags.DEEMED)


def _signed_before(view: Reader, chain: bytes, key: PeriodKey, time: int, height: int) -> _Signed | None:
    """The nearest earlier period of the pair that is signed by now, recorded or not; `_LOOKED_BACK` ordinals far.

    So it makes no difference who has what recorded first. A period that nobody has filed for is passed over:
    it repeats what comes before it.
    """
    for ordinal in range(key.ordinal - 1, max(0, key.ordinal - 1 - _LOOKED_BACK), -1):
        earlier = key._replace(ordinal=ordinal)
        row = PERIODS.get(view, earlier)
        if row is None or not (row.statement or any(row.opened)):
            continue
        governing = active_terms(view, key.agreement, ordinal)
        assert governing is not None, "a period with figures is in the calendar"
        if row.state < PeriodState.SIGNED and time < governing.row.agree_by:
            continue
        now = present(view, chain, earlier, governing, time, height)
        statement = statement_of(now.view, now.row)
        assert statement is not None, "a signed period has its statement"
        return _Signed(ordinal, governing.terms, statement)
    return None


class _Signed(NamedTuple):
    """A signed period as a source of provisional figures."""

    ordinal: int
    terms: Terms
    statement: Statement


def _provisional(key: PeriodKey, governing: TermsInForce, row: Period, before: _Signed | None) -> Statement:
    """Nobody's figures: what the last signed period before this one settled, line by line, or zeros."""
    earlier: dict[object, LineFigures] = {}
    ordinal = 0
    if before is not None:
        ordinal = before.ordinal
        for sort, line in zip(before.terms.catalogue, before.statement.lines, strict=True):
            creditor = (line.first, line.second)[creditor_of(before.terms.flow, sort.direction)]
            earlier[sort] = replace(creditor, amount=line.settled)
    lines = tuple(
        line_of(governing, index, (figures, figures), Verdict.EQUAL, figures.amount)
        for index, figures in enumerate(earlier.get(sort, _NO_FIGURES) for sort in governing.terms.catalogue)
    )
    return statement_over(governing, key, row, lines, Flags.DEEMED | Flags.PROVISIONAL, ordinal)


def _deemed(
    view: Reader, _chain: bytes, key: PeriodKey, governing: TermsInForce, time: int, _height: int
) -> tuple[Fact, ...]:
    row = period(view, key)
    if row.state != PeriodState.RECONCILED or time < governing.row.agree_by:
        return ()
    return signed_by(row.statement, STATEMENTS.require(view, StatementKey(row.statement)), deemed=True)


# questions


class PeriodQuery(Value, frozen=True):
    """Which period is asked for."""

    agreement: U32
    pair: U8
    ordinal: U16


class EffectivePeriod(Value, frozen=True):
    """A period as it would be recorded now; without the hash that only a block gives."""

    state: PeriodState
    flags: U8
    declared: PerParty
    opened: PerParty
    statement: Statement | None


_read_period: Decoder[PeriodQuery] = Decoder(PeriodQuery)
_read_agreement: Decoder[int] = Decoder(U32)
_read_document: Decoder[bytes] = Decoder(Hash32)


def _key(data: bytes) -> PeriodKey:
    query = _read_period(data)
    return PeriodKey(query.agreement, query.pair, query.ordinal)


def _periods(state: Reader, now: Moment, data: bytes) -> object:
    rows = PERIODS.rows(state, _AGREEMENT_PREFIX.pack(_read_agreement(data)))
    return tuple((key.pair, key.ordinal, row) for key, row in rows)


def _period(state: Reader, now: Moment, data: bytes) -> object:
    return PERIODS.get(state, _key(data))


def _streams(state: Reader, now: Moment, data: bytes) -> object:
    rows = STREAMS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.party, key.stream, row) for key, row in rows)


def _anchors(state: Reader, now: Moment, data: bytes) -> object:
    rows = ANCHORS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.party, key.stream, key.sequence, row) for key, row in rows)


def _declarations(state: Reader, now: Moment, data: bytes) -> object:
    rows = DECLARATIONS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.revision, key.party, row) for key, row in rows)


def _figures(state: Reader, now: Moment, data: bytes) -> object:
    rows = FIGURES.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.revision, key.party, row) for key, row in rows)


def _statement(state: Reader, now: Moment, data: bytes) -> object:
    return STATEMENTS.get(state, StatementKey(_read_document(data)))


def _effective(state: Reader, now: Moment, data: bytes) -> object:
    key = _key(data)
    governing = active_terms(state, key.agreement, key.ordinal)
    if governing is None or key.pair >= len(governing.terms.pairs):
        return None
    due = present(state, _NO_CHAIN, key, governing, now.time, now.height)
    row = due.row
    return EffectivePeriod(row.state, row.flags, row.declared, row.opened, statement_of(due.view, row))


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/periods/periods": _periods,
    "/periods/period": _period,
    "/periods/streams": _streams,
    "/periods/anchors": _anchors,
    "/periods/declarations": _declarations,
    "/periods/figures": _figures,
    "/periods/statement": _statement,
    "/effective/period": _effective,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
