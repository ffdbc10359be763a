"""Where members live, and what must always hold of them."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from abci_app.domain.members.schema import (
    Fact,
    KeyChangeClosed,
    KeyChangeSigned,
    KeyRegistered,
    KeyRevoked,
    KeysProposed,
    LastChange,
    Membership,
    MembershipChanged,
    Node,
    NodeRegistered,
    NodeRetired,
    Operator,
    OperatorAdmitted,
    PendingKeyChange,
    RegisteredKey,
    Unit,
    UnitRegistered,
    Validator,
    ValidatorAdded,
    ValidatorAppointed,
    ValidatorRemoved,
    ValidatorSuspended,
)
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 1


class OperatorKey(NamedTuple):
    operator: int


class UnitKey(NamedTuple):
    operator: int
    unit: int


class KeyKey(NamedTuple):
    key: bytes


class ChangeKey(NamedTuple):
    document: bytes


class ValidatorKey(NamedTuple):
    public: bytes


class NodeKey(NamedTuple):
    node: bytes


class LastChangeKey(NamedTuple):
    """The only row there is: number 0."""

    number: int


OPERATORS: Table[OperatorKey, Operator] = Table(STORE, 1, OperatorKey, "I", Operator)
UNITS: Table[UnitKey, Unit] = Table(STORE, 2, UnitKey, "IH", Unit)
KEYS: Table[KeyKey, RegisteredKey] = Table(STORE, 3, KeyKey, "33s", RegisteredKey)
KEY_CHANGES: Table[ChangeKey, PendingKeyChange] = Table(STORE, 4, ChangeKey, "32s", PendingKeyChange)
VALIDATORS: Table[ValidatorKey, Validator] = Table(STORE, 5, ValidatorKey, "32s", Validator)
NODES: Table[NodeKey, Node] = Table(STORE, 6, NodeKey, "20s", Node)
LAST_CHANGE: Table[LastChangeKey, LastChange] = Table(STORE, 7, LastChangeKey, "B", LastChange)
THE_LAST_CHANGE = LastChangeKey(0)


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case OperatorAdmitted() | MembershipChanged():
            return OPERATORS.at(OperatorKey(fact.operator))
        case UnitRegistered():
            return UNITS.at(UnitKey(fact.operator, fact.unit))
        case KeyRegistered() | KeyRevoked():
            return KEYS.at(KeyKey(fact.key))
        case ValidatorAppointed() | ValidatorAdded() | ValidatorRemoved() | ValidatorSuspended():
            return VALIDATORS.at(ValidatorKey(fact.public))
        case NodeRegistered() | NodeRetired():
            return NODES.at(NodeKey(fact.node))
        case KeysProposed() | KeyChangeSigned() | KeyChangeClosed():
            return KEY_CHANGES.at(ChangeKey(fact.document))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the document that a fact rests on; empty where there is none."""
    match fact:
        case KeysProposed() | KeyChangeSigned() | KeyChangeClosed():
            return fact.document
        case (
            OperatorAdmitted()
            | MembershipChanged()
            | UnitRegistered()
            | KeyRegistered()
            | KeyRevoked()
            | ValidatorAppointed()
            | ValidatorAdded()
            | ValidatorRemoved()
            | ValidatorSuspended()
            | NodeRegistered()
            | NodeRetired()
        ):
            return b""
        case _:
            assert_never(fact)


def key_counts_are_true(state: Reader) -> bool:
    """Every operator's counters equal what its keys and nodes add up to; it has an administrator unless removed."""
    keys: dict[int, int] = {}
    administrators: dict[int, int] = {}
    for _, row in KEYS.rows(state):
        if row.active:
            keys[row.operator] = keys.get(row.operator, 0) + 1
            if row.role == Role.ADMIN:
                administrators[row.operator] = administrators.get(row.operator, 0) + 1
    nodes: dict[int, int] = {}
    for _, node in NODES.rows(state):
        nodes[node.operator] = nodes.get(node.operator, 0) + 1
    return all(
        row.keys == keys.get(key.operator, 0)
        and row.administrators == administrators.get(key.operator, 0)
        and row.nodes == nodes.get(key.operator, 0)
        and (row.administrators > 0) == (row.membership != Membership.REMOVED)
        for key, row in OPERATORS.rows(state)
    )
