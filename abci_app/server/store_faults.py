"""What can be wrong with the stored state, each with what a person can do about it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import lmdb


class StoreFault(Exception):
    """The store cannot be used as it is. `expected`, `came` and `next_step` are sentences for people."""

    def __init__(self, expected: str, came: str, next_step: str) -> None:
        super().__init__(f"expected {expected}; got {came}. {next_step}")
        self.expected = expected
        self.came = came
        self.next_step = next_step


class StoreFull(StoreFault):
    """No room for the block: the map or the disk is full. Nothing of the block was written."""


class StoreDamaged(StoreFault):
    """The bytes are not those that were written."""


class BeyondHistory(StoreFault):
    """The height asked for is later than the last block or older than the undo records kept."""


START_OVER = (
    "Stop the node, move the folder away and start again: CometBFT replays its blocks into an empty one. "
    "Where it no longer holds all blocks, restore a backup no newer than CometBFT's or join anew."
)


def explain(fault: lmdb.Error, folder: Path, map_size: int) -> StoreFault:
    """The fault in the terms of whoever runs the node."""
    if isinstance(fault, lmdb.MapFullError):
        return StoreFull(
            f"the state in {folder} to fit into map_size = {map_size} bytes",
            "a block that needs more",
            "Raise map_size (address space only, it takes no disk by itself) and start again.",
        )
    if fault.code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFull(
            f"room on the disk of {folder}",
            str(fault),
            "Free or add disk space and start again; the last committed block is intact.",
        )
    if fault.code == errno.EIO:  # also LMDB's answer to a write cut short: mdb_page_flush, "filesystem full?"
        return StoreFull(
            f"a disk of {folder} with room and without faults",
            f"{fault} ({shutil.disk_usage(folder).free} bytes free)",
            "Free or add disk space or quota; where there is enough, look for the disk's faults in the kernel's log. "
            "Then start again; the last committed block is intact.",
        )
    if isinstance(fault, lmdb.MemoryError):
        return StoreFault(
            f"address space for map_size = {map_size} bytes",
            str(fault),
            "Lower map_size, or raise the process's limit on virtual memory (ulimit -v).",
        )
    if fault.code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StoreFault(
            f"a folder {folder} that this user may write", str(fault), "Correct its owner or permissions."
        )
    return StoreDamaged(f"a sound LMDB 0.9 file in {folder}", f"{type(fault).__name__}: {fault}", START_OVER)
