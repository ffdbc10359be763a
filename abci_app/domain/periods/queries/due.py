"""What has fallen due on a period: each step sees what the steps before it have written."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.agreements.queries import TermsInForce, active_terms, binding
from abci_app.domain.agreements.schema import Terms
from abci_app.domain.periods.fold import fold
from abci_app.domain.periods.queries.lines import line_of, settled_before, statement_over, undisputed
from abci_app.domain.periods.queries.stored import creditor_of, owes_nothing, period, statement_of
from abci_app.domain.periods.schema import (
    Fact,
    Flags,
    LineFigures,
    Period,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    Statement,
    StatementLine,
    StatementStruck,
    Verdict,
    statement_hash,
)
from abci_app.domain.periods.tables import FIGURES, PERIODS, STATEMENTS, FilingKey, PeriodKey, StatementKey
from abci_app.domain.rulebook.queries import version_for, versions_over
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Overlay, Reader

_NO_FIGURES = LineFigures(0, 0, 0, 0)
_LOOKED_BACK = 12  # ordinals in which provisional figures are looked for: a year of months


def due_facts(
    state: Reader, chain: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int
) -> tuple[Fact, ...]:
    """What time has done to a period and nobody has recorded: cut-off, the exits of silence, deemed signing."""
    view = Overlay(state)
    facts: tuple[Fact, ...] = ()
    for step in (_cut_off, _late_rules, _silence, _deemed):
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


def _late_rules(
    view: Reader, _: bytes, key: PeriodKey, governing: TermsInForce, time: int, height: int
) -> tuple[Fact, ...]:
    """A rule that was not in force at cut-off is pinned once it is, while a first declaration may still come.

    Else a third of the power could suspend a rule for the hour of the cut-off, and leave a month without figures.
    """
    row = period(view, key)
    if row.state != PeriodState.CUT_OFF or (row.rating and row.tolerance) or time >= governing.row.declare_by:
        return ()
    rating, tolerance = pinned_rules(view, governing, height)
    found = row.rating or rating, row.tolerance or tolerance
    return () if found == (row.rating, row.tolerance) else (PeriodCutOff(*key, height, *found),)


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
    kept = settled_before(state, row)
    lines: list[StatementLine] = []
    for index, (own, price) in enumerate(zip(filed.lines, filed.prices, strict=True)):
        figures = (own, own)
        before = kept.get(index)
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
