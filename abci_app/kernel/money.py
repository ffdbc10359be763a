"""Money is whole numbers with a currency; every division names its rounding."""

from __future__ import annotations

from enum import IntEnum
from typing import assert_never

LARGEST = 2**62
"""No amount is larger, in 10^-6 units."""


class Rounding(IntEnum):
    """How a quotient becomes a whole number. Ties only differ between the two HALF kinds."""

    FLOOR = 0
    CEIL = 1
    TRUNC = 2
    HALF_UP = 3  # ties away from zero, as commercial rounding (DIN 1333)
    HALF_EVEN = 4  # ties to the even neighbour (IEEE 754 roundTiesToEven)


def divide(numerator: int, divisor: int, rounding: Rounding) -> int:
    """numerator / divisor as a whole number. The divisor is positive, else ValueError."""
    if divisor <= 0:
        raise ValueError(f"a divisor must be positive, got {divisor}")
    floor, rest = divmod(numerator, divisor)
    match rounding:
        case Rounding.FLOOR:
            up = False
        case Rounding.CEIL:
            up = rest > 0
        case Rounding.TRUNC:
            up = rest > 0 and numerator < 0
        case Rounding.HALF_UP:
            up = 2 * rest > divisor or (2 * rest == divisor and numerator > 0)
        case Rounding.HALF_EVEN:
            up = 2 * rest > divisor or (2 * rest == divisor and floor % 2 == 1)
        case _:
            assert_never(rounding)
    return floor + 1 if up else floor


def mul_div(factor: int, multiplier: int, divisor: int, rounding: Rounding) -> int:
    """factor * multiplier / divisor with an exact product, rounded once."""
    return divide(factor * multiplier, divisor, rounding)


MINOR_DIGITS = {
    156: 2,  # CNY
    344: 2,  # HKD
    392: 0,  # JPY
    410: 0,  # KRW
    446: 2,  # MOP
    702: 2,  # SGD
    756: 2,  # CHF
    826: 2,  # GBP
    840: 2,  # USD
    901: 2,  # TWD
    978: 2,  # EUR
    986: 2,  # BRL
}
"""Digits after the point, by ISO 4217 number (the standard's list one); a currency is served once it is here."""

_STEPS = {0: 1_000_000, 2: 10_000}  # 10^-6 units in one minor unit, by digits after the point


def minor_unit(currency: int) -> int:
    """One minor unit of a currency in 10^-6 units: 10,000 for a fen.

    A currency that is not listed raises KeyError: agreements are refused before they name one.
    """
    return _STEPS[MINOR_DIGITS[currency]]


def to_minor_units(micro: int, currency: int, rounding: Rounding) -> int:
    """An amount in 10^-6 units rounded to whole minor units, again in 10^-6 units. KeyError as `minor_unit`."""
    step = minor_unit(currency)
    return divide(micro, step, rounding) * step
