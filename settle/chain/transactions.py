"""Building and signing transactions (PROTOCOL 1): the one place outside consensus where their bytes are made."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.envelope import LARGEST_TRANSACTION, Envelope, transaction_id


class Signing(Protocol):
    """What signing needs of a key: `keys.Signer`, or a device that holds the secret itself."""

    @property
    def suite(self) -> int: ...
    @property
    def public(self) -> bytes: ...
    def sign(self, digest: bytes) -> bytes: ...


class SignedTransaction(NamedTuple):
    """Bytes to broadcast, with both of their names."""

    raw: bytes
    id: bytes  # the chain's: tag, chain, signer, body; what is signed
    hash: bytes  # CometBFT's: sha256 of the bytes; what `/tx` finds


def encode_messages(messages: Sequence[Value]) -> bytes:
    """The canonical array of messages: the part of a body that stays when it is signed again.

    Raises ValueError where there is none or they cannot fit a transaction.
    """
    raw: bytes = encode(tuple(messages))
    if not messages or len(raw) > LARGEST_TRANSACTION - 256:  # 256: the rest of the envelope, amply
        raise ValueError(
            f"expected at least one message and {LARGEST_TRANSACTION - 256} bytes at most, "
            f"got {len(messages)} messages of {len(raw)} bytes: split them"
        )
    return raw


def sign_messages(chain: bytes, messages: bytes, number: int, expiry: int, signer: Signing) -> SignedTransaction:
    """Sign encoded messages under a replay number, valid up to the block at height `expiry`.

    `chain` is `envelope.chain_hash(chain id)`.
    """
    body: bytes = encode((msgspec.Raw(messages), number, expiry))
    identity = transaction_id(chain, signer.suite, signer.public, body)
    raw: bytes = encode(Envelope(body, signer.suite, signer.public, signer.sign(identity)))
    return SignedTransaction(raw, identity, sha256(raw).digest())
