"""Going back to an earlier block: what refuses, before anything is touched, and what the application says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abci_app.server.crash import CONFIGURATION, STORAGE
from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.main import main as run_application
from cometbft.claim import claim
from cometbft.home import Home
from tests.cli.command import Command
from tests.state.chain_of_blocks import Chain


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home whose application has committed eleven blocks; CometBFT has left nothing but its two files."""
    folder = tmp_path / "home"
    (folder / "cometbft" / "config").mkdir(parents=True)
    Home(folder).config_toml.touch()
    _write_genesis(folder, "1")
    with LmdbStore(folder / "data", map_size=2**26) as store:
        Chain().commit_to(store, 11)
    (folder / "app.toml").write_text("map_size = 67108864\n")
    return folder


def _write_genesis(folder: Path, version: str) -> None:
    params = {"version": {"app": version}}
    Home(folder).genesis.write_text(json.dumps({"chain_id": "x", "consensus_params": params}))


def _height(folder: Path) -> int:
    with LmdbStore(folder / "data", map_size=2**26) as store:
        marker = store.marker()
    assert marker is not None
    return marker.height


def test_the_application_goes_back_and_tells_the_hash_of_then(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_application(["--home", str(home), "--rollback-to", "7"]) == 0
    with LmdbStore(home / "data", map_size=2**26) as store:
        marker = store.marker()
    assert marker is not None
    assert capsys.readouterr().out == f"rolled back to height 7, app hash {marker.app_hash.hex()}\n"
    assert marker.height == 7


def test_the_application_refuses_while_another_process_has_the_data(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LmdbStore(home / "data", map_size=2**26):
        assert run_application(["--home", str(home), "--rollback-to", "7"]) == STORAGE
    assert capsys.readouterr().out == ""
    assert _height(home) == 10


def test_a_folder_without_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_application(["--home", str(tmp_path), "--rollback-to", "7"]) == CONFIGURATION
    assert "came no folder" in capsys.readouterr().err


def test_a_running_node_is_not_rolled_back(home: Path, settle: Command) -> None:
    with claim(Home(home), patience=0):
        ran = settle("node", "rollback", home, "--to", "7")
    assert ran.status == 1
    assert "no other supervisor" in ran.err
    assert _height(home) == 10


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_genesis_that_cometbft_cannot_roll_back_under_is_refused(home: Path, settle: Command, version: str) -> None:
    _write_genesis(home, version)
    ran = settle("node", "rollback", home, "--to", "7")
    assert ran.status == 1
    assert f'came "{version}"' in ran.err
    assert _height(home) == 10


def test_a_height_beyond_history_changes_nothing(home: Path, settle: Command) -> None:
    ran = settle("node", "rollback", home, "--to", "77")
    assert ran.status == 1
    assert "expected a height from 0 to 10" in ran.err
    assert _height(home) == 10


def test_a_folder_that_is_no_home_is_refused(tmp_path: Path, settle: Command) -> None:
    ran = settle("node", "rollback", tmp_path, "--to", "7")
    assert ran.status == 1
    assert "no cometbft/config/config.toml" in ran.err
