"""Messages, documents, facts, rows and codes of obligations."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.agreements.schema import MOST_LINES, AgreementNumber, Direction, Ordinal, PairNumber
from abci_app.domain.members.schema import OperatorNumber
from abci_app.kernel.approvals import Advance, Approve, Signature, Signatures
from abci_app.kernel.encoding import U8, U16, U32, Currency, Decoder, Hash32, Micro, Seconds, SignedMicro, Value, encode
from abci_app.kernel.hashing import Tag, tagged

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


# messages: verbs


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


Message: TypeAlias = IssueInvoice | ProposeRound | NotifyPayment | ConfirmPayment | ContestPayment
Routed: TypeAlias = Message | Approve | Advance


# documents: nouns


class RoundItem(Value, frozen=True):
    """An obligation and what was open of it when the round was proposed."""

    obligation: ObligationNumber
    open: Amount


RoundItems: TypeAlias = Annotated[tuple[RoundItem, ...], Meta(min_length=1, max_length=MOST_IN_ROUND)]


class NettingRound(Value, frozen=True):
    """What checkers of both operators sign; computed by the chain from the proposal."""

    round: RoundNumber
    first: OperatorNumber
    second: OperatorNumber
    currency: Currency
    items: RoundItems  # ascending by number, so oldest first
    deadline: Seconds  # by when the net is paid, or the round unwinds
    set_off: Hash32  # the bundle of the set-off rule that was asked
    owed_by_first: Micro
    owed_by_second: Micro
    net: SignedMicro  # what first owes less what second owes


def round_hash(chain: bytes, document: NettingRound) -> bytes:
    """The hash that is signed: tag, sha256 of the chain id, canonical document."""
    return tagged(Tag.NETTING_ROUND, chain, encode(document))


class InvoiceLine(Value, frozen=True):
    """A statement line in whole minor units of the currency, in 10^-6 units."""

    line: U8  # index into the catalogue
    payable: Micro
    disputed: Micro


class Invoice(Value, frozen=True):
    """What one operator bills the other for a period's traffic of one direction."""

    statement: Hash32
    lines: Annotated[tuple[InvoiceLine, ...], Meta(min_length=1, max_length=MOST_LINES)]
    payable: U32  # number of the obligation; 0 where nothing is left after rounding
    disputed: U32


class Origin(Value, frozen=True):
    """Where an obligation comes from: an invoice (`round` 0), or a round whose net it is (the rest 0)."""

    agreement: U32
    pair: U8
    ordinal: U16
    direction: U8
    round: U32


class Hold(IntEnum):
    """Why an obligation may not be paid yet. Frozen numbers."""

    NONE = 0
    DEEMED = 1  # its figures bind by silence: held until the other had time to contest them
    DISPUTED = 2  # the part above the undisputed figure: held until a dispute decides


class Claim(Value, frozen=True):
    """What is owed; never edited."""

    origin: Origin
    debtor: OperatorNumber
    creditor: OperatorNumber
    currency: Currency
    amount: Amount
    due: Seconds
    hold: Hold
    held_until: Seconds  # only with the hold DEEMED; else 0
    contest: Annotated[int, Meta(ge=0, le=2**31 - 1)]  # seconds that a payment notice waits for its answer


class Notice(Value, frozen=True):
    """A payment that waits for the payee's answer."""

    bank_reference: BankReference
    amount: Amount
    answer_by: Seconds


# facts: past participles


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
)
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class State(IntEnum):
    """Of an obligation. Frozen numbers."""

    DUE = 0
    HELD = 1
    NETTED = 2  # its round says how it ends
    NOTIFIED = 3
    PARTIAL = 4
    PAID = 5
    VOID = 6  # the net of an unwound round
    OVERDUE = 7  # effective only, never stored


class Flags(IntFlag):
    """Frozen bits; rows hold the number."""

    NONE = 0
    DEEMED_PAID = 1  # a notice of it was never answered


class Obligation(Value, frozen=True):
    claim: Claim
    paid: Micro
    notice: Annotated[tuple[Notice, ...], Meta(max_length=1)]
    round: U32  # that it is netted in; 0 where it is not
    state: State
    flags: U8


class PaymentState(IntEnum):
    NOTIFIED = 0
    CONFIRMED = 1
    DEEMED = 2
    CONTESTED = 3


class Payment(Value, frozen=True):
    amount: Amount
    state: PaymentState
    reason: Annotated[bytes, Meta(max_length=128)]  # of the last contest


class RoundState(IntEnum):
    PROPOSED = 0
    ACCEPTED = 1
    SETTLED = 2
    UNWOUND = 3
    REFUSED = 4
    LAPSED = 5


class Round(Value, frozen=True):
    document: Hash32
    terms: NettingRound
    signatures: Signatures
    state: RoundState
    net: U32  # the obligation that stands for the items; 0 before acceptance and where they cancel out


class RoundPlace(Value, frozen=True):
    round: RoundNumber


class Account(Value, frozen=True):
    """What an operator owes another (debits) and is owed by it (credits): pending, and posted by payment."""

    debits_pending: Micro
    debits_posted: Micro
    credits_pending: Micro
    credits_posted: Micro


class Side(Value, frozen=True):
    owes: bool  # whether the operator that the obligation is listed under owes it


class Counters(Value, frozen=True):
    obligations: U32  # the last number given
    rounds: U32


NOTHING_OWED = Account(0, 0, 0, 0)
NOTHING_NUMBERED = Counters(0, 0)


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 7, so 701 and up."""

    NOT_AN_OBJECT_KEY = 701
    OPERATORS_NOT_ASCENDING = 702
    OBLIGATIONS_NOT_ASCENDING = 703
    WRONG_ROLE = 704
    NOT_THE_CREDITOR = 705
    PERIOD_NOT_SIGNED = 706
    INVOICED_EARLY = 707
    NOTHING_TO_INVOICE = 708
    ACCOUNT_FULL = 709
    NO_NUMBER_LEFT = 710
    OBLIGATION_NOT_FOUND = 711
    NOT_THE_PAYER = 712
    NOT_THE_PAYEE = 713
    EXISTS_WITH_DIFFERENT_CONTENT = 714
    NOT_PAYABLE = 715
    NOTICE_PENDING = 716
    MORE_THAN_OWED = 717
    PAYMENT_NOT_FOUND = 718
    PAYMENT_ANSWERED = 719
    DIFFERENT_AMOUNT = 720
    NOT_AN_OPERATOR_OF_THE_ROUND = 721
    ROUND_STILL_OPEN = 722
    DEADLINE_PASSED = 723
    OF_OTHER_OPERATORS = 724
    OF_ANOTHER_CURRENCY = 725
    NOT_DUE = 726
    SET_OFF_NOT_AGREED = 727
    SET_OFF_RULES_DIFFER = 728
    NO_RULE_IN_FORCE = 729
    LEFT_OUT_BY_RULE = 730
    NET_TOO_SMALL = 731
    DOCUMENT_NOT_FOUND = 732
    ROLE_NOT_THE_KEYS = 733
    NOT_ASKED_TO_SIGN = 734
    DOCUMENT_CLOSED = 735
    ALREADY_SIGNED = 736
    TOO_MANY_SIGNATURES = 737
    OBLIGATION_CHANGED = 738
    ROUND_NOT_FOUND = 739
