"""Reading and writing flat, ordered key-values; uncommitted writes over a parent."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import Protocol

_FEW = 16  # keys that are sooner put in their places one by one than sorted in with the rest


class Reader(Protocol):
    """What a decide may hold."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        ...

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All pairs whose key starts with `prefix`, in the order of bytes."""
        ...


class Writer(Reader, Protocol):
    """What a fold may hold."""

    def put(self, key: bytes, value: bytes) -> None: ...

    def delete(self, key: bytes) -> None: ...


class Empty:
    """The state before genesis."""

    def get(self, key: bytes) -> bytes | None:
        return None

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(())


class Overlay:
    """The uncommitted writes of a transaction or block over its parent; None marks a deletion."""

    __slots__ = ("_fresh", "_keys", "_parent", "writes")

    def __init__(self, parent: Reader) -> None:
        self._parent = parent
        self.writes: dict[bytes, bytes | None] = {}
        self._keys: list[bytes] = []  # of `writes`, in order: a scan must not look at all that a block wrote
        self._fresh: list[bytes] = []  # the last ones, not yet put in order: most blocks are hardly scanned

    def get(self, key: bytes) -> bytes | None:
        if key in self.writes:
            return self.writes[key]
        return self._parent.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        here = self._written(prefix)
        below = self._parent.scan(prefix)
        at, pair = 0, next(below, None)
        while pair is not None or at < len(here):
            if pair is None or (at < len(here) and here[at] <= pair[0]):
                key = here[at]
                at += 1
                if pair is not None and pair[0] == key:
                    pair = next(below, None)
                value = self.writes[key]
                if value is not None:
                    yield key, value
            else:
                yield pair
                pair = next(below, None)

    def put(self, key: bytes, value: bytes) -> None:
        assert value, "an empty value is no value"
        assert 0 < len(key) <= 511, "LMDB holds keys of 1 to 511 bytes"
        self._write(key, value)

    def delete(self, key: bytes) -> None:
        self._write(key, None)

    def absorb(self, child: Overlay) -> None:
        """Take over the writes of an overlay that stood on this one."""
        for key, value in child.writes.items():
            self._write(key, value)

    def _write(self, key: bytes, value: bytes | None) -> None:
        if key not in self.writes:
            self._fresh.append(key)
        self.writes[key] = value

    def _written(self, prefix: bytes) -> list[bytes]:
        if len(self._fresh) < _FEW:
            for key in self._fresh:
                insort(self._keys, key)
        else:
            self._keys += self._fresh
            self._keys.sort()
        self._fresh.clear()
        first = last = bisect_left(self._keys, prefix)
        while last < len(self._keys) and self._keys[last].startswith(prefix):
            last += 1
        return self._keys[first:last]
