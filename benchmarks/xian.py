"""The reference rule beside Xian's metered contract engine: `python -m benchmarks.xian [--records N] [--rounds N]`.

Xian is the other chain whose contracts are written in Python. Its engine, xian-tech-contracting, is under GPL-3.0:
it must never become a dependency of ours nor be imported by our code. So it has an environment of its own, made at
the first call with uv from benchmarks/xian.txt (pinned, with hashes), and a process of its own (xian_side.py) that
is sent JSON. Its newest release for a Python that we run is 1.0.6, on 3.13, the engine beneath xian-tech-abci 0.8.10;
later ones need 3.14. Where the environment cannot be made, the exit code is 69 and the reason is told.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from uv import find_uv_bin

from benchmarks.rules import Reference, reference
from benchmarks.turns import cpu_of, in_turn, ratio

ROOT = Path(__file__).parents[1]
PINS = Path(__file__).with_name("xian.txt")
FOLDER = ROOT / ".cache" / "xian"
PYTHON = "3.13"
UNAVAILABLE = os.EX_UNAVAILABLE
PATIENCE = 300
"""Seconds to make the environment."""
WORKS = {
    "rate_record, one a transaction": ("rate_record", "checked"),
    "rate_record, 250 a transaction": ("rate_records", "executor"),
    "price_line, one a transaction": ("price_line", "checked"),
    "price_line, 250 a transaction": ("price_lines", "executor"),
}
"""What Xian does, and which way of ours is set beside it: a single call is checked as in our transactions, a batch
runs in the executor alone, its arguments known to be in range."""


class NotHere(Exception):
    """Xian's engine cannot be installed on this machine. Says what was expected, what came and what to do next."""


def environment(folder: Path) -> Path:
    """The Python of Xian's environment, made if it is not there. Raises `NotHere`."""
    python, done = folder / "bin" / "python", folder / PINS.name
    if done.exists() and done.read_bytes() == PINS.read_bytes():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--quiet", "--python", PYTHON, "--no-python-downloads", str(folder))
    _uv("pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--only-binary", ":all:", "-r", PINS)
    shutil.copyfile(PINS, done)
    return python


def _uv(*arguments: str | Path) -> None:
    # pyenv's stand-ins on PATH start a version only where this names it; without pyenv it means nothing
    settings = os.environ | {"PYENV_VERSION": PYTHON}
    settings.pop("VIRTUAL_ENV", None)
    command = [find_uv_bin(), *arguments]
    try:
        ended = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as fault:
        raise _not_here(f"nothing within {PATIENCE} s of uv {arguments[0]}", "try again when less else runs") from fault
    if ended.returncode:
        came = " ".join(ended.stderr.split())[-400:]
        raise _not_here(
            f"uv {arguments[0]}: {came}", f"install Python {PYTHON}, and see that its packages can be reached"
        )


def _not_here(came: str, following: str) -> NotHere:
    expected = f"Xian's engine (benchmarks/{PINS.name}) in an environment of Python {PYTHON}"
    return NotHere(f"expected {expected}\n  came: {came}\n  next: {following}; nothing else needs it")


class Peer:
    """The process of the other side."""

    def __init__(self, python: Path, given: Reference, place: Path) -> None:
        setting, store = place / "setting.json", place / "store"
        setting.write_text(json.dumps(_setting(given)), encoding="utf-8")
        store.mkdir()
        command = [python, "-I", Path(__file__).with_name("xian_side.py"), setting, store]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def answer(self, work: str) -> dict[str, Any]:
        """The seconds and the results of a work of the side."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{work}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"expected an answer to {work}, came none: Xian's side ended, and says above why")
        return dict(json.loads(line))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def _setting(given: Reference) -> dict[str, list[list[object]]]:
    """The records, lines and rates in the contract's order of parameters."""
    return {
        "records": [[row[0], row[3], row[5], row[7], row[8]] for row in given.records],
        "lines": [[line[0], line[2], line[5], line[6], line[7]] for line in given.lines],
        "rates": [list(row) for row in given.rule.tables["RATES"].rows],
    }


def ours(given: Reference) -> dict[tuple[str, str], Callable[[], list[tuple[int | bool, ...]]]]:
    """The same calls in our executor, by entry point and way."""
    rule = given.rule
    rate, price = rule.functions["rate_record"], rule.functions["price_line"]
    return {
        ("rate_record", "checked"): lambda: [rule.call("rate_record", *row) for row in given.records],
        ("rate_record", "executor"): lambda: [rate(*row) for row in given.records],
        ("price_line", "checked"): lambda: [rule.call("price_line", *line) for line in given.lines],
        ("price_line", "executor"): lambda: [price(*line) for line in given.lines],
    }


def compare(peer: Peer, given: Reference, rounds: int) -> None:
    """Print a line of figures for each of WORKS, after both sides have given the same results."""
    mine = ours(given)
    print(f"{'calls/s a core':34}{'Xian, metered':>15}{'this chain':>14}{'ratio':>10}")
    for name, (work, way) in WORKS.items():
        own = mine[work.removesuffix("s"), way]
        theirs = [tuple(one) if isinstance(one, list) else (one,) for one in peer.answer(work)["results"]]
        assert theirs == own(), f"Xian's contract and the rule differ in {work}"
        # ten times over, since ours would else be too short to be timed
        contenders = {
            "Xian": lambda work=work: float(peer.answer(work)["seconds"]),
            "ours": cpu_of(lambda own=own: [own() for _ in range(10)]),
        }
        seconds = in_turn(contenders, rounds)
        tenth = [one / 10 for one in seconds["ours"]]
        count = len(given.records)
        print(
            f"{name:34}{count / median(seconds['Xian']):>15,.0f}{count / median(tenth):>14,.0f}"
            f"{ratio(tenth, seconds['Xian']):>9,.1f}x",
            flush=True,
        )


def main() -> int:
    """Measure, or tell why it cannot be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="Xian's environment")
    options = parser.parse_args()
    try:
        python = environment(options.folder)
    except NotHere as reason:
        print(reason, file=sys.stderr)
        return UNAVAILABLE
    given = reference(options.records)
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    engine = re.findall(r"^xian-tech-contracting==\S+", PINS.read_text(encoding="utf-8"), re.MULTILINE)
    print(f"{options.records:,} records and lines, medians of {options.rounds} rounds in turn; ", end="")
    print(f"{engine[0]} on {version}, default meter\n", flush=True)
    with tempfile.TemporaryDirectory() as place:
        peer = Peer(python, given, Path(place))
        try:
            compare(peer, given, options.rounds)
        finally:
            peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
