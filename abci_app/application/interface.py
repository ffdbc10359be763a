"""The values that pass between the ABCI server and the state machine: no protobuf above, no I/O below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class ValidatorPower(NamedTuple):
    """A validator and its weight in consensus."""

    key: bytes  # Ed25519, 32 bytes
    power: int


class Genesis(NamedTuple):
    """What InitChain tells: the chain's name and time, its validators, and the facts of `app_state`."""

    chain_id: bytes
    time: int  # UTC seconds
    initial_height: int
    validators: tuple[ValidatorPower, ...]
    facts: tuple[bytes, ...]  # canonical facts, without headers


class Misbehaviour(NamedTuple):
    """Evidence in a block that a validator signed two different things, or helped to fool a light client."""

    address: bytes  # 20 bytes
    height: int


class Block(NamedTuple):
    """A proposal or a decided block. `hash` is empty in PrepareProposal, where there is none yet."""

    height: int
    time: int  # header time, UTC seconds, floored
    hash: bytes
    transactions: tuple[bytes, ...]
    misbehaviour: tuple[Misbehaviour, ...] = ()


class Event(NamedTuple):
    """An ABCI event: text for subscribers; the fact itself is read from the log."""

    kind: str
    attributes: tuple[tuple[str, str], ...]


class Outcome(NamedTuple):
    """The result of one transaction. `log` is for people and is no part of consensus."""

    code: int
    data: bytes
    log: str
    gas_wanted: int
    gas_used: int
    events: tuple[Event, ...]
    codespace: str


class BlockResult(NamedTuple):
    """FinalizeBlock's answer: as many outcomes as transactions, in their order."""

    outcomes: tuple[Outcome, ...]
    app_hash: bytes
    validators: tuple[ValidatorPower, ...]  # that changed; power 0 takes one out


class Answer(NamedTuple):
    """A query's answer. `height` is the block whose state it describes."""

    code: int
    key: bytes
    value: bytes
    height: int
    log: str
    codespace: str


class Signed(NamedTuple):
    """A signature to be verified; `raw_hash` names the transaction's bytes for the cache."""

    raw_hash: bytes
    suite: int
    key: bytes
    digest: bytes
    signature: bytes


class Signatures(Protocol):
    """Verifies signatures: validity only, never authority. Answers in the order of the items."""

    def valid(self, items: Sequence[Signed]) -> list[bool]: ...
