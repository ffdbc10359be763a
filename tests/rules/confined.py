"""Runs the rule room on hostile bytes in a process with little memory and time, and measures it.

`python -m tests.rules.confined` reads tasks from standard input, one length-prefixed MessagePack value each, and
answers each the same way. The system caps its memory (RLIMIT_AS) and the processor's time (RLIMIT_CPU): a task that
takes more ends the process, which `Confined` tells as a failure.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from abci_app.rules.bundle import load_bundle
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.printer import print_program
from abci_app.rules.tables import Table
from abci_app.rules.tree import read_program
from settle.rules.parse import check_text
from settle.rules.source import RuleTextError

MOST_BYTES = 384 * 2**20
"""Of address space: the interpreter and our modules take about 90 MB of it."""
MOST_SECONDS = 60
"""Of the processor, all tasks of one process together."""
ROOT = Path(__file__).resolve().parents[2]


class Task(msgspec.Struct):
    """What to do: `tree` (decode, check, print, compile), `bundle` (load), `text` (parse and check)."""

    kind: str
    raw: bytes


class Measured(msgspec.Struct):
    """How it went: the name of the refusal's code (empty where it was taken), processor time, further memory."""

    code: str
    seconds: float
    bytes: int


class Confined:
    """A process to give tasks to. It starts with the first task and ends with `close`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, kind: str, raw: bytes) -> Measured:
        """Do a task. AssertionError where it needs more than the process may have."""
        if self._process is None:
            command = [sys.executable, "-m", "tests.rules.confined"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _send(self._process.stdin, Task(kind, raw))
        answer = _receive(self._process.stdout)
        if answer is None:
            status = self._process.wait()
            self._process = None
            raise AssertionError(f"the process ended with {status}: too much memory or time, or not a refusal")
        return msgspec.msgpack.decode(answer, type=Measured)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


def _send(stream: IO[bytes], value: object) -> None:
    raw = msgspec.msgpack.encode(value)
    stream.write(len(raw).to_bytes(8, "big") + raw)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    head = stream.read(8)
    return stream.read(int.from_bytes(head, "big")) if len(head) == 8 else None


def _memory(which: str) -> int:
    """`VmHWM`, the most that this process held since `_forget_peak`, or `VmRSS`, what it holds (proc_pid_status(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(which))


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _serve() -> None:
    def tree(raw: bytes) -> None:
        program = read_program(raw)
        check_program(program)
        print_program(program)
        compile_program(program, {form.name: Table(form.name, ()) for form in program.tables}, "confined")

    def text(raw: bytes) -> None:
        check_text(raw.decode("ascii"))

    ways: dict[str, Callable[[bytes], object]] = {"tree": tree, "bundle": load_bundle, "text": text}
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    while (raw := _receive(sys.stdin.buffer)) is not None:
        task = msgspec.msgpack.decode(raw, type=Task)
        _forget_peak()
        before, started, code = _memory("VmRSS"), time.process_time(), ""
        try:
            ways[task.kind](task.raw)
        except RuleRefused as refused:
            code = refused.code.name
        except RuleTextError:
            code = "TEXT"
        seconds = time.process_time() - started
        _send(sys.stdout.buffer, Measured(code, seconds, _memory("VmHWM") - before))


if __name__ == "__main__":
    _serve()
