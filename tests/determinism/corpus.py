"""A fixed chain of blocks in a file, and what this program made of it: a format pin for the determinism tests.

`python -m tests.determinism.make` makes `corpus.json.gz` anew, from a fixed seed. Do so when messages or hashes
changed on purpose, and say so in the change: the file is a copy of our own output, there to show that it moved.
"""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from abci_app.application.interface import Block, BlockResult, Genesis, Misbehaviour, ValidatorPower

FILE = Path(__file__).with_name("corpus.json.gz")


class RecordedBlock(TypedDict):
    """A block as it was decided, and what executing it gave; bytes in hex."""

    height: int
    time: int
    hash: str
    transactions: list[str]
    misbehaviour: list[tuple[str, int]]  # address and height
    accepted: bool  # by ProcessProposal
    app_hash: str
    results: str  # sha256 over the canonical results and events


class Corpus(TypedDict):
    """A genesis and the blocks on it."""

    chain_id: str
    time: int
    validators: list[tuple[str, int]]
    facts: list[str]
    blocks: list[RecordedBlock]


def digest(result: BlockResult) -> str:
    """Everything of a block's result that another node or a subscriber sees, except texts for people."""
    seen = [
        [each.code, each.data.hex(), each.gas_wanted, each.gas_used, each.codespace, each.events]
        for each in result.outcomes
    ]
    validators = [(changed.key.hex(), changed.power) for changed in result.validators]
    return sha256(json.dumps([seen, result.app_hash.hex(), validators]).encode()).hexdigest()


def load() -> Corpus:
    """The committed corpus."""
    corpus: Corpus = json.loads(gzip.decompress(FILE.read_bytes()))
    return corpus


def genesis_of(corpus: Corpus) -> Genesis:
    """The corpus' genesis as InitChain brings it."""
    return Genesis(
        corpus["chain_id"].encode(),
        corpus["time"],
        1,
        tuple(ValidatorPower(bytes.fromhex(key), power) for key, power in corpus["validators"]),
        tuple(bytes.fromhex(fact) for fact in corpus["facts"]),
    )


def block_of(recorded: RecordedBlock) -> Block:
    """The recorded block as FinalizeBlock brings it."""
    transactions = tuple(bytes.fromhex(raw) for raw in recorded["transactions"])
    evidence = tuple(Misbehaviour(bytes.fromhex(address), height) for address, height in recorded["misbehaviour"])
    return Block(recorded["height"], recorded["time"], bytes.fromhex(recorded["hash"]), transactions, evidence)
