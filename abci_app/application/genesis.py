"""The first state: a list of facts that the members agreed on outside the chain."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.application.interface import Genesis
from abci_app.application.router import BY_FACT, Fact, check_form, read_fact, record
from abci_app.domain.governance.schema import ParametersSet, SetParameters, SetThresholds, ThresholdsSet
from abci_app.domain.members.queries import validator_powers
from abci_app.domain.members.schema import (
    VALIDATOR_POWER,
    KeyRegistered,
    NodeRegistered,
    OperatorAdmitted,
    UnitRegistered,
    ValidatorAppointed,
)
from abci_app.domain.members.tables import OPERATORS, OperatorKey, key_counts_are_true
from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.domain.rulebook.tables import BUNDLES, RULES, BundleKey, RuleKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import LATEST_INSTANT, Malformed, encode
from abci_app.kernel.signatures import is_key
from abci_app.kernel.thresholds import MOST_SEATS
from abci_app.rules.bundle import bundle_hash, load_bundle, read_bundle
from abci_app.rules.codes import RuleRefused
from abci_app.state.forest import sentinels
from abci_app.state.overlay import Empty, Overlay


class GenesisFault(Exception):
    """The genesis file does not describe a chain that can start. For people: expected, came, what to do."""

    def __init__(self, expected: object, actual: object) -> None:
        super().__init__(
            f"genesis refused: expected {expected}, got {actual}; compare the file with the other members'"
        )


class FirstState(NamedTuple):
    """The rows and the canonical fact records of genesis."""

    writes: dict[bytes, bytes | None]
    records: tuple[bytes, ...]


def first_state(genesis: Genesis) -> FirstState:
    """Fold the genesis facts over nothing. Raises `GenesisFault`.

    Each fact is recorded with height 0, operator 0 and the genesis time.
    """
    if genesis.initial_height != 1:
        raise GenesisFault("initial_height 1", genesis.initial_height)
    if not 0 <= genesis.time <= LATEST_INSTANT:
        raise GenesisFault(f"a genesis_time of 0 to {LATEST_INSTANT} seconds after 1970", genesis.time)
    state = Overlay(Empty())
    for key, value in sentinels().items():
        state.put(key, value)
    records = []
    for number, raw in enumerate(genesis.facts):
        fact = _read(number, raw)
        written = record(fact, 0, genesis.time, 0, 0)
        if state.get(written.object) is not None:
            raise GenesisFault(f"fact {number} about a new object", f"{written.kind} a second time")
        _check_fact(state, number, fact)
        BY_FACT[type(fact)].fold(state, fact)
        records.append(encode(written))
    _check(state, genesis)
    return FirstState(state.writes, tuple(records))


def _read(number: int, raw: bytes) -> Fact:
    try:
        return read_fact(raw)
    except Malformed as fault:
        raise GenesisFault(f"fact {number} in canonical form", fault) from fault


def _check_fact(state: Overlay, number: int, fact: Fact) -> None:
    """A genesis fact makes a new object, and what it builds on was made by an earlier fact."""
    match fact:
        case OperatorAdmitted():
            if fact.operator > MOST_SEATS:
                raise GenesisFault(f"fact {number} with an operator's number of at most {MOST_SEATS}", fact.operator)
        case UnitRegistered() | KeyRegistered() | ValidatorAppointed() | NodeRegistered():
            if OPERATORS.get(state, OperatorKey(fact.operator)) is None:
                raise GenesisFault(f"fact {number} about an admitted operator", fact.operator)
            if isinstance(fact, KeyRegistered) and not is_key(fact.suite, fact.key):
                raise GenesisFault(f"fact {number} with a public key of suite {fact.suite}", fact.key.hex())
        case BundleStored():
            _check_bundle(number, fact)
        case RulePublished():
            pass
        case RuleVersionActivated():
            _check_version(state, number, fact)
        case ParametersSet():
            _check_form(number, SetParameters(fact.parameters))
        case ThresholdsSet():
            _check_form(number, SetThresholds(fact.thresholds))
        case _:
            raise GenesisFault(f"fact {number} of a kind that genesis may hold", type(fact).__name__)


def _check_form(number: int, message: SetParameters | SetThresholds) -> None:
    """What no vote could set, genesis does not set either."""
    try:
        check_form(message)
    except Rejected as refusal:
        raise GenesisFault(f"fact {number} within bounds: {refusal.expected}", refusal.actual) from refusal


def _check_bundle(number: int, fact: BundleStored) -> None:
    if bundle_hash(fact.raw) != fact.bundle:
        raise GenesisFault(f"fact {number} with the bundle of hash {fact.bundle.hex()}", bundle_hash(fact.raw).hex())
    try:
        load_bundle(fact.raw)
    except RuleRefused as refusal:
        raise GenesisFault(f"fact {number} with a rule that checks here as everywhere", refusal) from refusal


def _check_version(state: Overlay, number: int, fact: RuleVersionActivated) -> None:
    rule = RULES.get(state, RuleKey(fact.rule))
    stored = BUNDLES.get(state, BundleKey(fact.bundle))
    if rule is None or stored is None:
        raise GenesisFault(f"fact {number} about a published rule and a stored bundle", fact.bundle.hex())
    manifest = read_bundle(stored.raw).manifest
    if manifest.slot != rule.slot:
        raise GenesisFault(f"fact {number} with a bundle for slot {rule.slot.name}", manifest.slot.name)
    if (manifest.effective_from, manifest.effective_to) != (fact.usage_from, fact.usage_to):
        came = f"{fact.usage_from} to {fact.usage_to}"
        raise GenesisFault(f"usage from {manifest.effective_from} to {manifest.effective_to}", came)


def _check(state: Overlay, genesis: Genesis) -> None:
    from_facts = sorted(validator_powers(state))
    from_node = sorted((validator.key, validator.power) for validator in genesis.validators)
    if from_facts != from_node:
        raise GenesisFault(
            [(key.hex(), power) for key, power in from_facts],
            [(key.hex(), power) for key, power in from_node],
        )
    if not from_facts or any(power != VALIDATOR_POWER for _, power in from_facts):
        raise GenesisFault(f"validators of power {VALIDATOR_POWER} each", [power for _, power in from_facts])
    if not key_counts_are_true(state):
        raise GenesisFault("operators each with an administrator key", "an operator without one")
