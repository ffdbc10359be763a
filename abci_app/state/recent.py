"""Committed rows that blocks read again and again, without asking the store for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from abci_app.state.overlay import Reader

_MOST_BYTES = 64 * 1024 * 1024
_ENTRY = 200  # bytes that a key and a value take in memory beside their own: keys alone may be many


class Recent:
    """Rows read or written by the last blocks, in step with what is committed.

    The store releases the interpreter's lock at every row, so that under load each read waits for the
    threads that serve CheckTx; a block of settlement reads the same keys, terms and periods thousands
    of times. For one thread, which reads over the newest view only and reports every commit. Once
    `most_bytes` have been taken in, all is forgotten.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._rows: dict[bytes, bytes | None] = {}  # None: there is no such row
        self._most = most_bytes
        self._taken = 0

    def over(self, view: Reader) -> Reader:
        """A reader that asks `view`, the newest committed state, only for what is not kept."""
        return _Reading(view, self._rows, self._keep)

    def commit(self, writes: Mapping[bytes, bytes | None]) -> None:
        """What a block wrote is now what stands."""
        for key, value in writes.items():
            self._keep(key, value)

    def _keep(self, key: bytes, value: bytes | None) -> None:
        if self._taken > self._most:
            self._rows.clear()  # in place: a reader of this block holds it
            self._taken = 0
        self._rows[key] = value
        self._taken += _ENTRY + len(key) + len(value or b"")


class _Reading:
    """A `Reader` over a view and the rows kept."""

    __slots__ = ("_keep", "_rows", "_view")

    def __init__(
        self, view: Reader, rows: dict[bytes, bytes | None], keep: Callable[[bytes, bytes | None], None]
    ) -> None:
        self._view = view
        self._rows = rows
        self._keep = keep

    def get(self, key: bytes) -> bytes | None:
        try:
            return self._rows[key]
        except KeyError:
            value = self._view.get(key)
            self._keep(key, value)
            return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._view.scan(prefix)
