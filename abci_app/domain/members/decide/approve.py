"""Administrators sign or refuse a change of their operator's keys."""

from __future__ import annotations

from abci_app.domain.members.decide.common import check_applies
from abci_app.domain.members.queries import signatures_in_force
from abci_app.domain.members.schema import (
    ChangeState,
    Code,
    Fact,
    KeyChangeClosed,
    KeyChangeSigned,
    KeyRegistered,
    KeyRevoked,
)
from abci_app.domain.members.tables import KEY_CHANGES, OPERATORS, ChangeKey, OperatorKey
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
from abci_app.state.overlay import Reader


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
        check_applies(state, pending.change, operator)

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
