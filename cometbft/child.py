"""One program under supervision: started in its own process group, its output in a log file, ended for
certain.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from cometbft import guard
from cometbft.errors import NodeError

_LOOK_EVERY = 0.05  # seconds
_TAIL_BYTES = 256 * 1024
_CAUSES = ("ERROR:", "panic:", "fatal error:")
"""How the line begins in which CometBFT says why it ends; a page of stack traces may follow."""


class Guard:
    """The process that ends our children should we be killed. One for each supervisor.

    It shares the supervisor's claim on the home, so that nobody starts there before the children are gone.
    """

    def __init__(self, grace: float, claim: TextIO) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", guard.__file__, str(grace)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C at the terminal is for the supervisor
            text=True,
            pass_fds=(claim.fileno(),),
        )
        self._lock = threading.Lock()

    def watch(self, group: int) -> None:
        self._say(f"+{group}")

    def forget(self, group: int) -> None:
        self._say(f"-{group}")

    def close(self) -> None:
        """Let the guard end whatever is still named to it, and go."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        # without its guard the supervisor still does its own work
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()


class Child:
    """A running program. `name` is for people; the log file is appended to."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str], watcher: Guard
    ) -> None:
        self.name = name
        self.log = log
        self._watcher = watcher
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as output:
                self._begins = output.tell()
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    process_group=0,
                )
        except OSError as error:
            raise NodeError(
                expected=f"to start the {name}: {' '.join(command)}",
                actual=str(error),
                next_step="run `make cometbft`, or correct the command",
            ) from error
        watcher.watch(self.pid)

    @property
    def pid(self) -> int:
        """Also the number of its process group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.poll()

    def how_it_ended(self) -> str:
        code = self.exit_code()
        if code is None:
            return f"{self.name} is running"
        if code < 0:
            return f"{self.name} ended by {signal.Signals(-code).name}"
        return f"{self.name} ended with exit code {code}"

    def signal(self, number: int) -> None:
        """Send a signal to its process group; nothing if it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def end(self, grace: float) -> bool:
        """TERM, and KILL after `grace` seconds (0: KILL at once); whether it outlived a grace period."""
        if grace > 0:
            self.signal(signal.SIGTERM)
            deadline = time.monotonic() + grace
            while self.exit_code() is None and time.monotonic() < deadline:
                time.sleep(_LOOK_EVERY)
        hung = grace > 0 and self.exit_code() is None
        self.signal(signal.SIGKILL)  # also to what it may have left in its group
        self._process.wait()
        self._watcher.forget(self.pid)
        return hung

    def last_lines(self, count: int = 5) -> str:
        """For an error message: what it wrote from where it says why it ended, else the end of what it wrote."""
        with self.log.open("rb") as log:
            log.seek(max(self._begins, self.log.stat().st_size - _TAIL_BYTES))
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        cause = next((at for at, line in enumerate(lines) if line.startswith(_CAUSES)), None)
        shown = lines[-count:] if cause is None else lines[cause : cause + count]
        return "\n".join(f"    {line}" for line in shown)
