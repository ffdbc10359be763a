"""The creditor invoices what a signed period owes it in one direction."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.domain.agreements.queries import TermsInForce, operator_of
from abci_app.domain.obligations.decide.amounts import (
    Writing,
    by_service,
    check_room,
    corrected,
    in_minor,
    tax_on,
    writing_of,
)
from abci_app.domain.obligations.decide.common import held_by_silence, next_number, require_role
from abci_app.domain.obligations.queries import Fact, closes, fold_all
from abci_app.domain.obligations.schema import (
    Claim,
    Code,
    Hold,
    Invoice,
    InvoiceIssued,
    InvoiceLine,
    IssueInvoice,
    ObligationPosted,
    Origin,
    TaxLine,
    TaxStated,
)
from abci_app.domain.obligations.tables import INVOICES, InvoiceKey
from abci_app.domain.periods.decide.common import find
from abci_app.domain.periods.queries import creditor_of, has_difference, present, statement_of
from abci_app.domain.periods.schema import Period, PeriodClosed, PeriodState, Statement, StatementLine
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.codes import Rejected, reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def issue_invoice(state: Reader, at: Context, message: IssueInvoice) -> tuple[Fact, ...]:
    """A gross invoice: what is undisputed becomes due, what is disputed is held."""
    key = PeriodKey(message.agreement, message.pair, message.ordinal)
    governing = find(state, key)
    terms = governing.terms
    owed_to = creditor_of(terms.flow, message.direction)
    creditor, debtor = operator_of(terms, owed_to), operator_of(terms, 1 - owed_to)

    # WHO
    if at.operator != creditor:
        reject(Code.NOT_THE_CREDITOR, expected=creditor, actual=at.operator)
    require_role(at, Role.MAKER)

    # WHETHER
    if INVOICES.get(state, InvoiceKey(*key, message.direction)) is not None:
        return ()
    due, view, row = present(state, at.chain, key, governing, at.time, at.height)
    statement = _invoiceable(view, row, governing, message.direction, at.time)

    # HOW MUCH
    rule, lines, taxes = _written(view, at, governing, row, statement, message.direction)
    payable, disputed = _gross(lines, taxes)
    check_room(view, debtor, creditor, terms.currency, payable + disputed)
    number = next_number(view, 2)

    # WHAT FOLLOWS
    origin = Origin(*key, message.direction, 0)
    dates = governing.row
    posted: list[ObligationPosted] = []
    if payable:
        held = held_by_silence(row, governing, at.time)
        due_by = max(dates.pay_by, held.until, at.time)  # nobody is late with what was held, or not billed yet
        claim = Claim(origin, debtor, creditor, terms.currency, payable, due_by, *held, terms.contest)
        posted.append(ObligationPosted(number, claim))
    if disputed:
        claim = Claim(origin, debtor, creditor, terms.currency, disputed, dates.pay_by, Hold.DISPUTED, 0, terms.contest)
        posted.append(ObligationPosted(number + len(posted), claim))
    invoice = Invoice(row.statement, lines, number if payable else 0, posted[-1].obligation if disputed else 0)
    issued: tuple[Fact, ...] = (InvoiceIssued(*key, message.direction, invoice),)
    if rule:
        issued += (TaxStated(*key, message.direction, rule, taxes),)
    fold_all(view, (*issued, *posted))
    closed = (PeriodClosed(*key),) if closes(view, key) else ()
    return (*due, *issued, *posted, *closed)


def _invoiceable(view: Reader, row: Period, governing: TermsInForce, direction: int, time: int) -> Statement:
    statement = statement_of(view, row)
    if row.state < PeriodState.SIGNED or statement is None:
        reject(Code.PERIOD_NOT_SIGNED, expected=PeriodState.SIGNED.name, actual=row.state.name)
    agree_by = governing.row.agree_by
    if has_difference(statement) and time < agree_by:
        reject(Code.INVOICED_EARLY, expected=f"from {agree_by} on, since lines differ", actual=time)
    if not statement.payable[direction] and not statement.disputed[direction]:
        reject(Code.NOTHING_TO_INVOICE, expected="something owed in this direction", actual=direction)
    return statement


class _Written(NamedTuple):
    rule: bytes  # empty where none is bound
    lines: tuple[InvoiceLine, ...]
    taxes: tuple[TaxLine, ...]


def _written(
    view: Reader, at: Context, governing: TermsInForce, row: Period, statement: Statement, direction: int
) -> _Written:
    """By the version of the cut-off; where that refuses the figures, by the one that a later vote has put in its place.

    Raises `Rejected`.
    """
    writing = writing_of(view, at, governing, row)
    try:
        return _by(writing, governing, statement, direction)
    except Rejected:
        other = corrected(view, at, governing, writing)
        if other is None:
            raise
    return _by(other, governing, statement, direction)


def _by(writing: Writing, governing: TermsInForce, statement: Statement, direction: int) -> _Written:
    lines = _lines(writing, statement, governing, direction)
    return _Written(writing.rule, lines, _taxes(writing, lines, governing))


def _lines(writing: Writing, statement: Statement, governing: TermsInForce, direction: int) -> tuple[InvoiceLine, ...]:
    rows = enumerate(zip(statement.lines, governing.terms.catalogue, strict=True))
    return tuple(_line(writing, index, line) for index, (line, sort) in rows if sort.direction == direction)


def _line(writing: Writing, index: int, line: StatementLine) -> InvoiceLine:
    """Both parts together are the creditor's figure, rounded once: no unit appears between two roundings."""
    payable = in_minor(writing, line.settled)
    return InvoiceLine(index, payable, _beyond(payable, in_minor(writing, line.settled + line.disputed)))


def _taxes(writing: Writing, lines: tuple[InvoiceLine, ...], governing: TermsInForce) -> tuple[TaxLine, ...]:
    """Per service; the tax of the disputed part is what the creditor's whole figure is taxed above the payable one."""
    services = [governing.terms.catalogue[line.line].service for line in lines]
    payable = by_service(services, (line.payable for line in lines))
    disputed = by_service(services, (line.disputed for line in lines))
    found: list[TaxLine] = []
    for service, net in payable.items():
        tax, whole = tax_on(writing, service, net), tax_on(writing, service, net + disputed[service])
        found.append(TaxLine(service, net, tax, disputed[service], _beyond(tax, whole)))
    return tuple(found)


def _beyond(part: int, whole: int) -> int:
    """What a whole has above its part. Raises `Rejected` where a rule makes more of less."""
    if whole < part:
        reject(Code.NO_ANSWER_OF_A_RULE, expected=f"{part} or more for the larger figure", actual=whole)
    return whole - part


def _gross(lines: tuple[InvoiceLine, ...], taxes: tuple[TaxLine, ...]) -> tuple[int, int]:
    payable = sum(line.payable for line in lines) + sum(line.payable_tax for line in taxes)
    disputed = sum(line.disputed for line in lines) + sum(line.disputed_tax for line in taxes)
    return payable, disputed
