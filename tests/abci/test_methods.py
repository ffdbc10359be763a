"""Every method of ABCI 2.0 over a real unix socket, with a state machine that only remembers."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from abci_app.application.interface import Block, Genesis, Outcome, ValidatorPower
from abci_app.application.transaction import Code
from abci_app.server import abci_pb2 as pb
from abci_app.server.address import UnixAddress
from abci_app.server.framing import frame
from abci_app.server.handlers import Handlers
from abci_app.server.listener import Listener
from abci_app.state.store import Marker
from tests.abci.client import AbciClient, Closed, wrap
from tests.abci.fake_chain import APP_HASH, GOOD, KEY, FakeChain

NOON = Timestamp(seconds=1767355200, nanos=999_999_999)
BLOCK = Block(3, 1767355200, b"block hash", (b"one", b"two"))


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def path(chain: FakeChain, tmp_path: Path) -> Iterator[Path]:
    listener = Listener(UnixAddress(tmp_path / "app.sock"))
    listener.start(Handlers(chain, "1.2.3").answer)
    yield tmp_path / "app.sock"
    listener.close()


@pytest.fixture
def client(path: Path) -> Iterator[AbciClient]:
    with AbciClient(path) as client:
        yield client


def test_echo_and_flush(client: AbciClient) -> None:
    assert client.ask(pb.RequestEcho(message="höre")) == pb.ResponseEcho(message="höre")


def test_info_before_genesis_and_after_a_block(client: AbciClient, chain: FakeChain) -> None:
    asked = pb.RequestInfo(version="0.38.26", abci_version="2.0.0")
    assert client.ask(asked) == pb.ResponseInfo(data="settlement", version="1.2.3", app_version=1)
    chain.committed = Marker(1, 7, 5, APP_HASH, bytes(32), 0)
    told = client.ask(asked)
    assert (told.last_block_height, told.last_block_app_hash) == (7, APP_HASH)


def test_info_without_an_abci_version_is_answered_for_abci_cli(client: AbciClient) -> None:
    assert client.ask(pb.RequestInfo()).data == "settlement"


def test_init_chain_hands_on_the_genesis(client: AbciClient, chain: FakeChain) -> None:
    state = {"format": 1, "facts": [base64.b64encode(fact).decode() for fact in (b"first", b"")]}
    validator = pb.ValidatorUpdate(pub_key=pb.PublicKey(ed25519=KEY), power=10)
    told = client.ask(
        pb.RequestInitChain(
            time=NOON,
            chain_id="chain",
            validators=[validator],
            app_state_bytes=json.dumps(state).encode(),
            initial_height=1,
        )
    )
    assert told == pb.ResponseInitChain(app_hash=APP_HASH)
    genesis = Genesis(b"chain", 1767355200, 1, (ValidatorPower(KEY, 10),), (b"first", b""))
    assert chain.calls == [("init_chain", genesis)]


def test_check_tx_new_and_recheck(client: AbciClient, chain: FakeChain) -> None:
    told = client.ask(pb.RequestCheckTx(tx=b"raw"))
    assert told == pb.ResponseCheckTx(
        code=0, data=b"data", log="said", gas_wanted=5, gas_used=4, codespace="settlement"
    )
    client.ask(pb.RequestCheckTx(tx=b"raw", type=pb.RECHECK))
    assert chain.calls == [("check", b"raw", False), ("check", b"raw", True)]


def test_an_outcome_of_only_zeros_is_still_an_answer(client: AbciClient, chain: FakeChain) -> None:
    chain.outcome = Outcome(0, b"", "", 0, 0, (), "")
    assert client.ask(pb.RequestCheckTx(tx=b"raw")) == pb.ResponseCheckTx()


def test_query(client: AbciClient, chain: FakeChain) -> None:
    told = client.ask(pb.RequestQuery(path=b"/facts", data=b"asked", height=6, prove=True))
    assert told == pb.ResponseQuery(key=b"asked", value=b"value", height=7, log="said", codespace="settlement")
    assert chain.calls == [("query", "/facts", b"asked", 6)]


def test_prepare_proposal_floors_the_time_and_reports_alarms(
    client: AbciClient, chain: FakeChain, caplog: pytest.LogCaptureFixture
) -> None:
    asked = pb.RequestPrepareProposal(max_tx_bytes=99, txs=[b"one", b"bad", b"two"], height=3, time=NOON)
    assert client.ask(asked) == pb.ResponsePrepareProposal(txs=[b"one", b"two"])
    assert chain.calls == [("prepare", Block(3, 1767355200, b"", (b"one", b"bad", b"two")), 99)]
    assert chain.alarms == []
    assert "ALARM: dropped 00: KeyError: 1" in caplog.text


def test_process_proposal_accepts_and_rejects(client: AbciClient, chain: FakeChain) -> None:
    asked = pb.RequestProcessProposal(txs=[b"one", b"two"], hash=b"block hash", height=3, time=NOON)
    assert client.ask(asked).status == pb.ResponseProcessProposal.ACCEPT == 1
    chain.accepts = False
    assert client.ask(asked).status == pb.ResponseProcessProposal.REJECT == 2
    assert chain.calls == [("process", BLOCK)] * 2


def test_a_proposal_that_trips_a_fault_is_rejected_with_an_alarm(
    client: AbciClient, chain: FakeChain, caplog: pytest.LogCaptureFixture
) -> None:
    chain.raises["process"] = RecursionError("too deep")
    told = client.ask(pb.RequestProcessProposal(txs=[b"one"], hash=b"block hash", height=3))
    assert told.status == pb.ResponseProcessProposal.REJECT
    assert "ALARM" in caplog.text
    assert "too deep" in caplog.text


def test_finalize_block_and_commit(client: AbciClient, chain: FakeChain) -> None:
    asked = pb.RequestFinalizeBlock(txs=[b"one", b"two"], hash=b"block hash", height=3, time=NOON)
    told = client.ask(asked)
    assert chain.calls == [("finalize", BLOCK)]
    attributes = [pb.EventAttribute(key=k, value=v, index=True) for k, v in GOOD.events[0].attributes]
    result = pb.ExecTxResult(
        code=0,
        data=b"data",
        log="said",
        gas_wanted=5,
        gas_used=4,
        events=[pb.Event(type="settlement.x", attributes=attributes)],
        codespace="settlement",
    )
    assert told == pb.ResponseFinalizeBlock(
        tx_results=[result] * 2,
        validator_updates=[pb.ValidatorUpdate(pub_key=pb.PublicKey(ed25519=KEY), power=10)],
        app_hash=APP_HASH,
    )
    assert client.ask(pb.RequestCommit()) == pb.ResponseCommit(retain_height=0)
    assert client.ask(pb.RequestInfo()).last_block_height == 3


def test_vote_extensions_are_empty_and_only_empty_ones_are_accepted(client: AbciClient) -> None:
    assert client.ask(pb.RequestExtendVote(height=3)) == pb.ResponseExtendVote()
    verdict = pb.ResponseVerifyVoteExtension
    assert client.ask(pb.RequestVerifyVoteExtension(height=3)).status == verdict.ACCEPT
    assert client.ask(pb.RequestVerifyVoteExtension(vote_extension=b"x")).status == verdict.REJECT


def test_snapshots_are_neither_offered_nor_taken(client: AbciClient) -> None:
    assert client.ask(pb.RequestListSnapshots()) == pb.ResponseListSnapshots()
    assert client.ask(pb.RequestLoadSnapshotChunk(height=9)) == pb.ResponseLoadSnapshotChunk()
    offered = client.ask(pb.RequestOfferSnapshot(snapshot=pb.Snapshot(height=9)))
    assert offered.result == pb.ResponseOfferSnapshot.REJECT == 3
    assert client.ask(pb.RequestApplySnapshotChunk(chunk=b"x")).result == pb.ResponseApplySnapshotChunk.ABORT == 2


def test_the_methods_of_newer_nodes_get_default_answers(client: AbciClient) -> None:
    assert client.ask(pb.RequestInsertTx(tx=b"raw")) == pb.ResponseInsertTx(code=0)
    assert client.ask(pb.RequestReapTxs(max_bytes=9)) == pb.ResponseReapTxs()


def test_every_request_has_a_handler() -> None:
    kinds = {field.name for field in pb.Request.DESCRIPTOR.fields}
    assert set(Handlers(FakeChain(), "")._methods) == kinds


@pytest.mark.parametrize("method", ["check", "query"])
def test_a_fault_in_check_tx_or_query_is_a_code_and_the_app_lives(
    client: AbciClient, chain: FakeChain, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    chain.raises[method] = MemoryError("none left")
    asked = pb.RequestCheckTx(tx=b"raw") if method == "check" else pb.RequestQuery(path=b"/x", data=b"key")
    told = client.ask(asked)
    assert (told.code, told.codespace) == (Code.APPLICATION_FAULT, "server")
    assert "none left" in caplog.text
    assert client.ask(pb.RequestEcho(message="still here")).message == "still here"


@pytest.mark.parametrize("asked", [b"\xff", b"/\xed\xa0\x80", b"/facts\x00"], ids=["byte", "surrogate", "zero"])
def test_a_query_for_any_bytes_at_all_is_answered(client: AbciClient, asked: bytes) -> None:
    """CometBFT's RPC takes `abci_query?path=0xff`; a closed connection would make the node stop."""
    assert isinstance(client.ask(pb.RequestQuery(path=asked)), pb.ResponseQuery)
    assert client.ask(pb.RequestEcho(message="still here")).message == "still here"


def test_answers_come_in_the_order_of_the_requests(client: AbciClient) -> None:
    sent = [pb.RequestEcho(message=str(number)) for number in range(3000)]
    sent[1000:1000] = [pb.RequestFlush(), pb.RequestCheckTx(tx=b"x" * 300_000)]
    client.send(*sent)
    kinds = [client.receive() for _ in sent]
    assert [each.WhichOneof("value") for each in kinds] == [wrap(each).WhichOneof("value") for each in sent]
    echoes = [each.echo.message for each in kinds if each.WhichOneof("value") == "echo"]
    assert echoes == [str(number) for number in range(3000)]


def test_a_flush_spelled_otherwise_is_still_answered(client: AbciClient) -> None:
    client.socket.sendall(b"\x03\x12\x80\x00")  # the same empty message with a longer length
    assert client.receive().WhichOneof("value") == "flush"


@pytest.mark.parametrize("message", [b"", b"\xff\xff", b"\x22\x00", b"\xa0\x06\x01"], ids=bytes.hex)
def test_a_frame_that_is_no_request_gets_an_exception_and_the_end(client: AbciClient, message: bytes) -> None:
    """Nothing, no protobuf, a method of old ABCI (4: SetOption), an unknown field."""
    client.socket.sendall(frame(wrap(pb.RequestEcho(message="good")).SerializeToString()) + frame(message))
    assert client.receive().echo.message == "good"
    assert client.receive().exception.error.startswith("expected a request of ABCI 2.0.0, came ")
    with pytest.raises(Closed):
        client.receive()


def test_a_stream_that_is_not_framed_is_closed_without_an_answer(
    client: AbciClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.socket.sendall(b"\xff" * 40)
    with pytest.raises(Closed):
        client.receive()
    assert "expected a length of at most 5 bytes" in caplog.text


def test_a_bad_connection_does_not_touch_the_others(path: Path, client: AbciClient) -> None:
    with AbciClient(path) as other:
        other.socket.sendall(b"\xff" * 40)
        with pytest.raises(Closed):
            other.receive()
    assert client.ask(pb.RequestEcho(message="here")).message == "here"


def test_requests_on_different_connections_do_not_wait_for_a_block(
    path: Path, client: AbciClient, chain: FakeChain
) -> None:
    chain.gate = threading.Event()
    client.send(pb.RequestFinalizeBlock(height=3, hash=b"h"), pb.RequestFlush())
    with AbciClient(path) as mempool:
        assert mempool.ask(pb.RequestCheckTx(tx=b"raw")).code == 0
    chain.gate.set()
    assert client.receive().WhichOneof("value") == "finalize_block"


def test_requests_that_may_change_the_state_take_turns(path: Path, client: AbciClient, chain: FakeChain) -> None:
    chain.gate = threading.Event()
    client.send(pb.RequestFinalizeBlock(height=3, hash=b"h"), pb.RequestFlush())
    while not chain.calls:  # its turn has begun
        time.sleep(0.01)
    with AbciClient(path) as another:
        another.send(pb.RequestCommit(), pb.RequestFlush())
        another.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            another.receive()
        chain.gate.set()
        another.socket.settimeout(10)
        assert another.receive().WhichOneof("value") == "commit"
    assert [call[0] for call in chain.calls] == ["finalize", "commit"]
