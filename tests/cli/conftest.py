"""The command over a node in memory, and homes with the keys of its operators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abci_app.kernel.roles import Role
from settle.chain.consortium import key_folder
from settle.cli import network, session
from tests.cli.command import Command
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import ADMINS_OF_CMCC, CMCC, signer

As = Callable[[int], Command]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """The node that every command of the test meets."""
    made = MemoryNode()
    monkeypatch.setattr(session, "open_node", made.client)
    monkeypatch.setattr(network, "open_node", made.client)
    return made


@pytest.fixture(autouse=True)
def _nobodys_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the machine's own settings."""
    for name in ("HOME", "NODE", "KEY", "TIMEOUT"):
        monkeypatch.delenv(f"SETTLE_{name}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def as_operator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> As:
    """`as_operator(CMCC)` is `settle` of an operator, with a key of every role in its home."""

    def of(operator: int) -> Command:
        home = tmp_path / f"home{operator}"
        if not home.exists():
            key_folder(home).mkdir(parents=True)
            for role in Role:
                signer(operator, role).write(key_folder(home) / f"{role.name.lower()}.json")
            for which in range(1, ADMINS_OF_CMCC if operator == CMCC else 1):
                signer(operator, Role.ADMIN, which).write(key_folder(home) / f"admin-{which + 1}.json")
        return Command(capsys, "--home", str(home))

    return of


@pytest.fixture
def settle(capsys: pytest.CaptureFixture[str]) -> Command:
    """`settle` with nothing said on the command line but what the test says."""
    return Command(capsys)


@pytest.fixture
def cmcc(node: MemoryNode, as_operator: As) -> Command:
    """`settle` of China Mobile."""
    del node  # the fixture puts it in place
    return as_operator(CMCC)
