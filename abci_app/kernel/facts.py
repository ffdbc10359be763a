"""The record of a fact: what is appended to the log, hashed, proven and read by agents."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from abci_app.kernel.encoding import U8, U32, U64, Basis, Decoder, Seconds, Value


class FactRecord(Value, frozen=True):
    """A fact with its circumstances. Genesis facts have height 0, operator 0 and role 0."""

    kind: Annotated[str, Meta(max_length=64)]  # the fact's type tag, for readers that only index
    height: U64
    time: Seconds
    object: Annotated[bytes, Meta(max_length=64)]  # the key of the row that it is about
    operator: U32
    role: U8
    basis: Basis
    body: bytes  # the canonical fact


read_record: Decoder[FactRecord] = Decoder(FactRecord, deepest=1)
