"""A signed period is priced by a later version of its rating rule; the difference becomes notes.

No signature is asked for. In the public class every figure is on the chain and the statement's are signed already;
a voted version of the rule is in force for that usage; so the chain computes the difference, and there is nothing
left that a party could agree or refuse.
"""

from __future__ import annotations

from typing import NamedTuple

from abci_app.domain.agreements.queries import TermsInForce, binding, ends_of, operator_of, party_of
from abci_app.domain.agreements.schema import Direction, Flow
from abci_app.domain.obligations.decide.amounts import Writing, by_service, check_room, in_minor, tax_on, writing_of
from abci_app.domain.obligations.decide.common import (
    Held,
    held_by_silence,
    next_number,
    note_claim,
    require_role,
)
from abci_app.domain.obligations.queries import Fact
from abci_app.domain.obligations.schema import (
    Claim,
    Code,
    ObligationPosted,
    Origin,
    PeriodRerated,
    Rerate,
    RerateLine,
    RerateNote,
)
from abci_app.domain.obligations.tables import RERATINGS, TAXES, InvoiceKey
from abci_app.domain.periods.decide.common import find
from abci_app.domain.periods.queries import AGREED, creditor_of, present, statement_of
from abci_app.domain.periods.schema import (
    MOST_LINE_AMOUNT,
    Flags,
    LineFigures,
    Period,
    PeriodState,
    Statement,
    StatementLine,
)
from abci_app.domain.periods.tables import PeriodKey
from abci_app.domain.rulebook.queries import versions_over
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.money import LARGEST, Rounding, mul_div
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader


def rerate(state: Reader, at: Context, message: Rerate) -> tuple[Fact, ...]:
    """Agreed lines come to what the version now in force makes of their signed units. Nothing signed is edited."""
    key = PeriodKey(message.agreement, message.pair, message.ordinal)
    governing = find(state, key)

    # WHO
    if party_of(governing.terms, at.operator) is None:
        expected = f"operator {governing.terms.first} or {governing.terms.second}"
        reject(Code.NOT_A_PARTY, expected=expected, actual=at.operator)
    require_role(at, Role.MAKER)

    # WHETHER
    due, view, row = present(state, at.chain, key, governing, at.time, at.height)
    statement = _rerateable(view, row, governing)
    last = RERATINGS.get(view, key)
    before = row.rating if last is None else last.rating
    after = _in_force(view, at, governing)
    if after == before:
        if last is not None:
            return due
        reject(Code.RATED_ALREADY, expected="a version in force that did not rate it", actual=after.hex())

    # HOW MUCH
    counted = {} if last is None else {line.line: line.after for line in last.lines}
    lines = _lines(at, governing, statement, after, counted)
    writing = writing_of(view, at, governing, row, _stated(view, key))
    notes = _notes(view, at, governing, writing, statement, lines, key, held_by_silence(row, governing, at.time))
    for claim in (note.claim for note in notes):
        together = sum(note.claim.amount for note in notes if note.claim.debtor == claim.debtor)
        check_room(view, claim.debtor, claim.creditor, claim.currency, together)

    # WHAT FOLLOWS
    told = tuple(note.told for note in notes)
    rerated = PeriodRerated(*key, row.statement, before, after, writing.rule, lines, told)
    return (*due, rerated, *(ObligationPosted(note.told.obligation, note.claim) for note in notes))


def _stated(view: Reader, key: PeriodKey) -> bytes:
    """The rule that the invoices of the period are written by; empty where none is. A note follows its invoice."""
    stated = (TAXES.get(view, InvoiceKey(*key, direction)) for direction in Direction)
    return next((taxes.rule for taxes in stated if taxes is not None), b"")


def _rerateable(view: Reader, row: Period, governing: TermsInForce) -> Statement:
    """A signed statement with figures that a rule has rated and money follows from. Raises `Rejected`."""
    statement = statement_of(view, row)
    if row.state < PeriodState.SIGNED or statement is None:
        reject(Code.PERIOD_NOT_SIGNED, expected=PeriodState.SIGNED.name, actual=row.state.name)
    if statement.flags & Flags.PROVISIONAL or not row.rating:
        reject(Code.NOT_RERATED, expected="figures that a rule has rated", actual=Flags.PROVISIONAL.name)
    if governing.terms.flow == Flow.BILL_AND_KEEP:
        reject(Code.NOT_RERATED, expected="traffic that is paid for", actual=governing.terms.flow.name)
    if all(line.verdict not in AGREED for line in statement.lines):
        reject(Code.NOT_RERATED, expected="an agreed line: what differs waits for its dispute", actual="none")
    return statement


def _in_force(view: Reader, at: Context, governing: TermsInForce) -> bytes:
    """The one version that rates all of the period's usage now. Raises `Rejected`."""
    bound, usage = binding(governing.terms, Slot.RATING), governing.row
    assert bound is not None, "every agreement binds a rating rule"
    over = versions_over(view, bound.rule, usage.usage_from, usage.usage_to, at.height)
    only = over[0] if len(over) == 1 else None
    if only is None:
        expected = f"one version of rule {bound.rule} over the whole usage"
        reject(Code.NO_RULE_IN_FORCE, expected=expected, actual=[None if one is None else one.version for one in over])
    return only.bundle


def _lines(
    at: Context, governing: TermsInForce, statement: Statement, rating: bytes, counted: dict[int, int]
) -> tuple[RerateLine, ...]:
    """Every agreed line; `counted` is what an earlier re-rate has made of it. A rule without a price refuses all."""
    terms = governing.terms
    bound = binding(terms, Slot.RATING)
    assert bound is not None, "every agreement binds a rating rule"
    price_line = at.rules.bound(rating, "price_line", bound.parameters)
    found: list[RerateLine] = []
    for index, (line, sort) in enumerate(zip(statement.lines, terms.catalogue, strict=True)):
        if line.verdict not in AGREED:
            continue
        place = (sort.service, sort.direction, sort.band)
        prices: list[int] = []
        for figures in (line.first, line.second):
            (price,) = price_line(*place, *_units(figures), *ends_of(terms, sort.direction))
            if not 0 <= price <= MOST_LINE_AMOUNT:
                reject(Code.NO_ANSWER_OF_A_RULE, expected=f"a price from 0 to {MOST_LINE_AMOUNT}", actual=price)
            prices.append(price)
        before = counted.get(index, line.settled)
        found.append(RerateLine(index, before, _settled(line, (prices[0], prices[1]))))
    return tuple(found)


def _units(figures: LineFigures) -> tuple[int, int, int]:
    return figures.calls, figures.units_actual, figures.units_billed


def _settled(line: StatementLine, prices: tuple[int, int]) -> int:
    """Where both figures now stand, at the place between them that was settled.

    So a rule that settles the creditor's, the debtor's, the lower or the mean figure still does.
    """
    (low, low_price), (high, high_price) = sorted(zip((line.first.amount, line.second.amount), prices, strict=True))
    if low == high:
        return min(prices)
    return low_price + mul_div(line.settled - low, high_price - low_price, high - low, Rounding.HALF_UP)


class _Note(NamedTuple):
    told: RerateNote
    claim: Claim


def _notes(
    view: Reader,
    at: Context,
    governing: TermsInForce,
    writing: Writing,
    statement: Statement,
    lines: tuple[RerateLine, ...],
    key: PeriodKey,
    held: Held,
) -> tuple[_Note, ...]:
    """A debit note where a direction now comes to more, a credit note where to less; none where to the same."""
    terms, number = governing.terms, next_number(view, 2)
    found: list[_Note] = []
    for direction in Direction:
        net, tax = _difference(writing, governing, statement, lines, direction)
        if max(abs(net), abs(tax)) > LARGEST:  # lines of the largest amount, rounded up; their sum may still be small
            reject(Code.ACCOUNT_FULL, expected=f"at most {LARGEST} of net and of tax", actual=(net, tax))
        if not net + tax:
            continue
        creditor = creditor_of(terms.flow, direction) if net + tax > 0 else 1 - creditor_of(terms.flow, direction)
        parties = operator_of(terms, 1 - creditor), operator_of(terms, creditor)
        claim = note_claim(Origin(*key, direction, 0), *parties, abs(net + tax), governing, at.time, held)
        found.append(_Note(RerateNote(direction, net, tax, number + len(found)), claim))
    return tuple(found)


def _difference(
    writing: Writing,
    governing: TermsInForce,
    statement: Statement,
    lines: tuple[RerateLine, ...],
    direction: Direction,
) -> tuple[int, int]:
    """Net and tax: what an invoice over the new figures would ask for, less what one over the old ones does."""
    rerated = {line.line: line for line in lines}
    services: list[int] = []
    before: list[int] = []
    after: list[int] = []
    for index, (line, sort) in enumerate(zip(statement.lines, governing.terms.catalogue, strict=True)):
        if sort.direction == direction:
            changed = rerated.get(index, RerateLine(index, line.settled, line.settled))
            services.append(sort.service)
            before.append(in_minor(writing, changed.before))
            after.append(in_minor(writing, changed.after))
    old, new = by_service(services, before), by_service(services, after)
    tax = sum(tax_on(writing, service, new[service]) - tax_on(writing, service, old[service]) for service in old)
    return sum(after) - sum(before), tax
