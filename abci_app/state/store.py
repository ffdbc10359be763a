"""What the state machine asks of whoever keeps the bytes. The LMDB store of the server fulfils it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeAlias

from abci_app.kernel.encoding import U32, U64, Hash32, Seconds, Value
from abci_app.state.overlay import Reader

Roots: TypeAlias = tuple[tuple[str, Hash32], ...]
"""The store roots under the marker's app hash, by name, in the order of names."""

FORMAT = 2
"""The format of state and fact log; part of the app hash."""


class Marker(Value, frozen=True):
    """The last committed block, written in the same transaction as its rows."""

    format: U32
    height: U64
    time: Seconds
    app_hash: Hash32
    chain: Hash32  # sha256 of the chain id
    facts: U64  # size of the fact log


class Batch(NamedTuple):
    """All that one block commits, in one write transaction."""

    marker: Marker
    writes: Mapping[bytes, bytes | None]
    facts: Sequence[bytes]  # canonical fact records, in order; the first has number marker.facts - len(facts)
    roots: Mapping[str, bytes]  # of every store, under the app hash: they name the module where a check fails


class Committed(Reader, Protocol):
    """The committed state at one moment."""

    def marker(self) -> Marker | None:
        """The block whose state it is; None before genesis."""
        ...

    def roots(self) -> Roots:
        """The root of every store as of that block."""
        ...


class Store(Protocol):
    """Rows, facts and the marker, durable as a whole or not at all."""

    def marker(self) -> Marker | None:
        """The last committed block; None before genesis."""
        ...

    def view(self) -> AbstractContextManager[Committed]:
        """The committed rows as of now, unchanged while the view is open; for any thread."""
        ...

    def commit(self, batch: Batch) -> None:
        """Write a block. Returns after it is durable."""
        ...

    def facts(self, start: int, most: int) -> list[bytes]:
        """Committed fact records from number `start` on, at most `most`."""
        ...
