"""Facts, rows and slots of the rulebook. There are no messages yet: rules come from genesis."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Never, TypeAlias

from msgspec import Meta

from abci_app.kernel.encoding import U16, U64, Decoder, Hash32, Seconds, Text, Value
from abci_app.rules.bundle import MOST_BUNDLE_BYTES
from abci_app.rules.interface import Slot

FOR_EVER = 2**40
"""The end of a usage interval that nothing has ended yet."""

BundleBytes: TypeAlias = Annotated[bytes, Meta(min_length=1, max_length=MOST_BUNDLE_BYTES)]
RuleNumber: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]


Message: TypeAlias = Never
Routed: TypeAlias = Never


# facts: past participles


class RulePublished(Value, frozen=True, tag="rulebook.rule_published"):
    rule: RuleNumber
    name: Text
    slot: Slot


class RuleVersionActivated(Value, frozen=True, tag="rulebook.rule_version_activated"):
    """From `active_from` on, this version rates usage of [usage_from, usage_to)."""

    rule: RuleNumber
    version: U16
    bundle: Hash32
    usage_from: Seconds
    usage_to: Seconds
    active_from: U64  # height


class BundleStored(Value, frozen=True, tag="rulebook.bundle_stored"):
    bundle: Hash32
    raw: BundleBytes


Fact: TypeAlias = RulePublished | RuleVersionActivated | BundleStored
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class Rule(Value, frozen=True):
    name: Text
    slot: Slot


class RuleVersion(Value, frozen=True):
    bundle: Hash32
    usage_from: Seconds
    usage_to: Seconds
    active_from: U64


class Bundle(Value, frozen=True):
    raw: BundleBytes


class VersionInForce(Value, frozen=True):
    """The answer to which version rates a moment of usage."""

    version: U16
    bundle: Hash32


class Code(IntEnum):
    """Module 3, so 301 and up: no message, so nothing to refuse yet."""
