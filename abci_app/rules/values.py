"""What the checker knows of a value: its kind, and for integers the range that it may reach."""

from __future__ import annotations

from typing import TypeAlias, assert_never

import msgspec

from abci_app.rules.tree import Declared, Kind, Operator, Relation
from abci_app.rules.units import fits_unit

LEAST, MOST = -(2**63), 2**63 - 1


class Number(msgspec.Struct, frozen=True):
    """An integer from low to high, both included, in a unit.

    The unit is empty for a plain number; None for one that is only made of written numbers, which takes
    the unit of whatever it meets.
    """

    low: int
    high: int
    unit: str | None = ""

    def __str__(self) -> str:
        span = f"{self.low:_}" if self.low == self.high else f"{self.low:_} to {self.high:_}"
        return f"{span} {self.unit}" if self.unit else span


class Condition(msgspec.Struct, frozen=True):
    """True or False."""

    def __str__(self) -> str:
        return "a condition"


class Digits(msgspec.Struct, frozen=True):
    """A digit string of low to high digits."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"a string of {self.low} to {self.high} digits"


class Row(msgspec.Struct, frozen=True):
    """A row of a table."""

    table: str

    def __str__(self) -> str:
        return f"a row of {self.table}"


class PerhapsRow(msgspec.Struct, frozen=True):
    """What a look-up gives: a row of a table, or None."""

    table: str

    def __str__(self) -> str:
        return f"a row of {self.table} or None"


Known: TypeAlias = Number | Condition | Digits | Row | PerhapsRow
Environment: TypeAlias = dict[str, Known]
"""The names that certainly have a value here, and what is known of each."""


def declared_value(declared: Declared) -> Known:
    """What is known of a parameter or column from its declaration."""
    if declared.kind is Kind.INTEGER:
        return Number(declared.low, declared.high, declared.unit)
    return Condition() if declared.kind is Kind.BOOLEAN else Digits(declared.low, declared.high)


def combined(operator: Operator, a: Number, b: Number) -> Number:
    """The smallest range that holds every result. For `//` and `%` the divisor must be positive.

    Each operation is monotone in either operand while the other stands still, so its extremes lie at corners.
    """
    match operator:
        case Operator.ADD:
            return Number(a.low + b.low, a.high + b.high)
        case Operator.SUBTRACT:
            return Number(a.low - b.high, a.high - b.low)
        case Operator.MULTIPLY:
            corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        case Operator.FLOOR_DIVIDE:
            corners = [x // y for x in (a.low, a.high) for y in (b.low, b.high)]
        case Operator.REMAINDER:
            if a.low >= 0:
                return Number(a.low, a.high) if a.high < b.low else Number(0, min(a.high, b.high - 1))
            return Number(0, b.high - 1)
        case _:
            assert_never(operator)
    return Number(min(corners), max(corners))


def joined(one: Environment, other: Environment) -> Environment:
    """What is known where two paths meet: names that have a value on both, with ranges that hold either."""
    meeting: Environment = {}
    for name, x in one.items():
        y = other.get(name)
        if y is None:
            continue
        if x is y or x == y:
            meeting[name] = x
        elif isinstance(x, Number) and isinstance(y, Number):
            if fits_unit(x.unit, y.unit) or fits_unit(y.unit, x.unit):
                unit = y.unit if x.unit is None else x.unit
                meeting[name] = Number(min(x.low, y.low), max(x.high, y.high), unit)
        elif isinstance(x, Digits) and isinstance(y, Digits):
            meeting[name] = Digits(min(x.low, y.low), max(x.high, y.high))
        elif isinstance(x, Row | PerhapsRow) and isinstance(y, Row | PerhapsRow) and x.table == y.table:
            meeting[name] = PerhapsRow(x.table)
    return meeting


_OPPOSITE = {
    Relation.LESS: Relation.GREATER_OR_EQUAL,
    Relation.LESS_OR_EQUAL: Relation.GREATER,
    Relation.GREATER: Relation.LESS_OR_EQUAL,
    Relation.GREATER_OR_EQUAL: Relation.LESS,
    Relation.EQUAL: Relation.NOT_EQUAL,
    Relation.NOT_EQUAL: Relation.EQUAL,
}
_MIRRORED = {
    Relation.LESS: Relation.GREATER,
    Relation.LESS_OR_EQUAL: Relation.GREATER_OR_EQUAL,
    Relation.GREATER: Relation.LESS,
    Relation.GREATER_OR_EQUAL: Relation.LESS_OR_EQUAL,
    Relation.EQUAL: Relation.EQUAL,
    Relation.NOT_EQUAL: Relation.NOT_EQUAL,
}


def opposite(relation: Relation) -> Relation:
    """The relation that holds exactly where this one does not."""
    return _OPPOSITE[relation]


def mirrored(relation: Relation) -> Relation:
    """The same relation seen from the right side."""
    return _MIRRORED[relation]


def bounded(x: Number, relation: Relation, y: Number) -> Number:
    """x, knowing that `x relation y` holds. Where it cannot hold, x unchanged: that path is never taken."""
    low, high = x.low, x.high
    match relation:
        case Relation.LESS:
            high = min(high, y.high - 1)
        case Relation.LESS_OR_EQUAL:
            high = min(high, y.high)
        case Relation.GREATER:
            low = max(low, y.low + 1)
        case Relation.GREATER_OR_EQUAL:
            low = max(low, y.low)
        case Relation.EQUAL:
            low, high = max(low, y.low), min(high, y.high)
        case Relation.NOT_EQUAL:
            if y.low == y.high:
                low += low == y.low
                high -= high == y.low
    return Number(low, high, x.unit) if low <= high else x
