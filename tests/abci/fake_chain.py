"""A state machine that remembers what it was asked and answers what it was told to."""

from __future__ import annotations

import threading
from collections.abc import Callable

from abci_app.application.interface import Answer, Block, BlockResult, Event, Genesis, Outcome, ValidatorPower
from abci_app.state.store import Marker

KEY = bytes(range(32))
APP_HASH = b"\xaa" * 32
GOOD = Outcome(0, b"data", "said", 5, 4, (Event("settlement.x", (("object", "01"), ("operator", "2"))),), "settlement")


class FakeChain:
    def __init__(self) -> None:
        self.alarms: list[str] = []
        self.calls: list[tuple[object, ...]] = []
        self.outcome = GOOD
        self.accepts = True
        self.raises: dict[str, Exception] = {}
        self.committed: Marker | None = None
        self.gate: threading.Event | None = None  # where set, finalize waits for it
        self._height = 0

    def _called(self, name: str, *arguments: object) -> None:
        self.calls.append((name, *arguments))
        if name in self.raises:
            raise self.raises[name]

    def marker(self) -> Marker | None:
        return self.committed

    def init_chain(self, genesis: Genesis) -> bytes:
        self._called("init_chain", genesis)
        return APP_HASH

    def check(self, raw: bytes, recheck: bool) -> Outcome:
        self._called("check", raw, recheck)
        return self.outcome

    def prepare(self, proposal: Block, most_bytes: int, in_time: Callable[[], bool]) -> list[bytes]:
        assert in_time()
        self._called("prepare", proposal, most_bytes)
        self.alarms.append("dropped 00: KeyError: 1")
        return [raw for raw in proposal.transactions if raw != b"bad"]

    def process(self, proposal: Block) -> bool:
        self._called("process", proposal)
        return self.accepts

    def finalize(self, block: Block) -> BlockResult:
        self._called("finalize", block)
        if self.gate is not None:
            self.gate.wait(10)
        self._height = block.height
        return BlockResult(tuple(self.outcome for _ in block.transactions), APP_HASH, (ValidatorPower(KEY, 10),))

    def commit(self) -> None:
        self._called("commit")
        self.committed = Marker(1, self._height, 1, APP_HASH, bytes(32), 0)

    def query(self, path: str, data: bytes, height: int) -> Answer:
        self._called("query", path, data, height)
        return Answer(0, data, b"value", 7, "said", "settlement")
