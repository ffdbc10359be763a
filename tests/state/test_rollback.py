"""Rolling back gives the state as it was, and the same blocks then give the same hashes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abci_app.server.boot import check_against_marker
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.rollback import roll_back
from abci_app.server.store_faults import BeyondHistory, StoreDamaged
from tests.state.chain_of_blocks import Chain, content


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    with LmdbStore(tmp_path, map_size=2**26, history=5) as store:
        yield store


def test_three_blocks_back_and_forward_again(store: LmdbStore) -> None:
    chain = Chain().commit_to(store, 11)
    latest = content(store)

    forest = roll_back(store, 7)
    then = chain.moments[7]
    assert content(store) == (then.rows, then.facts, then.batch.marker)
    assert forest == then.forest == check_against_marker(store)
    assert store.value_at(b"\x05\x01\x00", 6) == chain.moments[6].rows.get(b"\x05\x01\x00")

    for height in (8, 9, 10):
        moment = chain.moments[height]
        forest = forest.apply(moment.batch.writes, [])._replace(log=moment.forest.log)
        assert forest.app_hash() == moment.batch.marker.app_hash
        store.commit(moment.batch)
    assert content(store) == latest
    assert check_against_marker(store) == chain.moments[10].forest


def test_other_blocks_may_follow_and_have_their_own_past(store: LmdbStore) -> None:
    chain = Chain().commit_to(store, 8)
    roll_back(store, 5)
    del chain.moments[6:]
    chain.random.seed(99)
    chain.commit_to(store, 3)
    assert check_against_marker(store) == chain.moments[8].forest
    for height in (5, 6, 7, 8):
        rows = chain.moments[height].rows
        keys = {key for moment in chain.moments for key in moment.rows}
        assert {key: store.value_at(key, height) for key in keys} == {key: rows.get(key) for key in keys}


def test_rolling_back_to_the_last_block_changes_nothing(store: LmdbStore) -> None:
    chain = Chain().commit_to(store, 4)
    assert roll_back(store, 3) == chain.moments[3].forest


@pytest.mark.parametrize("target", [0, 4, 11, 20])
def test_a_height_that_the_undo_records_do_not_reach_is_refused_and_nothing_changes(
    store: LmdbStore, target: int
) -> None:
    Chain().commit_to(store, 11)
    before = content(store)
    with pytest.raises(BeyondHistory, match=f"a height from 5 to 10; got height {target}"):
        roll_back(store, target)
    assert content(store) == before


def test_an_empty_store_cannot_be_rolled_back(store: LmdbStore) -> None:
    with pytest.raises(BeyondHistory, match="an empty store"):
        roll_back(store, 0)


def test_a_roll_back_that_does_not_reach_the_state_of_then_is_undone(store: LmdbStore) -> None:
    """A row that no block wrote, as a damaged disk might show, stays in the way of the app hash."""
    Chain().commit_to(store, 8)
    with store.draft() as draft:
        draft.replace_rows({b"\x05\x07stray": b"row"})
    before = content(store)
    with pytest.raises(StoreDamaged, match="these differ: periods"):
        roll_back(store, 6)
    assert content(store) == before
