"""Going back to an earlier block, for operators after `cometbft rollback`."""

from __future__ import annotations

from abci_app.server.boot import rebuild
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.lmdb_view import beyond_history
from abci_app.state.forest import Forest


def roll_back(store: LmdbStore, target: int) -> Forest:
    """Undo every block above the height `target`: rows, facts and marker are then as after that block.

    One transaction: either all of it, checked against the app hash of then, or nothing. CometBFT
    must not be below `target`. Raises BeyondHistory where the undo records do not reach, and
    StoreDamaged where the result is not the state of then.
    """
    with store.draft() as draft:
        marker, oldest = draft.marker(), draft.oldest_height()
        if marker is None or oldest is None or not oldest <= target <= marker.height:
            raise beyond_history(marker, oldest, target)
        while marker.height > target:
            undo = draft.undo(marker.height)
            if undo is None or undo.marker.height < target:  # no block has that height
                raise beyond_history(marker, oldest, target)
            draft.replace_rows({key: value or None for key, value in undo.rows})
            draft.drop_undo(marker.height)
            draft.cut_facts(undo.marker.facts)
            draft.set_marker(undo.marker, undo.roots)
            marker = undo.marker
        return rebuild(draft)
