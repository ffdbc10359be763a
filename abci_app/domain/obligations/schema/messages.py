"""What may be said about obligations: verbs."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.agreements.schema import AgreementNumber, Direction, Ordinal, PairNumber
from abci_app.domain.members.schema import OperatorNumber
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.encoding import Currency, Seconds, Value

MOST_IN_ROUND = 64
"""Obligations in one set-off round: a month of 31 provinces in both directions."""
LAST_NUMBER = 2**32 - 1

ObligationNumber: TypeAlias = Annotated[int, Meta(ge=1, le=LAST_NUMBER)]
RoundNumber: TypeAlias = Annotated[int, Meta(ge=1, le=LAST_NUMBER)]
Amount: TypeAlias = Annotated[int, Meta(ge=1, le=2**62)]
"""An amount of money in 10^-6 units; never nothing."""
BankReference: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=35)]
"""What both banks' statements show of a payment: ISO 20022, EndToEndId, Max35Text."""
Reason: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=128)]


class IssueInvoice(Value, frozen=True, tag="obligations.issue_invoice"):
    """The creditor's maker invoices a signed period, gross, in one direction of traffic."""

    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal
    direction: Direction


class ProposeRound(Value, frozen=True, tag="obligations.propose_round"):
    """A maker of either operator proposes to set obligations off and to pay the net by `deadline`."""

    first: OperatorNumber  # below `second`
    second: OperatorNumber
    currency: Currency
    obligations: Annotated[tuple[ObligationNumber, ...], Meta(min_length=1, max_length=MOST_IN_ROUND)]  # ascending
    deadline: Seconds


class NotifyPayment(Value, frozen=True, tag="obligations.notify_payment"):
    """The payer says that it has paid `amount` under `bank_reference`, which names the payment for ever."""

    obligation: ObligationNumber
    amount: Amount
    bank_reference: BankReference


class ConfirmPayment(Value, frozen=True, tag="obligations.confirm_payment"):
    """The payee says that the payment under `bank_reference` has arrived."""

    obligation: ObligationNumber
    amount: Amount
    bank_reference: BankReference


class ContestPayment(Value, frozen=True, tag="obligations.contest_payment"):
    """The payee says that the notified payment has not arrived."""

    obligation: ObligationNumber
    bank_reference: BankReference
    reason: Reason


class ClaimInterest(Value, frozen=True, tag="obligations.claim_interest"):
    """The creditor's maker claims interest for every whole day of delay that it has not claimed yet."""

    obligation: ObligationNumber


class Rerate(Value, frozen=True, tag="obligations.rerate"):
    """A party's maker has a signed period priced by the rating version that is in force for its usage now."""

    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal


Message: TypeAlias = (
    IssueInvoice | ProposeRound | NotifyPayment | ConfirmPayment | ContestPayment | ClaimInterest | Rerate
)
Routed: TypeAlias = Message | Approve | Advance
