"""The app hash: every row and every fact is under it, and nothing else."""

from __future__ import annotations

from random import Random

import pytest

from abci_app.kernel import merkle
from abci_app.state.forest import EMPTY, STORES, Forest, UnknownStore, sentinels
from tests.state import plain


def test_every_store_in_use_has_a_name_and_a_sentinel() -> None:
    assert {store: name.encode() for store, name in STORES.items()} == plain.NAMES
    assert sentinels() == {bytes([store, 0]): b"\x01" for store in (1, 2, 3, 4, 5, 7, 9)}


def test_the_app_hash_is_that_of_the_plain_recomputation_after_every_block() -> None:
    random = Random(9)
    rows: dict[bytes, bytes] = {}
    facts: list[bytes] = []
    forest = EMPTY
    for block in range(60):
        writes: dict[bytes, bytes | None] = dict(sentinels()) if block == 0 else {}
        for _ in range(random.randrange(20)):
            key = bytes([random.choice(list(STORES)), 1]) + random.randbytes(1)
            writes[key] = None if random.random() < 0.3 else random.randbytes(5)
        new_facts = [random.randbytes(random.randrange(9)) for _ in range(random.randrange(4))]
        forest = forest.apply(writes, [merkle.leaf(fact) for fact in new_facts])
        facts += new_facts
        rows = {key: value for key, value in {**rows, **writes}.items() if value is not None}

        assert forest.app_hash() == plain.app_hash(rows, facts)
        assert Forest.load(sorted(rows.items()), forest.log) == forest
        for store, name in STORES.items():
            of_store = {key: value for key, value in rows.items() if key[0] == store}
            assert forest.module_roots()[name] == plain.tree_root(of_store)


def test_the_first_app_hash_is_frozen() -> None:
    """The state that holds the sentinels only. If this value changes, every chain breaks: raise FORMAT."""
    forest = EMPTY.apply(sentinels(), [])
    expected = "8b5db08cdce0826c6fdec4bc3d6695093eaaf4e125cd13fdc32bb9c2b1c06a1f"
    assert forest.app_hash().hex() == expected


def test_a_block_that_changes_nothing_keeps_the_app_hash() -> None:
    forest = EMPTY.apply(sentinels(), [merkle.leaf(b"fact")])
    assert forest.apply({}, []).app_hash() == forest.app_hash()


def test_a_row_of_the_replay_store_and_an_equal_fact_each_change_the_app_hash() -> None:
    forest = EMPTY.apply(sentinels(), [merkle.leaf(b"fact")])
    assert forest.apply({b"\x09\x01key": b"window"}, []).app_hash() != forest.app_hash()
    assert forest.apply({}, [merkle.leaf(b"fact")]).app_hash() != forest.app_hash()


def test_the_same_row_in_another_store_gives_another_root() -> None:
    one = EMPTY.apply({b"\x01\x01key": b"value"}, []).module_roots()["members"]
    other = EMPTY.apply({b"\x05\x01key": b"value"}, []).module_roots()["periods"]
    assert one != other


@pytest.mark.parametrize("key", [b"\x06\x01", b"\x00", b"\xff\x01\x01"])
def test_a_row_outside_the_stores_is_refused(key: bytes) -> None:
    with pytest.raises(UnknownStore):
        EMPTY.apply({key: b"value"}, [])
    with pytest.raises(UnknownStore):
        Forest.load([(key, b"value")], EMPTY.log)


@pytest.mark.parametrize("order", [[b"\x01a", b"\x03a", b"\x01b"], [b"\x01b", b"\x01a"]])
def test_rows_loaded_out_of_order_are_refused(order: list[bytes]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        Forest.load([(key, b"value") for key in order], EMPTY.log)
