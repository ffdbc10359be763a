"""A carried proposal takes a validator's power away."""

from __future__ import annotations

from abci_app.domain.members.decide.common import check_gap, check_mandate
from abci_app.domain.members.queries import is_needed, validator_powers
from abci_app.domain.members.schema import Code, Fact, RemoveValidator, ValidatorRemoved
from abci_app.domain.members.tables import VALIDATORS, ValidatorKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def remove_validator(state: Reader, at: Context, message: RemoveValidator) -> tuple[Fact, ...]:
    """The key never comes back; a machine that returns brings a new one."""
    # WHO
    check_mandate(at)

    # WHETHER
    row = VALIDATORS.get(state, ValidatorKey(message.public))
    if row is None or not row.power:
        reject(Code.VALIDATOR_NOT_ACTIVE, expected="the key of a validator", actual=message.public.hex())
    check_gap(state, at)
    if is_needed(state, message.public, (public for public, _ in validator_powers(state))):
        reject(Code.LAST_VALIDATOR, expected="another validator of a member that stays", actual="none")

    # HOW MUCH: all of its power

    # WHAT FOLLOWS
    return (ValidatorRemoved(row.operator, message.public, at.height),)
