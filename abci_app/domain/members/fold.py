"""What each fact does to members. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from abci_app.domain.members.schema import (
    ChangeState,
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
from abci_app.domain.members.tables import (
    KEY_CHANGES,
    KEYS,
    LAST_CHANGE,
    NODES,
    OPERATORS,
    THE_LAST_CHANGE,
    UNITS,
    VALIDATORS,
    ChangeKey,
    KeyKey,
    NodeKey,
    OperatorKey,
    UnitKey,
    ValidatorKey,
)
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    match fact:
        case OperatorAdmitted():
            row = Operator(fact.code, fact.name, fact.kind, fact.currency, 0, 0, 0, 0, Membership.ACTIVE)
            OPERATORS.put(state, OperatorKey(fact.operator), row)
        case MembershipChanged():
            key = OperatorKey(fact.operator)
            OPERATORS.put(state, key, replace(OPERATORS.require(state, key), membership=fact.membership))
        case UnitRegistered():
            UNITS.put(state, UnitKey(fact.operator, fact.unit), Unit(fact.name))
        case KeyRegistered():
            KEYS.put(state, KeyKey(fact.key), RegisteredKey(fact.operator, fact.suite, fact.role, True))
            _count(state, fact.operator, fact.role, 1)
        case KeyRevoked():
            before = KEYS.require(state, KeyKey(fact.key))
            KEYS.put(state, KeyKey(fact.key), replace(before, active=False))
            _count(state, fact.operator, before.role, -1)
        case ValidatorAppointed() | ValidatorAdded() | ValidatorRemoved() | ValidatorSuspended():
            _validator(state, fact)
        case NodeRegistered():
            NODES.put(state, NodeKey(fact.node), Node(fact.operator))
            _count_nodes(state, fact.operator, 1)
        case NodeRetired():
            NODES.delete(state, NodeKey(fact.node))
            _count_nodes(state, fact.operator, -1)
        case KeysProposed() | KeyChangeSigned() | KeyChangeClosed():
            _key_change(state, fact)
        case _:
            assert_never(fact)


def _validator(
    state: Writer, fact: ValidatorAppointed | ValidatorAdded | ValidatorRemoved | ValidatorSuspended
) -> None:
    key = ValidatorKey(fact.public)
    match fact:
        case ValidatorAppointed() | ValidatorAdded():
            VALIDATORS.put(state, key, Validator(fact.operator, fact.power))
        case ValidatorRemoved() | ValidatorSuspended():
            VALIDATORS.put(state, key, Validator(fact.operator, 0))
        case _:
            assert_never(fact)
    if isinstance(fact, (ValidatorAdded, ValidatorRemoved)):
        LAST_CHANGE.put(state, THE_LAST_CHANGE, LastChange(fact.height))


def _key_change(state: Writer, fact: KeysProposed | KeyChangeSigned | KeyChangeClosed) -> None:
    key = ChangeKey(fact.document)
    match fact:
        case KeysProposed():
            change = fact.change
            KEY_CHANGES.put(state, key, PendingKeyChange(change, (), ChangeState.OPEN))
            operator = OPERATORS.require(state, OperatorKey(change.operator))
            OPERATORS.put(state, OperatorKey(change.operator), replace(operator, key_changes=change.serial))
        case KeyChangeSigned():
            pending = KEY_CHANGES.require(state, key)
            KEY_CHANGES.put(state, key, replace(pending, signatures=(*pending.signatures, fact.signature)))
        case KeyChangeClosed():
            KEY_CHANGES.put(state, key, replace(KEY_CHANGES.require(state, key), state=fact.state))
        case _:
            assert_never(fact)


def _count_nodes(state: Writer, operator: int, change: int) -> None:
    row = OPERATORS.require(state, OperatorKey(operator))
    OPERATORS.put(state, OperatorKey(operator), replace(row, nodes=row.nodes + change))


def _count(state: Writer, operator: int, role: Role, change: int) -> None:
    row = OPERATORS.require(state, OperatorKey(operator))
    administrators = row.administrators + (change if role == Role.ADMIN else 0)
    OPERATORS.put(state, OperatorKey(operator), replace(row, keys=row.keys + change, administrators=administrators))
