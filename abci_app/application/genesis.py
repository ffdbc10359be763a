"""The first state: a list of facts that the members agreed on outside the chain."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.application.interface import Genesis
from abci_app.application.router import BY_FACT, Fact, read_fact, record
from abci_app.domain.members.queries import validator_powers
from abci_app.domain.members.schema import (
    VALIDATOR_POWER,
    KeyRegistered,
    OperatorAdmitted,
    UnitRegistered,
    ValidatorAppointed,
)
from abci_app.domain.members.tables import OPERATORS, OperatorKey, key_counts_are_true
from abci_app.kernel.encoding import Malformed, encode
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
    state = Overlay(Empty())
    for key, value in sentinels().items():
        state.put(key, value)
    records = []
    for number, raw in enumerate(genesis.facts):
        fact = _read(number, raw)
        written = record(fact, 0, genesis.time, 0, 0)
        if written.kind in _CREATING and state.get(written.object) is not None:
            raise GenesisFault(f"fact {number} about a new object", f"{written.kind} a second time")
        _check_operator(state, number, fact)
        BY_FACT[type(fact)].fold(state, fact)
        records.append(encode(written))
    _check(state, genesis)
    return FirstState(state.writes, tuple(records))


_CREATING = frozenset(
    {
        "members.operator_admitted",
        "members.unit_registered",
        "members.key_registered",
        "members.validator_appointed",
    }
)


def _read(number: int, raw: bytes) -> Fact:
    try:
        return read_fact(raw)
    except Malformed as fault:
        raise GenesisFault(f"fact {number} in canonical form", fault) from fault


def _check_operator(state: Overlay, number: int, fact: Fact) -> None:
    """Keys, units and validators belong to an operator that an earlier fact admitted."""
    if isinstance(fact, UnitRegistered | KeyRegistered | ValidatorAppointed):
        if OPERATORS.get(state, OperatorKey(fact.operator)) is None:
            raise GenesisFault(f"fact {number} about an admitted operator", fact.operator)
    elif not isinstance(fact, OperatorAdmitted):
        raise GenesisFault(f"fact {number} of a kind that genesis may hold", type(fact).__name__)


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
