"""Runs one node: the application and CometBFT as a pair that starts, restarts and stops together.

CometBFT can hang, holding its database's lock, when its application dies (seen in one of two tries); so
whichever of the two ends, both are ended, with TERM and then KILL, and both are started again. `run(home)`
blocks, for the command `settle node run`; `NodePair` is the same as an object, for tests and the demo.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from cometbft import install
from cometbft.child import Child, Guard
from cometbft.claim import claim
from cometbft.errors import NodeError
from cometbft.genesis_seal import require_same_genesis
from cometbft.health import UNSEEN, Health, Look
from cometbft.home import Home, node_environment, require_socket_fits
from cometbft.ports import is_free

Report = Callable[[str], None]

_LOOK_EVERY = 0.1  # seconds
_LAST_WORDS = 0.5  # seconds: who ended because of the other may be seen to end first
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LISTEN_DELAY = 0.05  # seconds from a socket file's appearance until its owner surely listens


class Limits(NamedTuple):
    """When the supervisor acts. Times in seconds."""

    grace: float = 10.0
    """From TERM to KILL."""
    app_start: float = 600.0
    """Until the application has opened its socket: it first rebuilds its tree, a million keys in seconds."""
    silence: float = 60.0
    """Without an answer from an RPC that had answered before: the node hangs."""
    look_at_height: float = 5.0
    """Between two looks at the RPC."""
    restarts: int = 5
    """At most so many within `restarts_within`; one more, and the supervisor gives up."""
    restarts_within: float = 120.0


DEFAULT_LIMITS = Limits()


def _silent(line: str) -> None:
    del line


def default_app_command(home: Home) -> list[str]:
    """`python -m abci_app --home HOME`, by this Python."""
    return [sys.executable, "-m", "abci_app", "--home", str(home.path)]


class NodePair:
    """One node under supervision. A context manager: leaving it stops the node.

    The commands are parameters so that tests can put others in place of the real programs.
    """

    def __init__(
        self,
        home: Home,
        *,
        app_command: Sequence[str] | None = None,
        node_command: Sequence[str] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        report: Report | None = None,
    ) -> None:
        self.home = home
        self.restarts = 0
        self.failure: NodeError | None = None
        self._app_command = list(app_command or default_app_command(home))
        self._node_command = list(node_command) if node_command else None
        self._limits = limits
        self._report = report or _silent
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._changing = threading.RLock()  # held while the two programs are started or ended
        self._thread: threading.Thread | None = None
        self._guard: Guard | None = None
        self._claim: TextIO | None = None
        self._children: tuple[Child, ...] = ()
        self._health = UNSEEN

    def __enter__(self) -> NodePair:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start both programs and watch them; returns once both run (the RPC answers a little later).

        Raises NodeError: already running, another supervisor has this home, another genesis file, ports in use,
        or a program that does not start. Nothing is left running then.
        """
        if self.is_running():
            raise NodeError(expected=f"{self.home.path} not running", actual="it is", next_step="stop it first")
        self.stop()
        self._stopping.clear()
        self._ended.clear()
        self.failure = None
        if self._node_command is None:
            self._node_command = [str(install.ensure()), "start", "--home", str(self.home.cometbft)]
        self._claim = claim(self.home, patience=self._limits.grace + 1)
        self._guard = Guard(self._limits.grace, self._claim)
        try:
            require_same_genesis(self.home)
            self._start_both()
            self._require_app_lives()
        except NodeError:
            self._release()
            raise
        self._thread = threading.Thread(target=self._watch, name=f"watch {self.home.path.name}", daemon=True)
        self._thread.start()

    def interrupt(self) -> None:
        """Ask for the stop without waiting for it; for signal handlers, also while `start` waits."""
        self._stopping.set()

    def stop(self, *, force: bool = False) -> None:
        """End both programs: CometBFT first, then the application, so that neither sees the other die.

        `force` is KILL at once, as if the machine had lost power. The node stays down until `start`.
        """
        self._stopping.set()
        if self._thread is not None:
            with self._changing:
                self._end_both(0 if force else self._limits.grace)
            self._thread.join()
            self._thread = None
        self._release()

    def kill_app(self) -> None:
        """KILL the application; supervision then restarts both."""
        self._kill(0)

    def kill_node(self) -> None:
        """KILL CometBFT; supervision then restarts both."""
        self._kill(1)

    def kill_both(self) -> None:
        """KILL both at once; supervision then restarts them."""
        self._kill(0, 1)

    def is_running(self) -> bool:
        """Whether both programs run now."""
        children = self._children
        return len(children) == 2 and all(child.exit_code() is None for child in children)

    def pids(self) -> tuple[int, ...]:
        """Of the application and of CometBFT."""
        return tuple(child.pid for child in self._children)

    def health(self) -> Health:
        """What the supervisor saw at its last look, at most `look_at_height` seconds ago."""
        return self._health

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the pair was stopped (True) or `timeout` seconds have passed (False).

        Raises the NodeError that made the supervisor give up.
        """
        ended = self._ended.wait(timeout)
        if self.failure is not None:
            raise self.failure
        return ended

    # -------------------- the watching thread

    def _watch(self) -> None:
        deaths: deque[float] = deque()
        look = self._new_look()
        try:
            while not self._stopping.wait(_LOOK_EVERY):
                self._health = look.now()
                cause = self._what_is_wrong(look)
                if cause:
                    self._restart(cause, deaths)
                    look = self._new_look()
        except NodeError as error:
            self.failure = error
            self._report(f"gave up: {error}")
        finally:
            with self._changing:
                self._end_both(self._limits.grace)
            self._ended.set()

    def _new_look(self) -> Look:
        every, silence = self._limits.look_at_height, self._limits.silence
        return Look(self.home.rpc_address, every=every, warn_after=2 * silence, report=self._report)

    def _what_is_wrong(self, look: Look) -> str:
        ended = [child for child in self._children if child.exit_code() is not None]
        if ended:
            if len(ended) < len(self._children):
                self._stopping.wait(_LAST_WORDS)
                ended = [child for child in self._children if child.exit_code() is not None]
            return ", ".join(child.how_it_ended() for child in ended)
        if look.silent_for > self._limits.silence:
            return f"cometbft has not answered for {look.silent_for:.0f} s"
        return ""

    def _restart(self, cause: str, deaths: deque[float]) -> None:
        now = time.monotonic()
        deaths.append(now)
        while deaths[0] < now - self._limits.restarts_within:
            deaths.popleft()
        suspect = next((child for child in self._children if child.exit_code() is not None), self._children[-1])
        if len(deaths) > self._limits.restarts:
            raise NodeError(
                expected=f"{self.home.path} to run with at most {self._limits.restarts} restarts in "
                f"{self._limits.restarts_within:.0f} s",
                actual=f"{cause}; its last lines:\n{suspect.last_lines()}",
                next_step=f"read {suspect.log}, then start it again",
            )
        pause = 0.0 if len(deaths) == 1 else min(2.0 ** (len(deaths) - 2), 10.0)
        self._report(f"{cause}: restarting both in {pause:.0f} s (log: {suspect.log})")
        with self._changing:
            self._end_both(self._limits.grace)
        if self._stopping.wait(pause):
            return
        with self._changing:
            if not self._stopping.is_set():
                self._health = UNSEEN
                self._start_both()
                self.restarts += 1

    # -------------------- starting and ending both

    def _start_both(self) -> None:
        assert self._guard is not None
        assert self._node_command is not None
        _require_ports(self.home)
        socket = self.home.socket
        require_socket_fits(socket)
        _make_socket_folder(socket.parent)
        # A file of a run that was killed: its owner is gone, since we hold the home's claim.
        socket.unlink(missing_ok=True)
        logs = self.home.logs
        app = Child("application", self._app_command, logs / "app.log", os.environ, self._guard)
        self._children = (app,)
        self._await_socket(app, socket)
        if self._stopping.is_set() or app.exit_code() is not None:
            return
        node = Child("cometbft", self._node_command, logs / "node.log", node_environment(), self._guard)
        self._children = (app, node)
        self._report(f"running: application {app.pid}, cometbft {node.pid}, RPC {self.home.rpc_address}")

    def _await_socket(self, app: Child, socket: Path) -> None:
        """CometBFT tries a socket only every three seconds, so it is started when the application listens."""
        deadline = time.monotonic() + self._limits.app_start
        while not socket.exists() and app.exit_code() is None and not self._stopping.is_set():
            if time.monotonic() > deadline:
                self._end_both(self._limits.grace)
                raise NodeError(
                    expected=f"the application to open {socket} within {self._limits.app_start:.0f} s",
                    actual=f"nothing there; its last lines:\n{app.last_lines()}",
                    next_step=f"read {app.log}",
                )
            time.sleep(_LISTEN_DELAY)
        time.sleep(_LISTEN_DELAY)

    def _require_app_lives(self) -> None:
        """What ends an application at its first start ends it at every start: no use in trying again."""
        app = self._children[0]
        if app.exit_code() is not None:
            raise NodeError(
                expected=f"the application of {self.home.path} to run",
                actual=f"{app.how_it_ended()}; its last lines:\n{app.last_lines()}",
                next_step=f"read {app.log}",
            )

    def _end_both(self, grace: float) -> None:
        children, self._children = self._children, ()
        for child in reversed(children):
            if child.end(grace):
                self._report(f"{child.name} {child.pid} needed KILL")

    def _kill(self, *which: int) -> None:
        with self._changing:
            for number in which:
                if number < len(self._children):
                    self._children[number].signal(signal.SIGKILL)

    def _release(self) -> None:
        with self._changing:
            self._end_both(self._limits.grace)
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def run(home_path: Path, report: Report = print) -> None:
    """Run a node until TERM or Ctrl-C; raise NodeError where it cannot run."""
    home = Home(home_path.absolute())
    if not home.config_toml.exists():
        raise NodeError(
            expected=f"a node's home at {home.path}",
            actual=f"no {home.config_toml.relative_to(home.path)}",
            next_step="make one with `settle init`, or name another with --home",
        )
    asked_to_stop = threading.Event()
    pair = NodePair(home, report=report)

    def stop(*_: object) -> None:
        asked_to_stop.set()
        pair.interrupt()

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        with pair:
            while not asked_to_stop.wait(_LOOK_EVERY) and not pair.wait(0):
                continue
            report("stopping")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    report("stopped")


def _make_socket_folder(folder: Path) -> None:
    """Only we may open the sockets; in a shared temporary folder somebody else may have taken the name."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid not in {os.getuid(), 0}:
        raise NodeError(
            expected=f"a folder of our own for sockets at {folder}",
            actual=f"it belongs to user {folder.stat().st_uid}",
            next_step="name another folder in SETTLE_RUNTIME and make the network again",
        )


def _require_ports(home: Home) -> None:
    for name, port in (("RPC", home.rpc_port), ("p2p", home.p2p_port)):
        if not is_free(port):
            raise NodeError(
                expected=f"port {port} free for {home.path.name}'s {name}",
                actual="another program listens there",
                next_step=f"stop it (`ss -ltnp | grep {port}`), or change laddr in {home.config_toml}",
            )
