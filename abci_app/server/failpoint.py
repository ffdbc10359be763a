"""Named places where a test lets the program die, as a power cut would."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

from abci_app.server.refusal import Refusal

VARIABLE = "SETTLE_FAILPOINT"
NAMES = (
    "prepare",
    "process",
    "finalize_start",
    "finalize_end",
    "commit_before",
    "commit_in_txn",  # inside the database's write transaction
    "commit_after",  # durable, and not yet answered
)
STATUS = 9

Failpoint: TypeAlias = Callable[[str, int], None]
"""Called at each place with its name and the height of the block."""


def nowhere(name: str, height: int) -> None:
    """The failpoint of every program outside tests: goes on."""


def read_failpoint(setting: str | None) -> Failpoint:
    """From `NAME` or `NAME:HEIGHT`; without a height the first time counts. Raises `Refusal`."""
    if not setting:
        return nowhere
    wanted, separator, at = setting.partition(":")
    if wanted not in NAMES or (separator and not (at.isascii() and at.isdecimal())):
        raise Refusal(f"{VARIABLE}: expected NAME or NAME:HEIGHT with a NAME of {', '.join(NAMES)}; came {setting!r}")
    wanted_height = int(at) if at else None

    def die_here(name: str, height: int) -> None:
        if name == wanted and wanted_height in (None, height):
            os._exit(STATUS)

    return die_here
