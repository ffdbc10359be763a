"""Where rules live, and what must always hold of them."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from abci_app.domain.rulebook.schema import (
    ActivationSet,
    Bundle,
    BundleCountersigned,
    BundlePublished,
    BundleSigned,
    BundleStored,
    BundleWithdrawn,
    Draft,
    Fact,
    NamedRule,
    ReadinessPlace,
    ReadinessSigned,
    Rule,
    RulePublished,
    RuleResumed,
    RuleSuspended,
    RuleVersion,
    RuleVersionActivated,
    Suspension,
    SuspensionRatified,
    VersionRetired,
    VersionScheduled,
    VersionWithdrawn,
)
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 3


class RuleKey(NamedTuple):
    rule: int


class VersionKey(NamedTuple):
    rule: int
    version: int


class BundleKey(NamedTuple):
    bundle: bytes


class NameKey(NamedTuple):
    digest: bytes


class ReadinessKey(NamedTuple):
    document: bytes


class SuspensionKey(NamedTuple):
    rule: int
    suspended_from: int


RULES: Table[RuleKey, Rule] = Table(STORE, 1, RuleKey, "I", Rule)
VERSIONS: Table[VersionKey, RuleVersion] = Table(STORE, 2, VersionKey, "IH", RuleVersion)
BUNDLES: Table[BundleKey, Bundle] = Table(STORE, 3, BundleKey, "32s", Bundle)
NAMES: Table[NameKey, NamedRule] = Table(STORE, 4, NameKey, "32s", NamedRule)
DRAFTS: Table[BundleKey, Draft] = Table(STORE, 5, BundleKey, "32s", Draft)
READINESS: Table[ReadinessKey, ReadinessPlace] = Table(STORE, 6, ReadinessKey, "32s", ReadinessPlace)
SUSPENSIONS: Table[SuspensionKey, Suspension] = Table(STORE, 7, SuspensionKey, "IQ", Suspension)


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case RulePublished():
            return RULES.at(RuleKey(fact.rule))
        case (
            RuleVersionActivated()
            | VersionScheduled()
            | ReadinessSigned()
            | ActivationSet()
            | VersionWithdrawn()
            | VersionRetired()
        ):
            return VERSIONS.at(VersionKey(fact.rule, fact.version))
        case BundleStored():
            return BUNDLES.at(BundleKey(fact.bundle))
        case BundlePublished() | BundleSigned() | BundleCountersigned() | BundleWithdrawn():
            return DRAFTS.at(BundleKey(fact.bundle))
        case RuleSuspended() | SuspensionRatified() | RuleResumed():
            return SUSPENSIONS.at(SuspensionKey(fact.rule, fact.suspended_from))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash that a fact rests on: its bundle, or the vote that scheduled it; empty where there is none."""
    match fact:
        case (
            RuleVersionActivated()
            | BundleStored()
            | BundlePublished()
            | BundleSigned()
            | BundleCountersigned()
            | BundleWithdrawn()
        ):
            return fact.bundle
        case VersionScheduled():
            return fact.mandate
        case (
            RulePublished()
            | ReadinessSigned()
            | ActivationSet()
            | VersionWithdrawn()
            | VersionRetired()
            | RuleSuspended()
            | SuspensionRatified()
            | RuleResumed()
        ):
            return b""
        case _:
            assert_never(fact)


def versions_are_whole(state: Reader) -> bool:
    """Every version belongs to a published rule, has its bundle stored and an interval of usage, and never runs
    before the height that was asked for."""
    return all(
        RULES.get(state, RuleKey(key.rule)) is not None
        and BUNDLES.get(state, BundleKey(row.bundle)) is not None
        and row.usage_from < row.usage_to
        and row.active_from >= row.activation
        for key, row in VERSIONS.rows(state)
    )


def suspensions_do_not_overlap(state: Reader) -> bool:
    """A rule is suspended at most once at a time."""
    last: dict[int, int] = {}
    for key, row in SUSPENSIONS.rows(state):
        if key.suspended_from < last.get(key.rule, 0):
            return False
        last[key.rule] = row.until
    return True
