"""What each message about members means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.members.queries import signatures_in_force
from abci_app.domain.members.schema import (
    MOST_KEYS_PER_OPERATOR,
    ChangeState,
    Code,
    Fact,
    KeyChange,
    KeyChangeClosed,
    KeyChangeSigned,
    KeyRegistered,
    KeyRevoked,
    KeysProposed,
    Operator,
    ProposeKeys,
    Routed,
    key_change_hash,
    possession_hash,
)
from abci_app.domain.members.tables import KEY_CHANGES, KEYS, OPERATORS, ChangeKey, KeyKey, OperatorKey
from abci_app.kernel.approvals import (
    MOST_SIGNATURES,
    Approve,
    Signature,
    Standing,
    Verdict,
    administrators,
    has_signed,
    is_asked,
    role_has_signed,
    standing,
)
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import is_key, verify
from abci_app.state.overlay import Reader


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case ProposeKeys():
            _check_keys(message)
        case Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    match message:
        case ProposeKeys():
            return propose_keys(state, at, message)
        case Approve():
            return approve(state, at, message)
        case _:
            assert_never(message)


def propose_keys(state: Reader, at: Context, message: ProposeKeys) -> tuple[Fact, ...]:
    """An administrator proposes a key change; the proposal is not yet a signature."""
    change = KeyChange(at.operator, message.serial, message.register, message.revoke)
    document = key_change_hash(at.chain, change)

    # WHO
    if at.role != Role.ADMIN:
        reject(Code.WRONG_ROLE, expected=Role.ADMIN.name, actual=at.role.name)

    # WHETHER
    if KEY_CHANGES.get(state, ChangeKey(document)) is not None:
        return ()
    operator = OPERATORS.require(state, OperatorKey(at.operator))
    if message.serial == operator.key_changes:
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=operator.key_changes + 1, actual=message.serial)
    if message.serial != operator.key_changes + 1:
        reject(Code.SERIAL_OUT_OF_TURN, expected=operator.key_changes + 1, actual=message.serial)
    _check_applies(state, change, operator)
    for grant, proof in zip(message.register, message.proofs, strict=True):
        if not verify(grant.suite, grant.key, possession_hash(at.chain, at.operator, grant.role, grant.key), proof):
            expected = f"the key's own signature that operator {at.operator} has it as {grant.role.name}"
            reject(Code.POSSESSION_NOT_PROVEN, expected=expected, actual=grant.key.hex())

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (KeysProposed(document, change),)


def approve(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """An administrator signs or refuses a key change; the last needed signature puts it in force."""
    pending = KEY_CHANGES.get(state, ChangeKey(message.document))
    if pending is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a proposed key change", actual=message.document.hex())
    operator = OPERATORS.require(state, OperatorKey(pending.change.operator))
    policy = administrators(pending.change.operator, operator.administrators)

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if not is_asked(policy, at.operator, at.role):
        asked = f"an administrator of operator {pending.change.operator}"
        reject(Code.NOT_ASKED_TO_SIGN, expected=asked, actual=at.operator)

    # WHETHER
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in pending.signatures:
        return ()
    if pending.state != ChangeState.OPEN:
        reject(Code.DOCUMENT_CLOSED, expected=ChangeState.OPEN.name, actual=pending.state.name)
    if has_signed(pending.signatures, at.key):
        reject(Code.ALREADY_SIGNED, expected="a key that has not signed", actual=at.key.hex())
    in_force = signatures_in_force(state, pending.signatures)
    if message.verdict == Verdict.APPROVE and role_has_signed(policy, in_force, at.operator, at.role):
        reject(Code.ALREADY_SIGNED, expected="a role that has not signed", actual=at.role.name)
    if len(pending.signatures) == MOST_SIGNATURES:
        reject(Code.TOO_MANY_SIGNATURES, expected=f"at most {MOST_SIGNATURES}", actual=MOST_SIGNATURES + 1)
    outcome = standing(policy, (*in_force, signature))
    if outcome == Standing.MET:
        _check_applies(state, pending.change, operator)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    signed: tuple[Fact, ...] = (KeyChangeSigned(message.document, signature),)
    if outcome == Standing.OPEN:
        return signed
    if outcome == Standing.REFUSED:
        return (*signed, KeyChangeClosed(message.document, ChangeState.REFUSED))
    change = pending.change
    registered = tuple(KeyRegistered(change.operator, g.suite, g.key, g.role) for g in change.register)
    revoked = tuple(KeyRevoked(change.operator, key) for key in change.revoke)
    return (*signed, KeyChangeClosed(message.document, ChangeState.IN_FORCE), *registered, *revoked)


def _check_keys(message: ProposeKeys) -> None:
    if not message.register and not message.revoke:
        reject(Code.NOTHING_TO_CHANGE, expected="a key to register or to revoke", actual="none")
    keys = [grant.key for grant in message.register] + list(message.revoke)
    for position, key in enumerate(keys):
        if key in keys[:position]:
            reject(Code.KEY_NAMED_TWICE, expected="each key once", actual=key.hex())
    for grant in message.register:
        if not is_key(grant.suite, grant.key):
            reject(Code.NOT_A_KEY, expected=f"a public key of suite {grant.suite}", actual=grant.key.hex())
    if len(message.proofs) != len(message.register):
        expected = f"one proof for each of {len(message.register)} keys"
        reject(Code.PROOFS_DO_NOT_MATCH, expected=expected, actual=len(message.proofs))


def _check_applies(state: Reader, change: KeyChange, operator: Operator) -> None:
    """A change must fit the keys of the moment: when it is proposed, and again when it takes effect."""
    left = operator.administrators
    for grant in change.register:
        if KEYS.get(state, KeyKey(grant.key)) is not None:
            reject(Code.KEY_ALREADY_KNOWN, expected="a key never registered before", actual=grant.key.hex())
        left += grant.role == Role.ADMIN
    for key in change.revoke:
        row = KEYS.get(state, KeyKey(key))
        if row is None or row.operator != change.operator or not row.active:
            reject(Code.KEY_NOT_ACTIVE, expected=f"an active key of operator {change.operator}", actual=key.hex())
        left -= row.role == Role.ADMIN
    if left < 1:
        reject(Code.NO_ADMINISTRATOR_LEFT, expected="at least one administrator key", actual=left)
    keys = operator.keys + len(change.register) - len(change.revoke)
    if keys > MOST_KEYS_PER_OPERATOR:
        reject(Code.TOO_MANY_KEYS, expected=f"at most {MOST_KEYS_PER_OPERATOR}", actual=keys)
