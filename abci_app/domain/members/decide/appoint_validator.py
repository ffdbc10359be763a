"""A carried proposal gives a machine a validator's power."""

from __future__ import annotations

from abci_app.domain.members.decide.common import check_gap, check_mandate, find_operator
from abci_app.domain.members.queries import validator_powers
from abci_app.domain.members.schema import (
    MOST_VALIDATORS,
    VALIDATOR_POWER,
    AppointValidator,
    Code,
    Fact,
    Membership,
    ValidatorAdded,
    possession,
)
from abci_app.domain.members.tables import VALIDATORS, ValidatorKey
from abci_app.kernel import ed25519
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def appoint_validator(state: Reader, at: Context, message: AppointValidator) -> tuple[Fact, ...]:
    """The key has shown that somebody holds it: a mistyped one would take its power out of every vote."""
    # WHO
    check_mandate(at)

    # WHETHER
    row = find_operator(state, message.operator)
    if row.membership != Membership.ACTIVE:
        reject(Code.NOT_AN_ACTIVE_MEMBER, expected=Membership.ACTIVE.name, actual=row.membership.name)
    if VALIDATORS.get(state, ValidatorKey(message.public)) is not None:
        reject(Code.VALIDATOR_ALREADY_KNOWN, expected="a key that never validated", actual=message.public.hex())
    check_gap(state, at)
    count = len(validator_powers(state)) + 1
    if count > MOST_VALIDATORS:
        reject(Code.TOO_MANY_VALIDATORS, expected=f"at most {MOST_VALIDATORS}", actual=count)
    if not ed25519.verify(message.public, possession(at.chain, message.operator, message.public), message.proof):
        expected = "the new key's signature of its possession"
        reject(Code.POSSESSION_NOT_PROVEN, expected=expected, actual=message.proof.hex())

    # HOW MUCH: every validator has the same power

    # WHAT FOLLOWS
    return (ValidatorAdded(message.operator, message.public, VALIDATOR_POWER, at.height),)


def check_validator(message: AppointValidator) -> None:
    """The key is a point that somebody can own. Raises `Rejected`."""
    if not ed25519.is_key(message.public):
        expected = "an Ed25519 key that is not of small order"
        reject(Code.SMALL_ORDER_KEY, expected=expected, actual=message.public.hex())
