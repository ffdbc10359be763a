"""The follower hands over every fact in order, goes on where it stopped, and notices another history."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from abci_app.kernel.encoding import encode
from abci_app.kernel.facts import FactRecord
from settle.chain.errors import ChainError, FollowerBroken, NodeUnreachable, WrongChain
from settle.chain.follower import BATCH, Follower, NumberedFact
from settle.chain.queries import fact_records, replay_window
from tests.chain.fake_node import CHAIN_ID, FakeNode


def record(number: int, height: int | None = None) -> bytes:
    at = number // 3 if height is None else height
    return encode(FactRecord("members.unit_registered", at, 100, b"k", 1, 2, b"", number.to_bytes(4, "big")))


class Reader:
    """A read model: a list that may be told to fail."""

    def __init__(self) -> None:
        self.seen: list[NumberedFact] = []
        self.fail = False

    def __call__(self, facts: Sequence[NumberedFact]) -> None:
        if self.fail:
            raise RuntimeError("the reader's disk is full")
        self.seen.extend(facts)


@pytest.fixture
def node() -> FakeNode:
    fake = FakeNode()
    fake.facts = [record(number) for number in range(2 * BATCH + 7)]
    return fake


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "follower.json"


def test_every_fact_comes_once_and_in_order(path: Path, node: FakeNode) -> None:
    reader = Reader()
    follower = Follower(path, node, CHAIN_ID)
    assert follower.catch_up(reader) == len(node.facts)
    assert reader.seen == [NumberedFact(number, raw) for number, raw in enumerate(node.facts)]
    assert follower.catch_up(reader) == 0
    node.facts.append(record(5000))
    assert follower.catch_up(reader) == 1
    assert reader.seen[-1] == NumberedFact(2 * BATCH + 7, record(5000))


def test_a_new_process_goes_on_where_the_last_one_stopped(path: Path, node: FakeNode) -> None:
    reader = Reader()
    Follower(path, node, CHAIN_ID).catch_up(reader)
    node.facts.extend(record(number) for number in range(2000, 2003))
    again = Follower(path, node, CHAIN_ID)
    assert again.next_number == 2 * BATCH + 7
    assert again.catch_up(reader) == 3
    assert [fact.record for fact in reader.seen] == node.facts


def test_a_reader_that_fails_sees_the_facts_again(path: Path, node: FakeNode) -> None:
    reader = Reader()
    follower = Follower(path, node, CHAIN_ID)
    reader.fail = True
    with pytest.raises(RuntimeError):
        follower.catch_up(reader)
    assert follower.next_number == 0
    reader.fail = False
    follower.catch_up(reader)
    assert [fact.record for fact in reader.seen] == node.facts


def test_facts_can_be_taken_one_at_a_time(path: Path, node: FakeNode) -> None:
    follower = Follower(path, node, CHAIN_ID)
    taken = [fact.number for fact in follower.facts()]
    assert taken == list(range(len(node.facts)))
    assert Follower(path, node, CHAIN_ID).next_number == len(node.facts)


def test_polling_asks_for_facts_only_when_there_is_a_new_block(
    path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader()
    follower = Follower(path, node, CHAIN_ID)
    assert follower.poll(reader) == len(node.facts)
    asked: list[str] = []
    sound = node.query

    def noted(path: str, data: bytes) -> bytes:
        asked.append(path)
        return sound(path, data)

    monkeypatch.setattr(node, "query", noted)
    assert follower.poll(reader) == 0
    assert asked == []
    node.make_block()
    node.facts.append(record(5000))
    assert follower.poll(reader) == 1


def test_following_goes_on_until_told_to_stop(path: Path, node: FakeNode) -> None:
    reader = Reader()
    rounds: list[float] = []

    def sleep(seconds: float) -> None:
        rounds.append(seconds)
        node.facts.append(record(5000 + len(rounds)))
        node.make_block()

    Follower(path, node, CHAIN_ID).follow(reader, stop=lambda: len(rounds) == 3, pause=0.5, sleep=sleep)
    assert rounds == [0.5] * 3
    assert len(reader.seen) == 2 * BATCH + 9


@pytest.mark.parametrize("seed", range(10))
def test_under_faults_and_restarts_no_fact_is_missed(seed: int, path: Path, node: FakeNode) -> None:
    node.chance = Random(seed)
    reader = Reader()
    follower = Follower(path, node, CHAIN_ID)
    for step in range(60):
        try:
            follower.poll(reader)
        except NodeUnreachable:
            follower = Follower(path, node, CHAIN_ID)
        node.blocks.append([])
        node.facts.append(record(9000 + step))
    node.chance = None
    follower.catch_up(reader)
    assert [fact.record for fact in reader.seen] == node.facts


def test_a_log_that_was_rewritten_is_noticed(path: Path, node: FakeNode) -> None:
    Follower(path, node, CHAIN_ID).catch_up(Reader())
    node.facts[-1] = record(77_777, height=2 * BATCH)
    with pytest.raises(FollowerBroken, match="rolled back"):
        Follower(path, node, CHAIN_ID).catch_up(Reader())


def test_a_node_with_fewer_facts_than_were_read_is_noticed(path: Path, node: FakeNode) -> None:
    Follower(path, node, CHAIN_ID).catch_up(Reader())
    del node.facts[5:]
    with pytest.raises(FollowerBroken, match="no such fact"):
        Follower(path, node, CHAIN_ID).catch_up(Reader())


def test_heights_never_fall(path: Path, node: FakeNode) -> None:
    node.facts.append(record(1, height=1))
    reader = Reader()
    with pytest.raises(FollowerBroken, match=f"fact {2 * BATCH + 7} at height"):
        Follower(path, node, CHAIN_ID).catch_up(reader)
    assert len(reader.seen) == 2 * BATCH


def test_a_fact_of_an_unknown_form_is_named(path: Path, node: FakeNode) -> None:
    node.facts[3] = b"\x90"
    with pytest.raises(FollowerBroken, match="fact 3 in this version's form"):
        Follower(path, node, CHAIN_ID).catch_up(Reader())


def test_another_chain_is_refused(path: Path, node: FakeNode) -> None:
    Follower(path, node, CHAIN_ID).catch_up(Reader())
    with pytest.raises(WrongChain, match="checkpoint of chain other"):
        Follower(path, node, "other")
    node.chain_id = "other"
    with pytest.raises(WrongChain, match="a node of chain other"):
        Follower(path, node, CHAIN_ID).catch_up(Reader())


def test_a_damaged_checkpoint_is_named(path: Path, node: FakeNode) -> None:
    path.write_bytes(b'{"chain":')
    with pytest.raises(FollowerBroken, match=r"follower\.json"):
        Follower(path, node, CHAIN_ID)


def test_an_answer_in_another_form_is_told_as_such(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "query", lambda _path, _data: b"\xc1")
    for ask in (lambda: fact_records(node, 0, 1), lambda: replay_window(node, bytes(33))):
        with pytest.raises(ChainError, match="canonical answer"):
            ask()
