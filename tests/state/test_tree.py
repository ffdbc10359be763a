"""The authenticated tree: its root is a function of the set of rows, however they came about."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.kernel import merkle
from abci_app.state import tree
from tests.state import plain

VECTORS = Path(__file__).parent / "vectors" / "ics23"

# Few byte values and short lengths: keys that are prefixes of others, forks at every kind of bit.
keys = st.lists(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]), min_size=1, max_size=4).map(bytes)
values = st.binary(min_size=1, max_size=3)
blocks = st.lists(st.dictionaries(keys, st.none() | values, max_size=12), max_size=8)


def changes(writes: dict[bytes, bytes | None]) -> list[tree.Change]:
    return [(key, None if value is None else sha256(value).digest()) for key, value in sorted(writes.items())]


def built(rows: dict[bytes, bytes]) -> tree.Tree:
    return tree.build((key, sha256(value).digest()) for key, value in sorted(rows.items()))


def merged(rows: dict[bytes, bytes], writes: dict[bytes, bytes | None]) -> dict[bytes, bytes]:
    return {key: value for key, value in {**rows, **writes}.items() if value is not None}


@settings(max_examples=400, deadline=None)
@given(blocks)
def test_changes_block_by_block_give_the_tree_that_a_rebuild_gives(blocks: list[dict[bytes, bytes | None]]) -> None:
    rows: dict[bytes, bytes] = {}
    grown: tree.Tree = None
    for writes in blocks:
        grown = tree.apply(grown, changes(writes))
        rows = merged(rows, writes)
        assert grown == built(rows)  # every fork and hash, not only the root
        assert tree.root(grown) == plain.tree_root(rows)


def test_a_thousand_random_blocks_on_long_keys_agree_with_the_plain_computation() -> None:
    random = Random(20261124)
    rows: dict[bytes, bytes] = {}
    grown: tree.Tree = None
    for block in range(1000):
        writes: dict[bytes, bytes | None] = {}
        for _ in range(random.randrange(1, 30)):
            known = rows and random.random() < 0.5
            key = random.choice(list(rows)) if known else b"\x05\x01" + random.randbytes(random.choice([4, 16, 40]))
            writes[key] = None if random.random() < 0.45 else random.randbytes(8)
        grown = tree.apply(grown, changes(writes))
        rows = merged(rows, writes)
        if block % 50 == 0:
            assert tree.root(grown) == plain.tree_root(rows)
        assert tree.root(grown) == tree.root(built(rows))


def test_an_older_version_stays_as_it_was() -> None:
    first = built({b"a": b"1", b"b": b"2", b"c": b"3"})
    before = tree.root(first)
    second = tree.apply(first, changes({b"b": None, b"d": b"4"}))
    assert tree.root(second) == plain.tree_root({b"a": b"1", b"c": b"3", b"d": b"4"})
    assert tree.root(first) == before == plain.tree_root({b"a": b"1", b"b": b"2", b"c": b"3"})


def test_untouched_parts_are_shared_and_not_hashed_again() -> None:
    first = built({bytes([store, key]): b"x" for store in (1, 200) for key in range(100)})
    second = tree.apply(first, changes({b"\x01\x07": b"y"}))
    assert first is not None
    assert len(first) == 5
    assert second is not None
    assert len(second) == 5
    assert second[3] is first[3]  # the right half: keys that start with 200


def test_deleting_every_row_leaves_the_empty_tree() -> None:
    rows = {bytes([at]): b"x" for at in range(50)}
    assert tree.apply(built(rows), changes(dict.fromkeys(rows))) is None


def test_deleting_an_absent_row_and_an_empty_block_change_nothing() -> None:
    some = built({b"a": b"1", b"ab": b"2"})
    assert tree.apply(some, changes({b"aa": None, b"c": None})) == some
    assert tree.apply(some, []) is some
    assert tree.apply(None, changes({b"a": None})) is None


@pytest.mark.parametrize("order", [[b"b", b"a"], [b"a", b"a"]])
def test_keys_out_of_order_or_twice_are_refused(order: list[bytes]) -> None:
    pairs = [(key, sha256(b"x").digest()) for key in order]
    with pytest.raises(ValueError, match="ascend"):
        tree.build(pairs)
    with pytest.raises(ValueError, match="ascend"):
        tree.apply(None, pairs)


def test_a_tree_of_the_greatest_depth_needs_no_deep_stack() -> None:
    """511 bytes of ones, and the 4,088 keys that leave that path at one bit each."""
    longest = b"\xff" * 511
    rows = {longest: b"x"}
    for bit in range(8 * 511):
        byte = bit // 8
        rows[longest[:byte] + bytes([0xFF & ~(0x80 >> bit % 8)])] = b"x"
    assert len(rows) == 4089 > 4 * sys.getrecursionlimit()
    whole = built(rows)
    depth, node = 0, whole
    while node is not None and len(node) == 5:
        depth, node = depth + 1, node[3]
    assert depth == 4088
    some: dict[bytes, bytes | None] = dict.fromkeys(list(rows)[::7])
    without = tree.apply(whole, changes(some))
    again = tree.apply(without, changes(dict.fromkeys(some, b"x")))
    assert tree.root(without) != tree.root(whole) == tree.root(again)


# ------------------------------------------------------------------------------------------------- outside values


def test_no_rows_hash_as_in_cometbft() -> None:
    """CometBFT crypto/merkle/tree_test.go, TestHashFromByteSlices, case "empty"."""
    assert tree.root(None).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ({b"key1": b"value1"}, "a44d3cc7daba1a4600b00a2434b30f8b970652169810d6dfa9fb1793a2189324"),
        ({b"key1": b"value2"}, "0638e99b3445caec9d95c05e1a3fc1487b4ddec6a952ff337080360b0dcc078c"),
        (
            {b"key1": b"value1", b"key2": b"value2"},
            "8fd19b19e7bb3f2b3ee0574027d8a5a4cec370464ea2db2fbfa5c7d35bb0cff3",
        ),
    ],
)
def test_one_and_two_rows_hash_as_tendermints_map(rows: dict[bytes, bytes], expected: str) -> None:
    """Tendermint crypto/merkle/simple_map_test.go (v0.33), TestSimpleMap: one and two keys have only one shape."""
    assert tree.root(built(rows)).hex() == expected


def test_leaves_hash_as_tendermints_map_of_three() -> None:
    """The same test's three keys: its shape differs from ours, its leaves do not."""
    leaves = [tree.leaf_hash(b"key%d" % n, sha256(b"value%d" % n).digest()) for n in (1, 2, 3)]
    assert merkle.root(leaves).hex() == "1dd674ec6782a0d586a903c9c63326a41cbe56b3bba33ed6ff5b527af6efb3dc"


def fields(message: bytes) -> list[tuple[int, bytes | int]]:
    """A protobuf message's fields, lengths and numbers being single- or double-byte varints."""
    found: list[tuple[int, bytes | int]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        shift = number = 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while at < len(message):
        tag = varint()
        size = varint()
        if tag & 7 == 2:
            found.append((tag >> 3, message[at : at + size]))
            at += size
        else:
            found.append((tag >> 3, size))
    return found


def root_of_existence(proof: bytes) -> tuple[bytes, bytes, bytes]:
    """Key, value and root of an ics23.ExistenceProof, with our hash functions at every step."""
    parts = fields(proof)
    single = dict(parts)
    key, value = single[1], single[2]
    assert isinstance(key, bytes)
    assert isinstance(value, bytes)
    at = tree.leaf_hash(key, sha256(value).digest())
    for number, step in parts:
        if number == 4:
            assert isinstance(step, bytes)
            inner = dict(fields(step))
            prefix, suffix = inner[2], inner.get(3, b"")
            assert isinstance(prefix, bytes)
            assert isinstance(suffix, bytes)
            at = merkle.node(at, suffix) if suffix else merkle.node(prefix[1:], at)
    return key, value, at


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.json")), ids=lambda path: path.stem)
def test_cosmos_ics23_proofs_reach_their_roots_with_our_hashes(path: Path) -> None:
    vector = json.loads(path.read_text())
    ((kind, body),) = fields(bytes.fromhex(vector["proof"]))
    assert isinstance(body, bytes)
    proofs = [body] if kind == 1 else [part for number, part in fields(body) if number in (2, 3)]
    assert proofs
    for proof in proofs:
        assert isinstance(proof, bytes)
        key, value, reached = root_of_existence(proof)
        assert reached.hex() == vector["root"]
        if kind == 1:
            assert (key.hex(), value.hex()) == (vector["key"], vector["value"])
