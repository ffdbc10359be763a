"""Exactly once, whatever fails and whoever else is at it."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import msgspec
import pytest

from abci_app.kernel.envelope import read_envelope
from settle.chain.errors import NodeUnreachable
from settle.chain.outbox_store import OutboxStore
from settle.chain.transactions import encode_messages
from tests.chain.fake_node import CHAIN_ID, FakeNode, unreachable
from tests.chain.wishes import CHECKER, MAKER, opened, wish


def test_an_error_after_the_commit_does_not_double_it(
    path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = opened(path, node)
    ticket = box.submit("pay 1", wish(1), CHECKER)
    sound = node.broadcast

    def commit_and_fail(raw: bytes) -> None:
        sound(raw)
        node.make_block()
        raise unreachable("told failed, yet committed")

    monkeypatch.setattr(node, "broadcast", commit_and_fail)
    with pytest.raises(NodeUnreachable):
        box.pump()
    box.close()
    monkeypatch.setattr(node, "broadcast", sound)
    for _ in range(10):
        node.make_block()
    again = opened(path, node)  # after its expiry, in a new process
    again.pump()
    result = again.result(ticket)
    assert result is not None
    assert (result.code, result.height) == (0, 2)
    assert len(node.executed()) == 1
    again.close()


@pytest.mark.parametrize("seed", range(30))
def test_under_any_faults_every_submission_runs_exactly_once(seed: int, tmp_path: Path) -> None:
    """Lost requests, lost answers, commits before errors, forgotten mempools, restarts and idle heights, by chance."""
    chance = Random(seed)
    node = FakeNode(chance)
    path = tmp_path / "outbox.sqlite"
    box = opened(path, node, life=chance.choice([2, 4, 9]))
    tickets = {}
    for step in range(120):
        if step < 60 and chance.random() < 0.4:
            number = chance.randrange(25)
            tickets[number] = box.submit(f"wish {number}", wish(number), chance.choice([MAKER, CHECKER]))
        event = chance.random()
        if event < 0.5:
            with suppress(NodeUnreachable):
                box.pump()
        elif event < 0.8:
            node.make_block(most=chance.choice([0, 1, 3, 100]))
        elif event < 0.9:
            node.forget()
        else:
            box.close()
            box = opened(path, node, life=chance.choice([2, 4, 9]))
    node.chance = None
    for _ in range(30):
        box.pump()
        node.make_block()
    assert Counter(node.executed()) == {encode_messages(wish(number)): 1 for number in tickets}
    for number, ticket in tickets.items():
        result = box.result(ticket)
        assert result is not None
        assert result.code == 0
        assert encode_messages(wish(number)) in {
            msgspec.msgpack.encode(msgspec.msgpack.decode(read_envelope(raw).body)[0])
            for raw, _ in node.blocks[result.height - 1]
        }
    box.close()


def test_processes_that_share_the_file_send_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite"
    store = OutboxStore(path, CHAIN_ID)
    with store.sole_sender():
        other = multiprocessing.get_context("spawn").Process(target=_lock_and_leave, args=(str(path),))
        other.start()
        other.join(1.5)
        assert other.is_alive(), "it waits for its turn"
    other.join(20)
    assert other.exitcode == 0
    store.close()


def _lock_and_leave(path: str) -> None:
    box = opened(Path(path), FakeNode())
    box.pump()
