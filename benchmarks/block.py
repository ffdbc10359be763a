"""What a block of signed settlement transactions costs, phase by phase: `python -m benchmarks.block [--size 1000]`.

In one process, without a node: the phases are those of `abci_app.application.chain`, run one after the other over
LMDB. Times are processor time, all threads; CheckTx's caches are empty, as on a node that syncs blocks.
"""

from __future__ import annotations

import argparse
import base64
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median

from abci_app.application import transaction
from abci_app.application.block import Executor, gather
from abci_app.application.chain import Chain
from abci_app.application.interface import Block, Genesis, ValidatorPower
from abci_app.application.router import read_fact
from abci_app.application.rules import RuleCache
from abci_app.domain.members.schema import VALIDATOR_POWER, ValidatorAppointed
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.merkle import leaf
from abci_app.server.boot import check_against_marker
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.signature_pool import SignaturePool
from abci_app.state.forest import Forest
from abci_app.state.store import FORMAT, Batch, Marker
from settle.sample.transactions import Written, write

PHASES = ("decode", "signatures", "decide and fold", "tree", "LMDB", "LMDB, wall")


class Phases:
    """Time of each phase of one block, seconds."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PHASES, 0.0)

    @contextmanager
    def of(self, phase: str) -> Iterator[None]:
        """Count the processor time of the `with` block."""
        began = time.process_time()
        yield
        self.spent[phase] += time.process_time() - began


def main() -> None:
    """Run a sample's transactions in blocks and print the medians."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, default=1000, help="transactions in a block")
    options.add_argument("--blocks", type=int, default=15)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        sample = Path(place) / "sample"
        written = write(max(250, given.size * (given.blocks + 1)), sample, seed=1)
        with LmdbStore(Path(place) / "data") as store:
            found = run(sample, written, store, given.size)
    report(found, given.size)


def run(sample: Path, written: Written, store: LmdbStore, size: int) -> list[Phases]:
    """Every block's phases but the first's, which also sets the agreements up."""
    lines = (sample / "transactions.hex").read_text().splitlines()
    raws = [bytes.fromhex(line) for line in lines]
    pool = SignaturePool()
    start = Chain(store, pool, check_against_marker(store))
    start.init_chain(genesis_of(sample, written))
    forest, rules = check_against_marker(store), RuleCache()
    found: list[Phases] = []
    for height, at in enumerate(range(0, len(raws), size), 1):
        name = sha256(b"%d" % height).digest()
        block = Block(height, written.genesis_time + height, name, tuple(raws[at : at + size]))
        phases = Phases()
        forest = execute(block, chain_hash(written.chain_id.encode()), store, pool, rules, forest, phases)
        found.append(phases)
    pool.close()
    return found[1:]


def execute(
    block: Block, chain: bytes, store: LmdbStore, pool: SignaturePool, rules: RuleCache, forest: Forest, phases: Phases
) -> Forest:
    """One block from its bytes to the disk."""
    with phases.of("decode"):
        read = [transaction.read(chain, raw) for raw in block.transactions]
    with phases.of("signatures"):
        valid = pool.valid([each.signed for each in read])
    assert all(valid)
    with phases.of("decide and fold"), store.view() as base:
        executor = Executor(base, chain, block.height, block.time, rules.bound)
        candidate = gather(block, executor, [executor.run(each) for each in read])
    refused = [outcome.log for outcome in candidate.outcomes if outcome.code]
    assert not refused, refused[0]
    with phases.of("tree"):
        forest = forest.apply(candidate.writes, [leaf(record) for record in candidate.records])
        hashed = forest.app_hash()
    began = time.perf_counter()
    with phases.of("LMDB"):
        marker = Marker(FORMAT, block.height, block.time, hashed, chain, forest.log.size)
        store.commit(Batch(marker, candidate.writes, candidate.records, forest.module_roots()))
    phases.spent["LMDB, wall"] = time.perf_counter() - began
    return forest


def genesis_of(sample: Path, written: Written) -> Genesis:
    """What InitChain brings for a sample's `app_state.json`."""
    state = json.loads((sample / "app_state.json").read_text())
    raws = tuple(base64.b64decode(fact) for fact in state["facts"])
    facts = [read_fact(raw) for raw in raws]
    validators = tuple(
        ValidatorPower(fact.public, VALIDATOR_POWER) for fact in facts if isinstance(fact, ValidatorAppointed)
    )
    return Genesis(written.chain_id.encode(), written.genesis_time, 1, validators, raws)


def report(found: list[Phases], size: int) -> None:
    """Print the medians over the blocks."""
    print(f"\n{len(found)} blocks of {size:,} transactions, medians\n")
    print("| phase | ms a block | microseconds a transaction |\n|---|---|---|")
    total = 0.0
    for phase in PHASES:
        spent = median(each.spent[phase] for each in found)
        total += 0 if phase.endswith("wall") else spent
        print(f"| {phase} | {spent * 1000:,.1f} | {spent / size * 1e6:,.0f} |")
    print(f"| sum of processor time | {total * 1000:,.1f} | {total / size * 1e6:,.0f} |")
    print(f"\n{size / total:,.0f} transactions a second of processor time.")


if __name__ == "__main__":
    main()
