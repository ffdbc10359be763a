"""What a rule file imports, so that editors, type checkers, linters and pytest work on it. Never run in consensus.

`from abci_app.rules.stub import *` is the first line of every rule file; the printer writes it. The
functions of an imported rule file run as plain Python once its tables are filled: `RATES.fill(rows)`.
Ranges, units and definedness are proved by the checker, not here: `settle rule build`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from enum import IntEnum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, Generic, NoReturn, TypeAlias, TypeVar

from abci_app.kernel import money
from abci_app.kernel.money import Rounding
from abci_app.rules import intrinsics
from abci_app.rules.codes import RejectedByRule
from abci_app.rules.lookups import bind_lookups
from abci_app.rules.tables import Cell, Cells
from abci_app.rules.tables import Table as Filled
from abci_app.rules.tree import Declared, Kind, TableForm

FLOOR, CEIL, TRUNC, HALF_UP, HALF_EVEN = Rounding
Digits = str
"""A telephone number or a part of one: decimal digits, no sign."""

# Units are proved by the checker; to a type checker most are integers.
Seconds = int
Milliseconds = int
Timestamp = int
Bytes = int
Bps = int
C = TypeVar("C")
Unsaid: TypeAlias = Any
"""A row of a table, None, an outcome or a number in a unit: the checker knows which."""


class Money(int, Generic[C]):
    """An amount of money, `Money["CNY"]`, in 10^-6 of the currency's unit."""

    if TYPE_CHECKING:  # arithmetic keeps or loses the unit, as the checker says

        def __add__(self, other: int, /) -> Unsaid: ...
        def __sub__(self, other: int, /) -> Unsaid: ...
        def __mul__(self, other: int, /) -> Unsaid: ...
        def __radd__(self, other: int, /) -> Unsaid: ...
        def __rsub__(self, other: int, /) -> Unsaid: ...
        def __rmul__(self, other: int, /) -> Unsaid: ...
        def __floordiv__(self, other: int, /) -> Unsaid: ...
        def __mod__(self, other: int, /) -> Unsaid: ...


class BRL(Money["BRL"]):
    """An amount in BRL."""


class CHF(Money["CHF"]):
    """An amount in CHF."""


class CNY(Money["CNY"]):
    """An amount in CNY."""


class EUR(Money["EUR"]):
    """An amount in EUR."""


class GBP(Money["GBP"]):
    """An amount in GBP."""


class HKD(Money["HKD"]):
    """An amount in HKD."""


class JPY(Money["JPY"]):
    """An amount in JPY."""


class KRW(Money["KRW"]):
    """An amount in KRW."""


class MOP(Money["MOP"]):
    """An amount in MOP."""


class SGD(Money["SGD"]):
    """An amount in SGD."""


class TWD(Money["TWD"]):
    """An amount in TWD."""


class USD(Money["USD"]):
    """An amount in USD."""


_Number = Callable[..., Any]
abs: _Number = builtins.abs  # noqa: A001  a rule's own, which keep the unit
min: _Number = builtins.min  # noqa: A001
max: _Number = builtins.max  # noqa: A001
clamp: _Number = intrinsics.clamp
round_up_to: _Number = intrinsics.round_up_to
mul_div: _Number = money.mul_div


class Table:
    """Declare a table: at most `rows` rows, sorted and unique by the first `key` columns."""

    def __init__(self, *, rows: int, key: int, **columns: object) -> None:
        # Kinds and ranges do not matter for searching, only names and places.
        declared = tuple(Declared(name, Kind.INTEGER, 0, 0, "") for name in columns)
        self._form = TableForm("TABLE", rows, key, declared)
        self.fill([])

    def fill(self, rows: list[Cells]) -> None:
        """Give the table its rows, for running the rule file as plain Python."""
        self._rows = tuple(sorted(rows))
        self._bound = bind_lookups(self._form, Filled("TABLE", self._rows))

    def __iter__(self) -> Unsaid:
        return iter([self._row(cells) for cells in self._rows])

    def find(self, function: str, *values: Cell) -> Unsaid:
        """What a look-up gives."""
        search: Any = self._bound[f"_{function}_TABLE"]
        found = search(values) if function == "lookup" and self._form.keys > 1 else search(*values)
        return self._row(found) if isinstance(found, tuple) else found

    def _row(self, cells: Cells) -> SimpleNamespace:
        return SimpleNamespace(**dict(zip((one.name for one in self._form.columns), cells, strict=True)))


def Outcome(**results: int) -> Unsaid:  # noqa: N802  spelled as the language does
    """The declared results, in order."""
    return tuple(results.values())


def reject(code: str) -> NoReturn:
    """Refuse this record or line, by code."""
    raise RejectedByRule(code)


def lookup(table: Table, *key: int | bool | str) -> Unsaid:
    """The row of the table with this key, or None."""
    return table.find("lookup", *key)


def prefix_lookup(table: Table, number: str) -> Unsaid:
    """The row whose key is the longest prefix of the number, or None."""
    return table.find("prefix_lookup", number)


def tier_of(table: Table, value: int) -> Unsaid:
    """The row with the highest key that is not above the value, or None."""
    return table.find("tier_of", value)


def band_at(table: Table, *values: int | bool | str) -> Unsaid:
    """Among the rows with these first keys, the one with the highest last key not above the last value, or None."""
    return table.find("band_at", *values)


def first_match(table: Table, *values: int) -> Unsaid:
    """The first row in which each value lies inside its pair of columns, or None."""
    return table.find("first_match", *values)


def local_time(instant: int, table: Table) -> Unsaid:
    """The instant plus the offset that holds then."""
    return table.find("local_time", instant)


__all__ = [
    "BRL", "CEIL", "CHF", "CNY", "EUR", "FLOOR", "GBP", "HALF_EVEN", "HALF_UP", "HKD", "JPY", "KRW", "MOP", "SGD",
    "TRUNC", "TWD", "USD", "Annotated", "Bps", "Bytes", "Digits", "IntEnum", "Milliseconds", "Money", "Outcome",
    "Seconds", "Table", "Timestamp", "abs", "band_at", "clamp", "first_match", "local_time", "lookup", "max", "min",
    "mul_div",
    "prefix_lookup", "reject", "round_up_to", "tier_of",
]  # fmt: skip
