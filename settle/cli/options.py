"""The options that commands share; cyclopts lists them with every command that takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Where to work, and how to answer."""

    home: Path | None = None
    "Folder of keys, outbox and node. [SETTLE_HOME, settle.toml, else ~/.settle]"
    node: str | None = None
    "RPC address of a CometBFT node. [SETTLE_NODE, settle.toml, else the home's own node]"
    key: str | None = None
    "Key that signs: a name under HOME/agent/keys, or a file. [SETTLE_KEY, settle.toml, else by role]"
    json: Annotated[bool, Parameter(negative="")] = False
    "Answer with one JSON document."


@Parameter(name="*")
@dataclass(frozen=True)
class Sending(Common):
    """How a transaction is sent."""

    dry_run: Annotated[bool, Parameter(negative="")] = False
    "Send nothing: show the facts, or the refusal, that would result now."
    wait: Annotated[bool, Parameter(negative="--no-wait")] = True
    "Wait until it stands in a block; else leave it in the outbox."
    timeout: float | None = None
    "Seconds to wait. [SETTLE_TIMEOUT, settle.toml, else 60]"


COMMON = Common()
"""The options of a command line that names none."""
SENDING = Sending()


def noun(name: str, about: str) -> App:
    """The sub-command of a noun. Flags have no negative form unless they say so."""
    return App(name=name, help=about, default_parameter=Parameter(negative=""))
