"""Contenders measured in turn, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Seconds: TypeAlias = list[float]
"""Of process CPU, one for each round."""


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the seconds of process CPU (all threads) that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def cpu_of(work: Callable[[], object]) -> Callable[[], float]:
    """A contender of `in_turn`: does the work and tells its seconds of process CPU."""
    return lambda: timed(work)[1]


def in_turn(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Seconds]:
    """The seconds of each contender by round: every other round goes backwards through them (A B, B A, A B)."""
    found: dict[str, Seconds] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in list(contenders)[:: -1 if number % 2 else 1]:
            found[name].append(contenders[name]())
    return found


def ratio(one: Seconds, other: Seconds) -> float:
    """How many times as fast the first is as the other: the median over the rounds."""
    return median(its / own for own, its in zip(one, other, strict=True))
