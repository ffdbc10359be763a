"""The outbox delivers exactly once, whatever the node loses, repeats, delays or claims."""

from __future__ import annotations

import sqlite3
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from abci_app.application import replay
from abci_app.application.transaction import Code
from abci_app.kernel.envelope import LARGEST_TRANSACTION, chain_hash, read_envelope, transaction_id
from abci_app.kernel.signatures import verify
from settle.chain import outbox as outbox_module
from settle.chain.errors import ContentConflict, NodeUnreachable, OutboxError, RpcError, StillWaiting, WrongChain
from settle.chain.outbox import NOT_NOW, NUMBER_SPENT, Outbox, Result
from settle.chain.outbox_store import State
from settle.chain.transactions import encode_messages, sign_messages
from tests.chain.fake_node import CHAIN_ID, FakeNode, unreachable
from tests.chain.wishes import CHECKER, MAKER, Wish, opened, wish


def test_the_named_codes_are_the_applications() -> None:
    assert {Code.NUMBER_USED, Code.NUMBER_TOO_OLD} == NUMBER_SPENT
    for_the_moment = (Code.EXPIRED, Code.EXPIRES_TOO_LATE, Code.NUMBER_TOO_FAR)
    assert {*for_the_moment, Code.APPLICATION_FAULT} == NOT_NOW
    assert (outbox_module.WINDOW, outbox_module.FARTHEST) == (replay.WINDOW, replay.FARTHEST)
    assert outbox_module.LIFE <= replay.LONGEST_LIFE


def test_a_submission_is_acknowledged_when_it_stands_in_a_block(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    assert outbox.result(ticket) is None
    assert outbox.pump()[State.IN_FLIGHT] == 1
    assert outbox.result(ticket) is None, "CheckTx is no acknowledgement"
    node.make_block()
    assert outbox.pump()[State.IN_BLOCK] == 1
    [raw] = node.broadcasts
    assert outbox.result(ticket) == Result(0, 2, sha256(raw).digest(), "")


def test_what_is_sent_is_signed_for_the_chain(outbox: Outbox, node: FakeNode) -> None:
    outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    envelope = read_envelope(node.broadcasts[0])
    identity = transaction_id(chain_hash(CHAIN_ID.encode()), envelope.suite, envelope.key, envelope.body)
    assert verify(envelope.suite, envelope.key, identity, envelope.signature)
    assert msgspec.msgpack.decode(envelope.body) == [[["test.wish", 1, b""]], 1, node.height + 5]


def test_the_same_wish_is_one_submission_and_another_content_is_refused(outbox: Outbox, node: FakeNode) -> None:
    first = outbox.submit("declare 1", wish(1), MAKER)
    assert outbox.submit("declare 1", wish(1), CHECKER) == first
    with pytest.raises(ContentConflict, match="declare 1"):
        outbox.submit("declare 1", wish(2), MAKER)
    outbox.pump()
    node.make_block()
    outbox.pump()
    assert outbox.submit("declare 1", wish(1), MAKER) == first
    outbox.pump()
    assert node.executed() == [encode_messages(wish(1))]


def test_nothing_is_sent_before_it_is_on_disk(path: Path, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    box = opened(path, node)
    ticket = box.submit("declare 1", wish(1), MAKER)

    def look_and_die(raw: bytes) -> None:
        with sqlite3.connect(path) as reader:
            assert reader.execute("SELECT raw, state FROM entry").fetchone() == (raw, "in flight")
        raise SystemExit

    monkeypatch.setattr(node, "broadcast", look_and_die)
    with pytest.raises(SystemExit):
        box.pump()
    assert box.result(ticket) is None
    box.close()


def test_the_same_bytes_are_sent_until_they_stand_in_a_block(outbox: Outbox, node: FakeNode) -> None:
    outbox.submit("declare 1", wish(1), MAKER)
    for _ in range(3):
        outbox.pump()
        node.forget()
    outbox.pump()
    outbox.pump()  # "already in cache" counts as sent
    assert len(node.broadcasts) == 5
    assert len(set(node.broadcasts)) == 1


def test_a_moment_after_sending_nothing_is_sent_again(path: Path, node: FakeNode) -> None:
    now = [100.0]
    box = Outbox(path, node, CHAIN_ID, resend_after=2.0, clock=lambda: now[0])
    box.submit("declare 1", wish(1), MAKER)
    box.pump()
    box.pump()
    assert len(node.broadcasts) == 1
    now[0] += 2.0
    box.pump()
    assert len(node.broadcasts) == 2
    box.close()


def test_after_expiry_the_same_content_is_signed_under_a_new_number(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    node.forget()
    for _ in range(5):
        node.make_block(most=0)
    outbox.pump()
    bodies = [msgspec.msgpack.decode(read_envelope(raw).body) for raw in node.broadcasts]
    assert [body[1] for body in bodies] == [1, 2]
    assert bodies[0][0] == bodies[1][0]
    node.make_block()
    outbox.pump()
    assert outbox.result(ticket) is not None
    assert len(node.executed()) == 1


def test_before_every_block_up_to_expiry_was_seen_nothing_is_signed_again(outbox: Outbox, node: FakeNode) -> None:
    outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    for _ in range(4):
        node.make_block(most=0)
        outbox.pump()
    assert len(set(node.broadcasts)) == 1
    node.make_block()  # the last height at which it may stand
    outbox.pump()
    assert len(node.executed()) == 1
    assert outbox.pump()[State.IN_BLOCK] == 1


def test_a_refusal_in_a_block_is_the_result(outbox: Outbox, node: FakeNode) -> None:
    node.decide = lambda _messages: 509
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    assert _settled(outbox, node, ticket) == (509, 2)
    node.decide = lambda _messages: 0
    outbox.retry(ticket, MAKER)
    assert _settled(outbox, node, ticket) == (0, 3)
    outbox.retry(ticket, MAKER)  # what succeeded is never wanted again
    assert _settled(outbox, node, ticket) == (0, 3)
    assert len(node.executed()) == 2


def test_a_refusal_of_bytes_that_no_mempool_ever_held_is_the_result_at_once(outbox: Outbox, node: FakeNode) -> None:
    node.check = lambda _raw: int(Code.UNKNOWN_KEY)
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    result = outbox.result(ticket)
    assert result is not None
    assert (result.code, result.height) == (Code.UNKNOWN_KEY, 0)


def test_a_refusal_of_bytes_that_a_mempool_may_hold_waits_for_their_expiry(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    elsewhere = list(node.mempool)  # gossiped to a node that still takes it
    node.forget()
    node.check = lambda _raw: int(Code.UNKNOWN_KEY)
    outbox.pump()
    assert outbox.result(ticket) is None
    node.check = lambda _raw: 0
    node.mempool = elsewhere
    node.make_block()
    outbox.pump()
    result = outbox.result(ticket)
    assert result is not None
    assert (result.code, len(node.executed())) == (0, 1)

    late = outbox.submit("declare 2", wish(2), MAKER)
    outbox.pump()
    node.forget()
    node.check = lambda _raw: int(Code.UNKNOWN_KEY)
    for _ in range(5):
        outbox.pump()
        assert outbox.result(late) is None
        node.make_block()
    outbox.pump()
    assert outbox.result(late) == Result(int(Code.UNKNOWN_KEY), 0, b"", "UNKNOWN_KEY")


def test_a_node_that_cannot_serve_yet_is_asked_again(outbox: Outbox, node: FakeNode) -> None:
    node.check = lambda _raw: int(Code.APPLICATION_FAULT)
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    node.check = lambda _raw: 0
    assert _settled(outbox, node, ticket) == (0, 2)


def test_a_full_mempool_is_asked_again(outbox: Outbox, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = node.broadcast

    def full(_raw: bytes) -> None:
        raise RpcError("broadcast_tx_sync", -32603, "Internal error", "mempool is full: number of txs 5000", "wait")

    monkeypatch.setattr(node, "broadcast", full)
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    assert [entry.note for entry in outbox.open_entries()] == ["mempool is full: number of txs 5000"]
    monkeypatch.setattr(node, "broadcast", sound)
    assert _settled(outbox, node, ticket) == (0, 2)


def test_numbers_go_on_from_the_chains(outbox: Outbox, node: FakeNode) -> None:
    replay.use(node.replay_rows, MAKER.public, 70)
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    assert _settled(outbox, node, ticket) == (0, 2)
    assert msgspec.msgpack.decode(read_envelope(node.broadcasts[0]).body)[1] == 71


def test_a_number_that_another_sender_spent_is_replaced(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    node.forget()
    rival = sign_messages(chain_hash(CHAIN_ID.encode()), encode_messages(wish(9)), 1, 50, MAKER)
    node.broadcast(rival.raw)
    node.make_block()
    outbox.pump()
    assert _settled(outbox, node, ticket) == (0, 3)
    assert node.executed() == [encode_messages(wish(9)), encode_messages(wish(1))]


def test_every_key_has_its_own_numbers(outbox: Outbox, node: FakeNode) -> None:
    outbox.submit("declare 1", wish(1), MAKER)
    outbox.submit("pay 1", wish(2), CHECKER)
    outbox.pump()
    numbers = {read_envelope(raw).key: msgspec.msgpack.decode(read_envelope(raw).body)[1] for raw in node.broadcasts}
    assert numbers == {MAKER.public: 1, CHECKER.public: 1}


def test_more_submissions_than_the_window_are_sent_as_it_moves(
    outbox: Outbox, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (replay, outbox_module):
        monkeypatch.setattr(module, "WINDOW", 8)
    for number in range(26):
        outbox.submit(f"declare {number}", wish(number), MAKER)
    assert outbox.pump()[State.IN_FLIGHT] == 8
    for in_block in (8, 16, 24, 26):
        node.mempool.reverse()  # the worst order: the oldest number last
        node.make_block()
        assert outbox.pump()[State.IN_BLOCK] == in_block
    assert len(set(node.broadcasts)) == 26, "none had to be signed twice"


def test_a_submission_whose_key_is_not_loaded_waits_for_it(path: Path, node: FakeNode) -> None:
    first = opened(path, node)
    ticket = first.submit("declare 1", wish(1), MAKER)
    first.close()
    without = Outbox(path, node, CHAIN_ID)
    assert without.pump()[State.QUEUED] == 1
    assert MAKER.public.hex() in without.open_entries()[0].note
    without.close()
    box = opened(path, node)
    assert _settled(box, node, ticket) == (0, 2)
    box.close()


def test_a_node_that_catches_up_is_not_sent_to(outbox: Outbox, node: FakeNode) -> None:
    node.catching_up = True
    outbox.submit("declare 1", wish(1), MAKER)
    assert outbox.pump()[State.QUEUED] == 1
    assert node.broadcasts == []


def test_blocks_that_the_node_has_pruned_are_looked_up_in_its_index(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    for _ in range(9):
        node.make_block()
    node.earliest = 8
    node.indexed = False
    outbox.pump()
    assert outbox.result(ticket) is None, "what nobody can tell is never signed again"
    assert "pruned" in outbox.open_entries()[0].note
    assert len(set(node.broadcasts)) == 1
    node.indexed = True
    outbox.pump()
    assert outbox.result(ticket) is not None


def test_a_block_without_results_yet_is_looked_at_again(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    node.results_known = False
    for _ in range(7):
        node.make_block()
        outbox.pump()
    assert outbox.result(ticket) is None
    assert "could not find results" in outbox.open_entries()[0].note
    node.results_known = True
    outbox.pump()
    assert outbox.result(ticket) is not None
    assert len(node.executed()) == 1


def test_a_spent_number_concludes_nothing_before_the_blocks_are_read(outbox: Outbox, node: FakeNode) -> None:
    """Our own transaction spent it: the node says so before it tells what stands in the block."""
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    outbox.pump()
    node.make_block()
    node.forget()
    node.results_known = False
    outbox.pump()
    outbox.pump()
    assert [(entry.state, entry.held_code) for entry in outbox.open_entries()] == [(State.IN_FLIGHT, Code.NUMBER_USED)]
    node.results_known = True
    outbox.pump()
    assert outbox.result(ticket) is not None
    assert len(set(node.broadcasts)) == 1


def test_waiting_ends_with_the_result_or_says_how_it_stands(outbox: Outbox, node: FakeNode) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    with pytest.raises(StillWaiting, match="in flight after 1 attempts"):
        outbox.wait(ticket, timeout=0.0)
    node.make_block()
    assert outbox.wait(ticket, timeout=5.0).height == 2


def test_waiting_outlives_a_node_that_is_away(outbox: Outbox, node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = outbox.submit("declare 1", wish(1), MAKER)
    sound = node.status
    away_for = [3]

    def away() -> object:
        if away_for[0] > 0:
            away_for[0] -= 1
            raise unreachable("restarting")
        node.make_block()
        return sound()

    monkeypatch.setattr(node, "status", away)
    assert outbox.wait(ticket, timeout=60.0).code == 0
    away_for[0] = 1
    other = outbox.submit("declare 2", wish(2), MAKER)
    with pytest.raises(NodeUnreachable):
        outbox.wait(other, timeout=0.0)


def test_an_outbox_belongs_to_one_chain(path: Path, outbox: Outbox, node: FakeNode) -> None:
    with pytest.raises(WrongChain, match="never moves between chains"):
        Outbox(path, node, "another-chain")
    node.chain_id = "another-chain"
    outbox.submit("declare 1", wish(1), MAKER)
    with pytest.raises(WrongChain, match="RPC address"):
        outbox.pump()
    assert node.broadcasts == []


def test_the_file_is_for_its_owner_only(path: Path, outbox: Outbox) -> None:
    outbox.submit("declare 1", wish(1), MAKER)
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_is_no_outbox_is_named(path: Path, node: FakeNode) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(OutboxError, match=r"outbox\.sqlite"):
        opened(path, node)


def test_messages_that_fit_no_transaction_are_refused_at_once(outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="split them"):
        outbox.submit("too much", [Wish(1, bytes(LARGEST_TRANSACTION))], MAKER)
    with pytest.raises(ValueError, match="at least one"):
        outbox.submit("nothing", [], MAKER)


def test_a_ticket_of_another_outbox_is_refused(outbox: Outbox) -> None:
    with pytest.raises(OutboxError, match="ticket 7"):
        outbox.result(outbox_module.Ticket(7, "x"))


def _settled(box: Outbox, node: FakeNode, ticket: outbox_module.Ticket) -> tuple[int, int]:
    box.pump()
    node.make_block()
    box.pump()
    result = box.result(ticket)
    assert result is not None
    return result.code, result.height
