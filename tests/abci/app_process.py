"""`python -m abci_app` as a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.abci.client import AbciClient

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0  # seconds for starting and for ending


class AppProcess:
    """Runs the application on a home until it is told to stop or dies. Use it with `with`.

    `code`: the folder whose `abci_app` runs.
    """

    def __init__(self, home: Path, *options: str, failpoint: str = "", code: Path = ROOT) -> None:
        self.home = home
        self.log_file = home.with_name(f"{home.name}-{time.monotonic_ns()}.log")
        command = [sys.executable, "-m", "abci_app", "--home", str(home), *options]
        with self.log_file.open("wb") as log:
            environment = {**os.environ, "SETTLE_FAILPOINT": failpoint}
            self.process = subprocess.Popen(command, cwd=code, stderr=log, env=environment)

    def __enter__(self) -> AppProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ready(self) -> AppProcess:
        """Wait until it has loaded its state and takes requests."""
        until = time.monotonic() + PATIENCE
        while not any(line.get("message") == "ready" for line in self.logs()):
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log_file.read_text()}"
            assert time.monotonic() < until, self.log_file.read_text()
            time.sleep(0.02)
        return self

    def client(self) -> AbciClient:
        """A new connection to its socket."""
        return AbciClient(self.home / "app.sock")

    def ended(self) -> int:
        """Wait until it has ended by itself; its exit status."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        self.process.terminate()
        return self.ended()

    def logs(self) -> list[dict[str, Any]]:
        """The whole log lines so far that are JSON."""
        lines = self.log_file.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
