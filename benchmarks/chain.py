"""Signed settlement transactions a second, and how long each takes, beside CometBFT's own Go kvstore.

`python -m benchmarks.chain [--rounds 5] [--quick]`. In every round each contender runs on a new network of this
machine's loopback, in turn and in changing order; ratios are medians of the rounds' ratios. The kvstore checks no
signature and keeps its state in memory: it shows what the node beneath can do, not what a ledger could.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.nodes import Contender, Programs, Running, build, network
from settle.chain.consortium import CHINA
from settle.sample.transactions import Written, genesis_state, write

SEED = 1
SLOW, FAST = 50, 100
"""Paces, transactions a second."""
_SETUP = 100  # more than the sample's first transactions, which are not measured
_WINDOW = 12_000
"""Transactions that may wait in closed loop; of ours fewer on four validators, where their order may change."""
FABRIC_RATE, FABRIC_CPU_MS, FABRIC_DISK, FABRIC_MEDIAN_MS = 175.0, 10.0, 51_400.0, 187.0
"""Fabric v3.1.5 with BFT ordering, four orderers and three peers on two cores (measured in November 2026)."""


class Plan(NamedTuple):
    """How much is sent to a network of so many validators."""

    validators: int
    contenders: tuple[Contender, ...]
    closed: int  # transactions in closed loop
    paced_seconds: int


class Load(NamedTuple):
    """What a generator's run found. Milliseconds but for `seconds`."""

    sent: int
    committed: int
    refused: int
    seconds: float
    rate: float
    p50: float
    p95: float
    p99: float
    blocks: int
    generator_cpu: float
    refusals: dict[str, int]


class Round(NamedTuple):
    """One contender's figures of one round."""

    slow: Load
    fast: Load
    closed: Load
    cpu_ms: float  # per transaction in closed loop, all programs of all nodes
    disk: float  # bytes a transaction, all nodes
    memory: float  # MB, all programs


def main() -> None:
    """Measure one and four validators and print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    given = options.parse_args()
    rounds = 1 if given.quick else given.rounds
    both = (Contender.OURS, Contender.SOCKET, Contender.IN_PROCESS)
    plans = (
        Plan(1, both, 300 if given.quick else 40_000, 1 if given.quick else 10),
        Plan(4, (Contender.OURS, Contender.IN_PROCESS), 300 if given.quick else 15_000, 1 if given.quick else 10),
    )
    programs = build()
    with tempfile.TemporaryDirectory() as place:
        for plan in plans:
            folder = Path(place) / str(plan.validators)
            count = sum((plan.closed, (SLOW + FAST) * plan.paced_seconds, _SETUP))
            written = write(count if not given.quick else 4000, folder / "sample", SEED)
            report(plan, measure(programs, folder, written, plan, rounds))


def measure(programs: Programs, place: Path, written: Written, plan: Plan, rounds: int) -> dict[Contender, list[Round]]:
    """All rounds of one plan."""
    found: dict[Contender, list[Round]] = {contender: [] for contender in plan.contenders}
    for turn in range(rounds):
        first = turn % len(plan.contenders)
        for contender in plan.contenders[first:] + plan.contenders[:first]:
            folder = place / f"{turn}-{contender.name.lower()}"
            state = written.chain_id, written.genesis_time, _app_state(written)
            with network(programs, folder, contender, plan.validators, *state) as running:
                found[contender].append(one_round(programs, place, written, plan, contender, running))
    return found


def one_round(
    programs: Programs, place: Path, written: Written, plan: Plan, contender: Contender, running: Running
) -> Round:
    """Paced first, while the network is fresh; then closed loop."""
    source = ["-file", str(place / "sample" / "transactions.hex")] if contender is Contender.OURS else []
    setup = ["-setup", ",".join(map(str, written.setup))] if source else []

    def load(*arguments: str) -> Load:
        command = [str(programs.load), "-nodes", ",".join(running.addresses), *source, *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(f"expected figures of {contender}, came {answer.stderr.strip()}")
        return Load(**json.loads(answer.stdout))

    slow_count, fast_count = SLOW * plan.paced_seconds, FAST * plan.paced_seconds
    slow = load(*setup, "-rate", str(SLOW), "-count", str(slow_count))
    after_setup = sum(written.setup) if source else 0
    fast = load("-rate", str(FAST), "-count", str(fast_count), "-skip", str(after_setup + slow_count))
    cpu, disk = running.cpu(), running.disk()
    skip = after_setup + slow_count + fast_count
    window = min(_WINDOW, written.apart) if source and plan.validators > 1 else _WINDOW
    closed = load("-count", str(plan.closed), "-skip", str(skip), "-window", str(window))
    done = max(1, closed.committed)
    cpu, disk = running.cpu() - cpu, running.disk() - disk
    return Round(slow, fast, closed, cpu / done * 1000, disk / done, running.memory() / 2**20)


def _app_state(written: Written) -> Callable[[list[bytes]], dict[str, object]]:
    def app_state(keys: list[bytes]) -> dict[str, object]:
        validators = {member.number: [key] for member, key in zip(CHINA, keys, strict=False)}
        return genesis_state(SEED, written.chain_id, written.genesis_time, validators)

    return app_state


def report(plan: Plan, found: dict[Contender, list[Round]]) -> None:
    """Print figures and ratios."""

    print(f"\n### {_counted(plan.validators, 'validator')}, {_counted(len(found[Contender.OURS]), 'round')}, medians\n")
    print("| | tx/s | at 50 tx/s: p50 | at 100 tx/s: p50, p95, p99 ms | CPU ms/tx | disk B/tx | MB | not committed |")
    print("|---|---|---|---|---|---|---|---|")
    for contender, rounds in found.items():
        of = _medians(rounds)
        lost = sum(load.sent - load.committed for each in rounds for load in (each.slow, each.fast, each.closed))
        paced = f"{of['slow_p50']:.0f} | {of['p50']:.0f}, {of['p95']:.0f}, {of['p99']:.0f}"
        spent = f"{of['cpu']:.2f} | {of['disk']:,.0f} | {of['memory']:,.0f}"
        print(f"| {contender} | {of['rate']:,.0f} | {paced} | {spent} | {lost} |")
    print("\n| goal | measured | must | stretch |\n|---|---|---|---|")
    for line in _goals(plan, found):
        print(line)
    _report_generator(found)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _medians(rounds: list[Round]) -> dict[str, float]:
    return {
        "rate": median(each.closed.rate for each in rounds),
        "slow_p50": median(each.slow.p50 for each in rounds),
        "p50": median(each.fast.p50 for each in rounds),
        "p95": median(each.fast.p95 for each in rounds),
        "p99": median(each.fast.p99 for each in rounds),
        "cpu": median(each.cpu_ms for each in rounds),
        "disk": median(each.disk for each in rounds),
        "memory": median(each.memory for each in rounds),
    }


def _goals(plan: Plan, found: dict[Contender, list[Round]]) -> list[str]:
    ours = found[Contender.OURS]
    of = _medians(ours)

    def ratio(figure: Callable[[Round], float], to: Contender) -> float:
        return median(figure(one) / figure(other) for one, other in zip(ours, found[to], strict=True))

    if plan.validators == 1:
        rate = ratio(lambda one: one.closed.rate, Contender.SOCKET)
        return [f"| tx/s, to the kvstore over the socket | {rate:.2f}x | 0.60x | 0.85x |"]
    rate = ratio(lambda one: one.closed.rate, Contender.IN_PROCESS)
    tail = ratio(lambda one: one.fast.p99, Contender.IN_PROCESS)
    return [
        f"| tx/s, to the kvstore in process | {rate:.2f}x | 0.20x | 0.35x |",
        f"| p99 at 100 tx/s, to the same | {tail:.2f}x, {of['p99'] / 1000:.2f} s | 1.25x, 2 s | 1.10x |",
        f"| tx/s, to Fabric's 175 | {of['rate'] / FABRIC_RATE:.1f}x | 3x | 5x |",
        f"| CPU a transaction, to Fabric's 10 ms | {of['cpu'] / FABRIC_CPU_MS:.2f}x | 0.3x | 0.2x |",
        f"| disk a transaction, to Fabric's 51.4 kB | {of['disk'] / FABRIC_DISK:.2f}x | 0.3x | 0.2x |",
        f"| median at 50 tx/s, to Fabric's 187 ms | {of['slow_p50'] / FABRIC_MEDIAN_MS:.2f}x | 1x | 0.6x |",
    ]


def _report_generator(found: dict[Contender, list[Round]]) -> None:
    """Whether the generator could have been the limit: its share of a core while it sent as fast as it could."""
    shares = (each.closed.generator_cpu / each.closed.seconds for rounds in found.values() for each in rounds)
    print(f"\nThe generator used at most {max(shares):.0%} of one core.")
    refusals = Counter[str]()
    for each in found[Contender.OURS]:
        for load in (each.slow, each.fast, each.closed):
            refusals.update(load.refusals)
    if refusals:
        print(f"Of this chain's transactions were not accepted: {dict(refusals)}.")


if __name__ == "__main__":
    main()
