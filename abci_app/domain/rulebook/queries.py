"""What anyone may ask about rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from struct import Struct

from abci_app.domain.members.queries import node_powers, signatures_in_force
from abci_app.domain.rulebook.schema import (
    NEVER,
    Draft,
    RuleVersion,
    Suspension,
    VersionInForce,
    VersionState,
)
from abci_app.domain.rulebook.tables import (
    BUNDLES,
    DRAFTS,
    READINESS,
    RULES,
    SUSPENSIONS,
    VERSIONS,
    BundleKey,
    ReadinessKey,
    RuleKey,
    SuspensionKey,
    VersionKey,
)
from abci_app.kernel.approvals import Signature, approving
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U16, U32, U64, Decoder, Hash32, Value
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, is_over
from abci_app.rules.bundle import Manifest, manifest_in
from abci_app.state.overlay import Reader

_RULE_PREFIX = Struct(">I")


def versions_of(state: Reader, rule: int) -> Iterator[tuple[VersionKey, RuleVersion]]:
    """Every version that a rule has ever had, the first one first, whatever has become of it."""
    return VERSIONS.rows(state, _RULE_PREFIX.pack(rule))


def manifest_of(state: Reader, bundle: bytes) -> Manifest:
    """The manifest of a stored bundle."""
    return manifest_in(BUNDLES.require(state, BundleKey(bundle)).raw)


def version_for(state: Reader, rule: int, usage_time: int, height: int) -> VersionInForce | None:
    """The version of a rule that rates usage at `usage_time`, as of a block's height.

    It is the highest version whose usage interval holds the time and which is active at the height;
    None where there is none, and while the rule is suspended: nothing falls back to an older version by itself.
    Versions are never deleted, so the answer for a past height stays.
    """
    if suspended_at(state, rule, height):
        return None
    return _rating(versions_of(state, rule), usage_time, height)


def versions_over(
    state: Reader, rule: int, usage_from: int, usage_to: int, height: int
) -> tuple[VersionInForce | None, ...]:
    """The versions that rate usage of [usage_from, usage_to), each once, in the order of usage.

    None stands for a stretch that no version rates. One version alone covers the whole.
    """
    if suspended_at(state, rule, height):
        return (None,)
    return _over(list(versions_of(state, rule)), usage_from, usage_to, height)


def suspended_at(state: Reader, rule: int, height: int) -> bool:
    """Whether the rule has no version in force at a height because of a suspension."""
    rows = SUSPENSIONS.rows(state, _RULE_PREFIX.pack(rule))
    return any(key.suspended_from <= height < row.until for key, row in rows)


def last_suspension(state: Reader, rule: int) -> tuple[SuspensionKey, Suspension] | None:
    """The suspension of a rule that began last, whether it is still in force or not."""
    found: tuple[SuspensionKey, Suspension] | None = None
    for pair in SUSPENSIONS.rows(state, _RULE_PREFIX.pack(rule)):
        found = pair
    return found


def _state_of(version: int, row: RuleVersion, height: int, rating: frozenset[int], *, suspended: bool) -> VersionState:
    if row.withdrawn:
        return VersionState.REJECTED
    if row.active_to <= height:
        return VersionState.RETIRED
    if row.active_from > height:
        return VersionState.APPROVED
    if version not in rating:
        return VersionState.RETIRED
    return VersionState.SUSPENDED if suspended else VersionState.ACTIVE


def latest(state: Reader, rule: int) -> tuple[int, RuleVersion] | None:
    """The version of a rule that was scheduled last and still counts: the next one continues its sequence."""
    found: tuple[int, RuleVersion] | None = None
    for key, row in versions_of(state, rule):
        if not row.withdrawn:
            found = key.version, row
    return found


def scope_of(state: Reader, rule: int) -> int:
    """The one agreement that a rule is made for; 0 where it is the consortium's. It is the same in all versions."""
    for _, row in versions_of(state, rule):
        return manifest_of(state, row.bundle).scope
    return 0


def last_version(state: Reader, rule: int) -> int:
    """The highest version number that a rule has ever had; 0 where there is none."""
    return max((key.version for key, _ in versions_of(state, rule)), default=0)


def waiting(state: Reader, height: int) -> Iterator[tuple[VersionKey, RuleVersion]]:
    """The versions that a vote has carried and that are not yet active at a height, nor rolled back before."""
    for key, row in VERSIONS.rows(state):
        if not row.withdrawn and height < row.active_from and height < row.active_to and row.mandate:
            yield key, row


def is_countersigned(state: Reader, draft: Draft, further: tuple[Signature, ...] = ()) -> bool:
    """Whether the publisher and another operator have signed a bundle with keys that are still active."""
    signed = approving(signatures_in_force(state, (*draft.signatures, *further)))
    return draft.publisher in signed and len(signed) > 1


def activation(state: Reader, row: RuleVersion, height: int, grace: int, further: tuple[Signature, ...] = ()) -> int:
    """The height from which a version runs, as far as the nodes' readiness goes by now.

    The height of the vote where all validating operators are ready, the same after a grace where over two thirds
    of their power is, NEVER before; and never the present block, which has begun. A height with the grace of its
    day is kept: parameters that change meanwhile do not move it.
    """
    ready = approving(signatures_in_force(state, (*row.ready, *further)))
    powers = node_powers(state)
    if powers and all(operator in ready for operator in powers):
        return max(row.activation, height + 1)
    ayes = sum(power for operator, power in powers.items() if operator in ready)
    if is_over(FIRST_THRESHOLDS.consortium, ayes, sum(powers.values())):
        has_grace = row.activation < row.active_from < NEVER
        return max(row.active_from if has_grace else row.activation + grace, height + 1)
    return NEVER


def _rating(versions: Iterable[tuple[VersionKey, RuleVersion]], usage_time: int, height: int) -> VersionInForce | None:
    found: VersionInForce | None = None
    for key, row in versions:
        if row.usage_from <= usage_time < row.usage_to and row.active_from <= height < row.active_to:
            found = VersionInForce(key.version, row.bundle)
    return found


def _over(
    versions: list[tuple[VersionKey, RuleVersion]], usage_from: int, usage_to: int, height: int
) -> tuple[VersionInForce | None, ...]:
    bounds = {usage_from}
    for _, row in versions:
        bounds.update(bound for bound in (row.usage_from, row.usage_to) if usage_from < bound < usage_to)
    found: list[VersionInForce | None] = []
    for instant in sorted(bounds):
        version = _rating(versions, instant, height)
        if version not in found:
            found.append(version)
    return tuple(found)


def _all_rating(versions: list[tuple[VersionKey, RuleVersion]], height: int) -> frozenset[int]:
    """The versions that rate any usage at all as of a height, but for suspensions."""
    bounds = {bound for _, row in versions for bound in (row.usage_from, row.usage_to)}
    found = (_rating(versions, instant, height) for instant in bounds)
    return frozenset(version.version for version in found if version is not None)


class AtHeight(Value, frozen=True):
    """The arguments of a question about a rule as of a height."""

    rule: U32
    height: U64


class VersionAt(Value, frozen=True):
    """One version in the answer about a rule's history."""

    version: U16
    state: VersionState
    row: RuleVersion


class ReadinessAt(Value, frozen=True):
    """A version whose nodes are asked whether they are ready: by its readiness hash, or among all that wait."""

    rule: U32
    version: U16
    row: RuleVersion


_read_rule: Decoder[int] = Decoder(U32)
_read_hash: Decoder[bytes] = Decoder(Hash32)
_read_at: Decoder[AtHeight] = Decoder(AtHeight)


def _rules(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.rule, row) for key, row in RULES.rows(state))


def _rule(state: Reader, now: Moment, data: bytes) -> object:
    return RULES.get(state, RuleKey(_read_rule(data)))


def _versions(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.version, row) for key, row in versions_of(state, _read_rule(data)))


def _bundle(state: Reader, now: Moment, data: bytes) -> object:
    return BUNDLES.get(state, BundleKey(_read_hash(data)))


def _drafts(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.bundle, row) for key, row in DRAFTS.rows(state))


def _draft(state: Reader, now: Moment, data: bytes) -> object:
    return DRAFTS.get(state, BundleKey(_read_hash(data)))


def _readiness(state: Reader, now: Moment, data: bytes) -> object:
    place = READINESS.get(state, ReadinessKey(_read_hash(data)))
    if place is None:
        return None
    row = VERSIONS.require(state, VersionKey(place.rule, place.version))
    return ReadinessAt(place.rule, place.version, row)


def _waiting(state: Reader, now: Moment, data: bytes) -> object:
    return tuple(ReadinessAt(key.rule, key.version, row) for key, row in waiting(state, now.height))


def _history(state: Reader, now: Moment, data: bytes) -> object:
    asked = _read_at(data)
    versions = list(versions_of(state, asked.rule))
    rating, suspended = _all_rating(versions, asked.height), suspended_at(state, asked.rule, asked.height)
    return tuple(
        VersionAt(key.version, _state_of(key.version, row, asked.height, rating, suspended=suspended), row)
        for key, row in versions
    )


def _suspensions(state: Reader, now: Moment, data: bytes) -> object:
    rows = SUSPENSIONS.rows(state, _RULE_PREFIX.pack(_read_rule(data)))
    return tuple((key.suspended_from, row) for key, row in rows)


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/rulebook/rules": _rules,
    "/rulebook/rule": _rule,
    "/rulebook/versions": _versions,
    "/rulebook/history": _history,
    "/rulebook/bundle": _bundle,
    "/rulebook/drafts": _drafts,
    "/rulebook/draft": _draft,
    "/rulebook/readiness": _readiness,
    "/rulebook/waiting": _waiting,
    "/rulebook/suspensions": _suspensions,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
