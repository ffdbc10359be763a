"""The creditor invoices what a signed period owes it in one direction."""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce, operator_of
from abci_app.domain.obligations.decide.common import next_number, require_role
from abci_app.domain.obligations.queries import Fact, closes, ever_owed, fold_all
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
)
from abci_app.domain.obligations.tables import INVOICES, InvoiceKey
from abci_app.domain.periods.decide.common import find
from abci_app.domain.periods.queries import creditor_of, has_difference, present, statement_of
from abci_app.domain.periods.schema import Flags, Period, PeriodClosed, PeriodState, Statement, StatementLine
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.money import LARGEST, Rounding, to_minor_units
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader

ROUNDING = Rounding.HALF_UP
"""Of each invoice line to whole minor units; both parties' books round invoices so."""


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
    lines = _lines(statement, governing, message.direction)
    payable, disputed = sum(line.payable for line in lines), sum(line.disputed for line in lines)
    _check_room(view, debtor, creditor, terms.currency, payable + disputed)
    number = next_number(view, 2)

    # WHAT FOLLOWS
    origin = Origin(*key, message.direction, 0)
    dates = governing.row
    posted: list[ObligationPosted] = []
    if payable:
        hold, until, pay_by = _hold(row, governing, at.time)
        claim = Claim(origin, debtor, creditor, terms.currency, payable, pay_by, hold, until, terms.contest)
        posted.append(ObligationPosted(number, claim))
    if disputed:
        claim = Claim(origin, debtor, creditor, terms.currency, disputed, dates.pay_by, Hold.DISPUTED, 0, terms.contest)
        posted.append(ObligationPosted(number + len(posted), claim))
    invoice = Invoice(row.statement, lines, number if payable else 0, posted[-1].obligation if disputed else 0)
    issued = InvoiceIssued(*key, message.direction, invoice)
    fold_all(view, (issued, *posted))
    closed = (PeriodClosed(*key),) if closes(view, key) else ()
    return (*due, issued, *posted, *closed)


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


def _lines(statement: Statement, governing: TermsInForce, direction: int) -> tuple[InvoiceLine, ...]:
    rows = enumerate(zip(statement.lines, governing.terms.catalogue, strict=True))
    currency = governing.terms.currency
    return tuple(_line(index, line, currency) for index, (line, sort) in rows if sort.direction == direction)


def _line(index: int, line: StatementLine, currency: int) -> InvoiceLine:
    """Both parts together are the creditor's figure, rounded once: no unit appears between two roundings."""
    payable = to_minor_units(line.settled, currency, ROUNDING)
    whole = to_minor_units(line.settled + line.disputed, currency, ROUNDING)
    return InvoiceLine(index, payable, whole - payable)


def _check_room(view: Reader, debtor: int, creditor: int, currency: int, amount: int) -> None:
    """The account can hold it, whatever rounds unwind later: fold has no way to refuse."""
    owed = ever_owed(view, debtor, creditor, currency)
    if owed + amount > LARGEST:
        reject(Code.ACCOUNT_FULL, expected=f"at most {LARGEST - owed}", actual=amount)


def _hold(row: Period, governing: TermsInForce, time: int) -> tuple[Hold, int, int]:
    """Why, until when, and the due date: nobody is late with what was held."""
    dates = governing.row
    if not row.flags & Flags.DEEMED:
        return (Hold.NONE, 0, dates.pay_by)
    until = dates.agree_by + governing.terms.contest
    pay_by = max(dates.pay_by, until)
    return (Hold.DEEMED, until, pay_by) if time < until else (Hold.NONE, 0, pay_by)
