"""The signed envelope of a transaction, and its name.

The body's bytes travel as they were signed; who decodes them is the router's business.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.encoding import U8, Decoder, KeyBytes, Value
from abci_app.kernel.hashing import Tag, tagged

LARGEST_TRANSACTION = 256 * 1024
"""Bytes of an envelope; a larger one is refused before it is decoded."""

SignatureBytes: TypeAlias = Annotated[bytes, Meta(min_length=64, max_length=64)]


class Envelope(Value, frozen=True):
    """A signed body: what travels, byte for byte."""

    body: Annotated[bytes, Meta(min_length=1, max_length=LARGEST_TRANSACTION)]
    suite: U8
    key: KeyBytes
    signature: SignatureBytes


read_envelope: Decoder[Envelope] = Decoder(Envelope, deepest=2)


def chain_hash(chain_id: bytes) -> bytes:
    """sha256 of the chain id: what signatures and contexts carry instead of the text."""
    return sha256(chain_id).digest()


def transaction_id(chain: bytes, suite: int, key: bytes, body: bytes) -> bytes:
    """The transaction's id and the hash that is signed (PROTOCOL 1): the signer is part of it.

    `chain` is `chain_hash(chain id)`; `key` is 33 bytes; 32 bytes come back.
    """
    return tagged(Tag.TRANSACTION, chain, bytes((suite,)), key, body)
