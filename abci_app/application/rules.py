"""Compiled rules by bundle hash: a cache beside the state, never in it."""

from __future__ import annotations

from functools import partial

from abci_app.domain.rulebook.tables import BUNDLES, BundleKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import RuleFunction, Rules
from abci_app.rules.bundle import LoadedRule, load_bundle, manifest_of
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from abci_app.rules.tables import Cell
from abci_app.state.overlay import Reader


class RuleCache:
    """Compiles a bundle of the rulebook the first time that a rule is called.

    Loading is a function of the bundle's bytes, so what was compiled for one state serves every other.
    """

    def __init__(self) -> None:
        self._loaded: dict[bytes, LoadedRule] = {}
        self._interfaces: dict[bytes, int] = {}

    def bound(self, state: Reader) -> Rules:
        """The rules of a state."""
        return _RulesOfState(self, state)

    def rule(self, state: Reader, bundle: bytes) -> LoadedRule:
        """A bundle of the state's rulebook, compiled."""
        rule = self._loaded.get(bundle)
        if rule is None:
            rule = load_bundle(BUNDLES.require(state, BundleKey(bundle)).raw)
            self._loaded[bundle] = rule
        return rule

    def interface(self, state: Reader, bundle: bytes) -> int:
        """What a bundle's manifest says, without compiling it."""
        found = self._interfaces.get(bundle)
        if found is None:
            found = manifest_of(BUNDLES.require(state, BundleKey(bundle)).raw).interface
            self._interfaces[bundle] = found
        return found


class _RulesOfState:
    """`Rules` of one state, by a cache that many share."""

    def __init__(self, cache: RuleCache, state: Reader) -> None:
        self._cache = cache
        self._state = state

    def __call__(self, bundle: bytes, entry: str) -> RuleFunction:
        return partial(_call, self._cache.rule(self._state, bundle), entry)

    def bound(self, bundle: bytes, entry: str, parameters: tuple[int, ...]) -> RuleFunction:
        rule = self._cache.rule(self._state, bundle)
        names = rule.parameters()
        if len(names) != len(parameters):
            return partial(_misfit, names, len(parameters))
        given = dict(zip(names, parameters, strict=True))
        further = tuple(given[one.name] for one in rule.agreement_parameters(entry))

        def call(*leading: Cell) -> tuple[int, ...]:
            return _call(rule, entry, *leading, *further)

        return call

    def interface(self, bundle: bytes) -> int:
        return self._cache.interface(self._state, bundle)


def _misfit(names: tuple[str, ...], given: int, *_: Cell) -> tuple[int, ...]:
    expected = f"the parameters {', '.join(names) or 'none'} from the agreement"
    raise Rejected(RuleCode.ARGUMENT_OUT_OF_RANGE, expected, f"{given} of them")


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
