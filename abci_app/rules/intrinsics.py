"""The functions of the language over integers: what each computes, what range it may reach, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.values import Number


def round_up_to(duration: int, first: int, following: int) -> int:
    """A duration billed in increments: none for 0, the first increment for anything up to it, then
    whole following increments. All in one unit; duration and first >= 0, following > 0.

    Source of the rule and its vectors: the increments of carriers' rate sheets ("30/6", "60/60").
    """
    if duration <= first:
        return first if duration > 0 else 0
    return first + -((first - duration) // following) * following


def clamp(value: int, low: int, high: int) -> int:
    """The value moved into low..high; high where low is above high."""
    return min(max(value, low), high)


class Intrinsic(NamedTuple):
    """An intrinsic over integers in one unit."""

    arity: int
    cost: int
    reach: Callable[..., Number]
    positive: tuple[int, ...]
    """Arguments that must be proven > 0."""
    natural: tuple[int, ...]
    """Arguments that must be proven >= 0."""


def _reach_of_round_up_to(duration: Number, first: Number, following: Number) -> Number:
    low = 0 if duration.low == 0 else min(first.low, duration.low)
    return Number(low, max(first.high, duration.high + following.high - 1))


def _reach_of_abs(x: Number) -> Number:
    low = 0 if x.low <= 0 <= x.high else min(abs(x.low), abs(x.high))
    return Number(low, max(abs(x.low), abs(x.high)))


def _reach_of_clamp(value: Number, low: Number, high: Number) -> Number:
    return Number(clamp(value.low, low.low, high.low), clamp(value.high, low.high, high.high))


def reach_of_mul_div(a: Number, b: Number, c: Number, rounding: Rounding) -> Number:
    """The range of mul_div over ranges, c positive: monotone in each, so extremes lie at corners."""
    corners = [mul_div(x, y, z, rounding) for x in (a.low, a.high) for y in (b.low, b.high) for z in (c.low, c.high)]
    return Number(min(corners), max(corners))


NUMERIC = {
    "min": Intrinsic(2, 4, lambda x, y: Number(min(x.low, y.low), min(x.high, y.high)), (), ()),
    "max": Intrinsic(2, 4, lambda x, y: Number(max(x.low, y.low), max(x.high, y.high)), (), ()),
    "abs": Intrinsic(1, 3, _reach_of_abs, (), ()),
    "clamp": Intrinsic(3, 8, _reach_of_clamp, (), ()),
    "round_up_to": Intrinsic(3, 8, _reach_of_round_up_to, (2,), (0, 1)),
}
MUL_DIV_COST = 16
HELPER_COST = 4
"""Of calling a helper; its own cost comes on top."""

IMPLEMENTATIONS: dict[str, object] = {
    "min": min,
    "max": max,
    "abs": abs,
    "clamp": clamp,
    "round_up_to": round_up_to,
    "mul_div": mul_div,
    **{rounding.name: rounding for rounding in Rounding},
}
"""What the executor binds under these names."""
