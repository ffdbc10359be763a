"""The durable state: rows, facts, undo records and the marker in one LMDB file, one transaction a block."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType

import lmdb

from abci_app.server.failpoint import Failpoint, nowhere
from abci_app.server.lmdb_view import Databases, Draft, Undo, View
from abci_app.server.store_faults import START_OVER, StoreDamaged, StoreFault, explain
from abci_app.state.store import FORMAT, Batch, Marker
from abci_app.state.tree import LONGEST_KEY

_READER_CHECK_EVERY = 100  # commits; frees pages that readers killed on the way keep pinned
_PROGRAM_FAULT = "This is a fault of the program: report it with the version and the height."


class LmdbStore:
    """Fulfils `abci_app.state.store.Store`. One process holds the folder; one thread commits.

    Every method raises StoreFault (StoreFull, StoreDamaged), which names the next step. Such a
    fault in `commit` means that nothing of the block was written; the node must stop.

    `map_size` is address space in bytes, not disk. `history` is the number of last blocks whose
    undo records are kept. Every commit is synced to disk: on simulated power loss no committed
    block was then lost, and without it most files came back unreadable.
    """

    def __init__(
        self, folder: Path, map_size: int = 64 * 2**30, history: int = 100, failpoint: Failpoint = nowhere
    ) -> None:
        self._folder = folder
        self._map_size = map_size
        self._history = history
        self._failpoint = failpoint
        self._commits = 0
        self._owner = _own(folder)
        try:
            with self._explained():
                self._env, self._databases = _open(folder, map_size)
                with self.view() as view:
                    _check_format(view.format(), folder)
        except StoreFault:
            self.close()
            raise

    def __enter__(self) -> LmdbStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file and the folder. Open views become invalid."""
        if hasattr(self, "_env"):
            self._env.close()
        os.close(self._owner)

    def marker(self) -> Marker | None:
        """The last committed block; None before genesis."""
        with self.view() as view:
            return view.marker()

    @contextmanager
    def view(self) -> Iterator[View]:
        """The committed state as of now, unchanged while the view is open; for any thread.

        Keep views short: pages that one still sees cannot be reused, and the file grows.
        """
        with self._explained(), self._env.begin() as txn:
            yield View(txn, self._databases)

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A write transaction: committed and durable on leaving, undone by any exception."""
        with self._explained(), self._env.begin(write=True) as txn:
            yield Draft(txn, self._databases)

    def commit(self, batch: Batch) -> None:
        """Write a block. Returns after it is durable."""
        height = batch.marker.height
        _check_pairs(batch.writes)
        with self.draft() as draft:
            before = draft.marker()
            _check_order(before, batch)
            replaced = draft.replace_rows(batch.writes)
            draft.append_facts(batch.marker.facts - len(batch.facts), batch.facts)
            if before is not None:  # nobody goes back before genesis
                undo = Undo(marker=before, roots=draft.roots(), rows=tuple(replaced))
                draft.keep_undo(height, undo, self._history)
            draft.set_marker(batch.marker, tuple(sorted(batch.roots.items())))
            self._failpoint("commit_in_txn", height)
        self._commits += 1
        if self._commits % _READER_CHECK_EVERY == 0:
            self._env.reader_check()

    def facts(self, start: int, most: int) -> list[bytes]:
        """Committed fact records from number `start` on, at most `most`."""
        with self.view() as view:
            return list(islice(view.facts(start), most))

    def value_at(self, key: bytes, height: int) -> bytes | None:
        """The value under `key` after the block at `height`. Raises BeyondHistory."""
        with self.view() as view:
            return view.value_at(key, height)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except lmdb.Error as fault:
            raise explain(fault, self._folder, self._map_size) from fault


def _own(folder: Path) -> int:
    """Lock the folder for this process until the descriptor is closed or the process ends."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = os.open(folder / "owner", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as fault:
        raise StoreFault(
            f"a folder {folder} that this user may write", str(fault), "Correct its owner or permissions."
        ) from fault
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        holder = os.read(owner, 20).decode("ascii", "replace") or "unknown"
        os.close(owner)
        raise StoreFault(
            f"nobody else to use {folder}",
            f"a lock held by process {holder}",
            "Stop the other node (or command) that uses this home, or give each its own.",
        ) from fault
    os.ftruncate(owner, 0)
    os.write(owner, str(os.getpid()).encode("ascii"))
    return owner


def _open(folder: Path, map_size: int) -> tuple[lmdb.Environment, Databases]:
    # lib_version: py-lmdb carries two engines whose files differ; an environment variable could
    # otherwise choose for us, and another engine has another longest key.
    env = lmdb.open(str(folder), map_size=map_size, max_dbs=len(Databases._fields), mode=0o600, lib_version=0)
    # LMDB maps the file: reading where it was cut off would end the process by a signal.
    needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
    size = (folder / "data.mdb").stat().st_size
    if size < needed:
        env.close()
        raise StoreDamaged(f"{folder / 'data.mdb'} of {needed} bytes", f"{size} bytes: it was cut off", START_OVER)
    try:
        return env, Databases(*(env.open_db(name.encode("ascii")) for name in Databases._fields))
    except lmdb.Error:
        env.close()
        raise


def _check_format(found: int | None, folder: Path) -> None:
    if found is None or found == FORMAT:
        return
    next_step = (
        "A newer version of this program wrote it: install that version."
        if found > FORMAT
        else "This version does not convert it: run the version that wrote it, or start over. " + START_OVER
    )
    raise StoreFault(f"state of format {FORMAT} in {folder}", f"format {found}", next_step)


def _check_pairs(writes: Mapping[bytes, bytes | None]) -> None:
    for key, value in writes.items():
        if not 0 < len(key) <= LONGEST_KEY or value == b"":
            raise StoreFault(
                f"keys of 1 to {LONGEST_KEY} bytes, values that are not empty",
                f"a {'value of 0 bytes' if value == b'' else f'key of {len(key)} bytes'}: {key.hex()[:80]}",
                _PROGRAM_FAULT,
            )


def _check_order(before: Marker | None, batch: Batch) -> None:
    height, facts = (-1, 0) if before is None else (before.height, before.facts)
    marker, total = batch.marker, facts + len(batch.facts)
    if marker.height <= height or marker.facts != total or marker.format != FORMAT:
        raise StoreFault(
            f"a block after height {height}, of format {FORMAT}, with {total} facts in all",
            f"height {marker.height}, format {marker.format}, {marker.facts} facts",
            _PROGRAM_FAULT,
        )
