"""Looking into tables: which columns each look-up searches, what it costs, and how the executor does it.

- `lookup(T, key, ...)`: the row with this key.
- `prefix_lookup(T, digits)`: the row whose key is the longest prefix of the digits.
- `tier_of(T, value)`: the row with the highest key that is not above the value; one integer key.
- `band_at(T, group, ..., value)`: the same among the rows whose other keys are equal; two keys or more.
- `first_match(T, value, ...)`: the first row in which each value lies inside its pair of columns, both
  ends included. The key is one column, the order; then come the pairs.
- `local_time(instant, T)`: the instant plus the offset of its `tier_of` row; plus nothing before the first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import Declared, Kind, TableForm

OFFSET_COLUMN = "offset"
MOST_OFFSET = 86_400
LOCAL_TIME_COST = 16
LOOKUP_COSTS: Mapping[str, Callable[[int, int], int]] = {
    "lookup": lambda _rows, _keys: 8,
    "prefix_lookup": lambda _rows, _keys: 40,  # one probe per possible length
    "tier_of": lambda _rows, _keys: 12,
    "band_at": lambda _rows, _keys: 16,
    "first_match": lambda rows, keys: 8 + rows * (2 + 3 * keys),
}
"""By the declared rows of the table and the number of values."""
MOST_HASHED = 128
"""Rows that `lookup` finds by hash. CPython hashes integers without a secret: who chooses thousands of keys can make
one probe walk over nearly all of them. A binary search knows no such keys. Strings have the process's secret."""


def search_columns(function: str, table: TableForm, values: int) -> tuple[Declared, ...] | str:
    """The column that each value is compared with; in words the table that the look-up wants where it has another."""
    keys = table.columns[: table.keys]
    integer_last = keys[-1].kind is Kind.INTEGER
    match function:
        case "lookup":
            return keys
        case "prefix_lookup":
            return keys if len(keys) == 1 and keys[0].kind is Kind.DIGITS else "a table with one key column of digits"
        case "tier_of":
            return keys if len(keys) == 1 and integer_last else "a table with one key column of integers"
        case "band_at":
            return (
                keys if len(keys) > 1 and integer_last else "a table with two or more key columns, the last of integers"
            )
        case _:
            return _pairs(table, values)


def _pairs(table: TableForm, values: int) -> tuple[Declared, ...] | str:
    lows, highs = table.columns[1 : 2 * values + 1 : 2], table.columns[2 : 2 * values + 1 : 2]
    pairs = zip(lows, highs, strict=False)
    integers = all(low.kind is high.kind is Kind.INTEGER and low.unit == high.unit for low, high in pairs)
    if table.keys != 1 or len(highs) != values or not integers:
        return "a table with one key column, the order, followed by a pair of lowest and highest for each value"
    return lows


def bind_lookups(form: TableForm, table: Table) -> dict[str, object]:
    """What the executor calls, by name, with the values after the table; `lookup` takes several as one tuple."""
    rows = table.rows
    keys = [row[0] if form.keys == 1 else row[: form.keys] for row in rows]
    hashed = len(rows) <= MOST_HASHED or isinstance(keys[0], str)
    by_key: dict[Cell | Cells, Cells] = dict(zip(keys, rows, strict=True)) if hashed else {}
    bound: dict[str, object] = {f"_rows_{form.name}": rows}
    bound[f"_lookup_{form.name}"] = by_key.get if hashed else _search(keys, rows)
    if form.keys == 1:
        bound[f"_prefix_lookup_{form.name}"] = _longest_prefix(by_key)
        bound[f"_tier_of_{form.name}"] = _tier(rows)
        bound[f"_first_match_{form.name}"] = _first_match(rows)
        bound[f"_local_time_{form.name}"] = _local_time(rows)
    else:
        bound[f"_band_at_{form.name}"] = _band(rows, form.keys)
    return bound


def _search(keys: list[Any], rows: tuple[Cells, ...]) -> Callable[[Cell | Cells], Cells | None]:
    def find(key: Cell | Cells) -> Cells | None:
        at = bisect_right(keys, key)
        return rows[at - 1] if at and keys[at - 1] == key else None

    return find


def _longest_prefix(rows: Mapping[Cell | Cells, Cells]) -> Callable[[str], Cells | None]:
    lengths = sorted({len(key) for key in rows if isinstance(key, str)}, reverse=True)
    get = rows.get

    def find(number: str) -> Cells | None:
        for length in lengths:
            row = get(number[:length])
            if row is not None:
                return row
        return None

    return find


def _tier(rows: tuple[Cells, ...]) -> Callable[[Cell], Cells | None]:
    keys = [row[0] for row in rows]

    def find(value: Cell) -> Cells | None:
        at = bisect_right(keys, value)
        return rows[at - 1] if at else None

    return find


def _band(rows: tuple[Cells, ...], keys: int) -> Callable[..., Cells | None]:
    searched = [row[:keys] for row in rows]

    def find(*values: Cell) -> Cells | None:
        at = bisect_right(searched, values)
        return rows[at - 1] if at and searched[at - 1][:-1] == values[:-1] else None

    return find


def _first_match(rows: tuple[Cells, ...]) -> Callable[..., Cells | None]:
    def find(*values: int) -> Cells | None:
        for row in rows:
            at = 1
            for value in values:
                if not row[at] <= value <= row[at + 1]:  # type: ignore[operator]  # integers: checked with the call
                    break
                at += 2
            else:
                return row
        return None

    return find


def _local_time(rows: tuple[Cells, ...]) -> Callable[[int], int]:
    tier = _tier(rows)

    def find(instant: int) -> int:
        row = tier(instant)
        return instant if row is None else instant + row[-1]  # type: ignore[operator]  # an integer: checked with the call

    return find
