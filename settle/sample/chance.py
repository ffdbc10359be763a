"""Chance that is a function of (seed, purpose, number of the record), in integers only.

A record's draws depend on nothing that was drawn before, so chunks may be made in any order and any
number of threads, and the same seed gives the same rows on every machine and version: there is no
generator state, no float and no library stream, only additions, multiplications and divisions modulo
2^64. The function is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014; public reference code by S. Vigna): the n-th output for seed k is
`finalise(k + n * GAMMA)`.
"""

from __future__ import annotations

import polars as pl

from settle.sample.errors import BadPlan, require_within

_GAMMA = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_MASK = 2**64 - 1


def mixed(value: int) -> int:
    """The finaliser of splitmix64: 64 bits in, 64 bits out, one to one."""
    value &= _MASK
    value = (value ^ value >> 30) * _FIRST & _MASK
    value = (value ^ value >> 27) * _SECOND & _MASK
    return value ^ value >> 31


def key(seed: int, *purpose: int) -> int:
    """The 64-bit key of one purpose under a seed; different purposes give unrelated draws."""
    found = mixed(seed + _GAMMA)
    for step in purpose:
        found = mixed((found ^ step) + _GAMMA)
    return found


def word(value: int) -> pl.Expr:
    """An unsigned 64-bit constant."""
    return pl.lit(value, dtype=pl.UInt64)


def draw(under: int, number: pl.Expr) -> pl.Expr:
    """64 uniform bits per row: `number` is a UInt64 column, `under` comes from `key`."""
    value = number * word(_GAMMA) + word((under + _GAMMA) & _MASK)
    value = (value ^ value // word(2**30)) * word(_FIRST)
    value = (value ^ value // word(2**27)) * word(_SECOND)
    return value ^ value // word(2**31)


def bits(drawn: pl.Expr, start: int, count: int) -> pl.Expr:
    """`count` bits of a draw, counted from bit `start`, as a number below 2^count."""
    return drawn // word(2**start) & word(2**count - 1)


def share(drawn: pl.Expr, start: int, count: int, bound: pl.Expr | int) -> pl.Expr:
    """A number of [0, bound), uniform, from `count` bits of a draw; bound * 2^count must fit 64 bits."""
    limit = word(bound) if isinstance(bound, int) else bound
    return bits(drawn, start, count) * limit // word(2**count)


class Dice:
    """The same chance for plain Python: a few throws, in order."""

    def __init__(self, seed: int, *purpose: int) -> None:
        require_within(BadPlan, "seed", seed, 0, 2**63 - 1)
        self._key = key(seed, *purpose)
        self._thrown = 0

    def below(self, bound: int) -> int:
        """A number of [0, bound). The bias is below bound / 2^64."""
        self._thrown += 1
        return mixed(self._key + self._thrown * _GAMMA) * bound >> 64

    def between(self, low: int, high: int) -> int:
        """A number of [low, high], both included."""
        return low + self.below(high - low + 1)

    def shuffled(self, things: list[str]) -> list[str]:
        """The same things in another order (Fisher and Yates)."""
        order = list(things)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order
