"""The state's cost: building and changing the tree, committing a block, starting from a full database.

Run `python benchmarks/state.py --keys 1000000`. Times are process CPU except where "wall" is said;
each is the least of several runs, since other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random

from abci_app.kernel import merkle
from abci_app.server.boot import check_against_marker
from abci_app.server.lmdb_store import LmdbStore
from abci_app.state import tree
from abci_app.state.forest import EMPTY, Forest, sentinels
from abci_app.state.store import FORMAT, Batch, Marker

ROW = 100  # bytes of a value
PERIODS = b"\x05\x01"


def main() -> None:
    """Measure the tree alone, then with its store."""
    options = arguments()
    random = Random(1)
    keys = sorted({PERIODS + random.randbytes(16) for _ in range(options.keys)})
    measure_tree(keys, options.changes, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        measure_store(Path(folder), keys, options.changes, options.rounds)


def arguments() -> argparse.Namespace:
    """The command line's."""
    parser = argparse.ArgumentParser(description="Measures the authenticated state and its store.")
    parser.add_argument("--keys", type=int, default=100_000, help="rows in the state")
    parser.add_argument("--changes", type=int, nargs="+", default=[1_000, 10_000], help="rows changed by a block")
    parser.add_argument("--rounds", type=int, default=5, help="measured blocks of each size")
    return parser.parse_args()


def report(what: str, seconds: float) -> None:
    """One line of the result."""
    print(f"{what:<58}{seconds * 1000:>12,.1f} ms", flush=True)


def least(rounds: int, clock: Callable[[], float], work: Callable[[int], object]) -> float:
    """The least time of `work(turn)` over the rounds, in seconds by the clock."""
    best = float("inf")
    for turn in range(rounds):
        start = clock()
        work(turn)
        best = min(best, clock() - start)
    return best


def measure_tree(keys: list[bytes], sizes: list[int], rounds: int) -> None:
    """The tree in memory, over one store of all keys."""
    pairs = [(key, sha256(key).digest()) for key in keys]
    start = time.process_time()
    whole = tree.build(pairs)
    report(f"tree: build of {len(keys):,} keys", time.process_time() - start)
    gc.collect()
    gc.freeze()
    random = Random(2)
    for size in sizes:
        blocks: list[list[tree.Change]] = [
            [(key, sha256(key + bytes([turn])).digest()) for key in sorted(random.sample(keys, min(size, len(keys))))]
            for turn in range(rounds)
        ]
        spent = least(rounds, time.process_time, partial(apply_turn, whole, blocks))
        report(f"tree: {size:,} random changes", spent)


def measure_store(folder: Path, keys: list[bytes], sizes: list[int], rounds: int) -> None:
    """Blocks committed to a new database, then a start from it."""
    random = Random(3)
    genesis = sentinels() | {key: random.randbytes(ROW) for key in keys}
    with LmdbStore(folder) as store:
        chain = Blocks(store)
        start = time.perf_counter()
        chain.add(genesis)
        report(f"store: first block of {len(genesis):,} rows, wall", time.perf_counter() - start)
        for size in sizes:
            writes = [
                {key: random.randbytes(ROW) for key in random.sample(keys, min(size, len(keys)))} for _ in range(rounds)
            ]
            spent = least(rounds, time.perf_counter, partial(add_turn, chain, writes))
            report(f"store: block of {size:,} rows and facts, tree and commit, wall", spent)
        expected = chain.forest.app_hash()
    chain.forest = EMPTY
    gc.unfreeze()
    gc.collect()
    start, cpu = time.perf_counter(), time.process_time()
    with LmdbStore(folder) as store:
        assert check_against_marker(store).app_hash() == expected
    report("boot: open, rebuild, compare; CPU", time.process_time() - cpu)
    report("boot: the same, wall", time.perf_counter() - start)


def apply_turn(whole: tree.Tree, blocks: list[list[tree.Change]], turn: int) -> None:
    """Change the tree by one prepared block."""
    tree.apply(whole, blocks[turn])


def add_turn(chain: Blocks, writes: list[dict[bytes, bytes]], turn: int) -> None:
    """Commit one prepared block."""
    chain.add(writes[turn])


class Blocks:
    """Commits rows block by block, one fact a row after genesis."""

    def __init__(self, store: LmdbStore) -> None:
        self.store = store
        self.forest: Forest = EMPTY
        self.height = 0

    def add(self, writes: dict[bytes, bytes]) -> None:
        facts = list(writes.values()) if self.height else []
        self.forest = self.forest.apply(writes, [merkle.leaf(fact) for fact in facts])
        marker = Marker(FORMAT, self.height, 0, self.forest.app_hash(), b"c" * 32, self.forest.log.size)
        self.store.commit(Batch(marker, writes, facts, self.forest.module_roots()))
        self.height += 1


if __name__ == "__main__":
    main()
