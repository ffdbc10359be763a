"""Look-ups of whole columns in a table: each gives the index of the row found, or the number of rows.

Keys become one integer where their declared ranges allow it: then a dense array answers, or a binary
search. Digit prefixes are intervals of the strings' own order. Everything else is joined or, last,
looked up lane by lane.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property, reduce
from typing import cast

import polars as pl

from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import Declared, Kind, Operator, Relation, TableForm
from settle.rules.column_values import (
    DTYPES,
    Column,
    Lanes,
    Mask,
    arithmetic,
    both,
    comparison,
    conjunction,
    higher,
    lower,
    one,
    select,
    spread,
)

_EMPTY: dict[Kind, Cell] = {Kind.INTEGER: 0, Kind.BOOLEAN: False, Kind.DIGITS: ""}
_MOST_DENSE = 2**16
_MOST_CODES = 2**62
INDEX = pl.UInt32


class _Codes:
    """Keys of integers and conditions as one integer each, in key order."""

    def __init__(self, columns: tuple[Declared, ...], keys: list[Cells]) -> None:
        self._columns = columns
        self.span = reduce(lambda span, column: span * (column.high - column.low + 1), columns, 1)
        kinds = {column.kind for column in columns}
        self.usable = self.span <= _MOST_CODES and Kind.DIGITS not in kinds
        if not self.usable:
            return
        codes = [cast("int", self.of(key)[0]) for key in keys]
        self._none = len(codes)
        self._codes = pl.Series(codes, dtype=pl.Int64)
        self._dense: Lanes | None = None
        if self.span <= _MOST_DENSE:
            places = [self._none] * (self.span + 1)  # the last is for keys outside the ranges
            for at, code in enumerate(codes):
                places[code] = at
            self._dense = pl.Series(places, dtype=INDEX)

    def of(self, values: tuple[Column, ...]) -> tuple[Column, Mask]:
        """The code of a key, and where all of its parts are inside their ranges."""
        code: Lanes | int = 0
        inside: Mask = True
        for value, column in zip(values, self._columns, strict=True):
            number: Lanes | int = value.cast(pl.Int64) if isinstance(value, pl.Series) else int(value)
            if column.kind is Kind.INTEGER:
                inside = conjunction(inside, _inside(number, column.low, column.high))
            if inside is False:  # a written number outside: its code could be beyond 64 bits
                return 0, False
            code = code * (column.high - column.low + 1) + (number - column.low)
        return code, inside

    def find(self, values: tuple[Column, ...]) -> Column:
        """The place of each key in the order of keys, or their number. At least one value is a column."""
        code, inside = self.of(values)
        if self._none == 0 or inside is False:
            return self._none
        if self._dense is not None:
            return self._dense.gather(one(select(inside, code, self.span)))
        lanes = one(select(inside, code, 0))
        at = self._codes.search_sorted(lanes)
        last = pl.Series([self._none - 1], dtype=INDEX)
        at = at.zip_with(at < self._none, last)
        found = both(self._codes.gather(at) == lanes, inside)
        return select(found, at, pl.Series([self._none], dtype=INDEX))


class ColumnTable:
    """One table, ready for look-ups of columns."""

    def __init__(self, form: TableForm, table: Table) -> None:
        self._form = form
        self.rows = table.rows
        self.none = len(table.rows)
        self._keys = [row[: form.keys] for row in table.rows]
        self._by_key = {key: at for at, key in enumerate(self._keys)}
        self._names = [column.name for column in form.columns]
        self._series: dict[str, Lanes] = {}

    def _cells(self, column: str) -> Lanes:
        """A column's cells and one more, for lanes that found no row: its value is never used."""
        if column not in self._series:
            at = self._names.index(column)
            kind = self._form.columns[at].kind
            cells = [*(row[at] for row in self.rows), _EMPTY[kind]]
            self._series[column] = pl.Series(cells, dtype=DTYPES[kind])
        return self._series[column]

    @cached_property
    def _codes(self) -> _Codes:
        return _Codes(self._form.columns[: self._form.keys], self._keys)

    @cached_property
    def _groups(self) -> _Groups:
        return _Groups(self._form, self._keys)

    @cached_property
    def _before(self) -> Lanes:
        """The row before each place of a binary search."""
        return pl.Series([self.none, *range(self.none)], dtype=INDEX)

    def cell(self, column: str, index: Lanes | int) -> Column:
        """The cells of a column at these rows."""
        if isinstance(index, pl.Series):
            return self._cells(column).gather(index)
        return self.rows[index][self._names.index(column)] if index < self.none else 0

    def find(self, function: str, values: tuple[Column, ...]) -> Lanes | int:
        """The index of the row that each lane finds."""
        if self.none == 0:
            return 0
        if not any(isinstance(value, pl.Series) for value in values):
            return self._find_one(function, cast("Cells", values))
        match function:
            case "lookup":
                found = self._codes.find(values) if self._codes.usable else self._joined(values)
            case "prefix_lookup":
                found = self._prefix(one(values[0]))
            case "tier_of":
                found = self._before.gather(
                    self._cells(self._names[0]).head(self.none).search_sorted(one(values[0]), "right")
                )
            case "band_at":
                found = self._band(values)
            case _:
                found = self._first_match(values)
        return found if isinstance(found, pl.Series) else int(found)

    def _joined(self, values: tuple[Column, ...]) -> Lanes:
        lanes = max(len(value) for value in values if isinstance(value, pl.Series))
        names = self._names[: self._form.keys]
        wanted = pl.DataFrame([spread(value, lanes).alias(name) for name, value in zip(names, values, strict=True)])
        held = pl.DataFrame([self._cells(name).head(self.none).alias(name) for name in names]).with_columns(
            pl.Series("at", range(self.none), dtype=INDEX)
        )
        found = wanted.join(held, on=names, how="left", maintain_order="left")
        return found["at"].fill_null(self.none)

    def _prefix(self, numbers: Lanes) -> Lanes:
        starts, owners = self._intervals
        return owners.gather(starts.search_sorted(numbers, "right"))

    @cached_property
    def _intervals(self) -> tuple[Lanes, Lanes]:
        """Where the longest prefix changes in the order of strings: from a prefix to its end, where its last
        digit is one more (":" comes after "9")."""
        prefixes = {cast("str", key[0]): at for key, at in self._by_key.items()}
        ends = {prefix[:-1] + chr(ord(prefix[-1]) + 1) for prefix in prefixes if prefix}
        starts = sorted({*prefixes, *ends})
        owners = [self.none]  # of what comes before the first
        for start in starts:
            lengths = range(len(start), -1, -1)
            owners.append(next((prefixes[start[:n]] for n in lengths if start[:n] in prefixes), self.none))
        return pl.Series(starts, dtype=pl.String), pl.Series(owners, dtype=INDEX)

    def _band(self, values: tuple[Column, ...]) -> Column:
        if self._groups.usable:
            return self._groups.find(values)
        lanes = max(len(value) for value in values if isinstance(value, pl.Series))
        cells = zip(*(spread(value, lanes).to_list() for value in values), strict=True)
        found = [self.none if None in key else self._find_one("band_at", key) for key in cells]
        return pl.Series(found, dtype=INDEX)

    def _first_match(self, values: tuple[Column, ...]) -> Column:
        found: Column = self.none
        for at in range(self.none - 1, -1, -1):
            row = cast("tuple[int, ...]", self.rows[at])
            matches: Mask = True
            for place, value in enumerate(values):
                matches = conjunction(matches, _inside(value, row[2 * place + 1], row[2 * place + 2]))
            found = select(matches, pl.Series([at], dtype=INDEX) if not isinstance(matches, bool) else at, found)
        return found.cast(INDEX) if isinstance(found, pl.Series) else found

    def _find_one(self, function: str, values: Cells) -> int:
        match function:
            case "lookup":
                return self._by_key.get(values, self.none)
            case "prefix_lookup":
                number = cast("str", values[0])
                starts = ((number[:length],) for length in range(len(number), -1, -1))
                return next((self._by_key[start] for start in starts if start in self._by_key), self.none)
            case "tier_of" | "band_at":
                at = bisect_right(self._keys, values)
                return at - 1 if at and self._keys[at - 1][:-1] == values[:-1] else self.none
            case _:
                for at, row in enumerate(cast("tuple[tuple[int, ...], ...]", self.rows)):
                    if all(row[2 * n + 1] <= cast("int", one) <= row[2 * n + 2] for n, one in enumerate(values)):
                        return at
                return self.none


class _Groups:
    """The keys of `band_at`: groups by all but the last, and places by the last."""

    def __init__(self, form: TableForm, keys: list[Cells]) -> None:
        groups = list(dict.fromkeys(key[:-1] for key in keys))
        self._codes = _Codes(form.columns[: form.keys - 1], groups)
        last = form.columns[form.keys - 1]
        self._floor, self._ceiling = max(last.low - 1, -(2**63)), last.high
        self._span = self._ceiling - self._floor + 1
        self.usable = self._codes.usable and (len(groups) + 1) * self._span <= _MOST_CODES
        if not self.usable:
            return
        place = {group: at for at, group in enumerate(groups)}
        of_rows = [place[key[:-1]] for key in keys]
        codes = [at * self._span + cast("int", key[-1]) - self._floor for at, key in zip(of_rows, keys, strict=True)]
        self._starts = pl.Series(codes, dtype=pl.Int64)
        self._rows = pl.Series([len(keys), *range(len(keys))], dtype=INDEX)
        self._of_rows = pl.Series([len(groups) + 1, *of_rows], dtype=INDEX)
        self._none = len(keys)

    def find(self, values: tuple[Column, ...]) -> Column:
        """The row whose band each lane is in."""
        group: Column
        if any(isinstance(value, pl.Series) for value in values[:-1]):
            group = self._codes.find(values[:-1])
        else:
            group = self._codes.find(tuple(one(value) for value in values[:-1]))
        place = lower(higher(values[-1], self._floor), self._ceiling)
        group64 = one(group).cast(pl.Int64)
        code = group64 * self._span + arithmetic(Operator.SUBTRACT, place, self._floor)
        at = self._starts.search_sorted(one(code), "right")
        same = self._of_rows.gather(at) == one(group).cast(INDEX)
        return select(same, self._rows.gather(at), pl.Series([self._none], dtype=INDEX))


def _inside(value: Column, low: int, high: int) -> Mask:
    if isinstance(value, pl.Series):
        least, most = value.min(), value.max()
        if (
            isinstance(least, int)
            and isinstance(most, int)
            and low <= least
            and most <= high
            and not value.null_count()
        ):
            return True
    above, below = comparison(Relation.GREATER_OR_EQUAL, value, low), comparison(Relation.LESS_OR_EQUAL, value, high)
    return conjunction(above, below)
