"""A CometBFT node's JSON-RPC over HTTP, synchronous and typed.

Reads are tried again when the connection fails; a broadcast is not: whether the bytes arrived is then
unknown, and the outbox is the one that may send them again.
"""

from __future__ import annotations

import base64
import time
from itertools import count
from types import TracebackType
from typing import Protocol, Self, TypeVar

import httpx
import msgspec

from settle.chain.answers import (
    AppInfo,
    Block,
    BlockResults,
    CheckAnswer,
    FoundTransaction,
    Hex,
    NetInfo,
    QueryAnswer,
    Status,
    ValidatorSet,
)
from settle.chain.errors import NodeUnreachable, QueryRefused, RpcError

Result = TypeVar("Result")

INTERNAL_ERROR = -32603
"""JSON-RPC's code for everything that CometBFT's own handlers refuse; `detail` tells them apart."""
_PAUSES = (0.1, 0.4)  # seconds before the second and the third attempt of a read
_MOST_VALIDATORS = 100  # CometBFT's largest page


class Node(Protocol):
    """What the outbox and the follower need of a node; `RpcClient` is one, tests have another."""

    def status(self) -> Status: ...
    def query(self, path: str, data: bytes) -> bytes: ...
    def broadcast(self, raw: bytes) -> CheckAnswer: ...
    def transaction(self, transaction_hash: bytes) -> FoundTransaction | None: ...
    def block(self, height: int) -> Block: ...
    def block_results(self, height: int) -> BlockResults: ...


class _Fault(msgspec.Struct, frozen=True):
    code: int
    message: str
    data: str = ""


class _Reply(msgspec.Struct, frozen=True):
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()  # immutable
    error: _Fault | None = None


class _Empty(msgspec.Struct, frozen=True):
    pass


class _AppInfoAnswer(msgspec.Struct, frozen=True):
    response: AppInfo


class _QueryResponse(msgspec.Struct, frozen=True):
    response: QueryAnswer


class _BlockAnswer(msgspec.Struct, frozen=True):
    block: Block | None


class RpcClient:
    """One node. Every method raises `NodeUnreachable` or `RpcError`; a `with` block closes the connections."""

    def __init__(self, url: str, *, timeout: float = 10.0, transport: httpx.BaseTransport | None = None) -> None:
        """`url` is the RPC address, such as http://127.0.0.1:26657; `timeout` is seconds per attempt."""
        self.url = url
        self._numbers = count(1)
        try:
            self._http = httpx.Client(
                base_url=url,
                timeout=httpx.Timeout(timeout, connect=min(2.0, timeout)),
                transport=transport,
                trust_env=False,  # a proxy of the environment has no business between us and our own node
            )
        except httpx.InvalidURL as fault:
            raise self._unreachable(f"an address that is none: {fault}") from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def status(self) -> Status:
        """Who the node is and how far it is."""
        return self._read("status", Status)

    def health(self) -> None:
        """Returns when the node answers at all."""
        self._read("health", _Empty)

    def app_info(self) -> AppInfo:
        """What the application says about itself."""
        return self._read("abci_info", _AppInfoAnswer).response

    def net_info(self) -> NetInfo:
        """The node's peers."""
        return self._read("net_info", NetInfo)

    def validators(self, height: int = 0) -> ValidatorSet:
        """The validators of a height, of the latest for 0; the first hundred."""
        return self._read("validators", ValidatorSet, page="1", per_page=str(_MOST_VALIDATORS), **_at(height))

    def abci_query(self, path: str, data: bytes, height: int = 0) -> QueryAnswer:
        """Ask the application; code ≠ 0 comes back as the answer that it is."""
        found = self._read("abci_query", _QueryResponse, path=path, data=data.hex(), height=str(height), prove=False)
        return found.response

    def query(self, path: str, data: bytes) -> bytes:
        """The value of a query's answer about the latest state. Raises `QueryRefused` for a code ≠ 0."""
        answer = self.abci_query(path, data)
        if answer.code:
            raise QueryRefused(path, answer.code, answer.log)
        return answer.value or b""

    def block(self, height: int) -> Block:
        """The block at a height."""
        found = self._read("block", _BlockAnswer, **_at(height)).block
        if found is None:
            raise RpcError("block", INTERNAL_ERROR, "No block", f"height {height}", _advice("block", ""))
        return found

    def block_results(self, height: int) -> BlockResults:
        """The results of a block's transactions."""
        return self._read("block_results", BlockResults, **_at(height))

    def transaction(self, transaction_hash: bytes) -> FoundTransaction | None:
        """A transaction by CometBFT's hash, or None: the node's index does not hold it (yet)."""
        try:
            return self._read("tx", FoundTransaction, hash=_base64(transaction_hash), prove=False)
        except RpcError as refusal:
            if refusal.detail.endswith("not found"):
                return None
            raise

    def broadcast(self, raw: bytes) -> CheckAnswer:
        """Offer bytes to the node's mempool and wait for CheckTx (`broadcast_tx_sync`). One attempt.

        `NodeUnreachable` leaves open whether they arrived; `already_in_cache` tells a harmless refusal.
        """
        return _decode("broadcast_tx_sync", self._call("broadcast_tx_sync", {"tx": _base64(raw)}), CheckAnswer)

    def _read(self, method: str, kind: type[Result], **params: str | bool) -> Result:
        for pause in _PAUSES:
            try:
                return _decode(method, self._call(method, params), kind)
            except NodeUnreachable:
                time.sleep(pause)
        return _decode(method, self._call(method, params), kind)

    def _call(self, method: str, params: dict[str, str | bool]) -> msgspec.Raw:
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            answer = self._http.post("/", content=msgspec.json.encode(request), headers=_JSON)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise self._unreachable(f"{type(fault).__name__}: {fault}") from fault
        try:
            reply = msgspec.json.decode(answer.content, type=_Reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise self._unreachable(f"HTTP {answer.status_code} with a body that is no JSON-RPC") from fault
        if reply.error is not None:
            told = reply.error
            raise RpcError(method, told.code, told.message, told.data, _advice(method, told.data))
        if not bytes(reply.result) or reply.id != number:
            raise self._unreachable(f"an answer to request {reply.id}, not {number}")
        return reply.result

    def _unreachable(self, actual: str) -> NodeUnreachable:
        return NodeUnreachable(
            expected=f"a CometBFT node at {self.url}",
            actual=actual,
            next_step="start it with `settle node run`, or correct the RPC address in the configuration",
        )


def already_in_cache(refusal: RpcError) -> bool:
    """Whether a broadcast was refused only because the node has seen these bytes: that counts as sent."""
    return refusal.detail.lower().endswith("tx already exists in cache")


_JSON = {"Content-Type": "application/json"}


def _at(height: int) -> dict[str, str]:
    return {"height": str(height)} if height else {}


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(method: str, raw: msgspec.Raw, kind: type[Result]) -> Result:
    try:
        return msgspec.json.decode(raw, type=kind, strict=False, dec_hook=_from_hex)
    except msgspec.ValidationError as fault:
        raise RpcError(method, 0, "Unexpected form", str(fault), "run the pinned CometBFT: `make cometbft`") from fault


def _from_hex(kind: type, value: object) -> Hex:
    if kind is Hex and isinstance(value, str):
        return Hex(bytes.fromhex(value))
    raise NotImplementedError(f"no reading of {kind}")


def _advice(method: str, detail: str) -> str:
    if "indexing is disabled" in detail:
        return 'set indexer = "kv" in the node\'s config.toml and restart it'
    if "mempool is full" in detail or "still rechecking" in detail:
        return "wait: the node takes new transactions again when blocks have emptied its mempool"
    if "lowest height is" in detail:
        return "ask a node that keeps older blocks: this one has pruned them"
    if "must be less than or equal" in detail or "could not find results" in detail:
        return "wait until the node has executed that block"
    return f"see the node's log for {method}"
