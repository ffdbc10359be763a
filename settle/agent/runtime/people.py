"""What only people do, as plain functions: sign, propose an agreement, tell of a payment and confirm it.

Each writes to the operator's outbox and returns at once; the next round of the outbox sends it. The same step twice
is one submission for ever; after a refusal it is tried again when it is wanted again.
"""

from __future__ import annotations

from hashlib import sha256

from abci_app.domain.agreements.schema import ProposeAgreement, Terms
from abci_app.domain.obligations.schema import ConfirmPayment, ContestPayment, NotifyPayment
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from settle.chain.keys import Signer
from settle.chain.outbox import Outbox, Ticket
from settle.chain.transactions import encode_messages


def approve(
    outbox: Outbox, kind: DocumentKind, document: bytes, signer: Signer, verdict: Verdict = Verdict.APPROVE
) -> Ticket:
    """Sign a document, or refuse it, in the signer's role. `document` is its 32-byte hash."""
    verb = "approve" if verdict == Verdict.APPROVE else "refuse"
    return submit(outbox, verb, signer, Approve(kind, document, signer.role, verdict))


def propose_agreement(outbox: Outbox, signer: Signer, terms: Terms, *, agreement: int = 0, version: int = 1) -> Ticket:
    """Propose a new agreement, or a further version of one; a checker's step. It is not yet a signature."""
    return submit(outbox, "agreement propose", signer, ProposeAgreement(agreement, version, terms))


def notify_payment(outbox: Outbox, signer: Signer, obligation: int, amount: int, bank_reference: bytes) -> Ticket:
    """Tell the payee that `amount` (10^-6 units) was paid; a checker's step of the payer."""
    return submit(outbox, "pay notify", signer, NotifyPayment(obligation, amount, bank_reference))


def confirm_payment(outbox: Outbox, signer: Signer, obligation: int, amount: int, bank_reference: bytes) -> Ticket:
    """Say that the payment has arrived; a checker's step of the payee."""
    return submit(outbox, "pay confirm", signer, ConfirmPayment(obligation, amount, bank_reference))


def contest_payment(outbox: Outbox, signer: Signer, obligation: int, bank_reference: bytes, reason: bytes) -> Ticket:
    """Say that the notified payment has not arrived; a checker's step of the payee."""
    return submit(outbox, "pay contest", signer, ContestPayment(obligation, bank_reference, reason))


def submit(outbox: Outbox, verb: str, signer: Signer, *messages: Value) -> Ticket:
    """Keep a person's messages for the chain, under a name that says who wants what."""
    content = sha256(signer.public + encode_messages(messages)).hexdigest()
    ticket = outbox.submit(f"{verb} {content[:32]}", messages, signer)
    outbox.retry(ticket, signer)
    return ticket
