"""What each fact does to the rulebook. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from abci_app.domain.rulebook.schema import (
    NEVER,
    ActivationSet,
    Bundle,
    BundleCountersigned,
    BundlePublished,
    BundleSigned,
    BundleStored,
    BundleWithdrawn,
    Draft,
    DraftState,
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
    name_digest,
)
from abci_app.domain.rulebook.tables import (
    BUNDLES,
    DRAFTS,
    NAMES,
    READINESS,
    RULES,
    SUSPENSIONS,
    VERSIONS,
    BundleKey,
    NameKey,
    ReadinessKey,
    RuleKey,
    SuspensionKey,
    VersionKey,
)
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    """Write what a fact says."""
    match fact:
        case RulePublished():
            RULES.put(state, RuleKey(fact.rule), Rule(fact.name, fact.slot))
            NAMES.put(state, NameKey(name_digest(fact.name)), NamedRule(fact.rule))
        case BundleStored():
            BUNDLES.put(state, BundleKey(fact.bundle), Bundle(fact.raw))
        case BundlePublished() | BundleSigned() | BundleCountersigned() | BundleWithdrawn():
            _draft(state, fact)
        case (
            RuleVersionActivated()
            | VersionScheduled()
            | ReadinessSigned()
            | ActivationSet()
            | VersionWithdrawn()
            | VersionRetired()
        ):
            _version(state, fact)
        case RuleSuspended() | SuspensionRatified() | RuleResumed():
            _suspension(state, fact)
        case _:
            assert_never(fact)


def _draft(state: Writer, fact: BundlePublished | BundleSigned | BundleCountersigned | BundleWithdrawn) -> None:
    key = BundleKey(fact.bundle)
    if isinstance(fact, BundlePublished):
        DRAFTS.put(state, key, Draft(fact.publisher, (), DraftState.PUBLISHED))
        return
    draft = DRAFTS.require(state, key)
    match fact:
        case BundleSigned():
            DRAFTS.put(state, key, replace(draft, signatures=(*draft.signatures, fact.signature)))
        case BundleCountersigned():
            DRAFTS.put(state, key, replace(draft, state=DraftState.COUNTERSIGNED))
        case BundleWithdrawn():
            DRAFTS.put(state, key, replace(draft, state=DraftState.WITHDRAWN))
        case _:
            assert_never(fact)


def _version(
    state: Writer,
    fact: RuleVersionActivated | VersionScheduled | ReadinessSigned | ActivationSet | VersionWithdrawn | VersionRetired,
) -> None:
    key = VersionKey(fact.rule, fact.version)
    match fact:
        case RuleVersionActivated():
            usage, start = (fact.usage_from, fact.usage_to), fact.active_from
            VERSIONS.put(state, key, RuleVersion(fact.bundle, *usage, start, start, NEVER, False, b"", False, ()))
        case VersionScheduled():
            usage = fact.usage_from, fact.usage_to
            heights = fact.activation, NEVER, NEVER
            row = RuleVersion(fact.bundle, *usage, *heights, fact.backdated, fact.mandate, False, ())
            VERSIONS.put(state, key, row)
            READINESS.put(state, ReadinessKey(fact.readiness), ReadinessPlace(fact.rule, fact.version))
        case ReadinessSigned():
            row = VERSIONS.require(state, key)
            VERSIONS.put(state, key, replace(row, ready=(*row.ready, fact.signature)))
        case ActivationSet():
            VERSIONS.put(state, key, replace(VERSIONS.require(state, key), active_from=fact.active_from))
        case VersionWithdrawn():
            VERSIONS.put(state, key, replace(VERSIONS.require(state, key), withdrawn=True, active_from=NEVER))
        case VersionRetired():
            VERSIONS.put(state, key, replace(VERSIONS.require(state, key), active_to=fact.active_to))
        case _:
            assert_never(fact)


def _suspension(state: Writer, fact: RuleSuspended | SuspensionRatified | RuleResumed) -> None:
    key = SuspensionKey(fact.rule, fact.suspended_from)
    match fact:
        case RuleSuspended():
            SUSPENSIONS.put(state, key, Suspension(fact.until, fact.time, False))
        case SuspensionRatified():
            row = SUSPENSIONS.require(state, key)
            SUSPENSIONS.put(state, key, replace(row, until=NEVER, ratified=True))
        case RuleResumed():
            SUSPENSIONS.put(state, key, replace(SUSPENSIONS.require(state, key), until=fact.until))
        case _:
            assert_never(fact)
