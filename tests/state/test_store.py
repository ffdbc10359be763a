"""The LMDB store: a block is durable as a whole or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb.verify
import pytest

from abci_app.server.boot import check_against_marker
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.store_faults import BeyondHistory, StoreFault
from abci_app.state.forest import EMPTY
from abci_app.state.store import Store
from tests.state.chain_of_blocks import Chain, content

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    with LmdbStore(tmp_path / "data", map_size=2**26) as store:
        yield store


def test_it_is_a_store_of_the_state_machine(store: LmdbStore) -> None:
    fulfilled: Store = store
    assert fulfilled.marker() is None
    assert fulfilled.facts(0, 10) == []
    assert check_against_marker(store) == EMPTY


def test_what_was_committed_is_there_after_opening_again(tmp_path: Path) -> None:
    chain = Chain()
    with LmdbStore(tmp_path, map_size=2**26) as store:
        chain.commit_to(store, 12)
    last = chain.moments[-1]
    with LmdbStore(tmp_path, map_size=2**26) as store:
        assert content(store) == (last.rows, last.facts, last.batch.marker)
        assert check_against_marker(store) == last.forest
    assert lmdb.verify.verify(str(tmp_path)) == []


def test_facts_are_read_from_any_number_on(store: LmdbStore) -> None:
    facts = Chain().commit_to(store, 12).moments[-1].facts
    assert store.facts(3, 4) == facts[3:7]
    assert store.facts(len(facts) - 1, 10) == facts[-1:]
    assert store.facts(len(facts), 10) == []


def test_scans_keep_to_their_prefix_and_the_order_of_bytes(store: LmdbStore) -> None:
    rows = Chain().commit_to(store, 12).moments[-1].rows
    with store.view() as view:
        for prefix in (b"\x05", b"\x09\x01", b"\x06", b"\xff"):
            assert list(view.scan(prefix)) == sorted(pair for pair in rows.items() if pair[0].startswith(prefix))


def test_a_view_does_not_move_while_blocks_are_committed(store: LmdbStore) -> None:
    chain = Chain().commit_to(store, 3)
    before = chain.moments[-1].rows
    with store.view() as view:
        committer = threading.Thread(target=chain.commit_to, args=(store, 5))
        committer.start()
        committer.join()
        assert dict(view.scan(b"")) == before
    assert content(store)[0] == chain.moments[-1].rows != before


def test_every_value_of_the_last_blocks_can_be_read_as_it_was(tmp_path: Path) -> None:
    with LmdbStore(tmp_path, map_size=2**26, history=6) as store:
        chain = Chain().commit_to(store, 20)
        keys = {key for moment in chain.moments for key in moment.rows}
        for height in range(13, 20):  # blocks 14 to 19 can be undone
            rows = chain.moments[height].rows
            assert {key: store.value_at(key, height) for key in keys} == {key: rows.get(key) for key in keys}
        for height in (12, 20):
            with pytest.raises(BeyondHistory, match="from 13 to 19"):
                store.value_at(b"\x01\x00", height)


def test_a_shorter_history_takes_effect_on_the_next_block(tmp_path: Path) -> None:
    chain = Chain()
    with LmdbStore(tmp_path, map_size=2**26, history=10) as store:
        chain.commit_to(store, 12)
    with LmdbStore(tmp_path, map_size=2**26, history=2) as store, store.view() as view:
        assert view.oldest_height() == 1
        chain.commit_to(store, 1)
        with store.view() as later:
            assert later.oldest_height() == 10


@pytest.mark.parametrize(
    ("key", "value"), [(b"\x01\x01k", b""), (b"", b"v"), (b"\x01" * 512, b"v"), (b"\x01" * 512, None)]
)
def test_an_empty_value_or_a_key_that_does_not_fit_is_refused_and_nothing_is_written(
    store: LmdbStore, key: bytes, value: bytes | None
) -> None:
    chain = Chain().commit_to(store, 2)
    before = content(store)
    batch = chain.next_batch()
    with pytest.raises(StoreFault, match="keys of 1 to 511 bytes, values that are not empty"):
        store.commit(batch._replace(writes={**batch.writes, key: value}))
    assert content(store) == before


def test_a_block_out_of_order_is_refused_and_nothing_is_written(store: LmdbStore) -> None:
    chain = Chain().commit_to(store, 3)
    before = content(store)
    for batch in (chain.moments[2].batch, chain.moments[1].batch):
        with pytest.raises(StoreFault, match="a block after height 2"):
            store.commit(batch)
    batch = chain.next_batch()
    with pytest.raises(StoreFault, match="facts in all"):
        store.commit(batch._replace(facts=[*batch.facts, b"one too many"]))
    assert content(store) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from abci_app.server.lmdb_store import LmdbStore
from tests.state.chain_of_blocks import Chain

def die(name, height):
    if (name, height) == ("commit_in_txn", 5):
        os.kill(os.getpid(), signal.SIGKILL)

Chain().commit_to(LmdbStore(Path(sys.argv[1]), map_size=2**26, failpoint=die), 9)
"""


def test_a_kill_inside_the_transaction_leaves_the_block_before(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == -9
    assert lmdb.verify.verify(str(tmp_path)) == []
    with LmdbStore(tmp_path, map_size=2**26) as store:
        chain = Chain()
        for _ in range(5):
            chain.next_batch()
        last = chain.moments[4]
        assert content(store) == (last.rows, last.facts, last.batch.marker)
        assert check_against_marker(store) == last.forest
        chain.commit_to(store, 4)  # and the block that was cut short can come again
        assert check_against_marker(store) == chain.moments[8].forest
