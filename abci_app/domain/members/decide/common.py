"""What several decisions about members ask."""

from __future__ import annotations

from collections.abc import Sequence

from abci_app.domain.members.schema import (
    MOST_KEYS_PER_OPERATOR,
    Code,
    KeyChange,
    KeyGrant,
    Operator,
    possession_hash,
)
from abci_app.domain.members.tables import KEYS, LAST_CHANGE, OPERATORS, THE_LAST_CHANGE, KeyKey, OperatorKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import is_key, verify
from abci_app.state.overlay import Reader


def check_mandate(at: Context) -> None:
    """The message stands in a proposal that was carried. Raises `Rejected`."""
    if not at.mandate:
        reject(Code.ONLY_BY_PROPOSAL, expected="a carried proposal", actual=f"operator {at.operator}")


def find_operator(state: Reader, number: int) -> Operator:
    """The operator of a number. Raises `Rejected` where there is none."""
    row = OPERATORS.get(state, OperatorKey(number))
    if row is None:
        reject(Code.OPERATOR_NOT_FOUND, expected="a member's number", actual=number)
    return row


def check_gap(state: Reader, at: Context) -> None:
    """The validators have not been changed lately: consensus must have taken in one change before the next."""
    last = LAST_CHANGE.get(state, THE_LAST_CHANGE)
    if last is not None and at.height < last.height + at.parameters.validator_gap:
        expected = f"height {last.height + at.parameters.validator_gap} or later"
        reject(Code.VALIDATORS_CHANGED_LATELY, expected=expected, actual=at.height)


def check_grants(grants: Sequence[KeyGrant], further: Sequence[bytes] = ()) -> None:
    """Each key is named once and is a public key of its suite. Raises `Rejected`."""
    keys = [grant.key for grant in grants] + list(further)
    for position, key in enumerate(keys):
        if key in keys[:position]:
            reject(Code.KEY_NAMED_TWICE, expected="each key once", actual=key.hex())
    for grant in grants:
        if not is_key(grant.suite, grant.key):
            reject(Code.NOT_A_KEY, expected=f"a public key of suite {grant.suite}", actual=grant.key.hex())


def check_proofs(grants: Sequence[KeyGrant], proofs: Sequence[bytes]) -> None:
    """As many proofs as new keys. Raises `Rejected`."""
    if len(proofs) != len(grants):
        expected = f"one proof for each of {len(grants)} keys"
        reject(Code.PROOFS_DO_NOT_MATCH, expected=expected, actual=len(proofs))


def check_possession(at: Context, operator: int, grants: Sequence[KeyGrant], proofs: Sequence[bytes]) -> None:
    """Each new key has signed that it is this operator's, in its role. Raises `Rejected`."""
    for grant, proof in zip(grants, proofs, strict=True):
        if not verify(grant.suite, grant.key, possession_hash(at.chain, operator, grant.role, grant.key), proof):
            expected = f"the key's own signature that operator {operator} has it as {grant.role.name}"
            reject(Code.POSSESSION_NOT_PROVEN, expected=expected, actual=grant.key.hex())


def check_unknown(state: Reader, grants: Sequence[KeyGrant]) -> None:
    """No key was ever registered before, by anyone. Raises `Rejected`."""
    for grant in grants:
        if KEYS.get(state, KeyKey(grant.key)) is not None:
            reject(Code.KEY_ALREADY_KNOWN, expected="a key never registered before", actual=grant.key.hex())


def check_applies(state: Reader, change: KeyChange, operator: Operator) -> None:
    """A change must fit the keys of the moment: when it is proposed, and again when it takes effect."""
    check_unknown(state, change.register)
    left = operator.administrators + sum(grant.role == Role.ADMIN for grant in change.register)
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
