"""Rolling a stopped node back: the application first, then CometBFT, so that it never lags behind its application."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from cometbft import install
from cometbft.claim import claim
from cometbft.home import Home, node_environment
from cometbft.localnet import APP_VERSION
from settle.cli.failures import Failure, not_done

_LAST_WORDS = 600  # characters of a program's complaint that are shown


class RolledBack(NamedTuple):
    """What the two programs said."""

    application: str
    cometbft: str


def roll_back(folder: Path, height: int) -> RolledBack:
    """Take the application back to the state after block `height`, and CometBFT's state back by one block.

    CometBFT keeps its blocks: at the next start it gives those above `height` to the application again,
    and compares each app hash with the header that follows; the last block it judges anew. Whatever breaks
    off in between, the application is at or behind CometBFT, from where a start always goes on.
    Raises `Failure` or `NodeError`; `NodeError` where the node is running.
    """
    home = Home(folder)
    if not home.config_toml.is_file():
        raise not_done(
            expected=f"a node's home at {folder}",
            actual="no cometbft/config/config.toml",
            next_step="name it: `settle node rollback HOME --to HEIGHT`",
        )
    _require_version(home)
    with claim(home, patience=0):  # no supervisor may start the node meanwhile
        application = _run(
            [sys.executable, "-m", "abci_app", "--home", str(folder), "--rollback-to", str(height)],
            f"the application of {folder} to go back to height {height}",
        )
        binary = str(install.ensure())
        cometbft = _run(
            [binary, "rollback", "--home", str(home.cometbft)], f"CometBFT of {folder} to go back by one block"
        )
    return RolledBack(application, cometbft)


def _require_version(home: Home) -> None:
    """Without this number in genesis, CometBFT's own rollback makes a state that refuses every block."""
    try:
        version = json.loads(home.genesis.read_text(encoding="utf-8"))["consensus_params"]["version"]["app"]
    except (ValueError, KeyError, TypeError):
        version = None
    if version != str(APP_VERSION):
        raise not_done(
            expected=f'consensus_params.version.app "{APP_VERSION}" in {home.genesis}',
            actual=json.dumps(version),
            next_step="move HOME/data and HOME/cometbft/data away and let the node join anew",
        )


def _run(command: list[str], expected: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=node_environment())
    if answer.returncode:
        raise _failed(expected, answer)
    return answer.stdout.strip()


def _failed(expected: str, answer: subprocess.CompletedProcess[str]) -> Failure:
    said = (answer.stderr or answer.stdout).strip()[-_LAST_WORDS:]
    return not_done(
        expected=expected,
        actual=said or f"exit status {answer.returncode}",
        next_step="do what it says; the node is unharmed and may also simply be started again",
    )
