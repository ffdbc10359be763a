"""A chain in memory behind the `Node` protocol, with the application's own replay window, and faults on demand."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from random import Random

import msgspec

from abci_app.application import replay
from abci_app.application.transaction import Code
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import read_envelope
from abci_app.state.overlay import Empty, Overlay
from settle.chain.answers import Block, BlockResults, CheckAnswer, FoundTransaction, Hex, Status
from settle.chain.errors import NodeUnreachable, RpcError

CHAIN_ID = "test-chain"


def unreachable(why: str) -> NodeUnreachable:
    return NodeUnreachable(expected="a node", actual=why, next_step="wait")


class FakeNode:
    """Mempool with a cache, blocks, and what the chain did. `chance` decides about faults; None means none."""

    def __init__(self, chance: Random | None = None) -> None:
        self.chain_id = CHAIN_ID
        self.blocks: list[list[tuple[bytes, int]]] = [[]]  # by height - 1: (bytes, code)
        self.mempool: list[bytes] = []
        self.cache: set[bytes] = set()
        self.replay_rows = Overlay(Empty())
        self.decide: Callable[[bytes], int] = lambda _messages: 0
        self.check: Callable[[bytes], int] = lambda _raw: 0
        self.chance = chance
        self.broadcasts: list[bytes] = []
        self.earliest = 1
        self.catching_up = False
        self.results_known = True
        self.indexed = True
        self.facts: list[bytes] = []

    # what the node does

    @property
    def height(self) -> int:
        return len(self.blocks)

    def make_block(self, most: int = 1_000) -> None:
        """Decide a block of what is admissible, in mempool order; the rest goes on waiting."""
        height = self.height + 1
        block: list[tuple[bytes, int]] = []
        left: list[bytes] = []
        for raw in self.mempool:
            if len(block) >= most or self._admission(raw, height):
                left.append(raw)
                continue
            envelope = read_envelope(raw)
            messages, number, _ = msgspec.msgpack.decode(envelope.body)
            replay.use(self.replay_rows, envelope.key, number)
            block.append((raw, self.decide(encode(messages))))
        self.mempool = [raw for raw in left if not self._admission(raw, height + 1)]  # recheck
        self.cache -= set(left) - set(self.mempool)
        self.blocks.append(block)

    def forget(self) -> None:
        """Restart: the mempool is not durable."""
        self.mempool, self.cache = [], set()

    def executed(self) -> list[bytes]:
        """The messages of every transaction that ran, in order."""
        return [encode(msgspec.msgpack.decode(read_envelope(raw).body)[0]) for block in self.blocks for raw, _ in block]

    def _admission(self, raw: bytes, height: int) -> int:
        envelope = read_envelope(raw)
        _, number, expiry = msgspec.msgpack.decode(envelope.body)
        try:
            replay.check(replay.window_of(self.replay_rows, envelope.key), envelope.key, number, expiry, height)
        except Rejected as refusal:
            return int(refusal.code)
        return self.check(raw)

    # what clients call

    def status(self) -> Status:
        self._may_fail()
        nobody = {"address": "", "pub_key": {"type": "", "value": ""}, "voting_power": 0}
        told = {
            "node_info": {"id": "", "network": self.chain_id, "version": ""},
            "sync_info": {
                "latest_block_height": self.height,
                "latest_app_hash": "",
                "latest_block_time": "",
                "earliest_block_height": self.earliest,
                "catching_up": self.catching_up,
            },
            "validator_info": nobody,
        }
        return msgspec.convert(told, Status, dec_hook=lambda _kind, value: Hex(bytes.fromhex(value)))

    def query(self, path: str, data: bytes) -> bytes:
        self._may_fail()
        if path == "/replay":
            row = replay.WINDOWS.get(self.replay_rows, replay.SignerKey(data))
            return encode(row or replay.Window(0, bytes(32)))
        assert path == "/facts"
        start, most = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:], "big")
        return encode(self.facts[start : start + most])

    def broadcast(self, raw: bytes) -> CheckAnswer:
        self._may_fail()  # the request is lost
        self.broadcasts.append(raw)
        if raw in self.cache:
            raise RpcError("broadcast_tx_sync", -32603, "Internal error", "tx already exists in cache", "")
        code = self._admission(raw, self.height + 1)
        if code == 0:
            self.cache.add(raw)
            self.mempool.append(raw)
        if self.chance is not None and self.chance.random() < 0.1:
            self.make_block()  # committed before the client hears of it
        self._may_fail()  # the answer is lost: told failed, yet committed
        return CheckAnswer(code, Code(code).name if code in set(Code) else "", Hex(sha256(raw).digest()))

    def transaction(self, transaction_hash: bytes) -> FoundTransaction | None:
        self._may_fail()
        for height, block in enumerate(self.blocks, start=1):
            for index, (raw, code) in enumerate(block):
                if self.indexed and sha256(raw).digest() == transaction_hash:
                    found = {"code": code, "data": None, "log": ""}
                    told = {"height": height, "index": index, "tx_result": found, "tx": raw, "hash": ""}
                    return msgspec.convert(told, FoundTransaction, dec_hook=lambda _kind, _value: Hex(transaction_hash))
        return None

    def block(self, height: int) -> Block:
        self._may_fail()
        if not self.earliest <= height <= self.height:
            raise RpcError("block", -32603, "Internal error", f"height {height} is not available", "")
        header = {"chain_id": self.chain_id, "height": height, "time": "", "app_hash": "", "proposer_address": ""}
        told = {"header": header, "data": {"txs": [raw for raw, _ in self.blocks[height - 1]]}}
        return msgspec.convert(told, Block, dec_hook=lambda _kind, _value: Hex())

    def block_results(self, height: int) -> BlockResults:
        self._may_fail()
        if not self.results_known:
            raise RpcError(
                "block_results", -32603, "Internal error", f"could not find results for height #{height}", ""
            )
        results = [
            {"code": code, "data": sha256(raw).digest() if code == 0 else None, "log": ""}
            for raw, code in self.blocks[height - 1]
        ]
        return msgspec.convert({"height": height, "txs_results": results}, BlockResults)

    def _may_fail(self) -> None:
        if self.chance is not None and self.chance.random() < 0.08:
            raise unreachable("a fault on purpose")
