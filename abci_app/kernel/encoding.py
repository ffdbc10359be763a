"""The one encoding of messages, facts and rows: MessagePack arrays, one spelling per value."""

from __future__ import annotations

from typing import Annotated, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

V = TypeVar("V")

U8: TypeAlias = Annotated[int, Meta(ge=0, le=2**8 - 1)]
U16: TypeAlias = Annotated[int, Meta(ge=0, le=2**16 - 1)]
U32: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]
U64: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An unsigned number in eight bytes; the top bit stays free so that every reader's int64 holds it."""
I64: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
LATEST_INSTANT = 2**40
Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=LATEST_INSTANT)]
"""An instant, UTC seconds."""
Micro: TypeAlias = Annotated[int, Meta(ge=0, le=2**62)]
"""An amount of money in 10^-6 of its currency's unit."""
SignedMicro: TypeAlias = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Nano: TypeAlias = Annotated[int, Meta(ge=0, le=2**62)]
"""A rate in 10^-9 of a currency's unit per a stated number of base units."""
Currency: TypeAlias = Annotated[int, Meta(ge=1, le=999)]
"""An ISO 4217 number: 156 is CNY."""
Hash32: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Basis: TypeAlias = Annotated[bytes, Meta(max_length=32)]
"""The hash of the approval or rule that a fact rests on; empty where there is none."""
KeyBytes: TypeAlias = Annotated[bytes, Meta(min_length=33, max_length=33)]
"""A compressed public key."""
Text: TypeAlias = Annotated[bytes, Meta(max_length=128)]
"""Opaque bytes for people's eyes (UTF-8 at the edge); consensus never looks inside."""

encode = msgspec.msgpack.Encoder().encode


class Value(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A message, fact or row. Fields are written in order; a new field means a new tag.

    Every integer is bounded, and no field has a default. Subclasses repeat `frozen=True`:
    type checkers do not inherit it.
    """


class Malformed(Exception):
    """The bytes are not the one spelling of any value of the wanted kind."""


class Decoder(Generic[V]):
    """Reads one kind of value, or a union of kinds, and refuses every other spelling of it.

    `deepest` bounds the nesting of arrays before decoding: CPython minors differ in how deep
    a decoder may recurse before it raises. `most_nodes` bounds the values, and so the time that
    looking costs: strangers' bytes can be one value each.
    """

    __slots__ = ("_deepest", "_most_nodes", "_read")

    def __init__(self, kind: object, deepest: int = 16, most_nodes: int = 1_000_000) -> None:
        self._read = msgspec.msgpack.Decoder(kind).decode
        self._deepest = deepest
        self._most_nodes = most_nodes

    def __call__(self, raw: bytes) -> V:
        if not nesting_within(raw, self._deepest, self._most_nodes):
            raise Malformed(f"nested deeper than {self._deepest}, more than {self._most_nodes} values, or cut short")
        try:
            value: V = self._read(raw)
        except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise Malformed(str(fault)) from fault
        if encode(value) != raw:  # non-minimal integers, long forms of short strings, short rows
            raise Malformed("not the canonical spelling")
        return value


def _tail(head: int) -> int:
    """The bytes after the head of a value whose size the head tells; -1 for the others, and for filled containers."""
    if head <= 0x80 or head == 0x90 or head >= 0xE0 or head in (0xC0, 0xC1, 0xC2, 0xC3):
        return 0
    if 0xA0 <= head <= 0xBF:
        return head & 0x1F
    return _FIXED_TAIL.get(head, -1)


_FIXED_TAIL = {
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
_SIZED_TAIL = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSION_TAIL = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_CONTAINER = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}
_TAIL = tuple(_tail(head) for head in range(256))


def nesting_within(raw: bytes, deepest: int, most_nodes: int = 1_000_000) -> bool:
    """Whether the MessagePack value in `raw` nests at most `deepest` filled containers, without recursion.

    False as well for bytes that end inside a value, that go on after it, or that hold more than
    `most_nodes` values. Source of the byte forms: the MessagePack specification, "Formats".
    """
    at, end = 0, len(raw)
    expected, outer = 1, list[int]()  # values still expected: in the open container, in those around it
    nodes = 0
    while True:
        while not expected:
            if not outer:
                return at == end
            expected = outer.pop()
        nodes += 1
        if at >= end or nodes > most_nodes:
            return False
        expected -= 1
        tail = _TAIL[raw[at]]
        if tail >= 0:  # most values, and every transaction is scanned: so no call for them
            at += 1 + tail
            continue
        at, children = _after_head(raw, at)
        if children < 0:
            return False
        if children:
            outer.append(expected)
            expected = children
            if len(outer) > deepest:
                return False


def _after_head(raw: bytes, at: int) -> tuple[int, int]:
    """The position after a head of no fixed tail (after all of a scalar), and its children; -1: cut short."""
    first = raw[at]
    at += 1
    if first <= 0x8F:
        return at, 2 * (first & 0x0F)
    if first <= 0x9F:
        return at, first & 0x0F
    if first in _CONTAINER:
        width, factor = _CONTAINER[first]
        if at + width > len(raw):
            return at, -1
        return at + width, factor * int.from_bytes(raw[at : at + width], "big")
    width = _SIZED_TAIL.get(first) or _EXTENSION_TAIL[first]
    if at + width > len(raw):
        return at, -1
    size = int.from_bytes(raw[at : at + width], "big")
    return at + width + size + (1 if first in _EXTENSION_TAIL else 0), 0
