"""Makes the corpus: what operators settle in a quarter and decide together, and what no honest client sends."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence

from abci_app.application.interface import BlockResult, Misbehaviour
from abci_app.kernel.roles import Role
from tests.determinism.corpus import FILE, Corpus, RecordedBlock, digest
from tests.determinism.governing import Council
from tests.determinism.settlement import ChainBook, rulebook, settle_a_quarter
from tests.simulation.mutations import Mutator
from tests.support.books import units
from tests.support.chains import CHAIN, CODES, Network, genesis, genesis_facts, signer

SEED = 20_261_124
MUTATED_BLOCKS, MOST_IN_A_BLOCK = 48, 16


class Recording:
    """A network, and every block that it has decided."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.blocks: list[RecordedBlock] = []

    def decide(self, raws: Sequence[bytes], after: int, evidence: tuple[Misbehaviour, ...] = ()) -> BlockResult:
        """The next block with exactly these transactions, whatever ProcessProposal says of it."""
        block = self.network.propose(*raws, after=after)._replace(misbehaviour=evidence)
        accepted = self.network.chain.process(block)
        result = self.network.decide(block)
        self.blocks.append(
            {
                "height": block.height,
                "time": block.time,
                "hash": block.hash.hex(),
                "transactions": [raw.hex() for raw in raws],
                "misbehaviour": [(fault.address.hex(), fault.height) for fault in evidence],
                "accepted": accepted,
                "app_hash": result.app_hash.hex(),
                "results": digest(result),
            }
        )
        return result


FACTS = [*genesis_facts(), *units(), *rulebook()]


def settled() -> Recording:
    """A quarter settled and voted on, message by message."""
    recording = Recording(Network(FACTS))
    book = ChainBook(recording.network, recording.decide)
    council = Council(book)
    council.set_up()
    settle_a_quarter(book)
    council.change()
    return recording


def make() -> Corpus:
    """What was settled and voted on; then valid, invalid and malformed transactions on it."""
    recording = settled()
    _mutated_blocks(recording)
    first = genesis(FACTS)
    return {
        "chain_id": first.chain_id.decode(),
        "time": first.time,
        "validators": [(key.hex(), power) for key, power in first.validators],
        "facts": [fact.hex() for fact in first.facts],
        "blocks": recording.blocks,
    }


def _mutated_blocks(recording: Recording) -> None:
    """Every third holds what a byzantine majority let pass."""
    network = recording.network
    mutator = Mutator(random.Random(SEED), CHAIN, [signer(operator, role) for operator in CODES for role in Role])
    for number in range(MUTATED_BLOCKS):
        mutator.learn(network.ask)
        raws = [raw for raw in mutator.draw(MOST_IN_A_BLOCK) if len(raw) < 2000]
        if number % 3:
            raws = network.chain.prepare(network.propose(*raws)._replace(hash=b""), 1 << 20)
        recording.decide(raws, 1 + number % 5)


def main() -> None:
    """Writes the file and says how large it is."""
    corpus = make()
    FILE.write_bytes(gzip.compress(json.dumps(corpus, separators=(",", ":")).encode(), mtime=0))
    print(f"{FILE.name}: {len(corpus['blocks'])} blocks, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
