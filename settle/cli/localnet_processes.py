"""The nodes of a local network as background processes: started, found again, and stopped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cometbft.health import read_height
from cometbft.home import Home
from settle.cli.failures import Failure, not_done

_LOOK_EVERY = 0.2  # seconds


def supervisor_of(home: Home) -> int | None:
    """The process number of the supervisor that runs a node; None where none does."""
    lock = home.path / "supervisor.lock"
    if not lock.exists():
        return None
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip()
            return int(holder) if holder.isdecimal() else None
    return None


def start(home: Home) -> None:
    """Start `settle node run` in the background; its words go to HOME/logs/supervisor.log."""
    if supervisor_of(home) is not None:
        return
    home.logs.mkdir(parents=True, exist_ok=True)
    # not Popen, whose object would have to outlive the command; a session of its own, so that a closed
    # terminal does not end the network
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "settle.cli", "node", "run", str(home.path)],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(_log(home)), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def wait_for_blocks(homes: Sequence[Home], timeout: float) -> None:
    """Return when every node has a block. Raises `Failure` that names the node whose log to read."""
    until = time.monotonic() + timeout
    started = time.monotonic()
    for home in homes:
        while not read_height(home.rpc_address):
            gone = supervisor_of(home) is None and time.monotonic() - started > 5  # it takes its claim within that
            if gone or time.monotonic() > until:
                raise _not_up(home, "its supervisor ended" if gone else f"none within {timeout:.0f} s")
            time.sleep(_LOOK_EVERY)


def stop(homes: Sequence[Home], timeout: float) -> list[str]:
    """End all supervisors and what they run; the names of the nodes that ran. Raises `Failure` for one that stays."""
    running = {home: pid for home in homes if (pid := supervisor_of(home)) is not None}
    for pid in running.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + timeout
    for home, pid in running.items():
        while supervisor_of(home) is not None:
            if time.monotonic() > until:
                raise not_done(
                    expected=f"{home.path.name} to stop within {timeout:.0f} s",
                    actual=f"process {pid} still runs",
                    next_step=f"read {_log(home)}",
                )
            time.sleep(_LOOK_EVERY)
    return [home.path.name for home in running]


def _log(home: Home) -> Path:
    return home.logs / "supervisor.log"


def _not_up(home: Home, came: str) -> Failure:
    return not_done(
        expected=f"{home.path.name} to make blocks", actual=came, next_step=f"read {_log(home)} and {home.logs}/*.log"
    )
