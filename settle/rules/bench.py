"""How fast a rule is on this machine: loading, and each entry point on each back end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from abci_app.rules.bundle import LoadedRule, load_bundle
from abci_app.rules.tree import Function, entry_points
from settle.rules.arguments import ArgumentDraw, Arguments, outcome
from settle.rules.columns import CHUNK, Columns, frame_of
from settle.rules.explain import explain

GOAL_MS = 20.0
"""From a bundle's bytes to callables (RULES.md): what a hot load may take."""
_DRAWN = 2_000
_LOADS = 5


class Speed(NamedTuple):
    """Calls of one entry point a second, over drawn arguments."""

    entry: str
    executor: float
    explain: float
    columns: float
    """Records a second, in frames of two chunks."""


class Speeds(NamedTuple):
    """One rule on this machine."""

    load_ms: float
    """The best of five: checks, compilation and all vectors."""
    entries: tuple[Speed, ...]


def measure(raw: bytes, seconds: float, seed: int = 1) -> Speeds:
    """Measure the rule of a bundle for about so many seconds. RuleRefused where the bundle is none."""
    loads = []
    for _ in range(_LOADS):
        began = time.perf_counter()
        load_bundle(raw)
        loads.append(time.perf_counter() - began)
    rule = load_bundle(raw)
    functions = entry_points(rule.program)
    share = seconds / (3 * len(functions))
    return Speeds(min(loads) * 1_000, tuple(_speed(rule, one, share, seed) for one in functions))


def _speed(rule: LoadedRule, function: Function, share: float, seed: int) -> Speed:
    draw = ArgumentDraw.of_function(seed, rule.program, rule.tables, function)
    calls = [draw.draw() for _ in range(_DRAWN)]
    entry, columns = rule.functions[function.name], Columns.of_rule(rule, function.name)
    frame = frame_of(function.parameters, list(islice(cycle(calls), 2 * CHUNK)))

    def execute() -> int:
        for one in calls:
            outcome(entry, *one)
        return len(calls)

    def tell(some: Sequence[Arguments] = calls[:5]) -> int:
        for one in some:
            explain(rule, function.name, *one)
        return len(some)

    def rate() -> int:
        columns.run(frame)
        return frame.height

    return Speed(function.name, *(_a_second(work, share) for work in (execute, tell, rate)))


def _a_second(work: Callable[[], int], share: float) -> float:
    """Units of work a second, over whole rounds for at least this time."""
    work()  # the first round warms up
    done, began = 0, time.perf_counter()
    while True:
        done += work()
        taken = time.perf_counter() - began
        if taken >= share:
            return done / taken
