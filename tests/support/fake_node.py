"""A node without CometBFT: one in-process chain behind the `Node` protocol, with a mempool, and faults on demand.

Agents and commands are tested against the real state machine; only consensus and the network are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from abci_app.application.interface import Outcome
from abci_app.kernel.encoding import Value
from settle.chain.answers import Block, BlockResults, CheckAnswer, FoundTransaction, Hex, Status
from settle.chain.errors import NodeUnreachable, QueryRefused, RpcError
from tests.support.chains import CHAIN_ID, GENESIS_TIME, Network

MOST_BYTES = 4 << 20


class MadeBlock(NamedTuple):
    """A block and what its transactions did."""

    time: int
    transactions: tuple[bytes, ...]
    outcomes: tuple[Outcome, ...]


class ChainNode:
    """One validator. `make_block` is its consensus: nothing happens between two calls of it.

    `before_call` is called with the name of every method that a client calls, `after_broadcast` after a broadcast
    has been taken; they may raise, as a process that is killed or a connection that is lost would.
    """

    def __init__(self, facts: Sequence[Value] | None = None) -> None:
        self.network = Network(facts)
        self.chain_id = CHAIN_ID.decode()
        self.blocks: list[MadeBlock] = []
        self.mempool: list[bytes] = []
        self.before_call: Callable[[str], None] = lambda _name: None
        self.after_broadcast: Callable[[], None] = lambda: None
        self._cache: set[bytes] = set()

    @property
    def height(self) -> int:
        return self.network.height

    @property
    def time(self) -> int:
        return self.network.time

    def make_block(self, after: int = 1) -> tuple[Outcome, ...]:
        """The next block, `after` seconds later, with what its proposer takes from the mempool."""
        network = self.network
        proposal = network.propose(*self.mempool, after=after)
        kept = network.chain.prepare(proposal._replace(hash=b""), MOST_BYTES)
        block = network.propose(*kept, after=after)
        assert network.chain.process(block)
        result = network.decide(block)
        assert not network.chain.alarms
        self.blocks.append(MadeBlock(block.time, block.transactions, result.outcomes))
        left = [raw for raw in self.mempool if raw not in set(kept)]
        self.mempool = [raw for raw in left if network.chain.check(raw, recheck=True).code == 0]
        self._cache -= set(left) - set(self.mempool)
        return result.outcomes

    def run_until(self, time: int) -> None:
        """One block at this time, or at the next second where it has passed."""
        self.make_block(after=max(1, time - self.time))

    # what clients call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """There is no connection."""

    def status(self) -> Status:
        self.before_call("status")
        nobody = {"address": "", "pub_key": {"type": "", "value": ""}, "voting_power": 0}
        told = {
            "node_info": {"id": "", "network": self.chain_id, "version": ""},
            "sync_info": {
                "latest_block_height": self.height,
                "latest_app_hash": self.network.app_hash.hex(),
                "latest_block_time": _told(self.time if self.blocks else GENESIS_TIME),
                "earliest_block_height": min(1, self.height),
                "catching_up": False,
            },
            "validator_info": nobody,
        }
        return msgspec.convert(told, Status, dec_hook=_from_hex)

    def query(self, path: str, data: bytes) -> bytes:
        self.before_call("query")
        answer = self.network.chain.query(path, data, 0)
        if answer.code:
            raise QueryRefused(path, answer.code, answer.log)
        return answer.value

    def broadcast(self, raw: bytes) -> CheckAnswer:
        self.before_call("broadcast")
        if raw in self._cache:
            raise RpcError("broadcast_tx_sync", -32603, "Internal error", "tx already exists in cache", "")
        outcome = self.network.chain.check(raw, recheck=False)
        if outcome.code == 0:
            self._cache.add(raw)
            self.mempool.append(raw)
        self.after_broadcast()
        return CheckAnswer(outcome.code, outcome.log, Hex(sha256(raw).digest()))

    def transaction(self, transaction_hash: bytes) -> FoundTransaction | None:
        self.before_call("transaction")
        for height, block in enumerate(self.blocks, start=1):
            for index, raw in enumerate(block.transactions):
                if sha256(raw).digest() == transaction_hash:
                    told = {
                        "hash": transaction_hash.hex(),
                        "height": height,
                        "index": index,
                        "tx_result": _result(block.outcomes[index]),
                        "tx": raw,
                    }
                    return msgspec.convert(told, FoundTransaction, dec_hook=_from_hex)
        return None

    def block(self, height: int) -> Block:
        self.before_call("block")
        if not 1 <= height <= self.height:
            raise RpcError("block", -32603, "Internal error", f"height {height} is not available", "")
        made = self.blocks[height - 1]
        header = {
            "chain_id": self.chain_id,
            "height": height,
            "time": _told(made.time),
            "app_hash": "",
            "proposer_address": "",
        }
        told = {"header": header, "data": {"txs": list(made.transactions)}}
        return msgspec.convert(told, Block, dec_hook=_from_hex)

    def block_results(self, height: int) -> BlockResults:
        self.before_call("block_results")
        if not 1 <= height <= self.height:
            detail = f"could not find results for height #{height}"
            raise RpcError("block_results", -32603, "Internal error", detail, "")
        results = [_result(outcome) for outcome in self.blocks[height - 1].outcomes]
        return msgspec.convert({"height": height, "txs_results": results}, BlockResults)


def lost_connection() -> NodeUnreachable:
    """What a client sees when the node does not answer."""
    return NodeUnreachable(expected="a node", actual="a fault on purpose", next_step="wait")


def _result(outcome: Outcome) -> dict[str, object]:
    return {
        "code": outcome.code,
        "data": outcome.data,
        "log": outcome.log,
        "gas_wanted": outcome.gas_wanted,
        "gas_used": outcome.gas_used,
        "codespace": outcome.codespace,
    }


def _told(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


def _from_hex(_kind: type, value: object) -> Hex:
    return value if isinstance(value, Hex) else Hex(bytes.fromhex(str(value)))
