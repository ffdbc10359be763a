"""Compiled rules by bundle hash: a cache beside the state, never in it."""

from __future__ import annotations

from functools import partial

from abci_app.domain.rulebook.tables import BUNDLES, BundleKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import RuleFunction, Rules
from abci_app.rules.bundle import LoadedRule, load_bundle
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from abci_app.rules.tables import Cell
from abci_app.state.overlay import Reader


class RuleCache:
    """Compiles a bundle of the rulebook the first time that a rule is called.

    Loading is a function of the bundle's bytes, so what was compiled for one state serves every other.
    """

    def __init__(self) -> None:
        self._loaded: dict[bytes, LoadedRule] = {}

    def bound(self, state: Reader) -> Rules:
        """The rules of a state: a function from bundle hash and entry point to the compiled rule."""

        def entry(bundle: bytes, name: str) -> RuleFunction:
            return partial(_call, self._rule(state, bundle), name)

        return entry

    def _rule(self, state: Reader, bundle: bytes) -> LoadedRule:
        rule = self._loaded.get(bundle)
        if rule is None:
            rule = load_bundle(BUNDLES.require(state, BundleKey(bundle)).raw)
            self._loaded[bundle] = rule
        return rule


def _call(rule: LoadedRule, entry: str, *arguments: Cell) -> tuple[int, ...]:
    """Arguments come from messages: one outside the rule's declared range is refused, as is what the rule rejects."""
    try:
        return rule.call(entry, *arguments)
    except RuleRefused as refusal:
        if refusal.code not in _OF_THE_CALLER:
            raise
        raise Rejected(refusal.code, refusal.expected, refusal.actual) from refusal
    except RejectedByRule as rejection:
        raise Rejected(RuleCode.REJECTED_BY_RULE, f"what {rule.manifest.name} accepts", rejection.code) from rejection


_OF_THE_CALLER = frozenset({RuleCode.ARGUMENT_OUT_OF_RANGE})
