"""Messages, facts, rows and codes of members."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.approvals import Approve, Signature, Signatures
from abci_app.kernel.encoding import U8, U16, U32, U64, Currency, Decoder, Hash32, KeyBytes, Text, Value, encode
from abci_app.kernel.envelope import SignatureBytes
from abci_app.kernel.hashing import Tag, tagged
from abci_app.kernel.roles import Role

MOST_KEYS_PER_CHANGE = 16
MOST_KEYS_PER_OPERATOR = 64
MOST_NODES_PER_OPERATOR = 64
MOST_VALIDATORS = 100
VALIDATOR_POWER = 10
"""With 1, CometBFT's integer median returns the earliest vote, and one liar can move time back an hour."""
_POSSESSION = Struct(">IB")  # operator, role

OperatorCode: TypeAlias = Annotated[bytes, Meta(min_length=2, max_length=8)]
"""A short code such as CMCC, ASCII by convention; opaque to consensus."""
OperatorNumber: TypeAlias = Annotated[int, Meta(ge=1, le=2**32 - 1)]


class Kind(IntEnum):
    """What a member is. Frozen numbers."""

    MOBILE = 1
    FIXED = 2
    VIRTUAL = 3
    CARRIER = 4
    HUB = 5
    REGULATOR = 6
    AUDITOR = 7
    ARBITRATOR = 8


OPERATING = (Kind.MOBILE, Kind.FIXED, Kind.VIRTUAL, Kind.CARRIER, Kind.HUB)
"""The kinds that have a seat; regulators, auditors and arbitrators have rights of their own instead."""


class Membership(IntEnum):
    """Where an operator stands. Frozen numbers."""

    ACTIVE = 0
    SUSPENDED = 1  # no vote, no readiness; its settlements go on
    REMOVED = 2  # no keys, no nodes; for ever


class KeyGrant(Value, frozen=True):
    """A key and the one role that it gets."""

    suite: U8
    key: KeyBytes
    role: Role


KeyGrants: TypeAlias = Annotated[tuple[KeyGrant, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]
Keys: TypeAlias = Annotated[tuple[KeyBytes, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]
Proofs: TypeAlias = Annotated[tuple[SignatureBytes, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]


MOST_NODES_PER_CHANGE = 16
MOST_UNITS = 64
NODE_ID_SIZE = 20
NodeId: TypeAlias = Annotated[bytes, Meta(min_length=NODE_ID_SIZE, max_length=NODE_ID_SIZE)]
"""CometBFT's node id: the first 20 bytes of sha256 of the node's Ed25519 key."""
NodeIds: TypeAlias = Annotated[tuple[NodeId, ...], Meta(max_length=MOST_NODES_PER_CHANGE)]
Proof: TypeAlias = Annotated[bytes, Meta(min_length=64, max_length=64)]
"""An Ed25519 signature."""


class ChangeState(IntEnum):
    OPEN = 0
    IN_FORCE = 1
    REFUSED = 2


# messages: verbs


class ProposeKeys(Value, frozen=True, tag="members.propose_keys"):
    """An administrator proposes to register and revoke keys of the own operator.

    `serial` numbers the operator's key changes from 1, so that the same change can be wanted twice.
    `proofs` holds, for each key of `register` in its order, that key's own signature over `possession_hash`:
    without it whoever sees a key proposed could have it registered first, as theirs and for ever.
    """

    serial: U32
    register: KeyGrants
    revoke: Keys
    proofs: Proofs


class RegisterNodes(Value, frozen=True, tag="members.register_nodes"):
    """An administrator says which nodes of the own operator the others should let connect."""

    register: NodeIds
    retire: NodeIds


class NamedUnit(Value, frozen=True):
    """A province or affiliate of a new operator."""

    unit: U16
    name: Text


class AdmitOperator(Value, frozen=True, tag="members.admit_operator"):
    """By proposal only: a new member with its units and first keys. `proofs` as in `ProposeKeys`."""

    operator: OperatorNumber
    code: OperatorCode
    name: Text
    kind: Kind
    currency: Currency
    units: Annotated[tuple[NamedUnit, ...], Meta(max_length=MOST_UNITS)]
    keys: KeyGrants
    proofs: Proofs


class ChangeMembership(Value, frozen=True, tag="members.change_membership"):
    """By proposal only: suspend a member, let it take part again, or remove it for ever."""

    operator: OperatorNumber
    membership: Membership


class AppointValidator(Value, frozen=True, tag="members.appoint_validator"):
    """By proposal only: a machine gets a validator's power. `proof` is its key's signature of `possession`."""

    operator: OperatorNumber
    public: Hash32  # Ed25519
    proof: Proof


class RemoveValidator(Value, frozen=True, tag="members.remove_validator"):
    """By proposal only: a machine loses its power. Its key never comes back."""

    public: Hash32


Governed: TypeAlias = AdmitOperator | ChangeMembership | AppointValidator | RemoveValidator
"""What only a carried proposal may say."""
Message: TypeAlias = ProposeKeys | RegisterNodes | Governed
Routed: TypeAlias = Message | Approve


# documents: nouns


class KeyChange(Value, frozen=True):
    """What administrators sign."""

    operator: OperatorNumber
    serial: U32
    register: KeyGrants
    revoke: Keys


def key_change_hash(chain: bytes, change: KeyChange) -> bytes:
    """The hash that is signed: tag, sha256 of the chain id, canonical key change."""
    return tagged(Tag.KEY_CHANGE, chain, encode(change))


def possession_hash(chain: bytes, operator: int, role: Role, key: bytes) -> bytes:
    """The hash that a new key signs to be registered: tag, sha256 of the chain id, operator u32, role u8, key.

    A proof of possession, as certificate requests carry one (RFC 2986, RFC 4211 section 4).
    """
    return tagged(Tag.KEY_POSSESSION, chain, _POSSESSION.pack(operator, role), key)


def possession(chain: bytes, operator: int, public: bytes) -> bytes:
    """The 32 bytes that a validator's key signs to show that somebody holds it, for this operator on this chain."""
    return tagged(Tag.POSSESSION, chain, operator.to_bytes(4, "big"), public)


# facts: past participles


class OperatorAdmitted(Value, frozen=True, tag="members.operator_admitted"):
    operator: OperatorNumber
    code: OperatorCode
    name: Text
    kind: Kind
    currency: Currency


class UnitRegistered(Value, frozen=True, tag="members.unit_registered"):
    operator: OperatorNumber
    unit: U16
    name: Text


class KeyRegistered(Value, frozen=True, tag="members.key_registered"):
    operator: OperatorNumber
    suite: U8
    key: KeyBytes
    role: Role


class KeyRevoked(Value, frozen=True, tag="members.key_revoked"):
    operator: OperatorNumber
    key: KeyBytes


class ValidatorAppointed(Value, frozen=True, tag="members.validator_appointed"):
    operator: OperatorNumber
    public: Hash32  # Ed25519
    power: U32


class ValidatorAdded(Value, frozen=True, tag="members.validator_added"):
    """By vote. The height counts for the gap between two changes."""

    operator: OperatorNumber
    public: Hash32
    power: U32
    height: U64


class ValidatorRemoved(Value, frozen=True, tag="members.validator_removed"):
    """By vote. The height counts for the gap between two changes."""

    operator: OperatorNumber
    public: Hash32
    height: U64


class ValidatorSuspended(Value, frozen=True, tag="members.validator_suspended"):
    """By rule: the node brought evidence that this key signed two different things at `fault_height`."""

    operator: OperatorNumber
    public: Hash32
    fault_height: U64


class MembershipChanged(Value, frozen=True, tag="members.membership_changed"):
    operator: OperatorNumber
    membership: Membership


class NodeRegistered(Value, frozen=True, tag="members.node_registered"):
    operator: OperatorNumber
    node: NodeId


class NodeRetired(Value, frozen=True, tag="members.node_retired"):
    operator: OperatorNumber
    node: NodeId


class KeysProposed(Value, frozen=True, tag="members.keys_proposed"):
    document: Hash32
    change: KeyChange


class KeyChangeSigned(Value, frozen=True, tag="members.key_change_signed"):
    document: Hash32
    signature: Signature


class KeyChangeClosed(Value, frozen=True, tag="members.key_change_closed"):
    document: Hash32
    state: ChangeState


Fact: TypeAlias = (
    OperatorAdmitted
    | UnitRegistered
    | KeyRegistered
    | KeyRevoked
    | ValidatorAppointed
    | ValidatorAdded
    | ValidatorRemoved
    | ValidatorSuspended
    | MembershipChanged
    | NodeRegistered
    | NodeRetired
    | KeysProposed
    | KeyChangeSigned
    | KeyChangeClosed
)
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class Operator(Value, frozen=True):
    code: OperatorCode
    name: Text
    kind: Kind
    currency: Currency
    keys: U16  # active keys of all roles
    administrators: U16  # active keys with the role ADMIN
    key_changes: U32  # serial of the last key change proposed
    nodes: U16  # registered nodes
    membership: Membership


class Unit(Value, frozen=True):
    name: Text


class RegisteredKey(Value, frozen=True):
    operator: OperatorNumber
    suite: U8
    role: Role
    active: bool


class PendingKeyChange(Value, frozen=True):
    change: KeyChange
    signatures: Signatures
    state: ChangeState


class Validator(Value, frozen=True):
    operator: OperatorNumber
    power: U32  # 0 once removed or suspended; the key never comes back


class Node(Value, frozen=True):
    operator: OperatorNumber


class LastChange(Value, frozen=True):
    """When the validators were last changed by vote."""

    height: U64


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 1, so 101 and up."""

    NOTHING_TO_CHANGE = 101
    KEY_NAMED_TWICE = 102
    NOT_A_KEY = 103
    WRONG_ROLE = 104
    SERIAL_OUT_OF_TURN = 105
    KEY_ALREADY_KNOWN = 106
    KEY_NOT_ACTIVE = 107
    NO_ADMINISTRATOR_LEFT = 108
    TOO_MANY_KEYS = 109
    DOCUMENT_NOT_FOUND = 110
    NOT_ASKED_TO_SIGN = 111
    ALREADY_SIGNED = 112
    DOCUMENT_CLOSED = 113
    ROLE_NOT_THE_KEYS = 114
    EXISTS_WITH_DIFFERENT_CONTENT = 115
    TOO_MANY_SIGNATURES = 116
    PROOFS_DO_NOT_MATCH = 117
    POSSESSION_NOT_PROVEN = 118
    ONLY_BY_PROPOSAL = 119
    NODE_NAMED_TWICE = 120
    NODE_ALREADY_KNOWN = 121
    NODE_NOT_KNOWN = 122
    TOO_MANY_NODES = 123
    NUMBER_OUT_OF_TURN = 124
    CODE_TAKEN = 125
    UNIT_NAMED_TWICE = 126
    OPERATOR_NOT_FOUND = 127
    MEMBERSHIP_UNCHANGED = 128
    STILL_VALIDATES = 129
    NOT_AN_ACTIVE_MEMBER = 130
    SMALL_ORDER_KEY = 131
    VALIDATOR_ALREADY_KNOWN = 132
    VALIDATOR_NOT_ACTIVE = 133
    VALIDATORS_CHANGED_LATELY = 134
    LAST_VALIDATOR = 135
    TOO_MANY_VALIDATORS = 136
    LAST_MEMBER = 137
