"""The questions of ours that clients ask every node: canonical bytes in, canonical bytes out (PROTOCOL 18)."""

from __future__ import annotations

from abci_app.kernel.encoding import U64, Decoder, Hash32, Malformed, Value
from settle.chain.errors import ChainError
from settle.chain.rpc import Node


class ReplayWindow(Value, frozen=True):
    """A key's replay numbers: the highest used, and which of the 256 up to it."""

    highest: U64
    seen: Hash32


_read_window: Decoder[ReplayWindow] = Decoder(ReplayWindow, deepest=1)
_read_records: Decoder[tuple[bytes, ...]] = Decoder(tuple[bytes, ...], deepest=1)


def replay_window(node: Node, key: bytes) -> ReplayWindow:
    """The replay window of a 33-byte public key; highest 0 for a key that has sent nothing."""
    try:
        return _read_window(node.query("/replay", key))
    except Malformed as fault:
        raise _strange("/replay", fault) from fault


def fact_records(node: Node, start: int, most: int) -> tuple[bytes, ...]:
    """Canonical fact records from number `start` on, at most `most`; the node may give fewer, or none."""
    try:
        return _read_records(node.query("/facts", start.to_bytes(8, "big") + most.to_bytes(4, "big")))
    except Malformed as fault:
        raise _strange("/facts", fault) from fault


def _strange(path: str, fault: Malformed) -> ChainError:
    return ChainError(
        expected=f"this version's canonical answer to {path}",
        actual=str(fault),
        next_step="run node and agent of the same release",
    )
