"""An outbox of its own for every test, over a faultless node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from settle.chain.outbox import Outbox
from tests.chain.fake_node import FakeNode
from tests.chain.wishes import opened


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite"


@pytest.fixture
def outbox(path: Path, node: FakeNode) -> Iterator[Outbox]:
    box = opened(path, node)
    yield box
    box.close()
