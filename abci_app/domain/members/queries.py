"""What anyone may ask about members."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from abci_app.domain.members.schema import NODE_ID_SIZE, OPERATING, Membership, RegisteredKey
from abci_app.domain.members.tables import (
    KEY_CHANGES,
    KEYS,
    NODES,
    OPERATORS,
    UNITS,
    VALIDATORS,
    ChangeKey,
    KeyKey,
    NodeKey,
    OperatorKey,
    ValidatorKey,
)
from abci_app.kernel.approvals import Signature
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U32, Decoder, Hash32, KeyBytes
from abci_app.kernel.thresholds import Seat
from abci_app.state.overlay import Reader


def active_key(state: Reader, key: bytes) -> RegisteredKey | None:
    """The registration of a key that may sign now; None for unknown and revoked keys."""
    row = KEYS.get(state, KeyKey(key))
    return row if row is not None and row.active else None


def signatures_in_force(state: Reader, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
    """The signatures whose keys are still active: a revoked key's vote is not counted."""
    return tuple(signature for signature in signatures if active_key(state, signature.key) is not None)


def validator_powers(state: Reader) -> list[tuple[bytes, int]]:
    """The validators as the facts have them: (Ed25519 key, power), by key; none without power."""
    return [(key.public, row.power) for key, row in VALIDATORS.rows(state) if row.power]


def is_member(state: Reader, operator: int) -> bool:
    """Whether the operator takes part now: admitted, and neither suspended nor removed."""
    row = OPERATORS.get(state, OperatorKey(operator))
    return row is not None and row.membership == Membership.ACTIVE


def is_needed(state: Reader, public: bytes, others: Iterable[bytes]) -> bool:
    """Whether a validator must stay, of those and itself: the last of all, or the last of a seat.

    Without any the chain stops; where only suspended members validate, no vote has any power.
    """
    sitting = {seat.operator for seat in seats(state)}
    rest = {VALIDATORS.require(state, ValidatorKey(other)).operator for other in others if other != public}
    own = VALIDATORS.require(state, ValidatorKey(public)).operator
    return not rest or (own in sitting and not rest & sitting)


def node_powers(state: Reader) -> dict[int, int]:
    """The power of the members that validate, by operator: those whose readiness is asked for."""
    powers: dict[int, int] = {}
    for _, row in VALIDATORS.rows(state):
        if row.power and is_member(state, row.operator):
            powers[row.operator] = powers.get(row.operator, 0) + row.power
    return powers


def seats(state: Reader) -> tuple[Seat, ...]:
    """The votes as of now: every operating member, with the power of its validators."""
    powers = node_powers(state)
    return tuple(
        Seat(key.operator, powers.get(key.operator, 0))
        for key, row in OPERATORS.rows(state)
        if row.membership == Membership.ACTIVE and row.kind in OPERATING
    )


def is_welcome(state: Reader, node: bytes) -> bool:
    """Whether a peer with this node id may connect.

    The registry counts from when every validating operator has a node in it: before, the first to register
    would cut off the others. So an empty registry, as a syncing node has it, welcomes everyone.
    """
    if len(node) == NODE_ID_SIZE and NODES.get(state, NodeKey(node)) is not None:
        return True
    powers = node_powers(state)
    return not powers or any(not OPERATORS.require(state, OperatorKey(operator)).nodes for operator in powers)


_read_operator: Decoder[int] = Decoder(U32)
_read_key: Decoder[bytes] = Decoder(KeyBytes)
_read_hash: Decoder[bytes] = Decoder(Hash32)


def _operators(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.operator, row) for key, row in OPERATORS.rows(state))


def _operator(state: Reader, now: Moment, data: bytes) -> object:
    return OPERATORS.get(state, OperatorKey(_read_operator(data)))


def _units(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.operator, key.unit, row) for key, row in UNITS.rows(state))


def _keys(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.key, row) for key, row in KEYS.rows(state))


def _key(state: Reader, now: Moment, data: bytes) -> object:
    return KEYS.get(state, KeyKey(_read_key(data)))


def _key_changes(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.document, row) for key, row in KEY_CHANGES.rows(state))


def _key_change(state: Reader, now: Moment, data: bytes) -> object:
    return KEY_CHANGES.get(state, ChangeKey(_read_hash(data)))


def _validators(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.public, row) for key, row in VALIDATORS.rows(state))


def _nodes(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.node, row) for key, row in NODES.rows(state))


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/members/operators": _operators,
    "/members/operator": _operator,
    "/members/units": _units,
    "/members/keys": _keys,
    "/members/key": _key,
    "/members/key_changes": _key_changes,
    "/members/key_change": _key_change,
    "/members/validators": _validators,
    "/members/nodes": _nodes,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
