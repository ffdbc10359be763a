"""What has happened to obligations: past participles."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.agreements.schema import AgreementNumber, Direction, Ordinal, PairNumber
from abci_app.domain.obligations.schema.documents import (
    MOST_SPANS,
    Claim,
    InterestSpan,
    Invoice,
    NettingRound,
    Notice,
    RerateLines,
    RerateNote,
    TaxLines,
)
from abci_app.domain.obligations.schema.messages import (
    MOST_IN_ROUND,
    Amount,
    BankReference,
    ObligationNumber,
    Reason,
    RoundNumber,
)
from abci_app.kernel.approvals import Signature
from abci_app.kernel.encoding import U32, Basis, Decoder, Hash32, Micro, Seconds, Value


class InvoiceIssued(Value, frozen=True, tag="obligations.invoice_issued"):
    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal
    direction: Direction
    invoice: Invoice


class ObligationPosted(Value, frozen=True, tag="obligations.obligation_posted"):
    obligation: ObligationNumber
    claim: Claim


class ObligationReleased(Value, frozen=True, tag="obligations.obligation_released"):
    """The hold of a deemed figure has ended."""

    obligation: ObligationNumber


class PaymentNotified(Value, frozen=True, tag="obligations.payment_notified"):
    obligation: ObligationNumber
    notice: Notice


class PaymentConfirmed(Value, frozen=True, tag="obligations.payment_confirmed"):
    """`deemed` where the payee was silent until the answer-by date."""

    obligation: ObligationNumber
    bank_reference: BankReference
    amount: Amount
    deemed: bool


class PaymentContested(Value, frozen=True, tag="obligations.payment_contested"):
    obligation: ObligationNumber
    bank_reference: BankReference
    reason: Reason


class RoundProposed(Value, frozen=True, tag="obligations.round_proposed"):
    document: Hash32
    terms: NettingRound


class RoundSigned(Value, frozen=True, tag="obligations.round_signed"):
    document: Hash32
    round: RoundNumber
    signature: Signature


class RoundRefused(Value, frozen=True, tag="obligations.round_refused"):
    document: Hash32
    round: RoundNumber


class RoundLapsed(Value, frozen=True, tag="obligations.round_lapsed"):
    """Not signed by its deadline."""

    round: RoundNumber


class RoundAccepted(Value, frozen=True, tag="obligations.round_accepted"):
    """The items are netted; `net` is the obligation that takes their place, 0 where they cancel out."""

    document: Hash32
    round: RoundNumber
    net: U32


class RoundSettled(Value, frozen=True, tag="obligations.round_settled"):
    round: RoundNumber


class RoundUnwound(Value, frozen=True, tag="obligations.round_unwound"):
    """The net was not paid in time: it is void, and each item revives less its share of what was paid of it."""

    round: RoundNumber
    shares: Annotated[tuple[Micro, ...], Meta(min_length=1, max_length=MOST_IN_ROUND)]  # in the order of the items


class TaxStated(Value, frozen=True, tag="obligations.tax_stated"):
    """The invoice rule that rounded an invoice, and the tax that it asks for on each service."""

    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal
    direction: Direction
    rule: Hash32
    lines: TaxLines


class PaidLate(Value, frozen=True, tag="obligations.paid_late"):
    """So much was owed from `owed_from`, and paid by a notice at `owed_to`, a day later or more."""

    obligation: ObligationNumber
    amount: Amount
    owed_from: Seconds
    owed_to: Seconds


class InterestClaimed(Value, frozen=True, tag="obligations.interest_claimed"):
    """Interest on an obligation's delays, posted as an obligation of its own.

    `note` is 0 where nothing is asked for and younger delays wait: then these are passed over.
    """

    obligation: ObligationNumber
    note: U32
    rule: Hash32
    spans: Annotated[tuple[InterestSpan, ...], Meta(max_length=MOST_SPANS)]
    settled: U32  # late payments up to this number are claimed, passed over, or barred by time
    claimed_to: Seconds  # for what is still open


class PeriodRerated(Value, frozen=True, tag="obligations.period_rerated"):
    """A later version of the rating rule prices a signed period; its statement and invoices stay as they are."""

    agreement: AgreementNumber
    pair: PairNumber
    ordinal: Ordinal
    statement: Hash32
    before: Hash32  # the rating bundle that the figures rested on until now
    after: Hash32
    invoice: Basis  # the rule that rounds and taxes; empty where none is bound
    lines: RerateLines
    notes: Annotated[tuple[RerateNote, ...], Meta(max_length=2)]


Fact: TypeAlias = (
    InvoiceIssued
    | ObligationPosted
    | ObligationReleased
    | PaymentNotified
    | PaymentConfirmed
    | PaymentContested
    | RoundProposed
    | RoundSigned
    | RoundRefused
    | RoundLapsed
    | RoundAccepted
    | RoundSettled
    | RoundUnwound
    | TaxStated
    | PaidLate
    | InterestClaimed
    | PeriodRerated
)
read_fact: Decoder[Fact] = Decoder(Fact)
