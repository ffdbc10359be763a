"""The demonstration's network: four operators, a validator each, started and always taken down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from msgspec.structs import replace

from abci_app.domain.governance.schema import ParametersSet
from abci_app.domain.members.schema import Kind
from abci_app.domain.rulebook.schema import BundleStored, RuleVersionActivated
from abci_app.kernel.encoding import Value
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.parameters import FIRST_PARAMETERS
from abci_app.rules.bundle import bundle_hash
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
from settle.cli.ready import watched
from settle.rules.build import shipped_bundle
from settle.rules.shipped import ShippedRule, rulebook_facts

CHAIN_ID = "settlement-demo-1"
REGULATOR = Member(len(CHINA) + 1, "MIIT", "Ministry of Industry and Information Technology", Kind.REGULATOR, units=())
"""Member without a network, a validator or a vote; its order is carried by its own signature."""
NOTICE = 12  # blocks from a regulator's order to the height that it names: in earnest a thousand
RULE = ShippedRule.DOMESTIC_INTERCONNECT
"""Whose second version the regulator orders."""
_START_WITHIN = 60.0  # seconds


class Operator(NamedTuple):
    """One member of the demonstration; `rpc` is the node that it asks."""

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


def rulebook_before_the_order() -> list[Value]:
    """The shipped rules, of the rating rule only its first version."""
    later = bundle_hash(shipped_bundle(RULE.name.lower(), 2))
    return [
        fact
        for fact in rulebook_facts()
        if not (isinstance(fact, BundleStored | RuleVersionActivated) and fact.bundle == later)
    ]


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
        self.regulator = Operator(
            REGULATOR, self._home_of_regulator, self._keys[REGULATOR.number], self.operators[0].rpc
        )

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self.net.remove_sockets)  # when all have stopped
            for pair in self.pairs:
                starting.enter_context(pair)
            self._exits = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._exits.__exit__(kind, fault, at)

    def watch_rules(self, told: Callable[[str, str], None]) -> None:
        """Beside every node, what `settle node run` does: try what is ordered, and sign that the node is READY.

        `told` hears the operator's code and what its machine says, from threads of their own.
        """
        for operator, pair in zip(self.operators, self.pairs, strict=True):
            self._exits.enter_context(watched(pair.home, partial(told, operator.code)))

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
        return self.hashes_at(min(sight.height for sight in self.look()))

    def hashes_at(self, height: int) -> tuple[str, ...]:
        """The app hash in every node's header of a block: that after the block before it."""
        return tuple(operator.rpc.block(height).header.app_hash.hex() for operator in self.operators)

    def bytes_since(self, height: int) -> int:
        """The bytes of all transactions in the blocks from `height` on."""
        rpc = self.operators[0].rpc
        last = rpc.status().height
        return sum(len(raw) for at in range(height, last + 1) for raw in rpc.block(at).transactions)

    def transactions(self, first: int, end: int) -> int:
        """How many transactions stand in the blocks from `first` to before `end`."""
        rpc = self.operators[0].rpc
        last = rpc.status().height
        return sum(len(rpc.block(at).transactions) for at in range(max(1, first), min(end, last + 1)))

    def time(self) -> int:
        """The chain's time: the header time of the newest block, UTC seconds."""
        return seconds_of(self.operators[0].rpc.status().sync_info.latest_block_time)

    def _app_state(self, validators: list[bytes]) -> localnet.AppState:
        for member, home in zip(CHINA, (self.folder / f"node{number}" for number in range(len(CHINA))), strict=True):
            self._keys[member.number] = consortium.make_keys(home, member.number)
        self._keys[REGULATOR.number] = consortium.make_keys(self._home_of_regulator, REGULATOR.number)
        facts = consortium.genesis_facts(
            (*CHINA, REGULATOR),
            {number: keys.values() for number, keys in self._keys.items()},
            {member.number: [validators[place]] for place, member in enumerate(CHINA)},
        )
        parameters = ParametersSet(replace(FIRST_PARAMETERS, notice=NOTICE))
        return consortium.app_state([*facts, *rulebook_before_the_order(), parameters])

    @property
    def _home_of_regulator(self) -> Path:
        return self.folder / REGULATOR.code.lower()


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
