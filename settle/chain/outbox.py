"""The durable outbox: what is submitted stands in a block exactly once, or its refusal is certain.

Write, then send. The same bytes are sent again until they stand in a block or can no longer stand in
one; only then is the content signed again, under a new number. That they do not stand in a block is
read from the blocks themselves, which need no index and know no delay; an error never proves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from abci_app.kernel.encoding import Value
from abci_app.kernel.envelope import chain_hash
from settle.chain.answers import Status, TransactionResult
from settle.chain.errors import NodeUnreachable, RpcError, StillWaiting, WrongChain
from settle.chain.outbox_store import Attempt, Entry, OutboxStore, State
from settle.chain.queries import replay_window
from settle.chain.rpc import Node, already_in_cache
from settle.chain.transactions import Signing, encode_messages, sign_messages

LIFE = 200
"""Heights for which signed bytes stay valid."""
WINDOW = 256
"""Replay numbers of one key that may be open at once: the chain forgets older ones (PROTOCOL 11)."""
FARTHEST = 1024
"""How far above the highest used number the chain lets one jump (PROTOCOL 11)."""

NUMBER_SPENT = frozenset({910, 911})
"""NUMBER_USED, NUMBER_TOO_OLD: these bytes are in a block already, or never will be."""
NOT_NOW = frozenset({908, 909, 912, 920})
"""EXPIRED, EXPIRES_TOO_LATE, NUMBER_TOO_FAR, APPLICATION_FAULT: about the node or the moment."""


class Ticket(NamedTuple):
    """A submission's name in its outbox."""

    id: int
    content_key: str


class Result(NamedTuple):
    """How a submission ended. Height 0: refused by CheckTx, and in no block for ever."""

    code: int
    height: int
    facts: bytes  # root of the transaction's facts; empty where there are none
    log: str


class Outbox:
    """Submissions to one chain through one node. Several processes may open one file; threads need one each."""

    def __init__(
        self,
        path: Path,
        node: Node,
        chain_id: str,
        *,
        signers: Iterable[Signing] = (),
        life: int = LIFE,
        resend_after: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`signers` sign again what an earlier process submitted; `resend_after` is in seconds."""
        self._store = OutboxStore(path, chain_id)
        self._node = node
        self._chain_id = chain_id
        self._chain = chain_hash(chain_id.encode())
        self._signers = {signer.public: signer for signer in signers}
        self._life = life
        self._resend_after = resend_after
        self._clock = clock
        self._sleep = sleep
        self._sent_at: dict[bytes, float] = {}  # by hash

    def close(self) -> None:
        """Close the file; everything goes on when it is opened again."""
        self._store.close()

    def submit(self, content_key: str, messages: Sequence[Value], signer: Signing) -> Ticket:
        """Keep messages for the chain, durably; nothing is sent yet.

        The content key names the wish ("declare 7/3/1 revision 0"): the same key with the same messages
        is the same submission for ever, with other messages `ContentConflict`.
        """
        raw = encode_messages(messages)
        self._signers[signer.public] = signer
        entry = self._store.add(content_key, raw, signer.public)
        return Ticket(entry.id, entry.content_key)

    def retry(self, ticket: Ticket, signer: Signing) -> None:
        """Submit again what has ended with a code ≠ 0, after its cause is gone. Anything else stays as it is."""
        self._signers[signer.public] = signer
        entry = self._store.entry(ticket.id)
        if entry.state in (State.REFUSED, State.IN_BLOCK) and entry.code != 0:
            self._store.queue_again(entry.id, signer.public, f"wanted again after code {entry.code}")

    def result(self, ticket: Ticket) -> Result | None:
        """How the submission ended; None while that is open."""
        entry = self._store.entry(ticket.id)
        if entry.state in (State.QUEUED, State.IN_FLIGHT):
            return None
        return Result(entry.code, entry.height, entry.facts, entry.note)

    def open_entries(self) -> list[Entry]:
        """What has not ended yet, for people: content key, attempts, and the last note."""
        return self._store.by_state(State.IN_FLIGHT) + self._store.by_state(State.QUEUED)

    def pump(self) -> dict[State, int]:
        """One round: look for our bytes in new blocks, conclude, sign, send. Returns the counts by state.

        Raises `NodeUnreachable`, `RpcError` or `WrongChain`; nothing is lost, the next round goes on.
        """
        with self._store.sole_sender():
            status = self._node.status()
            if status.chain_id != self._chain_id:
                raise WrongChain(
                    expected=f"a node of chain {self._chain_id}",
                    actual=f"a node of chain {status.chain_id}",
                    next_step="correct the RPC address, or the chain id in the configuration",
                )
            self._look_in_blocks(status)
            for entry in self._store.by_state(State.IN_FLIGHT):
                self._conclude(entry)
            if not status.sync_info.catching_up:  # its heights are old: what it signs for would expire at once
                signed = self._sign_queued(status.height)
                for entry in self._store.by_state(State.IN_FLIGHT):
                    self._send(entry, fresh=entry.hash in signed)
            return self._store.counts()

    def wait(self, ticket: Ticket, timeout: float, pause: float = 0.05) -> Result:
        """Pump until the submission has ended. Raises `StillWaiting` after `timeout` seconds, or
        `NodeUnreachable` where the node was away then; either way the submission goes on."""
        until = self._clock() + timeout
        while True:
            away: NodeUnreachable | None = None
            try:
                self.pump()
            except NodeUnreachable as fault:
                away = fault
            ended = self.result(ticket)
            if ended is not None:
                return ended
            if self._clock() >= until:
                raise away or self._still_waiting(ticket, timeout)
            self._sleep(pause)

    def _look_in_blocks(self, status: Status) -> None:
        """Find our bytes in the blocks since we last looked. Blocks are final: what is found has ended."""
        flying = self._store.by_state(State.IN_FLIGHT)
        earliest = status.sync_info.earliest_block_height
        for entry in flying:
            if entry.scanned + 1 < earliest:
                self._look_in_index(entry, earliest)
        waiting = {entry.hash: entry for entry in flying if entry.scanned + 1 >= earliest}
        if not waiting:
            return
        from_height = min(entry.scanned for entry in waiting.values()) + 1
        to_height = min(status.height, max(entry.expiry for entry in waiting.values()))
        for height in range(from_height, to_height + 1):
            if not self._look_in_block(height, waiting):
                to_height = height - 1
                break
        if to_height >= from_height:
            behind = [entry.id for entry in waiting.values() if entry.scanned < to_height]
            self._store.scanned(to_height, behind)

    def _look_in_block(self, height: int, waiting: dict[bytes, Entry]) -> bool:
        """Finish what stands in the block. False: the node has not executed it yet."""
        hashes = [sha256(raw).digest() for raw in self._node.block(height).transactions]
        ours = {index: waiting[found] for index, found in enumerate(hashes) if found in waiting}
        if not ours:
            return True
        try:
            results = self._node.block_results(height).results
        except RpcError as refusal:
            for entry in ours.values():
                self._store.note(entry.id, f"stands in block {height}, whose results are not known: {refusal.detail}")
            return False
        for index, entry in ours.items():
            self._acknowledge(entry, height, results[index])
            waiting.pop(entry.hash, None)  # CometBFT's mempool cannot keep a proposer from listing bytes twice
        return True

    def _look_in_index(self, entry: Entry, earliest: int) -> None:
        """The node no longer holds blocks in which the bytes may stand: only its index can tell."""
        found = self._node.transaction(entry.hash)
        if found is not None:
            self._acknowledge(entry, found.height, found.tx_result)
        else:
            self._store.note(
                entry.id,
                f"cannot tell whether {entry.hash.hex()} stands in blocks {entry.scanned + 1}..{earliest - 1}, which "
                "this node has pruned: point the outbox at a node that keeps them; it is not signed again before",
            )

    def _acknowledge(self, entry: Entry, height: int, result: TransactionResult) -> None:
        facts, note = result.data or b"", result.log
        self._store.finish(entry.id, State.IN_BLOCK, result.code, height=height, facts=facts, note=note)
        self._sent_at.pop(entry.hash, None)

    def _conclude(self, entry: Entry) -> None:
        """Sign anew, or give up, what can no longer stand in any block."""
        expired = entry.scanned >= entry.expiry
        spent = entry.held_code in NUMBER_SPENT and entry.scanned >= entry.held_until
        if not (expired or spent):
            return
        self._sent_at.pop(entry.hash, None)
        if expired and entry.held_code and not spent:
            self._store.finish(entry.id, State.REFUSED, entry.held_code, note=entry.note)
        else:
            why = f"its number was spent by another sender of this key (code {entry.held_code})" if spent else "expired"
            self._store.queue_again(entry.id, entry.key, f"attempt {entry.attempts} {why}")

    def _sign_queued(self, height: int) -> set[bytes]:
        """Sign what is queued, as far as each key's window of numbers reaches. The new hashes."""
        attempts: list[Attempt] = []
        queued = self._store.by_state(State.QUEUED)
        for key in {entry.key: None for entry in queued}:
            signer = self._signers.get(key)
            mine = [entry for entry in queued if entry.key == key]
            if signer is None:
                for entry in mine:
                    self._store.note(entry.id, f"waits for the key {key.hex()}, which is not loaded")
                continue
            highest = replay_window(self._node, key).highest
            flying = [entry.number for entry in self._store.by_state(State.IN_FLIGHT) if entry.key == key]
            number = max(highest, self._store.handed_out(key)) + 1
            room = min(min(flying, default=number) + WINDOW, highest + FARTHEST + 1) - number
            for entry in mine[: max(0, room)]:
                made = sign_messages(self._chain, entry.messages, number, height + self._life, signer)
                attempts.append(Attempt(entry, made, number, height + self._life))
                number += 1
        self._store.signed(attempts, height)
        return {attempt.made.hash for attempt in attempts}

    def _send(self, entry: Entry, *, fresh: bool) -> None:
        """Offer the bytes to the node, unless that was a moment ago.

        `fresh`: they were signed in this round, so no earlier offer can have left them in a mempool,
        and a refusal is certain at once.
        """
        now = self._clock()
        last = self._sent_at.get(entry.hash)
        if last is not None and now - last < self._resend_after:
            return
        self._sent_at[entry.hash] = now
        try:
            answer = self._node.broadcast(entry.raw)
        except RpcError as refusal:
            if not already_in_cache(refusal):
                self._store.note(entry.id, refusal.detail)
            return
        if answer.code == 0 or answer.code in NOT_NOW:
            if answer.code or entry.held_code:
                self._store.hold(entry.id, 0, 0, answer.log)
        elif answer.code in NUMBER_SPENT:
            # whoever spent it stands in a block that the node had executed when it answered
            self._store.hold(entry.id, answer.code, self._node.status().height, answer.log)
        elif fresh:
            self._store.finish(entry.id, State.REFUSED, answer.code, note=answer.log)
        else:
            self._store.hold(entry.id, answer.code, entry.expiry, answer.log)

    def _still_waiting(self, ticket: Ticket, timeout: float) -> StillWaiting:
        entry = self._store.entry(ticket.id)
        return StillWaiting(
            expected=f"{ticket.content_key!r} in a block within {timeout:g} s",
            actual=f"{entry.state.value} after {entry.attempts} attempts" + (f": {entry.note}" if entry.note else ""),
            next_step="it stays in the outbox and goes on; look again later, or at the node with `settle doctor`",
        )
