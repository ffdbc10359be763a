"""What CometBFT's RPC answers, typed. Numbers come as strings, hashes as hex, other bytes as base64.

Names and forms: rpc/core/types/responses.go of the pinned release. Empty fields may be missing or null.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field


class Hex(bytes):
    """Bytes that travel as hexadecimal digits."""


Height = Annotated[int, Meta(ge=0)]


class NodeInfo(Struct, frozen=True):
    """Who a node says that it is."""

    id: str
    network: str
    version: str
    moniker: str = ""


class SyncInfo(Struct, frozen=True):
    """How far a node is."""

    latest_block_height: Height
    latest_app_hash: Hex
    latest_block_time: str  # RFC 3339, UTC
    earliest_block_height: Height
    catching_up: bool


class PublicKey(Struct, frozen=True):
    """A consensus key; `type` is "tendermint/PubKeyEd25519" for Ed25519."""

    type: str
    value: bytes


class Validator(Struct, frozen=True):
    """A validator and its power."""

    address: Hex
    pub_key: PublicKey
    voting_power: int


class Status(Struct, frozen=True):
    """Identity and progress of a node."""

    node_info: NodeInfo
    sync_info: SyncInfo
    validator_info: Validator

    @property
    def chain_id(self) -> str:
        """The chain that the node runs."""
        return self.node_info.network

    @property
    def height(self) -> int:
        """The last block that the node holds."""
        return self.sync_info.latest_block_height


class AppInfo(Struct, frozen=True):
    """What the application told the node when it was last asked."""

    data: str = ""
    version: str = ""
    app_version: int = 0
    last_block_height: Height = 0
    last_block_app_hash: bytes = b""


class QueryAnswer(Struct, frozen=True):
    """The application's answer to a query; `height` is the block whose state it describes."""

    code: int = 0
    log: str = ""
    key: bytes | None = None
    value: bytes | None = None
    height: Height = 0
    codespace: str = ""


class CheckAnswer(Struct, frozen=True):
    """CheckTx's verdict: code 0 means that the bytes are in this node's mempool, and no more than that."""

    code: int
    log: str
    hash: Hex


class TransactionResult(Struct, frozen=True):
    """What a transaction did. `data` is the root of its facts, empty where there are none."""

    code: int
    data: bytes | None
    log: str
    gas_wanted: int = 0
    gas_used: int = 0
    codespace: str = ""


class FoundTransaction(Struct, frozen=True):
    """A transaction in a block, as the node's index knows it."""

    hash: Hex
    height: Height
    index: int
    tx_result: TransactionResult
    tx: bytes


class BlockHeader(Struct, frozen=True):
    """The part of a header that readers need. `app_hash` is the state after the block before."""

    chain_id: str
    height: Height
    time: str  # RFC 3339, UTC
    app_hash: Hex
    proposer_address: Hex


class _BlockData(Struct, frozen=True):
    txs: tuple[bytes, ...] | None


class Block(Struct, frozen=True):
    """A decided block."""

    header: BlockHeader
    data: _BlockData

    @property
    def transactions(self) -> tuple[bytes, ...]:
        """The transactions' bytes, in order."""
        return self.data.txs or ()


class BlockResults(Struct, frozen=True):
    """What a block's transactions did, in order."""

    height: Height
    txs_results: tuple[TransactionResult, ...] | None
    app_hash: bytes = b""

    @property
    def results(self) -> tuple[TransactionResult, ...]:
        """One result per transaction."""
        return self.txs_results or ()


class Peer(Struct, frozen=True):
    """A connected peer."""

    node_info: NodeInfo
    is_outbound: bool
    remote_ip: str


class NetInfo(Struct, frozen=True):
    """A node's connections."""

    listening: bool
    n_peers: int
    peers: tuple[Peer, ...] = ()


class ValidatorSet(Struct, frozen=True):
    """The validators of a height."""

    block_height: Height
    total: int
    validators: tuple[Validator, ...] = field(default=())
