"""Ends a supervisor's children when the supervisor itself has died, however it died.

Run by path, as its own process: standard input is a pipe whose other end only the supervisor holds. A line
"+N" names a process group to look after, "-N" one that has ended. When the pipe closes, the groups left get
TERM and, after the grace period, KILL. (A parent-death signal would be lost with the thread that started the
child, and is Linux only.) Standard library only: it must start in milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable

_LOOK_EVERY = 0.05  # seconds


def look_after(lines: Iterable[str], grace: float) -> None:
    """Read the lines to their end, then end the groups still named, waiting `grace` seconds before KILL."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    _signal(groups, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _signal(groups, 0) and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY)
    _signal(groups, signal.SIGKILL)


def _signal(groups: set[int], number: int) -> bool:
    """Send the signal to each group; whether any of them is still there."""
    there = False
    for group in groups:
        try:
            os.killpg(group, number)
            there = True
        except ProcessLookupError:
            continue
    return there


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    look_after(sys.stdin, float(sys.argv[1]))
