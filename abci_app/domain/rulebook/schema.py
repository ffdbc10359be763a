"""Messages, facts, rows and codes of the rulebook."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.approvals import Approve, Signature, Signatures, Votes
from abci_app.kernel.encoding import U16, U32, U64, Decoder, Hash32, Seconds, Text, Value, encode
from abci_app.kernel.hashing import Tag, tagged
from abci_app.rules.bundle import MOST_BUNDLE_BYTES, Vector
from abci_app.rules.interface import Slot

FOR_EVER = 2**40
"""The end of a usage interval that nothing has ended yet."""
NEVER = 2**63 - 1
"""The height of what has no height yet."""

BundleBytes: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=MOST_BUNDLE_BYTES)]
RuleNumber: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Height: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Activation: TypeAlias = Annotated[int, Meta(ge=1, le=2**62)]
"""A height that a vote asks for; a grace still fits on top of it."""
Mandate: TypeAlias = Annotated[bytes, Meta(max_length=32)]
"""The hash of the proposal that a version rests on; empty for genesis."""


class DraftState(IntEnum):
    """A bundle on its way to a vote: published, countersigned, or withdrawn by its publisher."""

    PUBLISHED = 0
    COUNTERSIGNED = 1
    WITHDRAWN = 2


class VersionState(IntEnum):
    """What a version is as of a height: a view, read and never stored."""

    APPROVED = 1  # scheduled; its height or its nodes are not there yet
    ACTIVE = 2
    SUSPENDED = 3
    RETIRED = 4  # rolled back, or newer versions rate all of its usage
    REJECTED = 5  # its vote lost the keys that had carried it


# messages: verbs


class PublishBundle(Value, frozen=True, tag="rulebook.publish_bundle"):
    """The whole bundle, so that no node can miss it. Its publisher still has to sign it, and another to countersign."""

    raw: BundleBytes


class ScheduleVersion(Value, frozen=True, tag="rulebook.schedule_version"):
    """By proposal only: a countersigned bundle becomes the next version of its rule, from a height on.

    `backdated` says that the voters know: the version also rates usage that is already past.
    """

    bundle: Hash32
    activation: Activation
    backdated: bool


class RollBack(Value, frozen=True, tag="rulebook.roll_back"):
    """By proposal only: from a height on, the versions after `version` rate nothing any more."""

    rule: RuleNumber
    version: U16
    activation: Activation


class SuspendRule(Value, frozen=True, tag="rulebook.suspend_rule"):
    """By proposal only: the rule rates nothing from the next block on; lapses unless ratified."""

    rule: RuleNumber


class RatifySuspension(Value, frozen=True, tag="rulebook.ratify_suspension"):
    """By proposal only: the suspension lasts until the rule is resumed."""

    rule: RuleNumber


class ResumeRule(Value, frozen=True, tag="rulebook.resume_rule"):
    """By proposal only: the suspension ends with this block."""

    rule: RuleNumber


Governed: TypeAlias = ScheduleVersion | RollBack | SuspendRule | RatifySuspension | ResumeRule
"""What only a carried proposal may say."""
Message: TypeAlias = PublishBundle | Governed
Routed: TypeAlias = Message | Approve


# documents: nouns


class Readiness(Value, frozen=True):
    """What a node's key signs after its own executor has given every outcome that the bundle states."""

    rule: RuleNumber
    version: U16
    bundle: Hash32
    outcomes: Hash32


def readiness_hash(chain: bytes, readiness: Readiness) -> bytes:
    """The hash that is signed: tag, sha256 of the chain id, canonical readiness."""
    return tagged(Tag.READINESS, chain, encode(readiness))


def outcomes_digest(vectors: tuple[Vector, ...]) -> bytes:
    """sha256 over entry, arguments and outcome of every vector: a node hashes what it computed itself."""
    stated = tuple((v.entry, v.arguments, v.results, v.rejection) for v in vectors)
    return tagged(Tag.RULE_OUTCOMES, encode(stated))


def name_digest(name: bytes) -> bytes:
    """The key under which a rule's name is found: what people choose is hashed."""
    return tagged(Tag.RULE_NAME, name)


# facts: past participles


class RulePublished(Value, frozen=True, tag="rulebook.rule_published"):
    rule: RuleNumber
    name: Text
    slot: Slot


class RuleVersionActivated(Value, frozen=True, tag="rulebook.rule_version_activated"):
    """Genesis: from `active_from` on, this version rates usage of [usage_from, usage_to)."""

    rule: RuleNumber
    version: U16
    bundle: Hash32
    usage_from: Seconds
    usage_to: Seconds
    active_from: U64  # height


class BundleStored(Value, frozen=True, tag="rulebook.bundle_stored"):
    bundle: Hash32
    raw: BundleBytes


class BundlePublished(Value, frozen=True, tag="rulebook.bundle_published"):
    bundle: Hash32
    publisher: U32


class BundleSigned(Value, frozen=True, tag="rulebook.bundle_signed"):
    bundle: Hash32
    signature: Signature


class BundleCountersigned(Value, frozen=True, tag="rulebook.bundle_countersigned"):
    bundle: Hash32


class BundleWithdrawn(Value, frozen=True, tag="rulebook.bundle_withdrawn"):
    bundle: Hash32


class VersionScheduled(Value, frozen=True, tag="rulebook.version_scheduled"):
    """A vote has carried the version; it waits for its height and for the nodes."""

    rule: RuleNumber
    version: U16
    bundle: Hash32
    usage_from: Seconds
    usage_to: Seconds
    activation: Activation  # asked for by the vote
    backdated: bool
    mandate: Mandate
    readiness: Hash32  # what nodes sign


class ReadinessSigned(Value, frozen=True, tag="rulebook.readiness_signed"):
    rule: RuleNumber
    version: U16
    signature: Signature


class ActivationSet(Value, frozen=True, tag="rulebook.activation_set"):
    """So many nodes are ready that the version runs from this height on; NEVER while too few are."""

    rule: RuleNumber
    version: U16
    active_from: Height


class VersionWithdrawn(Value, frozen=True, tag="rulebook.version_withdrawn"):
    """Before it was active, its vote lost the keys that had carried it."""

    rule: RuleNumber
    version: U16


class VersionRetired(Value, frozen=True, tag="rulebook.version_retired"):
    """A rollback: from `active_to` on the version rates nothing."""

    rule: RuleNumber
    version: U16
    active_to: Activation


class RuleSuspended(Value, frozen=True, tag="rulebook.rule_suspended"):
    """Heights [suspended_from, until) have no version in force."""

    rule: RuleNumber
    suspended_from: Height
    until: Height
    time: Seconds  # header time, for the pause before the next one


class SuspensionRatified(Value, frozen=True, tag="rulebook.suspension_ratified"):
    rule: RuleNumber
    suspended_from: Height


class RuleResumed(Value, frozen=True, tag="rulebook.rule_resumed"):
    rule: RuleNumber
    suspended_from: Height
    until: Height


Fact: TypeAlias = (
    RulePublished
    | RuleVersionActivated
    | BundleStored
    | BundlePublished
    | BundleSigned
    | BundleCountersigned
    | BundleWithdrawn
    | VersionScheduled
    | ReadinessSigned
    | ActivationSet
    | VersionWithdrawn
    | VersionRetired
    | RuleSuspended
    | SuspensionRatified
    | RuleResumed
)
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class Rule(Value, frozen=True):
    name: Text
    slot: Slot


class NamedRule(Value, frozen=True):
    rule: RuleNumber


class RuleVersion(Value, frozen=True):
    bundle: Hash32
    usage_from: Seconds
    usage_to: Seconds
    activation: U64  # the height that was asked for
    active_from: U64  # the height that it got; NEVER while too few nodes are ready
    active_to: U64  # NEVER unless rolled back
    backdated: bool
    mandate: Mandate
    withdrawn: bool
    ready: Votes


class ReadinessPlace(Value, frozen=True):
    rule: RuleNumber
    version: U16


class Bundle(Value, frozen=True):
    raw: BundleBytes


class Draft(Value, frozen=True):
    publisher: U32
    signatures: Signatures
    state: DraftState


class Suspension(Value, frozen=True):
    until: Height
    time: Seconds
    ratified: bool


class VersionInForce(Value, frozen=True):
    """The answer to which version rates a moment of usage."""

    version: U16
    bundle: Hash32


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 3, so 301 and up."""

    WRONG_ROLE = 301
    ONLY_BY_PROPOSAL = 302
    UNKNOWN_SLOT = 303
    OTHER_CHAIN = 304
    SLOT_CHANGED = 305
    SEQUENCE_REUSED = 306
    CHANGED_AFTER_THE_VOTE = 307
    SEQUENCE_OUT_OF_TURN = 308
    NOT_THE_PREVIOUS = 309
    DOCUMENT_NOT_FOUND = 310
    ROLE_NOT_THE_KEYS = 311
    NOT_ASKED_TO_SIGN = 312
    DOCUMENT_CLOSED = 313
    ALREADY_SIGNED = 314
    TOO_MANY_SIGNATURES = 315
    BUNDLE_NOT_FOUND = 316
    NOT_COUNTERSIGNED = 317
    ACTIVATES_IN_THE_PAST = 318
    ACTIVATION_COLLIDES = 319
    BACKDATED_WITHOUT_SAYING_SO = 320
    NO_NUMBER_LEFT = 321
    RULE_NOT_FOUND = 322
    NOT_FORMERLY_ACTIVE = 323
    NOTHING_TO_ROLL_BACK = 324
    ALREADY_SUSPENDED = 325
    SUSPENDED_LATELY = 326
    NOT_SUSPENDED = 327
    SCOPE_CHANGED = 328
    PARAMETERS_CHANGED = 329
