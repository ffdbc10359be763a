"""An agent that is killed anywhere and started again neither loses nor doubles anything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec
import pytest

from abci_app.domain.periods.schema import PeriodState, Statement
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import read_envelope
from settle.agent.tasks import approve_all_statements
from settle.chain.errors import NodeUnreachable
from tests.agent.runtime_world import CHECKERS, CODES, CUT_OFF, FIRST, World, deliver_all, sample
from tests.support.fake_node import lost_connection

MOST_PASSES = 90


class Killed(BaseException):
    """The process is gone; no handler of the agent's may see this."""


class Fate:
    """Decides at every call to the node and at every write to disk whether the process dies there."""

    def __init__(self, seed: int, deadliness: float, fault: Callable[[], BaseException]) -> None:
        self._chance = Random(seed)
        self._deadliness = deadliness
        self._fault = fault
        self.armed = False
        self.strikes = 0

    def tick(self) -> None:
        if self.armed and self._chance.random() < self._deadliness:
            self.strikes += 1
            raise self._fault()


def one_pass(world: World, fate: Fate) -> None:
    """A pass of every agent under this fate; who dies is started again. Then a block."""
    for operator in CODES:
        fate.armed = True
        try:
            agent = world.agents.get(operator) or world.start(operator)
            agent.step()
        except Killed:
            fate.armed = False
            if operator in world.agents:
                world.agents.pop(operator).close()
        except NodeUnreachable:
            pass
        fate.armed = False
    world.node.make_block()


def passes_until(world: World, fate: Fate, reached: Callable[[], bool]) -> None:
    for _ in range(MOST_PASSES):
        if reached():
            return
        one_pass(world, fate)
    raise AssertionError(f"not reached after {fate.strikes} strikes")


def settled_under(world: World, fate: Fate) -> tuple[Counter[str], Statement, int]:
    """What a whole period leaves behind: its facts by kind, its statement, and refused transactions."""
    watcher = world.watcher()
    for operator in CODES:
        deliver_all(world.homes[operator], sample(), operator)
    passes_until(world, fate, lambda: len(watcher.anchors(FIRST, 0)) + len(watcher.anchors(FIRST, 1)) == 4)
    world.at(CUT_OFF)
    passes_until(world, fate, lambda: len(watcher.row(FIRST).signatures) == 2)
    for operator in CODES:
        approve_all_statements(world.agents.get(operator) or world.start(operator), CHECKERS[operator])
    passes_until(world, fate, lambda: watcher.row(FIRST).state == PeriodState.SIGNED)
    passes_until(world, fate, lambda: len(watcher.model.rounds(1)) == 1)
    for _ in range(5):
        one_pass(world, fate)
    counted = Counter(watcher.kinds())
    refused = sum(outcome.code != 0 for block in world.node.blocks for outcome in block.outcomes)
    assert doubled(world) == []
    return counted, watcher.statement(FIRST), refused


def doubled(world: World) -> list[bytes]:
    """The messages that one key has had in more than one transaction."""
    sent: Counter[tuple[bytes, bytes]] = Counter()
    for block in world.node.blocks:
        for raw in block.transactions:
            envelope = read_envelope(raw)
            messages, _, _ = msgspec.msgpack.decode(envelope.body)
            sent[envelope.key, encode(messages)] += 1
    return [messages for (_, messages), times in sent.items() if times > 1]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter[str], Statement]:
    world = World(tmp_path_factory.mktemp("calm"))
    counted, statement, refused = settled_under(world, Fate(0, 0.0, Killed))
    world.close()
    assert refused == 0
    return counted, statement


@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_an_agent_goes_on_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[Counter[str], Statement], seed: int
) -> None:
    world, fate = World(tmp_path), Fate(seed, 0.05, Killed)
    world.node.before_call = lambda _name: fate.tick()
    world.node.after_broadcast = fate.tick
    synced = os.fsync

    def fsync(handle: int) -> None:
        fate.tick()
        synced(handle)
        fate.tick()

    monkeypatch.setattr(os, "fsync", fsync)
    counted, statement, refused = settled_under(world, fate)
    world.close()
    assert fate.strikes > 20
    assert (counted, statement) == undisturbed
    assert refused == 0


@pytest.mark.parametrize("seed", range(2))
def test_a_node_that_answers_now_and_then_is_enough(
    tmp_path: Path, undisturbed: tuple[Counter[str], Statement], seed: int
) -> None:
    world, fate = World(tmp_path), Fate(seed, 0.05, lost_connection)
    world.node.before_call = lambda _name: fate.tick()
    world.node.after_broadcast = fate.tick
    counted, statement, refused = settled_under(world, fate)
    world.close()
    assert fate.strikes > 10
    assert (counted, statement) == undisturbed
    assert refused == 0
