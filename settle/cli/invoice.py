"""`settle invoice`: what one operator bills another for a signed period."""

from __future__ import annotations

from typing import Literal, TypeAlias

from abci_app.domain.agreements.schema import Direction
from abci_app.domain.obligations.queries import Billed, InvoiceQuery
from abci_app.domain.obligations.schema import IssueInvoice, Rerate, TaxLine
from abci_app.domain.periods.queries import PeriodQuery
from abci_app.domain.periods.schema import PeriodState
from abci_app.kernel.roles import Role
from settle.cli.failures import usage
from settle.cli.names import Governing, governing, my_agreements, name_of, period_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import fields, money
from settle.cli.questions import BILLED, PERIODS, RERATING
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("invoice", "What one operator bills another for a signed period.")

Way: TypeAlias = Literal["first-to-second", "second-to-first"]
WAYS: dict[str, Direction] = {
    "first-to-second": Direction.FIRST_TO_SECOND,
    "second-to-first": Direction.SECOND_TO_FIRST,
}


@app.command
def issue(period: str, *, direction: Way, sending: Sending = SENDING) -> None:
    """Invoice a signed period in one direction of traffic, as the creditor's maker.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    direction
        Which traffic: from the agreement's first operator to its second, or back.
    """
    with session(sending) as now:
        key = period_of(period)
        governing(now, key)
        messages = [IssueInvoice(key.agreement, key.pair, key.ordinal, WAYS[direction])]
        wish = Wish("invoice issue", messages, now.signer(Role.MAKER))
        send(now, sending, wish, then=f"settle invoice show {name_of(key)} --direction {direction}")


@app.command
def show(period: str, *, direction: Way, common: Common = COMMON) -> None:
    """Show an invoice, line by line.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    direction
        Which traffic.
    """
    with session(common) as now:
        key = period_of(period)
        terms = governing(now, key)
        query = InvoiceQuery(key.agreement, key.pair, key.ordinal, WAYS[direction])
        billed = now.require(f"an invoice of {name_of(key)}", BILLED, query, "settle invoice list")
        row, currency = billed.invoice, terms.terms.currency
        document = {"period": name_of(key), "direction": direction, "currency": currency, **fields(billed)}
        rows = [(each.line, money(each.payable, currency), money(each.disputed, currency)) for each in row.lines]
        head = facts_of(
            [
                ("invoice", f"{name_of(key)}, {_way(now, terms, WAYS[direction])}"),
                ("statement", row.statement.hex()),
                ("rounded and taxed by", billed.rule.hex() or "no rule: half up, without tax"),
                ("payable", _part(row.payable, billed.payable, currency)),
                ("disputed", _part(row.disputed, billed.disputed, currency)),
            ]
        )
        columns = ("line", "payable", "disputed")
        taxes = [_tax_row(each, currency) for each in billed.taxes]
        taxed = ("service", "payable", "tax", "disputed", "tax of it")
        shown = [table(*taxed, rows=taxes, right=taxed)] if taxes else []
        now.out.result(document, head, table(*columns, rows=rows, right=columns), *shown)


@app.command
def rerate(period: str, *, sending: Sending = SENDING) -> None:
    """Have a signed period priced by the rating version that is in force for its usage now, as maker of a party.

    What was signed stays; the difference is posted as a debit or credit note in each direction.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    """
    with session(sending) as now:
        key = period_of(period)
        governing(now, key)
        last = now.find(RERATING, key)
        moment = f"after {last.rating.hex()[:16]} " if last else ""  # the next version's re-rate is another one
        wish = Wish("invoice rerate", [Rerate(key.agreement, key.pair, key.ordinal)], now.signer(Role.MAKER), moment)
        send(now, sending, wish, then="settle pay list")


@app.command(name="list")
def list_invoices(*, agreement: int | None = None, common: Common = COMMON) -> None:
    """List invoices of the home's operator.

    Parameters
    ----------
    agreement
        Only of this agreement; any operator's.
    """
    with session(common) as now:
        numbers = my_agreements(now, now.myself) if agreement is None else [agreement]
        if agreement is not None and agreement not in my_agreements(now):
            raise usage(
                expected="an agreement in force", actual=str(agreement), next_step="see `settle agreement list`"
            )
        rows = []
        for number in numbers:
            for pair, ordinal, period in now.ask(PERIODS, number):
                if period.state in (PeriodState.SIGNED, PeriodState.CLOSED):
                    rows += _invoices(now, PeriodQuery(number, pair, ordinal))
        columns = ("period", "traffic", "payable", "obligation", "disputed", "held as")
        document = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document, table(*columns, rows=rows, right=columns[2:]))


def _invoices(now: Session, key: PeriodQuery) -> list[tuple[object, ...]]:
    terms = governing(now, key)
    currency = terms.terms.currency
    rows: list[tuple[object, ...]] = []
    for direction in (Direction.FIRST_TO_SECOND, Direction.SECOND_TO_FIRST):
        billed = now.find(BILLED, InvoiceQuery(key.agreement, key.pair, key.ordinal, direction))
        if billed is not None:
            row, way = billed.invoice, _way(now, terms, direction)
            payable, disputed = money(billed.payable.gross, currency), money(billed.disputed.gross, currency)
            rows.append((name_of(key), way, payable, row.payable or None, disputed, row.disputed or None))
    return rows


def _way(now: Session, terms: Governing, direction: Direction) -> str:
    one, other = (now.codes[party] for party in terms.parties)
    return f"{one} -> {other}" if direction == Direction.FIRST_TO_SECOND else f"{other} -> {one}"


def _tax_row(line: TaxLine, currency: int) -> tuple[object, ...]:
    amounts = (line.payable, line.payable_tax, line.disputed, line.disputed_tax)
    return (line.service, *(money(each, currency) for each in amounts))


def _part(obligation: int, billed: Billed, currency: int) -> str:
    net, tax, gross = (money(each, currency) for each in (billed.net, billed.tax, billed.gross))
    taxed = f" (net {net}, tax {tax})" if billed.tax else ""
    return f"obligation {obligation or 'none'}, {gross}{taxed}"
