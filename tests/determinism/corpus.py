"""A fixed chain of blocks in a file, and what this program made of it: a format pin for the determinism tests.

`python -m tests.determinism.corpus` makes `corpus.json.gz` anew, from a fixed seed. Do so when messages or hashes
changed on purpose, and say so in the change: the file is a copy of our own output, there to show that it moved.
"""

from __future__ import annotations

import gzip
import json
import random
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from abci_app.application.interface import Block, BlockResult, Genesis, ValidatorPower
from abci_app.kernel.roles import Role
from tests.simulation.mutations import Mutator
from tests.support.chains import CHAIN, CODES, Network, genesis, signer

FILE = Path(__file__).with_name("corpus.json.gz")
SEED = 20_261_124
BLOCKS, MOST_IN_A_BLOCK = 48, 16


class RecordedBlock(TypedDict):
    """A block as it was decided, and what executing it gave; bytes in hex."""

    height: int
    time: int
    hash: str
    transactions: list[str]
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
    return sha256(json.dumps([seen, result.app_hash.hex(), result.validators]).encode()).hexdigest()


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
    return Block(recorded["height"], recorded["time"], bytes.fromhex(recorded["hash"]), transactions)


def make() -> Corpus:
    """Blocks of valid, invalid and malformed transactions; every third holds what a byzantine majority let pass."""
    first = genesis()
    network = Network()
    mutator = Mutator(random.Random(SEED), CHAIN, [signer(operator, role) for operator in CODES for role in Role])
    blocks: list[RecordedBlock] = []
    for number in range(BLOCKS):
        mutator.learn(network.ask)
        raws = [raw for raw in mutator.draw(MOST_IN_A_BLOCK) if len(raw) < 2000]
        if number % 3:
            raws = network.chain.prepare(network.propose(*raws)._replace(hash=b""), 1 << 20)
        block = network.propose(*raws, after=1 + number % 5)
        accepted = network.chain.process(block)
        result = network.decide(block)
        blocks.append(
            {
                "height": block.height,
                "time": block.time,
                "hash": block.hash.hex(),
                "transactions": [raw.hex() for raw in raws],
                "accepted": accepted,
                "app_hash": result.app_hash.hex(),
                "results": digest(result),
            }
        )
    return {
        "chain_id": first.chain_id.decode(),
        "time": first.time,
        "validators": [(key.hex(), power) for key, power in first.validators],
        "facts": [fact.hex() for fact in first.facts],
        "blocks": blocks,
    }


if __name__ == "__main__":
    text = json.dumps(make(), separators=(",", ":")).encode()
    FILE.write_bytes(gzip.compress(text, mtime=0))
    print(f"{FILE.name}: {BLOCKS} blocks, {FILE.stat().st_size} bytes")
