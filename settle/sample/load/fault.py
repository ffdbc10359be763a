"""What a faulty transaction is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Stage(StrEnum):
    """Who refuses it."""

    CHECK = "check"  # CheckTx already; an honest proposer never puts it into a block
    BLOCK = "block"  # the block, where its signer's number counts as used


class Fault(NamedTuple):
    """One way to be refused, after all good transactions of the same files."""

    name: str  # lower case with underscores
    code: int  # what it is refused with
    stage: Stage
    raw: bytes
