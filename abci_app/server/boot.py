"""From the database to the state in memory, and the proof that it is the state that was committed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from abci_app.kernel.merkle import leaf
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.lmdb_view import View
from abci_app.server.store_faults import START_OVER, StoreDamaged
from abci_app.state.forest import EMPTY, Forest, UnknownStore
from abci_app.state.log import Frontier
from abci_app.state.store import Marker


def check_against_marker(store: LmdbStore) -> Forest:
    """The state as of the last committed block, proven equal to its app hash; EMPTY before genesis.

    Takes seconds for a million rows. Raises StoreDamaged, as `rebuild`.
    """
    with store.view() as view:
        return rebuild(view)


def rebuild(view: View) -> Forest:
    """The tree over all rows and the root of all facts of a view (or draft).

    Its app hash must be the marker's: this reads and checks the whole database. Raises
    StoreDamaged, which names the modules whose rows differ, or the facts.
    """
    marker = view.marker()
    try:
        with _without_collections():
            log = Frontier().extend(leaf(record) for record in view.facts(0))
            forest = Forest.load(view.scan(b""), log)
    except (UnknownStore, ValueError) as fault:
        raise StoreDamaged("rows of the modules only, in key order", str(fault), START_OVER) from fault
    if marker is None:
        if forest != EMPTY:
            raise StoreDamaged("an empty store, as no block was committed", "rows or facts", START_OVER)
    elif forest.app_hash() != marker.app_hash:
        raise _divergence(forest, marker, dict(view.roots()))
    return forest


@contextmanager
def _without_collections() -> Iterator[None]:
    """Millions of new nodes and no garbage: collections would double the time (2.6 to 4.9 s per million)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _divergence(forest: Forest, marker: Marker, committed: dict[str, bytes]) -> StoreDamaged:
    differing = [name for name, root in forest.module_roots().items() if committed.get(name, root) != root]
    if forest.log.size != marker.facts:
        differing.append(f"facts ({forest.log.size} of {marker.facts})")
    elif committed and not differing:
        differing.append("facts")
    return StoreDamaged(
        f"rows and facts of app hash {marker.app_hash.hex()}, committed at height {marker.height}",
        f"{forest.app_hash().hex()}; these differ: {', '.join(differing) or 'unknown'}",
        START_OVER,
    )
