"""The fact log: appending gives the roots of RFC 6962, and what was appended once stays provable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.kernel import merkle
from abci_app.state.log import Frontier
from tests.state import plain

# transparency-dev/merkle, testonly/constants.go (Apache-2.0): LeafInputs, RootHashes, NodeHashes, CompactTrees;
# first published in google/certificate-transparency.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PEAKS_OF_SEVEN = [
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
]


def hashed(entries: list[str]) -> list[bytes]:
    return [merkle.leaf(bytes.fromhex(entry)) for entry in entries]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert Frontier().extend(hashed(LEAVES[:size])).root().hex() == ROOTS[size]
    assert merkle.root(hashed(LEAVES[:size])).hex() == ROOTS[size]


def test_peaks_are_the_published_compact_tree() -> None:
    frontier = Frontier().extend(hashed(LEAVES[:7]))
    assert [peak.hex() for peak in frontier.peaks] == PEAKS_OF_SEVEN


@given(st.lists(st.binary(max_size=4), max_size=70), st.integers(0, 70))
def test_the_root_is_that_over_all_leaves_whatever_the_steps(entries: list[bytes], cut: int) -> None:
    leaves = [merkle.leaf(entry) for entry in entries]
    one_by_one = Frontier()
    for leaf in leaves:
        one_by_one = one_by_one.append(leaf)
    in_two = Frontier().extend(leaves[:cut]).extend(leaves[cut:])
    assert one_by_one == in_two
    assert in_two.size == len(entries)
    assert in_two.root() == merkle.root(leaves) == plain.log_root(entries)


def test_an_older_frontier_stays_as_it_was() -> None:
    old = Frontier().extend(hashed(LEAVES[:3]))
    old.extend(hashed(LEAVES[3:]))
    assert old.root().hex() == ROOTS[3]


def test_one_peak_per_binary_digit() -> None:
    leaf = merkle.leaf(b"x")
    assert [len(Frontier().extend([leaf] * size).peaks) for size in (0, 1, 2, 3, 4, 7, 8, 255, 256)] == [
        0, 1, 1, 2, 1, 3, 1, 8, 1,
    ]  # fmt: skip
