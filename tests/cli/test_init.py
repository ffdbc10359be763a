"""A new home: what it holds, and what is never overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cometbft.home import Home
from tests.cli.command import Command

pytestmark = pytest.mark.network  # CometBFT makes its own keys


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys, "--home", str(tmp_path / "home"))


def test_a_new_home_has_keys_of_every_role_and_tells_the_public_parts(home: Command, tmp_path: Path) -> None:
    made = home.json("init", "--number", "7", "--moniker", "seven")
    assert {each["role"] for each in made["keys"].values()} == {"admin", "maker", "checker", "governance", "node"}
    assert len(made["validator"]) == 64
    assert made["node_id"] == Home(tmp_path / "home").node_id
    assert "secret" not in json.dumps(made)
    for path in (tmp_path / "home" / "agent" / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_init_keeps_everything(home: Command) -> None:
    first = home.json("init", "--number", "7")
    assert home.json("init", "--number", "7") == first


def test_another_operators_home_is_refused(home: Command) -> None:
    home.json("init", "--number", "7")
    ran = home("init", "--number", "8")
    assert ran.status == 1
    assert "keys of operator 7" in ran.err


def test_a_genesis_without_facts_is_refused_and_the_old_one_stays(home: Command, tmp_path: Path) -> None:
    home.json("init", "--number", "7")
    before = Home(tmp_path / "home").genesis.read_bytes()
    given = tmp_path / "genesis.json"
    given.write_text('{"chain_id": "x", "app_state": {}}')
    ran = home("init", "--number", "7", "--genesis", given)
    assert ran.status == 5
    assert Home(tmp_path / "home").genesis.read_bytes() == before
