"""Random blocks with their forests, and what a store must hold after each: the tests' model of the chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from abci_app.kernel import merkle
from abci_app.server.lmdb_store import LmdbStore
from abci_app.state.forest import EMPTY, STORES, Forest, sentinels
from abci_app.state.store import FORMAT, Batch, Marker


@dataclass
class Moment:
    """The state after a block, kept whole."""

    forest: Forest
    rows: dict[bytes, bytes]
    facts: list[bytes]
    batch: Batch


@dataclass
class Chain:
    """Grows by random blocks; `moments` is indexed by height."""

    random: Random = field(default_factory=lambda: Random(7))
    moments: list[Moment] = field(default_factory=list)

    def next_batch(self) -> Batch:
        """One more block: rows of every store come, change and go; facts come."""
        height = len(self.moments)
        before = self.moments[-1] if self.moments else None
        rows, facts = (dict(before.rows), list(before.facts)) if before else ({}, [])
        writes: dict[bytes, bytes | None] = {} if before else dict(sentinels())
        for _ in range(self.random.randrange(5, 40)):
            key = bytes([self.random.choice(list(STORES)), 1]) + self.random.randbytes(1)
            writes[key] = None if self.random.random() < 0.3 else self.random.randbytes(30)
        new_facts = [self.random.randbytes(20) for _ in range(self.random.randrange(5))]
        old = before.forest if before else EMPTY
        forest = old.apply(writes, [merkle.leaf(fact) for fact in new_facts])
        rows = {key: value for key, value in {**rows, **writes}.items() if value is not None}
        facts += new_facts
        marker = Marker(FORMAT, height, 1000 + height, forest.app_hash(), b"c" * 32, len(facts))
        batch = Batch(marker, writes, new_facts, forest.module_roots())
        self.moments.append(Moment(forest, rows, facts, batch))
        return batch

    def commit_to(self, store: LmdbStore, blocks: int) -> Chain:
        """Commit so many further blocks."""
        for _ in range(blocks):
            store.commit(self.next_batch())
        return self


def content(store: LmdbStore) -> tuple[dict[bytes, bytes], list[bytes], Marker | None]:
    """All that a store holds for its readers."""
    with store.view() as view:
        return dict(view.scan(b"")), list(view.facts(0)), view.marker()
