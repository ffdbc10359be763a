"""The RPC client against recorded answers of CometBFT 0.38.26 with its own kvstore, and against broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from settle.chain import rpc
from settle.chain.errors import NodeUnreachable, QueryRefused, RpcError
from settle.chain.rpc import RpcClient, already_in_cache

RECORDED = json.loads((Path(__file__).parent / "cometbft_0.38.26_answers.json").read_text())
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "_PAUSES", (0.0, 0.0))


def client(handler: Handler) -> RpcClient:
    return RpcClient("http://node.test:26657", transport=httpx.MockTransport(handler))


def recorded(name: str, asked: list[dict[str, Any]] | None = None) -> RpcClient:
    """A node that gives the recorded answer under the request's number."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if asked is not None:
            asked.append(body)
        return httpx.Response(200, json=RECORDED[name] | {"id": body["id"]})

    return client(answer)


def test_status_tells_chain_and_height() -> None:
    status = recorded("status").status()
    raw = RECORDED["status"]["result"]
    assert status.chain_id == raw["node_info"]["network"]
    assert status.height == int(raw["sync_info"]["latest_block_height"])
    assert status.sync_info.latest_app_hash == bytes(8)
    assert not status.sync_info.catching_up
    assert status.validator_info.voting_power == 10
    assert len(status.validator_info.pub_key.value) == 32


def test_health_and_app_info() -> None:
    recorded("health").health()
    info = recorded("abci_info").app_info()
    assert (info.data, info.version, info.app_version) == ('{"size":0}', "2.0.0", 1)


def test_a_query_sends_hex_and_reads_base64() -> None:
    asked: list[dict[str, Any]] = []
    answer = recorded("abci_query", asked).abci_query("/key", b"a", height=0)
    assert asked[0]["params"] == {"path": "/key", "data": "61", "height": "0", "prove": False}
    assert (answer.key, answer.value, answer.log) == (b"a", b"b", "exists")
    assert recorded("abci_query").query("/key", b"a") == b"b"
    assert recorded("abci_query_absent").query("/key", b"b") == b""


def test_a_refused_query_carries_its_code() -> None:
    refused = {"response": {"code": 930, "log": "UNKNOWN_QUERY", "value": None, "height": "5"}}
    node = client(lambda request: _result(request, refused))
    assert node.abci_query("/nonsense", b"").code == 930
    with pytest.raises(QueryRefused, match="/nonsense") as refusal:
        node.query("/nonsense", b"")
    assert refusal.value.code == 930


def test_a_broadcast_sends_base64_and_reads_the_verdict() -> None:
    asked: list[dict[str, Any]] = []
    answer = recorded("broadcast", asked).broadcast(b"a=b")
    assert asked[0]["method"] == "broadcast_tx_sync"
    assert asked[0]["params"] == {"tx": "YT1i"}
    assert (answer.code, answer.hash) == (0, sha256(b"a=b").digest())
    assert recorded("broadcast_refused").broadcast(b"bad").code == 2


def test_bytes_that_the_node_knows_are_told_apart_from_other_refusals() -> None:
    with pytest.raises(RpcError) as again:
        recorded("broadcast_again").broadcast(b"a=b")
    assert already_in_cache(again.value)
    with pytest.raises(RpcError) as other:
        recorded("unknown_method").broadcast(b"a=b")
    assert not already_in_cache(other.value)


def test_a_transaction_is_found_by_its_hash_or_is_none() -> None:
    found = recorded("tx").transaction(sha256(b"a=b").digest())
    assert found is not None
    assert (found.tx, found.hash, found.tx_result.code) == (b"a=b", sha256(b"a=b").digest(), 0)
    assert found.height == int(RECORDED["tx"]["result"]["height"])
    assert recorded("tx_absent").transaction(bytes(32)) is None


def test_a_node_without_index_is_an_error_with_its_remedy() -> None:
    refusal = {"code": -32603, "message": "Internal error", "data": "transaction indexing is disabled"}
    node = client(lambda request: _error(request, refusal))
    with pytest.raises(RpcError) as told:
        node.transaction(bytes(32))
    assert 'indexer = "kv"' in told.value.next_step


def test_a_block_and_its_results() -> None:
    block = recorded("block").block(6)
    assert block.transactions == (b"a=b",)
    assert block.header.chain_id == RECORDED["status"]["result"]["node_info"]["network"]
    results = recorded("block_results").block_results(6).results
    assert [result.code for result in results] == [0]
    assert recorded("block_results_empty").block_results(1).results == ()


@pytest.mark.parametrize("name", ["block_ahead", "block_results_ahead"])
def test_a_height_that_is_not_there_yet_says_wait(name: str) -> None:
    node = recorded(name)
    with pytest.raises(RpcError) as told:
        node.block(99_999)
    assert told.value.detail.startswith("height 99999 must be less")
    assert told.value.next_step.startswith("wait")


def test_peers_and_validators() -> None:
    [peer] = recorded("net_info").net_info().peers
    assert peer.node_info.network == RECORDED["status"]["result"]["node_info"]["network"]
    asked: list[dict[str, Any]] = []
    validators = recorded("validators", asked).validators(6)
    assert asked[0]["params"] == {"height": "6", "page": "1", "per_page": "100"}
    assert [validator.voting_power for validator in validators.validators] == [10]


def test_reads_are_tried_again_and_broadcasts_are_not() -> None:
    calls: list[str] = []

    def flaky(request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        calls.append(body["method"])
        if len(calls) < 3:
            raise httpx.ReadError("connection reset", request=request)
        return httpx.Response(200, json=RECORDED["status"] | {"id": body["id"]})

    assert client(flaky).status().height > 0
    assert calls == ["status"] * 3
    calls.clear()
    with pytest.raises(NodeUnreachable):
        client(flaky).broadcast(b"a=b")
    assert calls == ["broadcast_tx_sync"]


def test_refusals_are_not_tried_again() -> None:
    asked: list[dict[str, Any]] = []
    with pytest.raises(RpcError, match="-32601"):
        recorded("unknown_method", asked).status()
    assert len(asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>a proxy</html>"),
        httpx.Response(502, text=""),
        httpx.Response(200, content=b"\xff\xfe"),
        httpx.Response(200, json={"jsonrpc": "2.0", "id": 999_999, "result": {}}),
        httpx.Response(200, json={"jsonrpc": "2.0", "id": 1}),
        httpx.Response(200, json=[]),
    ],
)
def test_what_answers_but_is_no_node_is_named_by_its_address(answer: httpx.Response) -> None:
    with pytest.raises(NodeUnreachable, match=r"http://node\.test:26657") as told:
        client(lambda _request: answer).broadcast(b"a=b")
    assert "settle node run" in told.value.next_step


def test_nobody_at_the_address_is_named_by_it() -> None:
    with RpcClient("http://127.0.0.1:1", timeout=1.0) as node, pytest.raises(NodeUnreachable, match=r"127\.0\.0\.1:1"):
        node.status()


@pytest.mark.parametrize("url", ["no address", "127.0.0.1:26657", "http://[::1"])
def test_an_address_that_is_none_is_told_as_such(url: str) -> None:
    with pytest.raises(NodeUnreachable), RpcClient(url) as node:
        node.health()


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"node_info": {}},
        {"code": "x"},
        [],
        {"response": {"value": "not base64!"}},
        {"hash": "zz", "code": 0, "log": ""},
    ],
)
def test_an_answer_of_another_form_is_an_error_not_a_crash(result: object) -> None:
    node = client(lambda request: _result(request, result))
    with pytest.raises(RpcError, match="Unexpected form"):
        node.status()
    with pytest.raises(RpcError, match="Unexpected form"):
        node.broadcast(b"")


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with RpcClient("http://127.0.0.1:1", timeout=1.0) as node, pytest.raises(NodeUnreachable, match="ConnectError"):
        node.status()


def _result(request: httpx.Request, result: object) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "result": result})


def _error(request: httpx.Request, error: object) -> httpx.Response:
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": json.loads(request.content)["id"], "error": error})
