"""Values of whole columns: arithmetic, choices and roundings over Polars series, exact inside 64 bits.

A value is a series with one element a lane, or a Python scalar where all lanes share it. A condition's
lanes beyond the ones in question may hold anything (Polars wraps, and gives null for a divisor of 0).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import polars as pl

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.tree import Kind, Operator, Relation

Lanes: TypeAlias = pl.Series
Column: TypeAlias = Lanes | int | str
"""Integers, conditions (also as bool) or digit strings."""
Mask: TypeAlias = Lanes | bool
"""Which lanes: True all, False none."""
DTYPES: dict[Kind, type[pl.DataType]] = {Kind.INTEGER: pl.Int64, Kind.BOOLEAN: pl.Boolean, Kind.DIGITS: pl.String}
_HALF_WORD = 2**62


class RowAt(NamedTuple):
    """Rows of a table by index; the number of rows where a look-up found none."""

    table: str
    at: Lanes | int


def dtype_of(value: Column) -> pl.DataType | type[pl.DataType]:
    """The Polars type of a value's lanes."""
    if isinstance(value, pl.Series):
        return value.dtype
    if isinstance(value, bool):
        return pl.Boolean
    return pl.Int64 if isinstance(value, int) else pl.String


def one(value: Column, dtype: pl.DataType | type[pl.DataType] | None = None) -> Lanes:
    """A scalar as a series of one element, which Polars spreads over all lanes; a series as it is."""
    return value if isinstance(value, pl.Series) else pl.Series([value], dtype=dtype or dtype_of(value))


def spread(value: Column, lanes: int, dtype: pl.DataType | type[pl.DataType] | None = None) -> Lanes:
    """A value with an element for every lane."""
    return value if isinstance(value, pl.Series) else one(value, dtype).new_from_index(0, lanes)


def select(mask: Mask, yes: Column, no: Column) -> Column:
    """`yes` in the lanes of the mask, `no` in the others."""
    if isinstance(mask, bool):
        return yes if mask else no
    dtype = dtype_of(yes) if isinstance(yes, pl.Series) else dtype_of(no)
    yes_lanes = one(yes, dtype)
    if isinstance(yes, pl.Series) or isinstance(no, pl.Series):
        return yes_lanes.zip_with(mask, one(no, dtype))
    return yes_lanes.new_from_index(0, len(mask)).zip_with(mask, one(no, dtype))


def conjunction(left: Mask, right: Mask) -> Mask:
    """The lanes of both."""
    if isinstance(left, bool):
        return right if left else False
    if isinstance(right, bool):
        return left if right else False
    return left & right


def both(left: Mask, right: Mask) -> Mask:
    """The lanes of both, in the simplest form: True and False where all or none are left."""
    mask = conjunction(left, right)
    if isinstance(mask, bool):
        return mask
    return (mask.all() or mask) if mask.any() else False


def either(left: Mask, right: Mask) -> Mask:
    """The lanes of one or the other."""
    if isinstance(left, bool):
        return left or right
    if isinstance(right, bool):
        return right or left
    return left | right


def opposite(mask: Mask) -> Mask:
    """The other lanes."""
    return not mask if isinstance(mask, bool) else ~mask


_ARITHMETIC: dict[Operator, Callable[[Column, Column], Column]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.FLOOR_DIVIDE: operator.floordiv,
    Operator.REMAINDER: operator.mod,
}
_COMPARISON: dict[Relation, Callable[[Column, Column], Mask]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.GREATER: operator.gt,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.EQUAL: operator.eq,
    Relation.NOT_EQUAL: operator.ne,
}


def arithmetic(how: Operator, left: Column, right: Column) -> Column:
    """Two columns of integers combined. `//` and `%` floor, in Polars as in Python."""
    return _ARITHMETIC[how](left, right)


def comparison(relation: Relation, left: Column, right: Column) -> Mask:
    """Two columns of integers compared."""
    return _COMPARISON[relation](left, right)


def lower(left: Column, right: Column) -> Column:
    """The smaller of two."""
    return select(comparison(Relation.LESS, left, right), left, right)


def higher(left: Column, right: Column) -> Column:
    """The larger of two."""
    return select(comparison(Relation.GREATER, left, right), left, right)


def magnitude(value: Column) -> Column:
    """The value without its sign."""
    return select(comparison(Relation.LESS, value, 0), arithmetic(Operator.SUBTRACT, 0, value), value)


def increments(duration: Column, first: Column, following: Column) -> Column:
    """`round_up_to`: whole increments."""
    beyond = arithmetic(Operator.SUBTRACT, first, duration)
    steps = arithmetic(Operator.FLOOR_DIVIDE, beyond, following)
    later = arithmetic(Operator.SUBTRACT, first, arithmetic(Operator.MULTIPLY, steps, following))
    rounded = select(comparison(Relation.LESS_OR_EQUAL, duration, first), first, later)
    return select(comparison(Relation.EQUAL, duration, 0), 0, rounded)


def scaled(a: Column, b: Column, c: Column, rounding: Rounding) -> Column:
    """`mul_div`: the product in 128 bits only where 64 could be too few for these very columns."""
    if isinstance(a, int) and isinstance(b, int) and isinstance(c, int):
        return mul_div(a, b, c, rounding)
    wide = _largest(a) * _largest(b) >= _HALF_WORD or _largest(c) >= _HALF_WORD
    dtype = pl.Int128 if wide else pl.Int64
    x, y, z = (one(value).cast(dtype) for value in (a, b, c))
    product = x * y
    floor = product // z
    rest = product - floor * z
    up = _rounds_up(product, floor, rest, z, rounding)
    result = floor if up is None else floor + up.cast(dtype)
    return result.cast(pl.Int64, strict=False)


def _rounds_up(product: Lanes, floor: Lanes, rest: Lanes, divisor: Lanes, rounding: Rounding) -> Lanes | None:
    zero = pl.Series([0], dtype=rest.dtype)
    match rounding:
        case Rounding.FLOOR:
            return None
        case Rounding.CEIL:
            return rest > zero
        case Rounding.TRUNC:
            return (rest > zero) & (product < zero)
        case Rounding.HALF_UP:
            twice = rest + rest
            return (twice > divisor) | ((twice == divisor) & (product > zero))
        case Rounding.HALF_EVEN:
            twice = rest + rest
            odd = floor % pl.Series([2], dtype=rest.dtype) != zero
            return (twice > divisor) | ((twice == divisor) & odd)


def _largest(value: Column) -> int:
    """The largest magnitude in the column; 2^63 where it has no value at all."""
    if isinstance(value, int):
        return abs(value)
    assert isinstance(value, pl.Series)
    low, high = value.min(), value.max()
    if not isinstance(low, int) or not isinstance(high, int):
        return 2**63
    return max(abs(low), abs(high))
