"""What each fact does to obligations. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from abci_app.domain.obligations.schema import (
    NOTHING_NUMBERED,
    NOTHING_OWED,
    Arrears,
    Claim,
    Fact,
    Flags,
    Hold,
    InterestClaimed,
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
from abci_app.domain.obligations.tables import (
    ACCOUNTS,
    ARREARS,
    COUNTERS,
    DOCUMENTS,
    INVOICES,
    LAST_ROUNDS,
    LATE_PAYMENTS,
    LISTINGS,
    NOTES,
    OBLIGATIONS,
    PAYMENTS,
    RERATINGS,
    ROUNDS,
    TAXES,
    THE_COUNTERS,
    AccountKey,
    CorridorKey,
    DocumentKey,
    InvoiceKey,
    LateKey,
    ListingKey,
    ObligationKey,
    RoundKey,
    payment_key,
)
from abci_app.domain.periods.tables import PeriodKey
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    match fact:
        case InvoiceIssued() | TaxStated():
            _invoice(state, fact)
        case ObligationPosted():
            _post(state, fact)
        case ObligationReleased():
            key, row = _obligation(state, fact.obligation)
            OBLIGATIONS.put(state, key, replace(row, state=State.DUE))
        case PaymentNotified() | PaymentConfirmed() | PaymentContested():
            _pay(state, fact)
        case PaidLate() | InterestClaimed():
            _delay(state, fact)
        case PeriodRerated():
            _rerate(state, fact)
        case RoundProposed():
            _propose(state, fact)
        case RoundAccepted():
            _net(state, fact)
        case RoundUnwound():
            _unwind(state, fact)
        case RoundSigned() | RoundRefused() | RoundLapsed() | RoundSettled():
            _step(state, fact)
        case _:
            assert_never(fact)


def _invoice(state: Writer, fact: InvoiceIssued | TaxStated) -> None:
    place = InvoiceKey(fact.agreement, fact.pair, fact.ordinal, fact.direction)
    match fact:
        case InvoiceIssued():
            INVOICES.put(state, place, fact.invoice)
        case TaxStated():
            TAXES.put(state, place, Taxes(fact.rule, fact.lines))
        case _:
            assert_never(fact)


def _rerate(state: Writer, fact: PeriodRerated) -> None:
    RERATINGS.put(state, PeriodKey(fact.agreement, fact.pair, fact.ordinal), Rerating(fact.after, fact.lines))
    for note in fact.notes:
        kind = NoteKind.DEBIT if note.net + note.tax > 0 else NoteKind.CREDIT
        NOTES.put(state, ObligationKey(note.obligation), Note(kind, 0, fact.after))


def _step(state: Writer, fact: RoundSigned | RoundRefused | RoundLapsed | RoundSettled) -> None:
    key, row = RoundKey(fact.round), _round(state, fact.round)
    match fact:
        case RoundSigned():
            after = replace(row, signatures=(*row.signatures, fact.signature))
        case RoundRefused():
            after = replace(row, state=RoundState.REFUSED)
        case RoundLapsed():
            after = replace(row, state=RoundState.LAPSED)
        case RoundSettled():
            after = replace(row, state=RoundState.SETTLED)
        case _:
            assert_never(fact)
    ROUNDS.put(state, key, after)


def _post(state: Writer, fact: ObligationPosted) -> None:
    claim = fact.claim
    held = State.DUE if claim.hold == Hold.NONE else State.HELD
    row = Obligation(claim, 0, (), 0, held, Flags.NONE.value)
    OBLIGATIONS.put(state, ObligationKey(fact.obligation), row)
    LISTINGS.put(state, ListingKey(claim.debtor, claim.creditor, fact.obligation), Side(True))
    LISTINGS.put(state, ListingKey(claim.creditor, claim.debtor, fact.obligation), Side(False))
    counters = COUNTERS.get(state, THE_COUNTERS) or NOTHING_NUMBERED
    COUNTERS.put(state, THE_COUNTERS, replace(counters, obligations=fact.obligation))
    _book(state, claim, claim.amount, 0)


def _pay(state: Writer, fact: PaymentNotified | PaymentConfirmed | PaymentContested) -> None:
    key, row = _obligation(state, fact.obligation)
    match fact:
        case PaymentNotified():
            notice = fact.notice
            place, payment = notice.bank_reference, Payment(notice.amount, PaymentState.NOTIFIED, b"")
            after = replace(row, notice=(notice,), state=State.NOTIFIED)
        case PaymentConfirmed():
            paid = row.paid + fact.amount
            outcome = State.PAID if paid == row.claim.amount else State.PARTIAL
            flags = row.flags | Flags.DEEMED_PAID.value if fact.deemed else row.flags
            after = replace(row, paid=paid, notice=(), state=outcome, flags=flags)
            reached = PaymentState.DEEMED if fact.deemed else PaymentState.CONFIRMED
            place = fact.bank_reference
            payment = replace(_payment(state, fact.obligation, place), state=reached)
            _book(state, row.claim, -fact.amount, fact.amount)
        case PaymentContested():
            after = replace(row, notice=(), state=State.PARTIAL if row.paid else State.DUE)
            place = fact.bank_reference
            contested = replace(_payment(state, fact.obligation, place), state=PaymentState.CONTESTED)
            payment = replace(contested, reason=fact.reason)
        case _:
            assert_never(fact)
    OBLIGATIONS.put(state, key, after)
    PAYMENTS.put(state, payment_key(fact.obligation, place), payment)


def _delay(state: Writer, fact: PaidLate | InterestClaimed) -> None:
    """What is owed too long waits under its number until interest for it is claimed."""
    key, row = _obligation(state, fact.obligation)
    before = ARREARS.get(state, key) or Arrears(row.claim.due, 0, 0)
    match fact:
        case PaidLate():
            after = replace(before, late=before.late + 1)
            late = LatePayment(fact.amount, fact.owed_from, fact.owed_to)
            LATE_PAYMENTS.put(state, LateKey(fact.obligation, after.late), late)
        case InterestClaimed():
            after = replace(before, settled=fact.settled, claimed_to=fact.claimed_to)
            if fact.note:
                NOTES.put(state, ObligationKey(fact.note), Note(NoteKind.INTEREST, fact.obligation, fact.rule))
            for number in range(before.settled + 1, fact.settled + 1):
                LATE_PAYMENTS.delete(state, LateKey(fact.obligation, number))
        case _:
            assert_never(fact)
    ARREARS.put(state, key, after)


def _propose(state: Writer, fact: RoundProposed) -> None:
    terms = fact.terms
    place = RoundPlace(terms.round)
    ROUNDS.put(state, RoundKey(terms.round), Round(fact.document, terms, (), RoundState.PROPOSED, 0))
    DOCUMENTS.put(state, DocumentKey(fact.document), place)
    LAST_ROUNDS.put(state, CorridorKey(terms.first, terms.second, terms.currency), place)
    counters = COUNTERS.get(state, THE_COUNTERS) or NOTHING_NUMBERED
    COUNTERS.put(state, THE_COUNTERS, replace(counters, rounds=terms.round))


def _net(state: Writer, fact: RoundAccepted) -> None:
    """The items leave the ledger; the net, if there is one, is posted by a fact of its own."""
    row = _round(state, fact.round)
    ROUNDS.put(state, RoundKey(fact.round), replace(row, state=RoundState.ACCEPTED, net=fact.net))
    for item in row.terms.items:
        key, owed = _obligation(state, item.obligation)
        OBLIGATIONS.put(state, key, replace(owed, state=State.NETTED, round=fact.round))
        _book(state, owed.claim, owed.paid - owed.claim.amount, 0)


def _unwind(state: Writer, fact: RoundUnwound) -> None:
    """The net leaves the ledger, what is left of the items comes back. What was paid stays posted."""
    row = _round(state, fact.round)
    ROUNDS.put(state, RoundKey(fact.round), replace(row, state=RoundState.UNWOUND))
    key, net = _obligation(state, row.net)
    OBLIGATIONS.put(state, key, replace(net, state=State.VOID))
    _book(state, net.claim, net.paid - net.claim.amount, 0)
    for item, share in zip(row.terms.items, fact.shares, strict=True):
        key, owed = _obligation(state, item.obligation)
        paid = owed.paid + share
        OBLIGATIONS.put(state, key, replace(owed, paid=paid, round=0, state=_revived(paid, owed.claim.amount)))
        _book(state, owed.claim, owed.claim.amount - paid, 0)


def _revived(paid: int, amount: int) -> State:
    if paid == amount:
        return State.PAID
    return State.PARTIAL if paid else State.DUE


def _book(state: Writer, claim: Claim, pending: int, posted: int) -> None:
    """One transfer: the debtor's account is debited and the creditor's credited by the same amounts."""
    debtor = AccountKey(claim.debtor, claim.creditor, claim.currency)
    creditor = AccountKey(claim.creditor, claim.debtor, claim.currency)
    row = ACCOUNTS.get(state, debtor) or NOTHING_OWED
    debits = replace(row, debits_pending=row.debits_pending + pending, debits_posted=row.debits_posted + posted)
    ACCOUNTS.put(state, debtor, debits)
    row = ACCOUNTS.get(state, creditor) or NOTHING_OWED
    credited = replace(row, credits_pending=row.credits_pending + pending, credits_posted=row.credits_posted + posted)
    ACCOUNTS.put(state, creditor, credited)


def _obligation(state: Writer, number: int) -> tuple[ObligationKey, Obligation]:
    key = ObligationKey(number)
    return key, OBLIGATIONS.require(state, key)


def _round(state: Writer, number: int) -> Round:
    return ROUNDS.require(state, RoundKey(number))


def _payment(state: Writer, obligation: int, bank_reference: bytes) -> Payment:
    return PAYMENTS.require(state, payment_key(obligation, bank_reference))
