"""Typed tables over flat, ordered key-values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from struct import Struct
from typing import Generic, NamedTuple, TypeVar

import msgspec

from abci_app.kernel.encoding import Value, encode
from abci_app.state.overlay import Reader, Writer

Key = TypeVar("Key", bound=NamedTuple)
Row = TypeVar("Row", bound=Value)


class Table(Generic[Key, Row]):
    """One table: its place (store and table number), its key's fixed-width form, its row type.

    Keys are big-endian, so the order of bytes is the order of numbers. `key_form` is a
    `struct` format without byte order: "I" a u32, "Q" a u64, "B" a u8, "33s" a public key. So many of
    the last rows read are `remembered` by their bytes, for large rows that many messages read.
    """

    __slots__ = ("_form", "_key", "_prefix", "_read")

    def __init__(
        self, store: int, number: int, key: type[Key], key_form: str, row: type[Row], remembered: int = 0
    ) -> None:
        self._prefix = bytes((store, number))
        self._form = Struct(">" + key_form)
        self._key = key
        # Our own bytes, encoded by `put`: the kernel's `Decoder` would also scan them value by value for what
        # only strangers' bytes can be, half a millisecond for the terms of a large agreement.
        read: Callable[[bytes], Row] = msgspec.msgpack.Decoder(row).decode
        self._read = lru_cache(remembered)(read) if remembered else read

    def at(self, key: Key) -> bytes:
        """The key's bytes in the flat state; also the object key in facts."""
        return self._prefix + self._form.pack(*key)

    def get(self, state: Reader, key: Key) -> Row | None:
        raw = state.get(self.at(key))
        return None if raw is None else self._read(raw)

    def require(self, state: Reader, key: Key) -> Row:
        """The row that a decide has already found; its absence is a broken invariant."""
        row = self.get(state, key)
        assert row is not None, f"no row under {key}"
        return row

    def put(self, state: Writer, key: Key, row: Row) -> None:
        """Write a row. One outside its form raises msgspec.ValidationError: a fault of the fold, found before
        a block can be decided over it. Committed, nobody could read it ever again."""
        raw = encode(row)
        self._read(raw)
        state.put(self.at(key), raw)

    def delete(self, state: Writer, key: Key) -> None:
        state.delete(self.at(key))

    def rows(self, state: Reader, first: bytes = b"") -> Iterator[tuple[Key, Row]]:
        """All rows whose packed key starts with `first`, in key order."""
        for raw_key, raw in state.scan(self._prefix + first):
            yield self._key(*self._form.unpack(raw_key[2:])), self._read(raw)
