"""A carried proposal makes a countersigned bundle the next version of its rule."""

from __future__ import annotations

from abci_app.domain.rulebook.decide.common import check_continues, check_mandate
from abci_app.domain.rulebook.queries import is_countersigned, last_version, latest, manifest_of
from abci_app.domain.rulebook.schema import (
    Code,
    DraftState,
    Fact,
    Readiness,
    RulePublished,
    ScheduleVersion,
    VersionScheduled,
    name_digest,
    outcomes_digest,
    readiness_hash,
)
from abci_app.domain.rulebook.tables import BUNDLES, DRAFTS, NAMES, RULES, BundleKey, NameKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.rules.bundle import Manifest, vectors_of
from abci_app.state.overlay import Reader

_LAST_RULE, _LAST_VERSION = 2**32 - 1, 2**16 - 1


def schedule_version(state: Reader, at: Context, message: ScheduleVersion) -> tuple[Fact, ...]:
    """The version waits for its height and for the nodes to be ready; nothing runs when the height comes."""
    # WHO
    check_mandate(at)

    # WHETHER
    draft = DRAFTS.get(state, BundleKey(message.bundle))
    if draft is None:
        reject(Code.BUNDLE_NOT_FOUND, expected="a published bundle", actual=message.bundle.hex())
    if draft.state == DraftState.WITHDRAWN or not is_countersigned(state, draft):
        expected = f"active keys of operator {draft.publisher} and of another under the bundle"
        reject(Code.NOT_COUNTERSIGNED, expected=expected, actual=sorted({s.operator for s in draft.signatures}))
    manifest = manifest_of(state, message.bundle)
    name = manifest.name.encode("ascii")
    named = NAMES.get(state, NameKey(name_digest(name)))
    rule = None if named is None else named.rule
    check_continues(state, at, rule, manifest, message.bundle)
    _check_height(state, at, rule, message)
    if manifest.effective_from < at.time and not message.backdated:
        expected = f"usage from {at.time} on, or the word that past usage is meant"
        reject(Code.BACKDATED_WITHOUT_SAYING_SO, expected=expected, actual=manifest.effective_from)
    number, version = _numbers(state, rule)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    stated = outcomes_digest(vectors_of(BUNDLES.require(state, BundleKey(message.bundle)).raw))
    readiness = readiness_hash(at.chain, Readiness(number, version, message.bundle, stated))
    scheduled = _scheduled(number, version, message, manifest, at.mandate, readiness)
    if rule is None:
        return (RulePublished(number, name, manifest.slot), scheduled)
    return (scheduled,)


def _scheduled(
    rule: int, version: int, message: ScheduleVersion, manifest: Manifest, mandate: bytes, readiness: bytes
) -> VersionScheduled:
    usage = manifest.effective_from, manifest.effective_to
    heights = message.activation, message.backdated
    return VersionScheduled(rule, version, message.bundle, *usage, *heights, mandate, readiness)


def _check_height(state: Reader, at: Context, rule: int | None, message: ScheduleVersion) -> None:
    if message.activation <= at.height:
        reject(Code.ACTIVATES_IN_THE_PAST, expected=f"a height above {at.height}", actual=message.activation)
    before = None if rule is None else latest(state, rule)
    if before is not None and before[1].activation == message.activation:
        expected = f"another height than that of version {before[0]}"
        reject(Code.ACTIVATION_COLLIDES, expected=expected, actual=message.activation)


def _numbers(state: Reader, rule: int | None) -> tuple[int, int]:
    """The rule's number, a new one for a new name, and the number of its next version."""
    if rule is None:
        number = max((key.rule for key, _ in RULES.rows(state)), default=0) + 1
        if number > _LAST_RULE:
            reject(Code.NO_NUMBER_LEFT, expected=f"at most {_LAST_RULE} rules", actual=number)
        return number, 1
    version = last_version(state, rule) + 1
    if version > _LAST_VERSION:
        reject(Code.NO_NUMBER_LEFT, expected=f"at most {_LAST_VERSION} versions", actual=version)
    return rule, version
