"""Runs the benchmarks: `python -m benchmarks [--quick] [NAME ...]`.

Each runs in a process of its own. Without `--quick` its result takes its place in docs/benchmarks.md; with it, all
run for a moment only, to show that they still do, and nothing is written; peers that must be installed run then only
if they are named.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from cometbft import pin

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


class Benchmark(NamedTuple):
    """A module of this folder and how it is called."""

    full: tuple[str, ...]
    quick: tuple[str, ...]
    tables: bool = False  # prints Markdown; else plain lines
    peer: bool = False  # needs another's program, which may not be installable here: then it ends with EX_UNAVAILABLE


BENCHMARKS = {
    "chain": Benchmark((), ("--quick",), tables=True),
    "block": Benchmark((), ("--size", "250", "--blocks", "2"), tables=True),
    "state": Benchmark(("--keys", "1000000"), ("--keys", "2000", "--changes", "100", "--rounds", "1")),
    "intake": Benchmark((), ("--records", "2000", "--rounds", "1")),
    "rules": Benchmark((), ("--records", "1000", "--height", "100000", "--rounds", "1")),
    "xian": Benchmark((), ("--records", "100", "--rounds", "1"), peer=True),
    "sample": Benchmark((), ("2000",)),
}


def main() -> int:
    """Run what is named, or all; 1 if one fails."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="a moment each; docs/benchmarks.md stays as it is")
    options.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    given = options.parse_args()
    unknown = [name for name in given.names if name not in BENCHMARKS]
    if unknown:
        options.error(f"expected names of {', '.join(BENCHMARKS)}, came {', '.join(unknown)}")
    failed = False
    for name in given.names or [name for name in BENCHMARKS if not (given.quick and BENCHMARKS[name].peer)]:
        print(f"== {name}", flush=True)
        said = run(name, quick=given.quick)
        failed |= said is None
        if said and not given.quick:
            keep(name, said)
    return int(failed)


def run(name: str, *, quick: bool) -> str | None:
    """What a benchmark prints, shown as it comes; None where it fails, nothing where its peer is not to be had."""
    benchmark = BENCHMARKS[name]
    command = [sys.executable, "-m", f"benchmarks.{name}", *(benchmark.quick if quick else benchmark.full)]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=DOCUMENT.parents[1]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if benchmark.peer and process.returncode == os.EX_UNAVAILABLE:
        return ""
    if process.returncode:
        print(f"benchmarks.{name} failed: exit code {process.returncode}", file=sys.stderr)
        return None
    return "".join(lines)


def keep(name: str, said: str) -> None:
    """Put a result between its two marks in docs/benchmarks.md."""
    text = said.strip() if BENCHMARKS[name].tables else f"```text\n{said.strip()}\n```"
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before = DOCUMENT.read_text(encoding="utf-8")
    head, _, rest = before.partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"expected the marks {begin} and {end} in {DOCUMENT.name}, came none: put them in")
    DOCUMENT.write_text(f"{head}{begin}\n{machine()}\n\n{text}\n{end}{tail}", encoding="utf-8")


def machine() -> str:
    """What a result was measured on."""
    found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    model = found[1] if found else platform.machine()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"*{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Linux {platform.release()}; "
        f"Python {platform.python_version()}, CometBFT {pin.VERSION}.*"
    )


if __name__ == "__main__":
    sys.exit(main())
