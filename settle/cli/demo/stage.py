"""The demonstration's network: four operators, a validator each, started and always taken down."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from abci_app.kernel.envelope import chain_hash
from cometbft import localnet
from cometbft.localnet import Localnet
from cometbft.supervisor import NodePair
from settle.agent.runtime.clock import seconds_of
from settle.chain import consortium
from settle.chain.consortium import CHINA, Member
from settle.chain.errors import ChainError
from settle.chain.keys import Signer
from settle.chain.rpc import RpcClient
from settle.cli.failures import Failure, not_done
from settle.rules.shipped import rulebook_facts

CHAIN_ID = "settlement-demo-1"
_START_WITHIN = 60.0  # seconds


class Operator(NamedTuple):
    """One operator of the demonstration."""

    member: Member
    home: Path
    keys: dict[str, Signer]
    rpc: RpcClient

    @property
    def number(self) -> int:
        return self.member.number

    @property
    def code(self) -> str:
        return self.member.code


class Sight(NamedTuple):
    """What one node says of itself; height 0 and no hash while it does not answer."""

    height: int
    app_hash: str


class Stage:
    """Four nodes under one folder. Leaving the context stops every process, whatever happened; the folder stays."""

    chain = chain_hash(CHAIN_ID.encode())

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._exits = ExitStack()
        self._keys: dict[int, dict[str, Signer]] = {}
        self.net: Localnet = localnet.create(
            folder, CHAIN_ID, len(CHINA), self._app_state, timeout_commit="300ms", create_empty_blocks_interval="1s"
        )
        self.pairs = [NodePair(home, report=_quiet) for home in self.net.nodes]
        self.operators = [
            Operator(member, home.path, self._keys[member.number], RpcClient(home.rpc_address))
            for member, home in zip(CHINA, self.net.nodes, strict=True)
        ]

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self.net.remove_sockets)  # when all have stopped
            for pair in self.pairs:
                starting.enter_context(pair)
            self._exits = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._exits.__exit__(kind, fault, at)

    def wait_for_height(self, height: int, within: float = _START_WITHIN) -> None:
        """Return when every node has the block. Raises `Failure` that names the folder of logs."""
        until = time.monotonic() + within
        while min(sight.height for sight in self.look()) < height:
            if time.monotonic() > until:
                raise _stuck(self.folder, height, within)
            time.sleep(0.2)

    def look(self) -> Sequence[Sight]:
        """Height and app hash of every node, in their order."""
        return [_look(operator.rpc) for operator in self.operators]

    def hashes_at_one_height(self) -> tuple[str, ...]:
        """Every node's app hash after the same block: the header of the next one carries it."""
        height = min(sight.height for sight in self.look())
        return tuple(operator.rpc.block(height).header.app_hash.hex() for operator in self.operators)

    def bytes_since(self, height: int) -> int:
        """The bytes of all transactions in the blocks from `height` on."""
        rpc = self.operators[0].rpc
        last = rpc.status().height
        return sum(len(raw) for at in range(height, last + 1) for raw in rpc.block(at).transactions)

    def time(self) -> int:
        """The chain's time: the header time of the newest block, UTC seconds."""
        return seconds_of(self.operators[0].rpc.status().sync_info.latest_block_time)

    def _app_state(self, validators: list[bytes]) -> localnet.AppState:
        for member, home in zip(CHINA, (self.folder / f"node{number}" for number in range(len(CHINA))), strict=True):
            self._keys[member.number] = consortium.make_keys(home, member.number)
        facts = consortium.genesis_facts(
            CHINA,
            {number: keys.values() for number, keys in self._keys.items()},
            {member.number: [validators[place]] for place, member in enumerate(CHINA)},
        )
        return consortium.app_state([*facts, *rulebook_facts()])


def _look(rpc: RpcClient) -> Sight:
    try:
        info = rpc.app_info()
    except ChainError:
        return Sight(0, "")
    return Sight(info.last_block_height, info.last_block_app_hash.hex())


def _quiet(_: str) -> None:
    """The supervisor's words are in its log; the demonstration shows the nodes themselves."""


def _stuck(folder: Path, height: int, within: float) -> Failure:
    return not_done(
        expected=f"block {height} on every node within {within:.0f} s",
        actual="a node that does not get there",
        next_step=f"read {folder}/node*/logs/*.log, then run the demonstration again",
    )
