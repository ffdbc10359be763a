"""How obligations are kept."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Annotated

from msgspec import Meta

from abci_app.domain.obligations.schema.documents import Claim, NettingRound, NoteKind, Notice, RerateLines, TaxLines
from abci_app.domain.obligations.schema.messages import Amount, RoundNumber
from abci_app.kernel.approvals import Signatures
from abci_app.kernel.encoding import U8, U32, Hash32, Micro, Seconds, Value


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


class Taxes(Value, frozen=True):
    """The tax of an invoice, and the rule that says so."""

    rule: Hash32
    lines: TaxLines


class Note(Value, frozen=True):
    """Why there is an obligation that no invoice and no round has posted."""

    kind: NoteKind
    about: U32  # the obligation that interest is for; 0 for a re-rate, which is about its origin's period
    rule: Hash32


class LatePayment(Value, frozen=True):
    """A late payment whose interest is not claimed yet."""

    amount: Amount
    owed_from: Seconds
    owed_to: Seconds


class Arrears(Value, frozen=True):
    """How far the interest on an obligation has been claimed."""

    claimed_to: Seconds  # for what is still open
    late: U32  # late payments so far; the number of the last one
    settled: U32  # of them claimed, or barred by time


class Rerating(Value, frozen=True):
    """The last re-rate of a period: what its agreed lines come to now."""

    rating: Hash32
    lines: RerateLines


NOTHING_OWED = Account(0, 0, 0, 0)
NOTHING_NUMBERED = Counters(0, 0)
