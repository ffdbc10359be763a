"""The outbox's file: one SQLite database, written through to disk before anything is sent."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from settle.chain.errors import ContentConflict, OutboxError, WrongChain
from settle.chain.transactions import SignedTransaction

_FORMAT = 1
_SCHEMA = """
CREATE TABLE about (chain TEXT NOT NULL);
CREATE TABLE handed_out (key BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY, content_key TEXT NOT NULL UNIQUE, messages BLOB NOT NULL, key BLOB NOT NULL,
    state TEXT NOT NULL, attempts INTEGER NOT NULL,
    number INTEGER NOT NULL, expiry INTEGER NOT NULL, raw BLOB NOT NULL, hash BLOB NOT NULL, scanned INTEGER NOT NULL,
    held_code INTEGER NOT NULL, held_until INTEGER NOT NULL,
    code INTEGER NOT NULL, height INTEGER NOT NULL, facts BLOB NOT NULL, note TEXT NOT NULL
);
CREATE INDEX entry_by_state ON entry (state, number);
"""
_COLUMNS = (
    "id, content_key, messages, key, state, attempts, number, expiry, raw, hash, scanned, "
    "held_code, held_until, code, height, facts, note"
)


class State(StrEnum):
    """Where a submission stands."""

    QUEUED = "queued"  # no live bytes of it exist: it may be signed
    IN_FLIGHT = "in flight"  # signed; whether it will stand in a block is open
    IN_BLOCK = "in a block"  # acknowledged, whatever its code
    REFUSED = "refused"  # by CheckTx, and no bytes of it can ever stand in a block


class Entry(NamedTuple):
    """One submission, as it is on disk."""

    id: int
    content_key: str
    messages: bytes  # canonical array of messages
    key: bytes  # public key that signs it
    state: State
    attempts: int  # how often it was signed
    number: int
    expiry: int
    raw: bytes
    hash: bytes  # CometBFT's
    scanned: int  # the bytes are in no block up to this height
    held_code: int  # what CheckTx last said against the bytes; 0 for nothing
    held_until: int  # nothing is concluded from that before the blocks up to here are scanned
    code: int
    height: int
    facts: bytes  # root of the facts
    note: str  # the last thing that a person may want to know


class Attempt(NamedTuple):
    """An entry, signed."""

    entry: Entry
    made: SignedTransaction
    number: int
    expiry: int


class OutboxStore:
    """Submissions by state. Every change is durable when its method returns; `OutboxError` says what is wrong."""

    def __init__(self, path: Path, chain_id: str) -> None:
        self._path = path
        with self._explained():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # it holds what the operator declares
            self._base = sqlite3.connect(path, isolation_level=None, timeout=30.0)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")
            with self._change():
                self._found(chain_id)

    def close(self) -> None:
        """Close the file. What is in it goes on with the next one who opens it."""
        self._base.close()

    @contextmanager
    def sole_sender(self) -> Iterator[None]:
        """Only one process at a time signs and sends from this file; others wait here."""
        with self._explained():
            handle = os.open(self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)  # also frees the lock

    def add(self, content_key: str, messages: bytes, key: bytes) -> Entry:
        """The submission under this content key: the one that is there, or a new one.

        Raises `ContentConflict` where it stands for other messages. While nothing signed is alive,
        a new signer takes over from the old one.
        """
        with self._explained(), self._change():
            self._base.execute(
                "INSERT OR IGNORE INTO entry VALUES (NULL, ?, ?, ?, ?, 0, 0, 0, x'', x'', 0, 0, 0, 0, 0, x'', '')",
                (content_key, messages, key, State.QUEUED),
            )
            self._base.execute(
                "UPDATE entry SET key = ? WHERE content_key = ? AND messages = ? AND state = ?",
                (key, content_key, messages, State.QUEUED),
            )
            [entry] = self._entries("content_key = ?", content_key)
        if entry.messages != messages:
            raise ContentConflict(
                expected=f"the messages first submitted as {content_key!r}",
                actual="other messages",
                next_step="the first content stands; give a different wish a different content key",
            )
        return entry

    def entry(self, identity: int) -> Entry:
        """One submission. Raises `OutboxError` for a number that this file does not know."""
        with self._explained():
            found = self._entries("id = ?", identity)
        if not found:
            raise OutboxError(
                expected=f"a ticket of {self._path}",
                actual=f"ticket {identity}",
                next_step="use the outbox that gave the ticket",
            )
        return found[0]

    def by_state(self, state: State) -> list[Entry]:
        """All submissions in a state: in flight by number, others in the order of submission."""
        with self._explained():
            return self._entries("state = ?", state)

    def counts(self) -> dict[State, int]:
        """How many submissions are in each state."""
        with self._explained():
            found = dict(self._base.execute("SELECT state, COUNT(*) FROM entry GROUP BY state").fetchall())
        return {state: found.get(state.value, 0) for state in State}

    def handed_out(self, key: bytes) -> int:
        """The largest replay number that this file gave a key; 0 for none."""
        with self._explained():
            row = self._base.execute("SELECT number FROM handed_out WHERE key = ?", (key,)).fetchone()
        return row[0] if row else 0

    def signed(self, attempts: Sequence[Attempt], height: int) -> None:
        """Keep the bytes that are about to be sent. `height`: no block up to it can hold them."""
        with self._explained(), self._change():
            for entry, made, number, expiry in attempts:
                self._base.execute("INSERT OR REPLACE INTO handed_out VALUES (?, ?)", (entry.key, number))
                self._base.execute(
                    "UPDATE entry SET state = ?, attempts = attempts + 1, number = ?, expiry = ?, raw = ?, hash = ?, "
                    "scanned = ?, held_code = 0, held_until = 0 WHERE id = ?",
                    (State.IN_FLIGHT, number, expiry, made.raw, made.hash, height, entry.id),
                )

    def scanned(self, height: int, identities: list[int]) -> None:
        """The bytes of these submissions are in no block up to `height`."""
        with self._explained(), self._change():
            self._base.executemany(
                "UPDATE entry SET scanned = ? WHERE id = ? AND state = ?",
                [(height, identity, State.IN_FLIGHT) for identity in identities],
            )

    def hold(self, identity: int, code: int, until: int, note: str) -> None:
        """Remember what CheckTx said; code 0 takes it back."""
        with self._explained(), self._change():
            self._base.execute(
                "UPDATE entry SET held_code = ?, held_until = ?, note = ? WHERE id = ?", (code, until, note, identity)
            )

    def note(self, identity: int, note: str) -> None:
        """Say something about a submission to a person."""
        with self._explained(), self._change():
            self._base.execute("UPDATE entry SET note = ? WHERE id = ?", (note, identity))

    def finish(
        self, identity: int, state: State, code: int, *, height: int = 0, facts: bytes = b"", note: str = ""
    ) -> None:
        """The end of a submission: `IN_BLOCK` or `REFUSED`."""
        with self._explained(), self._change():
            self._base.execute(
                "UPDATE entry SET state = ?, code = ?, height = ?, facts = ?, note = ? WHERE id = ?",
                (state, code, height, facts, note, identity),
            )

    def queue_again(self, identity: int, key: bytes, note: str) -> None:
        """Its bytes are dead, or it was refused and is wanted again: sign anew."""
        with self._explained(), self._change():
            self._base.execute(
                "UPDATE entry SET state = ?, key = ?, held_code = 0, held_until = 0, code = 0, note = ? WHERE id = ?",
                (State.QUEUED, key, note, identity),
            )

    def _entries(self, where: str, value: object) -> list[Entry]:
        query = f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY number, id"  # noqa: S608  # no outside text
        rows = self._base.execute(query, (value,)).fetchall()
        return [Entry(*row)._replace(state=State(row[4])) for row in rows]

    def _found(self, chain_id: str) -> None:
        """Set a new file up, or check that an old one is ours."""
        [version] = self._base.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA.split(";"):
                self._base.execute(statement)
            self._base.execute("INSERT INTO about VALUES (?)", (chain_id,))
            self._base.execute(f"PRAGMA user_version = {_FORMAT}")
            return
        if version != _FORMAT:
            raise OutboxError(
                expected=f"outbox format {_FORMAT} in {self._path}",
                actual=f"format {version}",
                next_step="run the release that wrote the file",
            )
        [found] = self._base.execute("SELECT chain FROM about").fetchone()
        if found != chain_id:
            raise WrongChain(
                expected=f"an outbox for chain {chain_id} in {self._path}",
                actual=f"one for chain {found}",
                next_step="name the home that belongs to this chain; an outbox never moves between chains",
            )

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as fault:
            raise OutboxError(
                expected=f"a readable and writable outbox at {self._path}",
                actual=f"{type(fault).__name__}: {fault}",
                next_step="free space or mend the permissions; a damaged file is restored from backup, never deleted "
                "while anything is in flight",
            ) from fault
