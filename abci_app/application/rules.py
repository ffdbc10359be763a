"""Compiled rules by bundle hash: a cache beside the state, never in it."""

from __future__ import annotations

from functools import partial

from abci_app.domain.rulebook.queries import manifest_of
from abci_app.domain.rulebook.tables import BUNDLES, BundleKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import RuleFunction, Rules
from abci_app.rules.bundle import LoadedRule, load_bundle
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from abci_app.rules.tables import Cell
from abci_app.state.overlay import Reader


class ExecutorFault(Exception):
    """A bundle that the chain has accepted does not load here: this machine computes otherwise than the others.

    Whoever published it had it checked by every node, its vectors run. For people: which bundle and vector, what was
    expected, what came, what to do. The node must not go on (RULES.md, "Governance").
    """

    def __init__(self, bundle: bytes, refusal: RuleRefused) -> None:
        name = bundle.hex()
        super().__init__(
            f"rule bundle {name}, which the chain has accepted, does not hold on this machine: {refusal}. "
            "The executor here computes otherwise than those of the other nodes, so this node stops rather than go on "
            "with figures that nobody else has. Compare its release and its Python with another member's, install "
            "the release again from its own package, and start again; the data is intact. `settle gov readiness "
            f"{name[:16]}`, asked at another member's node, shows whose executors agree"
        )
        self.bundle = bundle


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
        """A bundle of the state's rulebook, compiled. Raises `ExecutorFault` where it does not hold here."""
        rule = self._loaded.get(bundle)
        if rule is None:
            raw = BUNDLES.require(state, BundleKey(bundle)).raw
            try:
                rule = self._loaded[bundle] = load_bundle(raw)
            except RuleRefused as refusal:
                raise ExecutorFault(bundle, refusal) from refusal
        return rule

    def interface(self, state: Reader, bundle: bytes) -> int:
        """What a bundle's manifest says, without compiling it."""
        found = self._interfaces.get(bundle)
        if found is None:
            found = self._interfaces[bundle] = manifest_of(state, bundle).interface
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
