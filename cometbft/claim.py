"""One supervisor for one home: two would make one validator sign twice."""

from __future__ import annotations

import fcntl
import os
import time
from typing import TextIO

from cometbft.errors import NodeError
from cometbft.home import Home

_LOOK_EVERY = 0.1  # seconds


def claim(home: Home, patience: float) -> TextIO:
    """Hold HOME/supervisor.lock until the returned file is closed.

    Where its holder has died and its guard still ends what it left, wait up to `patience` seconds. Raises
    NodeError where a living process holds it.
    """
    home.path.mkdir(parents=True, exist_ok=True)
    lock = (home.path / "supervisor.lock").open("a+")
    deadline = time.monotonic() + patience
    while not _taken(lock):
        lock.seek(0)
        holder = lock.read().strip()
        if time.monotonic() > deadline or _lives(holder):
            lock.close()
            raise NodeError(
                expected=f"no other supervisor on {home.path}",
                actual=f"process {holder or 'of unknown number'} runs it",
                next_step="use that one, or stop it first",
            )
        time.sleep(_LOOK_EVERY)
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _taken(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(holder: str) -> bool:
    if not holder.isdecimal():
        return False
    try:
        os.kill(int(holder), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
