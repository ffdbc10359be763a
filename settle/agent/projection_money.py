"""What facts of obligations do to the read model: invoices, obligations, payments, set-off rounds."""

from __future__ import annotations

import sqlite3
from typing import Final, assert_never

from msgspec.structs import replace

from abci_app.domain.obligations.schema import (
    Arrears,
    Fact,
    Flags,
    Hold,
    InterestClaimed,
    InvoiceIssued,
    NoteKind,
    Obligation,
    ObligationPosted,
    ObligationReleased,
    PaidLate,
    PaymentConfirmed,
    PaymentContested,
    PaymentNotified,
    PeriodRerated,
    Round,
    RoundAccepted,
    RoundLapsed,
    RoundProposed,
    RoundRefused,
    RoundSettled,
    RoundSigned,
    RoundState,
    RoundUnwound,
    State,
    TaxStated,
)
from abci_app.kernel.encoding import Decoder, encode

read_obligation: Final[Decoder[Obligation]] = Decoder(Obligation)
read_round: Final[Decoder[Round]] = Decoder(Round)
read_arrears: Final[Decoder[Arrears]] = Decoder(Arrears)


def project_money(base: sqlite3.Connection, fact: Fact, about: bytes) -> None:
    """Write what a fact of obligations says. `about`: the object key of its record."""
    match fact:
        case InvoiceIssued():
            row = (fact.agreement, fact.pair, fact.ordinal, int(fact.direction), encode(fact.invoice))
            base.execute("INSERT INTO invoice VALUES (?, ?, ?, ?, ?)", row)
        case ObligationPosted():
            claim = fact.claim
            state = State.DUE if claim.hold == Hold.NONE else State.HELD
            posted = Obligation(claim, 0, (), 0, state, 0)
            row_of = (fact.obligation, claim.debtor, claim.creditor, about, encode(posted))
            base.execute("INSERT INTO obligation VALUES (?, ?, ?, ?, ?)", row_of)
        case ObligationReleased() | PaymentNotified() | PaymentConfirmed() | PaymentContested():
            _payment(base, fact)
        case RoundProposed():
            terms = fact.terms
            proposed = Round(fact.document, terms, (), RoundState.PROPOSED, 0)
            place = (terms.round, fact.document, terms.first, terms.second, about, encode(proposed))
            base.execute("INSERT INTO round VALUES (?, ?, ?, ?, ?, ?)", place)
        case RoundSigned() | RoundRefused() | RoundLapsed() | RoundAccepted() | RoundSettled() | RoundUnwound():
            _round(base, fact)
        case PaidLate() | InterestClaimed():
            _delay(base, fact)
        case PeriodRerated():
            for note in fact.notes:
                kind = NoteKind.DEBIT if note.net + note.tax > 0 else NoteKind.CREDIT
                base.execute("INSERT INTO note VALUES (?, ?)", (note.obligation, int(kind)))
        case TaxStated():
            pass  # the obligations are gross already; the fact itself is kept
        case _:
            assert_never(fact)


def _delay(base: sqlite3.Connection, fact: PaidLate | InterestClaimed) -> None:
    """How far interest is claimed. It comes before the obligation that it posts."""
    found = base.execute("SELECT value FROM arrears WHERE obligation = ?", (fact.obligation,)).fetchone()
    due = _obligation(base, fact.obligation).claim.due
    before = Arrears(due, 0, 0) if found is None else read_arrears(found[0])
    match fact:
        case PaidLate():
            after = replace(before, late=before.late + 1)
        case InterestClaimed():
            after = replace(before, settled=fact.settled, claimed_to=fact.claimed_to)
            if fact.note:
                base.execute("INSERT INTO note VALUES (?, ?)", (fact.note, int(NoteKind.INTEREST)))
        case _:
            assert_never(fact)
    base.execute("INSERT OR REPLACE INTO arrears VALUES (?, ?)", (fact.obligation, encode(after)))


def _payment(
    base: sqlite3.Connection, fact: ObligationReleased | PaymentNotified | PaymentConfirmed | PaymentContested
) -> None:
    row = _obligation(base, fact.obligation)
    match fact:
        case ObligationReleased():
            row = replace(row, state=State.DUE)
        case PaymentNotified():
            row = replace(row, notice=(fact.notice,), state=State.NOTIFIED)
        case PaymentConfirmed():
            deemed = Flags.DEEMED_PAID.value if fact.deemed else 0
            row = _with_paid(replace(row, notice=(), flags=row.flags | deemed), fact.amount)
        case PaymentContested():
            row = _with_paid(replace(row, notice=()), 0)
        case _:
            assert_never(fact)
    _keep_obligation(base, fact.obligation, row)


def _round(
    base: sqlite3.Connection,
    fact: RoundSigned | RoundRefused | RoundLapsed | RoundAccepted | RoundSettled | RoundUnwound,
) -> None:
    [raw] = base.execute("SELECT value FROM round WHERE number = ?", (fact.round,)).fetchone()
    row = read_round(raw)
    match fact:
        case RoundSigned():
            row = replace(row, signatures=(*row.signatures, fact.signature))
        case RoundRefused():
            row = replace(row, state=RoundState.REFUSED)
        case RoundLapsed():
            row = replace(row, state=RoundState.LAPSED)
        case RoundAccepted():
            row = replace(row, state=RoundState.ACCEPTED, net=fact.net)
            for item in row.terms.items:
                netted = replace(_obligation(base, item.obligation), state=State.NETTED, round=fact.round)
                _keep_obligation(base, item.obligation, netted)
        case RoundSettled():
            row = replace(row, state=RoundState.SETTLED)
        case RoundUnwound():
            row = replace(row, state=RoundState.UNWOUND)
            _keep_obligation(base, row.net, replace(_obligation(base, row.net), state=State.VOID))
            for item, share in zip(row.terms.items, fact.shares, strict=True):
                revived = _with_paid(replace(_obligation(base, item.obligation), round=0), share)
                _keep_obligation(base, item.obligation, revived)
        case _:
            assert_never(fact)
    base.execute("UPDATE round SET value = ? WHERE number = ?", (encode(row), fact.round))


def _with_paid(row: Obligation, amount: int) -> Obligation:
    """The obligation after so much more was paid of it; as it stands when nothing is announced."""
    paid = row.paid + amount
    state = State.PAID if paid >= row.claim.amount else State.PARTIAL if paid else State.DUE
    return replace(row, paid=paid, state=state)


def _obligation(base: sqlite3.Connection, number: int) -> Obligation:
    [raw] = base.execute("SELECT value FROM obligation WHERE number = ?", (number,)).fetchone()
    return read_obligation(raw)


def _keep_obligation(base: sqlite3.Connection, number: int, row: Obligation) -> None:
    base.execute("UPDATE obligation SET value = ? WHERE number = ?", (encode(row), number))
