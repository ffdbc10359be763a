"""What anyone may ask about rules."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from abci_app.domain.rulebook.schema import RuleVersion, VersionInForce
from abci_app.domain.rulebook.tables import BUNDLES, RULES, VERSIONS, BundleKey, RuleKey
from abci_app.kernel.encoding import U32, Decoder, Hash32
from abci_app.state.overlay import Reader

_RULE_PREFIX = Struct(">I")


def version_for(state: Reader, rule: int, usage_time: int, height: int) -> VersionInForce | None:
    """The version of a rule that rates usage at `usage_time`, as of a block's height.

    It is the highest version whose usage interval holds the time and which is active at the height;
    None where there is none. Versions are never deleted, so the answer for a past height stays.
    """
    found: VersionInForce | None = None
    for key, row in VERSIONS.rows(state, _RULE_PREFIX.pack(rule)):
        if row.usage_from <= usage_time < row.usage_to and row.active_from <= height:
            found = VersionInForce(key.version, row.bundle)
    return found


def versions_over(
    state: Reader, rule: int, usage_from: int, usage_to: int, height: int
) -> tuple[VersionInForce | None, ...]:
    """The versions that rate usage of [usage_from, usage_to), each once, in the order of usage.

    None stands for a stretch that no version rates. One version alone covers the whole.
    """
    bounds = {usage_from}
    for _, row in VERSIONS.rows(state, _RULE_PREFIX.pack(rule)):
        bounds.update(bound for bound in (row.usage_from, row.usage_to) if usage_from < bound < usage_to)
    found: list[VersionInForce | None] = []
    for instant in sorted(bounds):
        version = version_for(state, rule, instant, height)
        if version not in found:
            found.append(version)
    return tuple(found)


_read_rule: Decoder[int] = Decoder(U32)
_read_bundle: Decoder[bytes] = Decoder(Hash32)


def _rules(state: Reader, time: int, data: bytes) -> object:
    return tuple((key.rule, row) for key, row in RULES.rows(state))


def _rule(state: Reader, time: int, data: bytes) -> object:
    return RULES.get(state, RuleKey(_read_rule(data)))


def _versions(state: Reader, time: int, data: bytes) -> tuple[tuple[int, RuleVersion], ...]:
    rows = VERSIONS.rows(state, _RULE_PREFIX.pack(_read_rule(data)))
    return tuple((key.version, row) for key, row in rows)


def _bundle(state: Reader, time: int, data: bytes) -> object:
    return BUNDLES.get(state, BundleKey(_read_bundle(data)))


QUERIES: dict[str, Callable[[Reader, int, bytes], object]] = {
    "/rulebook/rules": _rules,
    "/rulebook/rule": _rule,
    "/rulebook/versions": _versions,
    "/rulebook/bundle": _bundle,
}
"""Path to question: (state, header time, canonical arguments) -> answer to encode, or None."""
