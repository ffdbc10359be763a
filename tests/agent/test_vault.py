"""The vault: one secret, made once; everything that was declared comes out of it and the record files again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abci_app.domain.periods.schema import LineFigures
from abci_app.kernel.envelope import chain_hash
from settle.agent.read_model import PeriodKey
from settle.agent.runtime.filing import declare_message
from settle.agent.vault import RatedLines, Vault, VaultError
from tests.agent.runtime_world import CUT_OFF, DATES, FIRST, World, deliver_all, kinds, sample
from tests.support.chains import CHAIN, CMCC

LINES = (LineFigures(3, 180_000, 180_000, 180_000), LineFigures(0, 0, 0, 0))


def test_the_root_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    Vault(tmp_path / "vault", "CMCC")
    path = tmp_path / "vault" / "root.secret"
    first = path.read_bytes()
    assert len(first) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    Vault(tmp_path / "vault", "CMCC")
    assert path.read_bytes() == first
    Vault(tmp_path / "other", "CMCC")
    assert (tmp_path / "other" / "root.secret").read_bytes() != first


def test_a_vault_that_others_can_read_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path, "CMCC")
    (tmp_path / "root.secret").chmod(0o644)
    with pytest.raises(VaultError, match="chmod 600"):
        Vault(tmp_path, "CMCC")


def test_a_vault_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "vault"
    folder.mkdir(mode=0o755)  # as a backup may have been restored: figures that nobody may see yet lie in it
    with pytest.raises(VaultError, match="chmod 700"):
        Vault(folder, "CMCC")


def test_a_lost_secret_is_never_replaced_where_it_is_needed(tmp_path: Path) -> None:
    Vault(tmp_path, "CMCC").keep_figures(FIRST, RatedLines(1, b"\1" * 32, (), LINES))
    (tmp_path / "root.secret").unlink()
    with pytest.raises(VaultError, match="backup"):
        Vault(tmp_path, "CMCC")


def test_a_cut_secret_is_told(tmp_path: Path) -> None:
    Vault(tmp_path, "CMCC")
    (tmp_path / "root.secret").write_bytes(b"short")
    with pytest.raises(VaultError, match="5 bytes"):
        Vault(tmp_path, "CMCC")


def test_a_seed_belongs_to_its_chain_its_period_its_revision_and_its_figures(tmp_path: Path) -> None:
    vault = Vault(tmp_path, "CMCC")
    seeds = {
        vault.seed(CHAIN, FIRST, 1, LINES),
        vault.seed(CHAIN, FIRST, 2, LINES),
        vault.seed(CHAIN, FIRST, 1, LINES[::-1]),
        vault.seed(CHAIN, PeriodKey(1, 0, 2), 1, LINES),
        vault.seed(CHAIN, PeriodKey(1, 1, 1), 1, LINES),
        vault.seed(CHAIN, PeriodKey(2, 0, 1), 1, LINES),
        vault.seed(chain_hash(b"pilot"), FIRST, 1, LINES),
    }
    assert len(seeds) == 7
    assert Vault(tmp_path, "CMCC").seed(CHAIN, FIRST, 1, LINES) in seeds


def test_figures_opened_on_a_pilot_chain_show_nothing_of_the_commitments_on_the_real_one(tmp_path: Path) -> None:
    vault, rated = Vault(tmp_path, "CMCC"), RatedLines(1, b"\1" * 32, (), LINES)
    pilot, real = (declare_message(vault, chain, CMCC, FIRST, rated) for chain in (chain_hash(b"pilot"), CHAIN))
    assert set(pilot.commitments).isdisjoint(real.commitments)
    assert pilot.detail != real.detail


def test_no_seed_and_no_salt_is_ever_written(tmp_path: Path) -> None:
    world = declared(tmp_path)
    vault = world.agents[CMCC].vault
    rated = vault.figures(FIRST, 1)
    assert rated is not None
    secrets = [vault.seed(CHAIN, FIRST, 1, rated.lines), *(vault.salts(receipt).key for _, receipt in vault.files())]
    for path in (world.homes[CMCC] / "agent").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not any(secret in content or secret.hex().encode() in content for secret in secrets), path
    world.close()


def test_figures_that_are_damaged_on_disk_are_told(tmp_path: Path) -> None:
    vault = Vault(tmp_path, "CMCC")
    vault.keep_figures(FIRST, RatedLines(1, b"\1" * 32, (), LINES))
    [path] = (tmp_path / "figures").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VaultError, match="derived again"):
        vault.figures(FIRST, 1)


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "a" * 65])
def test_a_stream_cannot_leave_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(VaultError, match="name"):
        Vault(tmp_path, "CMCC").stream(name)


def only_the_vaults_record_files(agent_folder: Path) -> None:
    """Everything is gone but the root secret and the record files in the vault."""
    vault = agent_folder / "vault"
    shutil.rmtree(vault / "figures")
    shutil.rmtree(vault / "periods")
    for path in vault.rglob("*.root.json"):
        path.unlink()


def only_the_switchs_files(agent_folder: Path) -> None:
    """Everything is gone but the root secret, and the record files come again."""
    only_the_vaults_record_files(agent_folder)
    shutil.rmtree(agent_folder / "vault" / "streams")
    for path in (agent_folder / "taken").rglob("*"):
        if path.is_file():
            path.rename(agent_folder / "inbox" / path.name)


def figures_kept_of_something_else(agent_folder: Path) -> None:
    """The vault is there, but what it kept as declared is not what was declared."""
    [path] = (agent_folder / "vault" / "figures").iterdir()
    path.write_bytes(path.read_bytes().replace(b'"lines":[[', b'"lines":[[9'))


LOSSES = (only_the_vaults_record_files, only_the_switchs_files, figures_kept_of_something_else)


@pytest.fixture
def lost(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    world = declared(tmp_path)
    world.agents.pop(CMCC).close()
    folder = world.homes[CMCC] / "agent"
    lose: Callable[[Path], None] = request.param
    lose(folder)
    for path in [*folder.glob("*.sqlite*"), folder / "follower.json"]:
        path.unlink()
    yield world
    world.close()


def declared(folder: Path) -> World:
    """CMCC has declared; CUCC is silent, so nothing can be opened before declare-by."""
    world = World(folder)
    deliver_all(world.homes[CMCC], sample(), CMCC)
    world.start(CMCC)
    world.passes(3)
    world.at(CUT_OFF)
    world.passes(4)
    assert "DECLARED" in kinds(world.actions[CMCC])
    return world


@pytest.mark.parametrize("lost", LOSSES, indirect=True, ids=lambda lose: lose.__name__)
def test_an_agent_that_lost_all_else_derives_the_same_openings(lost: World) -> None:
    lost.start(CMCC)
    lost.at(DATES.declare_by)
    lost.passes(4)
    agent = lost.agents[CMCC]
    agent.follow()
    assert agent.period(FIRST).row.opened == (1, 0)
    assert agent.blocked == ()
