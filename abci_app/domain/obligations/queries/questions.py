"""What anyone may ask about obligations."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Annotated

from msgspec import Meta

from abci_app.domain.agreements.queries import active_terms, binding_for
from abci_app.domain.agreements.schema import MOST_LINES
from abci_app.domain.obligations.queries.arrears import delays
from abci_app.domain.obligations.queries.due import due_on_round, effective, present
from abci_app.domain.obligations.queries.stored import account, fold_all
from abci_app.domain.obligations.schema import Invoice, TaxLine
from abci_app.domain.obligations.tables import (
    ACCOUNTS,
    INVOICES,
    LISTINGS,
    NOTES,
    OBLIGATIONS,
    PAYMENTS,
    RERATINGS,
    ROUNDS,
    TAXES,
    InvoiceKey,
    ObligationKey,
    RoundKey,
)
from abci_app.domain.periods.queries import PeriodQuery
from abci_app.domain.periods.tables import PeriodKey
from abci_app.domain.rulebook.queries import manifest_of
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U8, U16, U32, Basis, Currency, Decoder, Micro, SignedMicro, Value
from abci_app.rules.interface import INTEREST, Slot
from abci_app.state.overlay import Overlay, Reader


class InvoiceQuery(Value, frozen=True):
    """Which invoice is asked for."""

    agreement: U32
    pair: U8
    ordinal: U16
    direction: U8


class Billed(Value, frozen=True):
    """What an invoice asks for, in 10^-6 units."""

    net: Micro
    tax: Micro
    gross: Micro


class BilledInvoice(Value, frozen=True):
    """An invoice with its tax: its obligations are gross."""

    invoice: Invoice
    rule: Basis  # that rounded and taxed it; empty where the agreement binds none: then half up, and no tax
    taxes: Annotated[tuple[TaxLine, ...], Meta(max_length=MOST_LINES)]
    payable: Billed
    disputed: Billed


class PairQuery(Value, frozen=True):
    """Two operators and a currency."""

    operator: U32
    counterparty: U32
    currency: Currency


class NetPosition(Value, frozen=True):
    """Where an operator stands with another, 10^-6 units; held obligations included."""

    owes: Micro
    is_owed: Micro
    net: SignedMicro  # what it owes less what it is owed
    has_paid: Micro
    was_paid: Micro


_read_number: Decoder[int] = Decoder(U32)
_read_invoice: Decoder[InvoiceQuery] = Decoder(InvoiceQuery)
_read_pair: Decoder[PairQuery] = Decoder(PairQuery)
_read_period: Decoder[PeriodQuery] = Decoder(PeriodQuery)
_NUMBER = Struct(">I")


def _obligation(state: Reader, now: Moment, data: bytes) -> object:
    return OBLIGATIONS.get(state, ObligationKey(_read_number(data)))


def _of_operator(state: Reader, now: Moment, data: bytes) -> object:
    listed = LISTINGS.rows(state, _NUMBER.pack(_read_number(data)))
    numbers = sorted(key.obligation for key, _ in listed)
    return tuple((number, OBLIGATIONS.require(state, ObligationKey(number))) for number in numbers)


def _invoice(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_invoice(data)
    return INVOICES.get(state, InvoiceKey(query.agreement, query.pair, query.ordinal, query.direction))


def _billed(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_invoice(data)
    key = InvoiceKey(query.agreement, query.pair, query.ordinal, query.direction)
    invoice, taxes = INVOICES.get(state, key), TAXES.get(state, key)
    if invoice is None:
        return None
    rule, lines = (b"", ()) if taxes is None else (taxes.rule, taxes.lines)
    payable = sum(line.payable for line in invoice.lines), sum(line.payable_tax for line in lines)
    disputed = sum(line.disputed for line in invoice.lines), sum(line.disputed_tax for line in lines)
    return BilledInvoice(invoice, rule, lines, *(Billed(*part, sum(part)) for part in (payable, disputed)))


def _note(state: Reader, now: Moment, data: bytes) -> object:
    return NOTES.get(state, ObligationKey(_read_number(data)))


def _notes(state: Reader, now: Moment, data: bytes) -> object:
    listed = LISTINGS.rows(state, _NUMBER.pack(_read_number(data)))
    numbers = sorted(key.obligation for key, _ in listed)
    found = ((number, NOTES.get(state, ObligationKey(number))) for number in numbers)
    return tuple((number, note) for number, note in found if note is not None)


def _delays(state: Reader, now: Moment, data: bytes) -> object:
    """What the next claim for interest is about: late payments, then what is still open. Whether the agreement's
    time bar has passed a late payment over is the rule's to say, when it is claimed.
    """
    number = _read_number(data)
    row = OBLIGATIONS.get(state, ObligationKey(number))
    if row is None:
        return None
    if row.claim.origin.round:
        return ()
    governing = active_terms(state, row.claim.origin.agreement, row.claim.origin.ordinal)
    assert governing is not None, "an invoice's period is in the calendar"

    def interface(bundle: bytes) -> int:
        return manifest_of(state, bundle).interface

    if binding_for(state, interface, governing.terms, Slot.INVOICE, INTEREST) is None:
        return ()
    found = delays(present(state, number, now.time).view, number, now.time)
    return found.late if found.still_open is None else (*found.late, found.still_open)


def _rerating(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_period(data)
    return RERATINGS.get(state, PeriodKey(query.agreement, query.pair, query.ordinal))


def _payments(state: Reader, now: Moment, data: bytes) -> object:
    rows = PAYMENTS.rows(state, _NUMBER.pack(_read_number(data)))
    return tuple((key.reference[: key.size], row) for key, row in rows)


def _rounds(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.round, row) for key, row in ROUNDS.rows(state))


def _round(state: Reader, now: Moment, data: bytes) -> object:
    return ROUNDS.get(state, RoundKey(_read_number(data)))


def _accounts(state: Reader, now: Moment, data: bytes) -> object:
    rows = ACCOUNTS.rows(state, _NUMBER.pack(_read_number(data)))
    return tuple((key.counterparty, key.currency, row) for key, row in rows)


def _net_position(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_pair(data)
    row = account(state, query.operator, query.counterparty, query.currency)
    owes, is_owed = row.debits_pending, row.credits_pending
    return NetPosition(owes, is_owed, owes - is_owed, row.debits_posted, row.credits_posted)


def _effective_obligation(state: Reader, now: Moment, data: bytes) -> object:
    number = _read_number(data)
    if OBLIGATIONS.get(state, ObligationKey(number)) is None:
        return None
    return effective(present(state, number, now.time).row, now.time)


def _effective_round(state: Reader, now: Moment, data: bytes) -> object:
    number = _read_number(data)
    if ROUNDS.get(state, RoundKey(number)) is None:
        return None
    view = Overlay(state)
    fold_all(view, due_on_round(state, number, now.time))
    return ROUNDS.require(view, RoundKey(number))


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/obligations/obligation": _obligation,
    "/obligations/of_operator": _of_operator,
    "/obligations/invoice": _invoice,
    "/obligations/billed": _billed,
    "/obligations/note": _note,
    "/obligations/notes": _notes,
    "/obligations/delays": _delays,
    "/obligations/rerating": _rerating,
    "/obligations/payments": _payments,
    "/obligations/rounds": _rounds,
    "/obligations/round": _round,
    "/obligations/accounts": _accounts,
    "/obligations/net_position": _net_position,
    "/effective/obligation": _effective_obligation,
    "/effective/round": _effective_round,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
