"""Messages, documents, facts, rows and codes of agreements."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.domain.members.schema import OperatorNumber
from abci_app.domain.rulebook.schema import RuleNumber
from abci_app.kernel.approvals import Approve, Signature, Signatures
from abci_app.kernel.encoding import I64, U8, U16, U32, Currency, Decoder, Hash32, Seconds, Value, encode
from abci_app.kernel.hashing import Tag, tagged
from abci_app.rules.interface import Slot

MOST_LINES = 64
MOST_PAIRS = 64
MOST_PERIODS = 120
MOST_BINDINGS = 16
"""Rules that an agreement binds; more than one to a slot only where their interfaces differ."""
LATEST = 2**40
"""No instant that follows from an agreement lies after this second."""

AgreementNumber: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]
VersionNumber: TypeAlias = Annotated[int, Meta(ge=1, le=2**16 - 1)]
Ordinal: TypeAlias = Annotated[int, Meta(ge=1, le=2**16 - 1)]
"""A period's number within its agreement, from 1, over all versions."""
PairNumber: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_PAIRS - 1)]
"""The place of a unit pair in the agreement's list."""
Party: TypeAlias = Annotated[int, Meta(ge=0, le=1)]
"""0 is the agreement's first operator, 1 its second."""


class Evidence(IntEnum):
    """How traffic is evidenced. Frozen numbers."""

    TWO_SIDED = 1  # both count; figures are compared
    ONE_SIDED = 2  # the serving side delivers records; not served yet


class Profile(IntEnum):
    """The practice that the client made the calendar from; consensus only keeps it. Frozen numbers."""

    MIIT = 1
    DETRAF = 2
    ITR = 3
    US = 4


class DataClass(IntEnum):
    """Who sees opened figures. Frozen numbers."""

    PUBLIC = 1
    CONFIDENTIAL = 2  # not served yet


class Flow(IntEnum):
    """Who owes for traffic. Frozen numbers."""

    CALLING_PARTY_PAYS = 1
    RECEIVER_PAYS = 2
    BILL_AND_KEEP = 3


class Direction(IntEnum):
    """Which way traffic goes. Frozen numbers."""

    FIRST_TO_SECOND = 0
    SECOND_TO_FIRST = 1


class UnitPair(Value, frozen=True):
    """A unit of each party: settlement is per pair."""

    first: U16
    second: U16


class CalendarRow(Value, frozen=True):
    """One period: the usage that it counts, [usage_from, usage_to), and its deadlines in header time."""

    ordinal: Ordinal
    usage_from: Seconds
    usage_to: Seconds
    cut_off: Seconds
    declare_by: Seconds
    open_by: Seconds
    agree_by: Seconds
    pay_by: Seconds


class CatalogueLine(Value, frozen=True):
    """What one line of figures counts. Numbers of service, band, measure and event are the rating rule's."""

    service: U8
    direction: U8
    band: U8
    measure: U8
    event: U8


class SlotBinding(Value, frozen=True):
    """The rule that fills a slot, never its version, and the agreement's own parameters for it."""

    slot: Slot
    rule: RuleNumber
    parameters: Annotated[tuple[I64, ...], Meta(max_length=16)]


class Terms(Value, frozen=True):
    """All that two operators agree on."""

    evidence: Evidence
    first: OperatorNumber
    second: OperatorNumber
    networks: tuple[U8, U8]  # the class of each party's network, in the rating rule's numbers
    pairs: Annotated[tuple[UnitPair, ...], Meta(min_length=1, max_length=MOST_PAIRS)]
    currency: Currency
    profile: Profile
    data_class: DataClass
    flow: Flow
    valid_from: Seconds
    valid_to: Seconds
    calendar: Annotated[tuple[CalendarRow, ...], Meta(min_length=1, max_length=MOST_PERIODS)]
    contest: Annotated[int, Meta(ge=0, le=2**31 - 1)]  # seconds that a deemed figure or payment stays contestable
    catalogue: Annotated[tuple[CatalogueLine, ...], Meta(min_length=1, max_length=MOST_LINES)]
    slots: Annotated[tuple[SlotBinding, ...], Meta(min_length=1, max_length=MOST_BINDINGS)]
    set_off: bool  # whether obligations may be netted


# messages: verbs


class ProposeAgreement(Value, frozen=True, tag="agreements.propose_agreement"):
    """A checker proposes a new agreement (`agreement` 0, `version` 1) or a further version of one."""

    agreement: U32
    version: VersionNumber
    terms: Terms


Message: TypeAlias = ProposeAgreement
Routed: TypeAlias = ProposeAgreement | Approve


# documents: nouns


class AgreementDocument(Value, frozen=True):
    """What makers and checkers of both parties sign.

    It is the proposal as sent: a new agreement carries 0, since the chain numbers it afterwards; so its
    hash is known beforehand, and a proposal and a signature fit into one transaction.
    """

    agreement: U32
    version: VersionNumber
    terms: Terms


def agreement_hash(chain: bytes, document: AgreementDocument) -> bytes:
    """The hash that is signed: tag, sha256 of the chain id, canonical document."""
    return tagged(Tag.AGREEMENT, chain, encode(document))


# facts: past participles


class AgreementProposed(Value, frozen=True, tag="agreements.agreement_proposed"):
    document: Hash32
    agreement: AgreementNumber
    version: VersionNumber
    terms: Terms


class AgreementSigned(Value, frozen=True, tag="agreements.agreement_signed"):
    document: Hash32
    agreement: AgreementNumber
    version: VersionNumber
    signature: Signature


class AgreementActivated(Value, frozen=True, tag="agreements.agreement_activated"):
    document: Hash32
    agreement: AgreementNumber
    version: VersionNumber


class AgreementRefused(Value, frozen=True, tag="agreements.agreement_refused"):
    document: Hash32
    agreement: AgreementNumber
    version: VersionNumber


Fact: TypeAlias = AgreementProposed | AgreementSigned | AgreementActivated | AgreementRefused
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class VersionState(IntEnum):
    """Frozen numbers."""

    PROPOSED = 0
    ACTIVE = 1
    REFUSED = 2
    EXPIRED = 3  # effective only, never stored


class Agreement(Value, frozen=True):
    """What all versions of an agreement have in common, and where they have got to."""

    first: OperatorNumber
    second: OperatorNumber
    currency: Currency
    proposed: VersionNumber  # the last version proposed
    active: U16  # the last version that came into force; 0 where none has
    last_ordinal: U16  # of the calendars in force; 0 where there is none
    last_usage_to: Seconds


class AgreementVersion(Value, frozen=True):
    document: Hash32
    terms: Terms
    signatures: Signatures
    state: VersionState


class DocumentPlace(Value, frozen=True):
    """Which version a document is."""

    agreement: AgreementNumber
    version: VersionNumber


class PeriodCalendar(Value, frozen=True):
    """A period that an active version has put into the calendar."""

    version: VersionNumber
    row: CalendarRow


class Counter(Value, frozen=True):
    last: U32


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 4, so 401 and up."""

    NOT_SERVED_YET = 401
    SAME_PARTY = 402
    CURRENCY_NOT_LISTED = 403
    VALIDITY_OUT_OF_ORDER = 404
    PAIR_NAMED_TWICE = 405
    CALENDAR_OUT_OF_ORDER = 406
    LINE_NAMED_TWICE = 407
    NO_SUCH_DIRECTION = 408
    SLOT_BOUND_TWICE = 409
    SLOT_NOT_BOUND = 410
    VERSION_OUT_OF_TURN = 411
    NOT_A_PARTY = 412
    WRONG_ROLE = 413
    AGREEMENT_NOT_FOUND = 414
    EXISTS_WITH_DIFFERENT_CONTENT = 415
    VERSION_STILL_OPEN = 416
    PARTIES_CHANGED = 417
    CURRENCY_CHANGED = 418
    PAIRS_CHANGED = 419
    CALENDAR_NOT_CONTINUED = 420
    OPERATOR_NOT_FOUND = 421
    UNIT_NOT_FOUND = 422
    RULE_NOT_FOUND = 423
    RULE_OF_ANOTHER_SLOT = 424
    DOCUMENT_NOT_FOUND = 425
    ROLE_NOT_THE_KEYS = 426
    NOT_ASKED_TO_SIGN = 427
    DOCUMENT_CLOSED = 428
    ALREADY_SIGNED = 429
    NO_NUMBER_LEFT = 430
    TOO_MANY_SIGNATURES = 431
    CONTEST_TOO_SHORT = 432
    RULE_OF_ANOTHER_AGREEMENT = 433
