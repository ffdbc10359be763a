"""Where obligations live, and what must always hold of them."""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import NamedTuple, assert_never

from abci_app.domain.obligations.schema import (
    Account,
    Arrears,
    Counters,
    Fact,
    InterestClaimed,
    Invoice,
    InvoiceIssued,
    LatePayment,
    Note,
    NoteKind,
    Obligation,
    ObligationPosted,
    ObligationReleased,
    PaidLate,
    Payment,
    PaymentConfirmed,
    PaymentContested,
    PaymentNotified,
    PaymentState,
    PeriodRerated,
    Rerating,
    Round,
    RoundAccepted,
    RoundLapsed,
    RoundPlace,
    RoundProposed,
    RoundRefused,
    RoundSettled,
    RoundSigned,
    RoundState,
    RoundUnwound,
    Side,
    State,
    Taxes,
    TaxStated,
)
from abci_app.domain.periods.tables import PERIOD_FORM, PeriodKey
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 7


class ObligationKey(NamedTuple):
    obligation: int


class InvoiceKey(NamedTuple):
    agreement: int
    pair: int
    ordinal: int
    direction: int


class PaymentKey(NamedTuple):
    """A payment of an obligation by its bank reference: padded with zeros, so its size belongs to the key."""

    obligation: int
    reference: bytes
    size: int


class RoundKey(NamedTuple):
    round: int


class DocumentKey(NamedTuple):
    document: bytes


class CorridorKey(NamedTuple):
    """Two operators, the lower number first, and a currency: what a round is about."""

    first: int
    second: int
    currency: int


class AccountKey(NamedTuple):
    operator: int
    counterparty: int
    currency: int


class ListingKey(NamedTuple):
    """An obligation under each of its two operators."""

    operator: int
    counterparty: int
    obligation: int


class LateKey(NamedTuple):
    """A late payment of an obligation: they are numbered from 1."""

    obligation: int
    number: int


class CountersKey(NamedTuple):
    """The only row there is: number 0."""

    number: int


OBLIGATIONS: Table[ObligationKey, Obligation] = Table(STORE, 1, ObligationKey, "I", Obligation)
INVOICES: Table[InvoiceKey, Invoice] = Table(STORE, 2, InvoiceKey, PERIOD_FORM + "B", Invoice)
PAYMENTS: Table[PaymentKey, Payment] = Table(STORE, 3, PaymentKey, "I35sB", Payment)
ROUNDS: Table[RoundKey, Round] = Table(STORE, 4, RoundKey, "I", Round)
DOCUMENTS: Table[DocumentKey, RoundPlace] = Table(STORE, 5, DocumentKey, "32s", RoundPlace)
LAST_ROUNDS: Table[CorridorKey, RoundPlace] = Table(STORE, 6, CorridorKey, "IIH", RoundPlace)
ACCOUNTS: Table[AccountKey, Account] = Table(STORE, 7, AccountKey, "IIH", Account)
LISTINGS: Table[ListingKey, Side] = Table(STORE, 8, ListingKey, "III", Side)
COUNTERS: Table[CountersKey, Counters] = Table(STORE, 9, CountersKey, "B", Counters)
TAXES: Table[InvoiceKey, Taxes] = Table(STORE, 10, InvoiceKey, PERIOD_FORM + "B", Taxes)
NOTES: Table[ObligationKey, Note] = Table(STORE, 11, ObligationKey, "I", Note)
ARREARS: Table[ObligationKey, Arrears] = Table(STORE, 12, ObligationKey, "I", Arrears)
LATE_PAYMENTS: Table[LateKey, LatePayment] = Table(STORE, 13, LateKey, "II", LatePayment)
RERATINGS: Table[PeriodKey, Rerating] = Table(STORE, 14, PeriodKey, PERIOD_FORM, Rerating)
THE_COUNTERS = CountersKey(0)

OWED = (State.DUE, State.HELD, State.NOTIFIED, State.PARTIAL)
"""States in which what is not yet paid of an obligation is pending in the ledger."""


_OBJECT = Struct(">2sI")


def obligation_named(key: bytes) -> int | None:
    """The obligation whose object key these bytes are; None where they are none."""
    return _numbered(key, 1)


def round_named(key: bytes) -> int | None:
    """The round whose object key these bytes are; None where they are none."""
    return _numbered(key, 4)


def _numbered(key: bytes, table: int) -> int | None:
    if len(key) != _OBJECT.size:
        return None
    prefix, number = _OBJECT.unpack(key)
    return int(number) if prefix == bytes((STORE, table)) else None


def payment_key(obligation: int, bank_reference: bytes) -> PaymentKey:
    """Where a payment is kept."""
    return PaymentKey(obligation, bank_reference, len(bank_reference))


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case InvoiceIssued() | TaxStated():
            return INVOICES.at(InvoiceKey(fact.agreement, fact.pair, fact.ordinal, fact.direction))
        case (
            ObligationPosted()
            | ObligationReleased()
            | PaymentNotified()
            | PaymentConfirmed()
            | PaymentContested()
            | PaidLate()
            | InterestClaimed()
        ):
            return OBLIGATIONS.at(ObligationKey(fact.obligation))
        case PeriodRerated():
            return RERATINGS.at(PeriodKey(fact.agreement, fact.pair, fact.ordinal))
        case RoundProposed():
            return ROUNDS.at(RoundKey(fact.terms.round))
        case RoundSigned() | RoundRefused() | RoundLapsed() | RoundAccepted() | RoundSettled() | RoundUnwound():
            return ROUNDS.at(RoundKey(fact.round))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the statement, round or rule that a fact rests on; empty where there is none."""
    match fact:
        case InvoiceIssued():
            return fact.invoice.statement
        case TaxStated() | InterestClaimed():
            return fact.rule
        case PeriodRerated():
            return fact.after
        case RoundProposed() | RoundSigned() | RoundRefused() | RoundAccepted():
            return fact.document
        case (
            ObligationPosted()
            | ObligationReleased()
            | PaymentNotified()
            | PaymentConfirmed()
            | PaymentContested()
            | PaidLate()
            | RoundLapsed()
            | RoundSettled()
            | RoundUnwound()
        ):
            return b""
        case _:
            assert_never(fact)


def debits_equal_credits(state: Reader) -> bool:
    """In every currency, all operators together owe what they are owed: pending, and posted."""
    pending: Counter[int] = Counter()
    posted: Counter[int] = Counter()
    for key, row in ACCOUNTS.rows(state):
        pending[key.currency] += row.debits_pending - row.credits_pending
        posted[key.currency] += row.debits_posted - row.credits_posted
    return not any(pending.values()) and not any(posted.values())


def accounts_are_what_is_owed(state: Reader) -> bool:
    """Pending is what is open of the obligations that are owed; posted is what payments have brought."""
    wanted: dict[AccountKey, list[int]] = {}

    def add(debtor: int, creditor: int, currency: int, pending: int, posted: int) -> None:
        for key, at in ((AccountKey(debtor, creditor, currency), 0), (AccountKey(creditor, debtor, currency), 2)):
            counters = wanted.setdefault(key, [0, 0, 0, 0])
            counters[at] += pending
            counters[at + 1] += posted

    for number, row in OBLIGATIONS.rows(state):
        claim = row.claim
        payments = PAYMENTS.rows(state, number.obligation.to_bytes(4, "big"))
        arrived = sum(p.amount for _, p in payments if p.state in (PaymentState.CONFIRMED, PaymentState.DEEMED))
        pending = claim.amount - row.paid if row.state in OWED else 0
        add(claim.debtor, claim.creditor, claim.currency, pending, arrived)
    return wanted == {
        key: [row.debits_pending, row.debits_posted, row.credits_pending, row.credits_posted]
        for key, row in ACCOUNTS.rows(state)
    }


def obligations_are_whole(state: Reader) -> bool:
    """Nothing is paid beyond its amount, and every state has what belongs to it."""
    for _, row in OBLIGATIONS.rows(state):
        if not 0 <= row.paid <= row.claim.amount:
            return False
        if (row.state == State.NOTIFIED) != bool(row.notice) or (row.state == State.NETTED) != bool(row.round):
            return False
        if row.state == State.PAID and row.paid != row.claim.amount:
            return False
        if row.state in (State.DUE, State.HELD) and row.paid:
            return False
    return True


def notes_are_whole(state: Reader) -> bool:
    """A note is a posted obligation outside any round's net; late payments that wait are those not settled."""
    for number, note in NOTES.rows(state):
        row = OBLIGATIONS.get(state, number)
        if row is None or row.claim.origin.round or (note.kind == NoteKind.INTEREST) != bool(note.about):
            return False
    waiting: dict[int, list[int]] = {}
    for key, _ in LATE_PAYMENTS.rows(state):
        waiting.setdefault(key.obligation, []).append(key.number)
    wanted = {
        key.obligation: list(range(row.settled + 1, row.late + 1))
        for key, row in ARREARS.rows(state)
        if row.settled < row.late
    }
    return waiting == wanted


def rounds_are_whole(state: Reader) -> bool:
    """An accepted round has its net or is settled; its items are netted while it lasts; it is its corridor's last."""
    for key, row in ROUNDS.rows(state):
        terms = row.terms
        netted = [OBLIGATIONS.require(state, ObligationKey(item.obligation)).round for item in terms.items]
        ended = row.state in (RoundState.ACCEPTED, RoundState.SETTLED)
        if ended and netted != [key.round] * len(netted):
            return False
        if not ended and key.round in netted:
            return False
        if row.state == RoundState.ACCEPTED and not row.net:
            return False
        if row.state in (RoundState.PROPOSED, RoundState.ACCEPTED):
            corridor = CorridorKey(terms.first, terms.second, terms.currency)
            if LAST_ROUNDS.require(state, corridor).round != key.round:
                return False
    return True
