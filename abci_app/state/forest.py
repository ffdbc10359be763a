"""The whole authenticated state: one tree per store, and the fact log, under the app hash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

from abci_app.state import tree
from abci_app.state.log import Frontier
from abci_app.state.store import FORMAT

REPLAY = 9
"""The store of the replay windows: in the app hash, but no fold of facts (a refusal leaves one)."""

STORES: Mapping[int, str] = {
    1: "members",
    2: "governance",
    3: "rulebook",
    4: "agreements",
    5: "periods",
    7: "obligations",
    REPLAY: "replay",
}
"""The stores in use and the names of their roots in the app hash. Another store is another format."""


def sentinels() -> dict[bytes, bytes]:
    """The first row of every store, written at genesis: no store is ever empty (ICS-23 proves
    nothing about an empty tree). Table number 0 is taken by them."""
    return {bytes((store, 0)): b"\x01" for store in STORES}


class UnknownStore(Exception):
    """A row outside the stores in use: a fault of the code that wrote it."""


class Forest(NamedTuple):
    """A version of the state, immutable; versions share what did not change between them."""

    trees: Mapping[int, tree.Tree]
    log: Frontier

    @classmethod
    def load(cls, pairs: Iterable[tuple[bytes, bytes]], log: Frontier) -> Forest:
        """The forest over all rows, sorted by key, in one pass.

        Raises UnknownStore, and ValueError where the keys do not ascend.
        """
        trees = dict[int, tree.Tree].fromkeys(STORES)
        for store, rows in groupby(pairs, key=_store_of):
            if trees[store] is not None:
                raise ValueError(f"rows must ascend by key, but store {store} came twice")
            trees[store] = tree.build((key, sha256(value).digest()) for key, value in rows)
        return cls(trees, log)

    def apply(self, writes: Mapping[bytes, bytes | None], fact_leaves: Sequence[bytes]) -> Forest:
        """The state after a block: its writes (None deletes) and the leaf hashes of its facts.

        Raises UnknownStore before anything is computed.
        """
        changes = [(key, None if value is None else sha256(value).digest()) for key, value in sorted(writes.items())]
        trees = dict(self.trees)
        for store, here in groupby(changes, key=_store_of):
            trees[store] = tree.apply(trees[store], list(here))
        return Forest(trees, self.log.extend(fact_leaves))

    def module_roots(self) -> dict[str, bytes]:
        """The root of every store by its name: where two nodes differ, these say in which module."""
        return {name: tree.root(self.trees[store]) for store, name in STORES.items()}

    def app_hash(self) -> bytes:
        """The root over the stores, the fact log and the format, 32 bytes.

        The same tree over ASCII names (PROTOCOL, app hash). No height and no time is in it: a
        block that changes nothing keeps the hash, and CometBFT then makes no extra empty block.
        """
        named = {
            **self.module_roots(),
            "facts": self.log.size.to_bytes(8, "big") + self.log.root(),
            "format": FORMAT.to_bytes(4, "big"),
        }
        pairs = sorted((name.encode("ascii"), sha256(value).digest()) for name, value in named.items())
        return tree.root(tree.build(pairs))


EMPTY = Forest(dict.fromkeys(STORES), Frontier())
"""The state before genesis."""


def _store_of(pair: tuple[bytes, object]) -> int:
    store = pair[0][0]
    if store not in STORES:
        raise UnknownStore(f"expected a key that starts with one of {sorted(STORES)}, got {pair[0].hex()}")
    return store
