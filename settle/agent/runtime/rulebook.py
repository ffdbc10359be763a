"""The chain's rules as agents run them: bundles fetched by hash, checked, compiled, remembered."""

from __future__ import annotations

from typing import Final

from abci_app.domain.rulebook.schema import Bundle, RuleVersion, Suspension
from abci_app.kernel.encoding import U16, U64, Decoder, Malformed, encode
from abci_app.rules.bundle import LoadedRule, load_bundle
from abci_app.rules.codes import RuleRefused
from settle.chain.errors import ChainError
from settle.chain.rpc import Node

_read_bundle: Final[Decoder[Bundle]] = Decoder(Bundle)
_read_versions: Final[Decoder[tuple[tuple[U16, RuleVersion], ...]]] = Decoder(tuple[tuple[U16, RuleVersion], ...])
_read_suspensions: Final[Decoder[tuple[tuple[U64, Suspension], ...]]] = Decoder(tuple[tuple[U64, Suspension], ...])


class Rulebook:
    """Loads each bundle once. A bundle's name is its hash, so nothing that was loaded ever changes."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._loaded: dict[bytes, LoadedRule] = {}
        self._versions: dict[tuple[int, int], tuple[RuleVersion, ...]] = {}  # active ones, of one height

    def rule(self, bundle: bytes) -> LoadedRule:
        """The rule with this bundle hash. Raises `QueryRefused` where the chain has none, `ChainError` where what
        the node gives is not that bundle."""
        rule = self._loaded.get(bundle)
        if rule is None:
            try:
                rule = load_bundle(_read_bundle(self._node.query("/rulebook/bundle", encode(bundle))).raw)
            except (Malformed, RuleRefused) as fault:
                raise _strange(bundle, str(fault)) from fault
            if rule.hash != bundle:
                raise _strange(bundle, f"the bundle {rule.hash.hex()}")
            self._loaded[bundle] = rule
        return rule

    def rule_for(self, number: int, usage_time: int, height: int) -> LoadedRule | None:
        """The version of a rule for usage at `usage_time` as of a height, as the chain chooses it: the highest whose
        interval holds the time and that is active; None where there is none, and while the rule is suspended.
        Raises what `rule` raises."""
        versions = self._versions.get((number, height))
        if versions is None:
            self._versions = {key: rows for key, rows in self._versions.items() if key[1] == height}
            versions = self._active(number, height)
            self._versions[number, height] = versions
        found = [row for row in versions if row.usage_from <= usage_time < row.usage_to]
        return self.rule(found[-1].bundle) if found else None

    def _active(self, number: int, height: int) -> tuple[RuleVersion, ...]:
        suspensions = _read_suspensions(self._node.query("/rulebook/suspensions", encode(number)))
        if any(begins <= height < row.until for begins, row in suspensions):
            return ()
        versions = _read_versions(self._node.query("/rulebook/versions", encode(number)))
        return tuple(row for _, row in versions if row.active_from <= height < row.active_to)


def _strange(bundle: bytes, actual: str) -> ChainError:
    return ChainError(
        expected=f"the bundle {bundle.hex()} of the rulebook",
        actual=actual,
        next_step="ask another node: this one's answer is not what the chain pinned",
    )
