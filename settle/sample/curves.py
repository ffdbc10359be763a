"""The shapes of traffic as integer tables: when people call, and for how long.

Times of day and weekdays are stylised after the only open curve of this kind (Telecom Italia's Milan
data set, 2013-11 to 2014-01: a trough at four to five, a plateau from ten to twenty, weaker weekends);
they are weights, not a measurement. Durations are log-normal with mean 137 s and median 74 s.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from settle.sample.chance import bits, word

MEAN_MS, MEDIAN_MS = 137_000, 74_000

HOUR_SLOTS = (
    17, 10, 6, 4, 3, 5, 13, 27, 44, 58, 66, 68, 63, 58, 57, 59, 61, 65, 70, 74, 71, 58, 42, 25,
)  # fmt: skip
"""Slots of 1,024 for each local hour of a day, midnight first."""

WEEKDAYS = (1020, 1010, 1010, 1020, 1080, 960, 900)
"""Weight of each day of the week, Monday first, per mille of the mean."""

HOUR_OF_SLOT = pl.Series([hour for hour, slots in enumerate(HOUR_SLOTS) for _ in range(slots)], dtype=pl.Int64)

_SEGMENTS = 1024
_ROOT_OF_TWO_PI = Decimal("2.506628274631000502415765285")


class Durations(NamedTuple):
    """The quantile function of the duration in pieces: from `low`, `width` wide, both milliseconds.

    Pieces 0 to 1,022 each hold 1/1,024 of the calls; the longest 1/1,024 is cut into 1,024 again,
    because a log-normal's mean lives in its tail.
    """

    low: pl.Series
    width: pl.Series


@cache
def durations() -> Durations:
    """Compute the table once, in decimal arithmetic: the same integers on every machine."""
    with localcontext(Context(prec=28, rounding=ROUND_HALF_EVEN)):
        sigma = (2 * (Decimal(MEAN_MS) / MEDIAN_MS).ln()).sqrt()
        lower = [_knot(z, sigma) for z in _quantiles([Decimal(i) / _SEGMENTS for i in range(512, _SEGMENTS)])]
        below_median = [round(Decimal(MEDIAN_MS) ** 2 / knot) for knot in lower[:0:-1]]
        tail = [1 - Decimal(_SEGMENTS - j) / _SEGMENTS**2 for j in range(_SEGMENTS)]
        upper = [_knot(z, sigma) for z in _quantiles([*tail, 1 - Decimal(1) / (2 * _SEGMENTS**2)])]
    knots = [1_000, *below_median, *lower[:-1], *upper]
    return Durations(
        pl.Series(knots[:-1], dtype=pl.UInt64),
        pl.Series([after - before for before, after in pairwise(knots)], dtype=pl.UInt64),
    )


def duration_ms(drawn: pl.Expr) -> pl.Expr:
    """A log-normal duration, Int64 milliseconds, from one 64-bit draw; never below a second."""
    table = durations()
    first, second, within = bits(drawn, 54, 10), bits(drawn, 44, 10), bits(drawn, 0, 16)
    piece = pl.when(first < _SEGMENTS - 1).then(first).otherwise(second + word(_SEGMENTS - 1))
    low, width = pl.lit(table.low).gather(piece), pl.lit(table.width).gather(piece)
    return (low + width * within // word(2**16)).cast(pl.Int64)


def _knot(z: Decimal, sigma: Decimal) -> int:
    return round(MEDIAN_MS * (sigma * z).exp())


def _quantiles(shares: list[Decimal]) -> list[Decimal]:
    """Standard normal quantiles of rising shares of [1/2, 1), by Newton's steps from the one before.

    The distribution is concave there, so steps from the left never overshoot.
    """
    found, z = [], Decimal(0)
    for wanted in shares:
        step = Decimal(1)
        while step > Decimal("1e-15"):
            density = (-z * z / 2).exp() / _ROOT_OF_TWO_PI
            step = (wanted - Decimal("0.5") - density * _odd_series(z)) / density
            z += step
        found.append(z)
    return found


def _odd_series(z: Decimal) -> Decimal:
    """z + z^3/3 + z^5/15 + ...: the normal distribution is 1/2 plus the density times this."""
    term = total = z
    divisor = 1
    while term > Decimal("1e-24"):
        divisor += 2
        term = term * z * z / divisor
        total += term
    return total
