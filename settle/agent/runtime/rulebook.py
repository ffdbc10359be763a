"""The chain's rules as agents run them: bundles fetched by hash, checked, compiled, remembered."""

from __future__ import annotations

from typing import Final

from abci_app.domain.rulebook.schema import Bundle
from abci_app.kernel.encoding import Decoder, Malformed, encode
from abci_app.rules.bundle import LoadedRule, load_bundle
from abci_app.rules.codes import RuleRefused
from settle.chain.errors import ChainError
from settle.chain.rpc import Node

_read_bundle: Final[Decoder[Bundle]] = Decoder(Bundle)


class Rulebook:
    """Loads each bundle once. A bundle's name is its hash, so nothing that was loaded ever changes."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._loaded: dict[bytes, LoadedRule] = {}

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


def _strange(bundle: bytes, actual: str) -> ChainError:
    return ChainError(
        expected=f"the bundle {bundle.hex()} of the rulebook",
        actual=actual,
        next_step="ask another node: this one's answer is not what the chain pinned",
    )
