"""Messages, facts, rows and codes of members."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.approvals import Approve, Signature, Signatures
from abci_app.kernel.encoding import U8, U16, U32, Currency, Decoder, Hash32, KeyBytes, Text, Value, encode
from abci_app.kernel.envelope import SignatureBytes
from abci_app.kernel.hashing import Tag, tagged
from abci_app.kernel.roles import Role

MOST_KEYS_PER_CHANGE = 16
MOST_KEYS_PER_OPERATOR = 64
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


class KeyGrant(Value, frozen=True):
    """A key and the one role that it gets."""

    suite: U8
    key: KeyBytes
    role: Role


KeyGrants: TypeAlias = Annotated[tuple[KeyGrant, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]
Keys: TypeAlias = Annotated[tuple[KeyBytes, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]
Proofs: TypeAlias = Annotated[tuple[SignatureBytes, ...], Meta(max_length=MOST_KEYS_PER_CHANGE)]


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


Message: TypeAlias = ProposeKeys
Routed: TypeAlias = ProposeKeys | Approve


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
    power: U32


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
