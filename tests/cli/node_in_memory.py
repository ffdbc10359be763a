"""A node without CometBFT: its RPC answers over the real state machine in memory; a broadcast makes a block."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeAlias

import httpx

from abci_app.application.interface import Outcome
from settle.chain.rpc import RpcClient
from tests.support.chains import CHAIN_ID, CODES, Network

Json: TypeAlias = dict[str, Any]

INTERNAL = -32603


class MemoryNode:
    """Answers JSON-RPC. `down` refuses connections; `silent` takes transactions into no block."""

    def __init__(self, network: Network | None = None) -> None:
        self.network = network or Network()
        self.blocks: list[tuple[tuple[bytes, ...], tuple[Outcome, ...]]] = []
        self.chain_id = CHAIN_ID.decode()
        self.down = False
        self.silent = False
        self.seen: set[bytes] = set()
        self.answers = {
            "status": self._status,
            "health": lambda _: {},
            "abci_info": self._info,
            "abci_query": self._query,
            "broadcast_tx_sync": self._broadcast,
            "block": self._block,
            "block_results": self._block_results,
            "net_info": lambda _: {"listening": True, "n_peers": "0", "peers": []},
            "validators": self._validators,
        }

    def client(self, _url: str = "") -> RpcClient:
        """A client of this node; the address does not matter."""
        return RpcClient("http://node.invalid:26657", transport=httpx.MockTransport(self._handle))

    def make_block(self, *raws: bytes, after: int = 1) -> tuple[Outcome, ...]:
        """A block with these transactions."""
        outcomes = self.network.block(*raws, after=after)
        self.blocks.append((raws, outcomes))
        return outcomes

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("Connection refused")
        asked = json.loads(request.content)
        try:
            body: Json = {"result": self.answers[asked["method"]](asked["params"])}
        except LookupError as fault:
            body = {"error": {"code": INTERNAL, "message": "Internal error", "data": str(fault.args[0])}}
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": asked["id"], **body})

    def _time(self) -> str:
        return datetime.fromtimestamp(self.network.time, UTC).strftime("%Y-%m-%dT%H:%M:%S.5Z")

    def _status(self, _: Json) -> Json:
        return {
            "node_info": {"id": "ab" * 20, "network": self.chain_id, "version": "0.38.26", "moniker": "memory"},
            "sync_info": {
                "latest_block_height": str(self.network.height),
                "latest_app_hash": self.network.app_hash.hex(),
                "latest_block_time": self._time(),
                "earliest_block_height": "1",
                "catching_up": False,
            },
            "validator_info": _validator(b"\0" * 32),
        }

    def _info(self, _: Json) -> Json:
        return {"response": {"data": "", "version": "0.1.0", "app_version": "1"}}

    def _query(self, params: Json) -> Json:
        answer = self.network.chain.query(params["path"], bytes.fromhex(params["data"]), int(params["height"]))
        value = base64.b64encode(answer.value).decode()
        return {"response": {"code": answer.code, "log": answer.log, "value": value, "height": str(answer.height)}}

    def _broadcast(self, params: Json) -> Json:
        raw = base64.b64decode(params["tx"])
        if raw in self.seen:
            raise LookupError("tx already exists in cache")
        told = self.network.chain.check(raw, False)
        if told.code == 0:
            self.seen.add(raw)
            if not self.silent:
                self.make_block(raw)
        return {"code": told.code, "log": told.log, "hash": sha256(raw).hexdigest()}

    def _found(self, params: Json) -> tuple[int, tuple[tuple[bytes, ...], tuple[Outcome, ...]]]:
        height = int(params["height"])
        if height > len(self.blocks):
            raise LookupError(f"height {height} must be less than or equal to the current blockchain height")
        return height, self.blocks[height - 1]

    def _block(self, params: Json) -> Json:
        height, (raws, _) = self._found(params)
        header = {"chain_id": self.chain_id, "height": str(height), "time": self._time()}
        header |= {"app_hash": "", "proposer_address": ""}
        return {"block": {"header": header, "data": {"txs": [base64.b64encode(raw).decode() for raw in raws]}}}

    def _block_results(self, params: Json) -> Json:
        height, (_, outcomes) = self._found(params)
        results = [
            {"code": each.code, "data": base64.b64encode(each.data).decode(), "log": each.log} for each in outcomes
        ]
        return {"height": str(height), "txs_results": results}

    def _validators(self, _: Json) -> Json:
        keys = [sha256(code).digest() for code in CODES.values()]
        return {"block_height": "1", "total": str(len(keys)), "validators": [_validator(key) for key in keys]}


def _validator(key: bytes) -> Json:
    public = {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key).decode()}
    return {"address": sha256(key).hexdigest()[:40], "pub_key": public, "voting_power": "10"}
