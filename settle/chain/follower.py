"""The follower: every fact in order of its number, fetched by number, from where it stopped the last time.

Websocket subscriptions drop events under load and are silent about it, so there is none here: the height
is polled and what is new is asked for. The checkpoint moves after the reader has taken a batch, so a
reader sees every fact at least once and knows by its number whether it has seen it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from abci_app.kernel.encoding import Malformed
from abci_app.kernel.facts import read_record
from abci_app.kernel.merkle import leaf
from settle.chain.errors import FollowerBroken, WrongChain
from settle.chain.queries import fact_records
from settle.chain.rpc import Node

BATCH = 500
"""Fact records asked for at once."""


class NumberedFact(NamedTuple):
    """A fact's place in the chain's log, from 0, and its canonical record."""

    number: int
    record: bytes


ReadModel = Callable[[Sequence[NumberedFact]], None]
"""Takes facts in order and makes them durable before it returns. May see a number again after a crash."""


class _Checkpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was read last: enough to notice that the log is no longer the one that was read."""

    chain: str
    next: int  # number of the first fact not read
    height: int  # of the last fact read
    leaf: str  # hash of the last fact read, hex; empty where there is none


class Follower:
    """One reader's place in the facts of one chain, kept in a small file of its own."""

    def __init__(self, path: Path, node: Node, chain_id: str) -> None:
        """Raises `WrongChain` or `FollowerBroken` for a checkpoint of another chain or a damaged one."""
        self._path = path
        self._node = node
        self._chain_id = chain_id
        self._checkpoint = self._load()
        self._checked = self._checkpoint.next == 0  # whether the log still holds what was read last
        self._seen_height = -1

    @property
    def next_number(self) -> int:
        """The number of the first fact that the reader has not taken."""
        return self._checkpoint.next

    def facts(self) -> Iterator[NumberedFact]:
        """The facts up to now. A fact counts as taken when the one after it, or the end, is asked for."""
        for batch in self._batches():
            yield from batch
            self._keep(batch[-1])

    def catch_up(self, read_model: ReadModel) -> int:
        """Hand all new facts to the read model, batch by batch; how many there were."""
        taken = 0
        for batch in self._batches():
            read_model(batch)
            self._keep(batch[-1])
            taken += len(batch)
        return taken

    def poll(self, read_model: ReadModel) -> int:
        """`catch_up` where the node has a new block since the last look; 0 otherwise."""
        height = self._height()
        if height == self._seen_height:
            return 0
        taken = self.catch_up(read_model)
        self._seen_height = height
        return taken

    def follow(
        self,
        read_model: ReadModel,
        stop: Callable[[], bool],
        pause: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Poll every `pause` seconds until `stop()`. Errors of the node end it; it may simply be called again."""
        while not stop():
            self.poll(read_model)
            sleep(pause)

    def _batches(self) -> Iterator[list[NumberedFact]]:
        self._height()
        if not self._checked:
            self._check_last()
        while True:
            start = self._checkpoint.next
            records = fact_records(self._node, start, BATCH)
            if not records:
                return
            height = self._checkpoint.height
            for number, record in enumerate(records, start):
                found = self._height_of(number, record)
                if found < height:
                    raise self._broken(f"fact {number} at height {height} or above", f"height {found}")
                height = found
            yield [NumberedFact(number, record) for number, record in enumerate(records, start)]

    def _check_last(self) -> None:
        """The last fact read must still be in its place: a rollback or another genesis moves it."""
        last = self._checkpoint.next - 1
        records = fact_records(self._node, last, 1)
        found = leaf(records[0]).hex() if records else "no such fact"
        if found != self._checkpoint.leaf:
            raise self._broken(f"fact {last} with hash {self._checkpoint.leaf}", found)
        self._checked = True

    def _height(self) -> int:
        status = self._node.status()
        if status.chain_id != self._chain_id:
            raise WrongChain(
                expected=f"a node of chain {self._chain_id}",
                actual=f"a node of chain {status.chain_id}",
                next_step="correct the RPC address, or the chain id in the configuration",
            )
        return status.height

    def _height_of(self, number: int, record: bytes) -> int:
        try:
            return read_record(record).height
        except Malformed as fault:
            raise self._broken(f"fact {number} in this version's form", str(fault)) from fault

    def _keep(self, last: NumberedFact) -> None:
        """Move the checkpoint behind this fact, durably: the old file or the new one, never half of either."""
        height = self._height_of(last.number, last.record)
        moved = _Checkpoint(self._chain_id, last.number + 1, height, leaf(last.record).hex())
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(moved))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        self._checkpoint = moved
        self._checked = True

    def _load(self) -> _Checkpoint:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=_Checkpoint)
        except FileNotFoundError:
            return _Checkpoint(self._chain_id, 0, 0, "")
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise self._broken(f"a checkpoint in {self._path}", str(fault)) from fault
        if found.chain != self._chain_id:
            raise WrongChain(
                expected=f"a checkpoint of chain {self._chain_id} in {self._path}",
                actual=f"one of chain {found.chain}",
                next_step="name the home that belongs to this chain",
            )
        return found

    def _broken(self, expected: str, actual: str) -> FollowerBroken:
        return FollowerBroken(
            expected=expected,
            actual=actual,
            next_step=f"the node was rolled back, is behind, or has another history: wait, or delete {self._path} "
            "and the read model built from it, and read the facts again from the beginning",
        )
