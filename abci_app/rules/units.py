"""Units: which numbers may meet, and what comes out. CNY + USD or Seconds + Money does not check.

A unit is a measure, the name of an enum, empty for a plain number, or None for a number made of
written numbers only, which takes the unit of what it meets (but is never the value of an enum).
"""

from __future__ import annotations

from abci_app.rules.names import MEASURES
from abci_app.rules.tree import Operator

_INSTANT, _SPAN, _RATIO = "Timestamp", "Seconds", "Bps"


class UnitsMix(Exception):
    """Two numbers that may not meet so: what was expected, what came."""

    def __init__(self, expected: str, *units: str | None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.actual = " and ".join(spelled(unit) for unit in units)


def spelled(unit: str | None) -> str:
    """A unit for people."""
    if unit is None:
        return "a written number"
    return unit or "a plain number"


def is_enum(unit: str | None) -> bool:
    """Whether the unit is the name of an enum."""
    return bool(unit) and unit not in MEASURES


def fits_unit(found: str | None, wanted: str | None) -> bool:
    """Whether a value in the unit `found` may stand where `wanted` is declared."""
    return found == wanted or (found is None and not is_enum(wanted))


def common_unit(*units: str | None) -> str | None:
    """The one unit of all, written numbers aside. UnitsMix where there are several."""
    unit: str | None = None
    for one in units:
        if unit is not None and one is not None and one != unit:
            raise UnitsMix("numbers in one unit", *units)
        unit = one if unit is None else unit
    if is_enum(unit) and None in units:
        raise UnitsMix(f"values of the enum {unit}: write {unit}.NAME", *units)
    return unit


def unit_of_arithmetic(operator: Operator, left: str | None, right: str | None) -> str | None:
    """The unit of a sum, difference, product, quotient or remainder. UnitsMix where there is none.

    Instants differ by seconds; `//` and `%` count and cut an instant's seconds since 1970.
    """
    if is_enum(left) or is_enum(right):
        raise UnitsMix("numbers: int(x) gives the number of an enum's value", left, right)
    if _INSTANT in (left, right):
        return _of_instants(operator, left, right)
    match operator:
        case Operator.ADD | Operator.SUBTRACT | Operator.REMAINDER:
            return left if operator is Operator.REMAINDER and not right and left else common_unit(left, right)
        case Operator.MULTIPLY:
            return unit_of_product(left, right)
        case Operator.FLOOR_DIVIDE:
            if left and left == right:
                return ""
            if right:
                raise UnitsMix(f"{right}, or a divisor without a unit", left, right)
            return left or _plainest(left, right)


def unit_of_product(left: str | None, right: str | None) -> str | None:
    """The unit of a product: at most one side has one. UnitsMix where both have."""
    if left and right:
        raise UnitsMix("a unit on one side of a product only", left, right)
    if _INSTANT in (left, right):
        raise UnitsMix("no instant in a product", left, right)
    return left or right or _plainest(left, right)


def unit_of_mul_div(a: str | None, b: str | None, c: str | None) -> str | None:
    """The unit of a * b / c: the divisor's unit cancels one of the factors'; basis points are a ratio.

    UnitsMix where no single unit is left.
    """
    if any(is_enum(unit) or unit == _INSTANT for unit in (a, b, c)):
        raise UnitsMix("no instant and no enum in mul_div", a, b, c)
    if c and c in (a, b):
        return (b if c == a else a) or ""
    if c:
        raise UnitsMix(f"a factor in {c}, which the divisor cancels", a, b, c)
    if _RATIO in (a, b) and a and b:
        return b if a == _RATIO else a
    return unit_of_product(a, b)


def _of_instants(operator: Operator, left: str | None, right: str | None) -> str | None:
    after_instant = {
        Operator.ADD: {None: _INSTANT, _SPAN: _INSTANT},
        Operator.SUBTRACT: {None: _INSTANT, _SPAN: _INSTANT, _INSTANT: _SPAN},
        Operator.FLOOR_DIVIDE: {None: "", _SPAN: ""},
        Operator.REMAINDER: {None: _SPAN, _SPAN: _SPAN},
    }
    if operator is Operator.ADD and right == _INSTANT:
        left, right = right, left
    found = after_instant.get(operator, {}).get(right) if left == _INSTANT else None
    if found is None:
        raise UnitsMix("Timestamp and Seconds", left, right)
    return found


def _plainest(left: str | None, right: str | None) -> str | None:
    return None if left is None and right is None else ""
