"""A node keeps to the genesis file of its first start."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from cometbft.errors import NodeError
from cometbft.genesis_seal import require_same_genesis
from cometbft.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.genesis.parent.mkdir(parents=True)
    home.genesis.write_text('{"chain_id": "one"}')
    return home


def test_the_same_genesis_is_let_through_again_and_again(home: Home) -> None:
    for _ in range(3):
        require_same_genesis(home)


def test_another_genesis_than_the_first_is_refused_with_both_hashes(home: Home) -> None:
    require_same_genesis(home)
    home.genesis.write_text('{"chain_id": "two"}')
    with pytest.raises(NodeError, match="put the first one back") as refused:
        require_same_genesis(home)
    assert sha256(b'{"chain_id": "one"}').hexdigest() in refused.value.expected
    assert sha256(b'{"chain_id": "two"}').hexdigest() in refused.value.actual


def test_a_node_without_blocks_may_begin_with_another_genesis(home: Home) -> None:
    require_same_genesis(home)
    (home.cometbft / "data" / "genesis.sha256").unlink()
    home.genesis.write_text('{"chain_id": "two"}')
    require_same_genesis(home)
