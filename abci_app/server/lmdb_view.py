"""One LMDB transaction's sight of the store: rows, facts, undo records, the marker."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import lmdb
import msgspec

from abci_app.kernel.encoding import Value, encode
from abci_app.server.store_faults import START_OVER, BeyondHistory, StoreDamaged
from abci_app.state.store import Marker, Roots


class Undo(Value, frozen=True):
    """What a block replaced: enough to go back before it, and to read values as they were."""

    marker: Marker  # of the block before
    roots: Roots
    rows: tuple[tuple[bytes, bytes], ...]  # (key, value before; empty: there was none), sorted by key


class Databases(NamedTuple):
    """The named databases of the file. Numbers in keys are u64, big-endian."""

    kv: lmdb._Database  # the rows
    facts: lmdb._Database  # number → canonical fact record
    undo: lmdb._Database  # height → Undo
    meta: lmdb._Database  # "format", "marker", "roots"


# Our own bytes, written whole: plain decoders. The kernel's `Decoder` would also scan a large undo
# record value by value for what only strangers' bytes can be.
_read_marker = msgspec.msgpack.Decoder(Marker).decode
_read_roots = msgspec.msgpack.Decoder(Roots).decode
_read_undo = msgspec.msgpack.Decoder(Undo).decode


class View:
    """The store at one moment, for one thread. A `Reader` of the rows."""

    __slots__ = ("_databases", "_txn")

    def __init__(self, txn: lmdb.Transaction[bytes], databases: Databases) -> None:
        self._txn = txn
        self._databases = databases

    def get(self, key: bytes) -> bytes | None:
        """The row under `key`."""
        return self._txn.get(key, db=self._databases.kv)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose key starts with `prefix`, in key order."""
        cursor = self._txn.cursor(self._databases.kv)
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value

    def facts(self, start: int) -> Iterator[bytes]:
        """The fact records from number `start` on. Raises StoreDamaged where a number is missing."""
        cursor = self._txn.cursor(self._databases.facts)
        if cursor.set_range(_number(start)):
            for at, (key, record) in enumerate(cursor, start):
                if key != _number(at):
                    raise StoreDamaged(f"fact {at}", f"key {key.hex()}", START_OVER)
                yield record

    def format(self) -> int | None:
        """The format of the file; None where nothing was committed. Readable in every format."""
        raw = self._txn.get(b"format", db=self._databases.meta)
        return None if raw is None else int.from_bytes(raw, "big")

    def marker(self) -> Marker | None:
        """The last committed block; None before genesis."""
        raw = self._txn.get(b"marker", db=self._databases.meta)
        try:
            return None if raw is None else _read_marker(raw)
        except msgspec.MsgspecError as fault:
            raise StoreDamaged("a marker of the last block", str(fault), START_OVER) from fault

    def roots(self) -> Roots:
        """The store roots committed with the marker; empty where none were given."""
        raw = self._txn.get(b"roots", db=self._databases.meta)
        try:
            return () if raw is None else _read_roots(raw)
        except msgspec.MsgspecError as fault:
            raise StoreDamaged("the roots of the stores", str(fault), START_OVER) from fault

    def undo(self, height: int) -> Undo | None:
        """The undo record of the block at `height`, if it is still kept."""
        raw = self._txn.get(_number(height), db=self._databases.undo)
        return None if raw is None else _undo_from(raw)

    def undos(self, above: int) -> Iterator[tuple[int, Undo]]:
        """The undo records of blocks above the height `above`, oldest first."""
        cursor = self._txn.cursor(self._databases.undo)
        if cursor.set_range(_number(above + 1)):
            for key, raw in cursor:
                yield int.from_bytes(key, "big"), _undo_from(raw)

    def oldest_height(self) -> int | None:
        """The lowest height whose state can still be had; None before genesis."""
        for _, undo in self.undos(0):
            return undo.marker.height
        marker = self.marker()
        return None if marker is None else marker.height

    def value_at(self, key: bytes, height: int) -> bytes | None:
        """The value under `key` after the block at `height`. Raises BeyondHistory."""
        marker, oldest = self.marker(), self.oldest_height()
        if marker is None or oldest is None or not oldest <= height <= marker.height:
            raise beyond_history(marker, oldest, height)
        for _, undo in self.undos(height):
            at = bisect_left(undo.rows, (key,))
            if at < len(undo.rows) and undo.rows[at][0] == key:
                return undo.rows[at][1] or None
        return self.get(key)


class Draft(View):
    """A write transaction: what it wrote, it reads; nothing stays unless it commits."""

    __slots__ = ()

    def replace_rows(self, writes: Mapping[bytes, bytes | None]) -> list[tuple[bytes, bytes]]:
        """Write rows (None deletes) and give what stood there before, as `Undo.rows`."""
        before = []
        for key, value in sorted(writes.items()):  # in key order, which touches each page once
            if value is None:
                old = self._txn.pop(key, db=self._databases.kv)
            else:
                old = self._txn.replace(key, value, db=self._databases.kv)
            if old != value:
                before.append((key, old or b""))
        return before

    def append_facts(self, start: int, records: Iterable[bytes]) -> None:
        """Append fact records, the first with number `start`."""
        for number, record in enumerate(records, start):
            self._append(self._databases.facts, number, record)

    def cut_facts(self, size: int) -> None:
        """Drop the facts from number `size` on."""
        cursor = self._txn.cursor(self._databases.facts)
        while cursor.set_range(_number(size)):
            cursor.delete()

    def set_marker(self, marker: Marker, roots: Roots) -> None:
        """Make this the last committed block."""
        self._txn.put(b"format", marker.format.to_bytes(4, "big"), db=self._databases.meta)
        self._txn.put(b"marker", encode(marker), db=self._databases.meta)
        self._txn.put(b"roots", encode(roots), db=self._databases.meta)

    def keep_undo(self, height: int, undo: Undo, history: int) -> None:
        """Keep a block's undo record, and only those of the last `history` blocks."""
        self._append(self._databases.undo, height, encode(undo))
        cursor = self._txn.cursor(self._databases.undo)
        while cursor.first() and int.from_bytes(cursor.key(), "big") <= height - history:
            cursor.delete()

    def drop_undo(self, height: int) -> None:
        """Forget a block's undo record: the block is undone."""
        self._txn.delete(_number(height), db=self._databases.undo)

    def _append(self, database: lmdb._Database, number: int, value: bytes) -> None:
        if not self._txn.put(_number(number), value, append=True, db=database):
            raise StoreDamaged(f"nothing at or after number {number}", "a record there", START_OVER)


def beyond_history(marker: Marker | None, oldest: int | None, height: int) -> BeyondHistory:
    """The refusal of a height whose state cannot be had."""
    if marker is None or oldest is None:
        return BeyondHistory("a committed block", f"height {height} of an empty store", "Start the node first.")
    return BeyondHistory(
        f"a height from {oldest} to {marker.height}",
        f"height {height}",
        "Ask for a height in this range: undo records of older blocks are not kept.",
    )


def _number(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _undo_from(raw: bytes) -> Undo:
    try:
        return _read_undo(raw)
    except msgspec.MsgspecError as fault:
        raise StoreDamaged("an undo record", str(fault), START_OVER) from fault
