"""What is signed, billed and owed: nouns that stand inside messages, facts and rows."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.agreements.schema import MOST_LINES, Direction
from abci_app.domain.members.schema import OperatorNumber
from abci_app.domain.obligations.schema.messages import (
    MOST_IN_ROUND,
    Amount,
    BankReference,
    ObligationNumber,
    RoundNumber,
)
from abci_app.domain.periods.schema import LineAmount
from abci_app.kernel.encoding import U8, U16, U32, Currency, Hash32, Micro, Seconds, SignedMicro, Value, encode
from abci_app.kernel.hashing import Tag, tagged

MOST_LATE = 16
"""Late payments that one claim takes or passes over, the oldest first."""
MOST_SPANS = MOST_LATE + 1


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


class TaxLine(Value, frozen=True):
    """The tax on what an invoice bills of one service, in whole minor units, in 10^-6 units."""

    service: U8
    payable: Micro  # net
    payable_tax: Micro
    disputed: Micro  # net
    disputed_tax: Micro


TaxLines: TypeAlias = Annotated[tuple[TaxLine, ...], Meta(min_length=1, max_length=MOST_LINES)]


class InterestSpan(Value, frozen=True):
    """What was owed too long: whole days from `owed_from` to `owed_to`, and the interest for them."""

    principal: Amount
    owed_from: Seconds
    owed_to: Seconds
    days: U32
    interest: Micro


class RerateLine(Value, frozen=True):
    """What an agreed line of a statement comes to before and after a re-rate."""

    line: U8  # index into the catalogue
    before: LineAmount
    after: LineAmount


RerateLines: TypeAlias = Annotated[tuple[RerateLine, ...], Meta(min_length=1, max_length=MOST_LINES)]


class RerateNote(Value, frozen=True):
    """What a re-rate changes in one direction: more than nothing is a debit note, less a credit note."""

    direction: Direction
    net: SignedMicro  # in whole minor units, in 10^-6 units
    tax: SignedMicro
    obligation: ObligationNumber


class NoteKind(IntEnum):
    """What an obligation is that no invoice has posted. Frozen numbers."""

    INTEREST = 1
    CREDIT = 2
    DEBIT = 3


class Origin(Value, frozen=True):
    """Where an obligation comes from: an invoice or a note about it (`round` 0), or a round whose net it is (the
    rest 0)."""

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
