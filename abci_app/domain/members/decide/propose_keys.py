"""An administrator proposes a change of the own operator's keys."""

from __future__ import annotations

from abci_app.domain.members.decide.common import check_applies, check_grants, check_possession, check_proofs
from abci_app.domain.members.schema import Code, Fact, KeyChange, KeysProposed, ProposeKeys, key_change_hash
from abci_app.domain.members.tables import KEY_CHANGES, OPERATORS, ChangeKey, OperatorKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


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
    check_applies(state, change, operator)
    check_possession(at, at.operator, message.register, message.proofs)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (KeysProposed(document, change),)


def check_keys(message: ProposeKeys) -> None:
    """What the keys must fulfil whatever the state. Raises `Rejected`."""
    if not message.register and not message.revoke:
        reject(Code.NOTHING_TO_CHANGE, expected="a key to register or to revoke", actual="none")
    check_grants(message.register, message.revoke)
    check_proofs(message.register, message.proofs)
