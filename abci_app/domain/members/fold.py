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
    Operator,
    OperatorAdmitted,
    PendingKeyChange,
    RegisteredKey,
    Unit,
    UnitRegistered,
    Validator,
    ValidatorAppointed,
)
from abci_app.domain.members.tables import (
    KEY_CHANGES,
    KEYS,
    OPERATORS,
    UNITS,
    VALIDATORS,
    ChangeKey,
    KeyKey,
    OperatorKey,
    UnitKey,
    ValidatorKey,
)
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    match fact:
        case OperatorAdmitted():
            row = Operator(fact.code, fact.name, fact.kind, fact.currency, 0, 0, 0)
            OPERATORS.put(state, OperatorKey(fact.operator), row)
        case UnitRegistered():
            UNITS.put(state, UnitKey(fact.operator, fact.unit), Unit(fact.name))
        case KeyRegistered():
            KEYS.put(state, KeyKey(fact.key), RegisteredKey(fact.operator, fact.suite, fact.role, True))
            _count(state, fact.operator, fact.role, 1)
        case KeyRevoked():
            before = KEYS.require(state, KeyKey(fact.key))
            KEYS.put(state, KeyKey(fact.key), replace(before, active=False))
            _count(state, fact.operator, before.role, -1)
        case ValidatorAppointed():
            VALIDATORS.put(state, ValidatorKey(fact.public), Validator(fact.operator, fact.power))
        case KeysProposed():
            change = fact.change
            KEY_CHANGES.put(state, ChangeKey(fact.document), PendingKeyChange(change, (), ChangeState.OPEN))
            operator = OPERATORS.require(state, OperatorKey(change.operator))
            OPERATORS.put(state, OperatorKey(change.operator), replace(operator, key_changes=change.serial))
        case KeyChangeSigned():
            pending = KEY_CHANGES.require(state, ChangeKey(fact.document))
            signed = replace(pending, signatures=(*pending.signatures, fact.signature))
            KEY_CHANGES.put(state, ChangeKey(fact.document), signed)
        case KeyChangeClosed():
            pending = KEY_CHANGES.require(state, ChangeKey(fact.document))
            KEY_CHANGES.put(state, ChangeKey(fact.document), replace(pending, state=fact.state))
        case _:
            assert_never(fact)


def _count(state: Writer, operator: int, role: Role, change: int) -> None:
    row = OPERATORS.require(state, OperatorKey(operator))
    administrators = row.administrators + (change if role == Role.ADMIN else 0)
    OPERATORS.put(state, OperatorKey(operator), replace(row, keys=row.keys + change, administrators=administrators))
