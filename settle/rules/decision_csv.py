"""A decision table as people write it: a CSV file whose header names conditions and results.

| header | cells below |
|---|---|
| `NAME` | a condition on a parameter: `5`, `1..5`, `5..`, `..5`, `true`, `false`; empty or `*` for any value |
| `NAME LOW..HIGH` | the same, and all values that the parameter may have |
| `=RESULT` | a result: a whole number |
| `=RESULT * NAME / DIVISOR ROUNDING` | a rate: the result is the cell times the parameter, over the divisor, rounded |
| `reject` | a code: the line rejects, and its results are empty |
| `source` | where the line comes from |

The first line that fits decides. A parameter without LOW..HIGH may have the values from the lowest to the highest
that its cells name; where a cell is open (`5..`, `*`), also those that the slot's template gives it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from abci_app.kernel.money import Rounding
from abci_app.rules.names import FORBIDDEN, ROUNDINGS
from abci_app.rules.tree import Declared, Kind
from settle.rules.boxes import Box
from settle.rules.draft import EntryDraft
from settle.rules.finding import Finding, fault

_NUMBER = r"-?\d[\d_]*"
_CONDITION = re.compile(rf"([a-z]\w*)(?: +({_NUMBER})\.\.({_NUMBER}))?", re.ASCII)
_RESULT = re.compile(rf"= *([a-z]\w*)(?: *\* *([a-z]\w*) */ *({_NUMBER}) +([A-Z_]+))?", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,30}", re.ASCII)
_WORDS = {"true": (1, 1), "false": (0, 0)}
_TRUTHS = (0, 1)
_LONGEST = 31


class Result(NamedTuple):
    """A column of results, or of rates."""

    name: str
    factor: str
    """The parameter that a rate is multiplied by; empty for a plain result."""
    divisor: int
    rounding: Rounding


class TableLine(NamedTuple):
    """One line."""

    line: int
    box: Box
    """What it covers: a span for each condition."""
    values: tuple[int, ...]
    """One for each result; empty where the line rejects."""
    rejection: str
    source: str


class DecisionTable(NamedTuple):
    """A decision table that could be read."""

    file: Path
    text: str
    entry: EntryDraft
    """The slot's entry point as its template has it."""
    conditions: tuple[Declared, ...]
    """With all values that each parameter may have."""
    results: tuple[Result, ...]
    """In the order of the entry point."""
    lines: tuple[TableLine, ...]

    @property
    def domain(self) -> Box:
        """All values that the conditions' parameters may have."""
        return tuple((one.low, one.high) for one in self.conditions)


class TableUnreadable(Exception):
    """A file that is no decision table, with everything that is wrong."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} faults")
        self.findings = tuple(sorted(findings, key=lambda one: one.line))


class _Open(NamedTuple):
    """A cell of a condition; None where it is open."""

    low: int | None
    high: int | None


def read_decision_table(file: Path, text: str, entries: Sequence[EntryDraft], entry: str = "") -> DecisionTable:
    """The table for one of a slot's entry points: the named one, else the one that has its results.

    TableUnreadable where there is none; `file` is only named.
    """
    return _Reader(file, text, entries, entry).table()


class _Reader:
    """Reads a table, and collects what is wrong."""

    def __init__(self, file: Path, text: str, entries: Sequence[EntryDraft], entry: str) -> None:
        self._file, self._text = file, text
        self._entries, self._named = entries, entry
        self._found: list[Finding] = []
        self._header: list[str] = []
        self._rows: list[tuple[int, list[str]]] = []

    def table(self) -> DecisionTable:
        self._cells()
        conditions, results = self._columns()
        spans = {name: [self._span(line, name, row[at]) for line, row in self._rows] for at, name, _ in conditions}
        entry = self._entry([one.name for _, one in results])
        self._stop()
        ordered = sorted(results, key=lambda each: [one.name for one in entry.results].index(each[1].name))
        domains = [self._domain(entry, name, stated, spans[name]) for _, name, stated in conditions]
        self._stop()
        lines = [self._line(at, domains, spans, ordered) for at in range(len(self._rows))]
        self._stop()
        table = DecisionTable(
            self._file, self._text, entry, tuple(domains), tuple(one for _, one in ordered), tuple(lines)
        )
        for result in table.results:
            if result.factor and result.factor not in {one.name for one in (*entry.parameters, *domains)}:
                self._fault(1, f"={result.name} multiplies by {result.factor}, which is no parameter of {entry.name}")
        self._stop()
        return table

    # ------------------------------------------------------------------------------------------------ header and form

    def _cells(self) -> None:
        reader = csv.reader(self._text.splitlines())
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not self._header:
                self._header = cells
            elif len(cells) != len(self._header):
                self._fault(reader.line_num, f"{len(cells)} cells under a header of {len(self._header)}")
            else:
                self._rows.append((reader.line_num, cells))
        if not self._rows and not self._found:
            self._fault(0, "a decision table has a header and at least one line")
            self._stop()

    def _columns(self) -> tuple[list[tuple[int, str, _Open]], list[tuple[int, Result]]]:
        """Conditions by place with name and stated range, and results by place."""
        before = len(self._found)
        conditions: list[tuple[int, str, _Open]] = []
        results: list[tuple[int, Result]] = []
        for at, text in enumerate(self._header):
            condition, result = _CONDITION.fullmatch(text), _RESULT.fullmatch(text)
            if text in ("reject", "source"):
                continue
            if condition is not None:
                conditions.append((at, condition[1], _Open(_number(condition[2]), _number(condition[3]))))
            elif result is not None:
                results.append((at, self._result(result)))
            else:
                forms = "NAME, NAME 1..5, =RESULT, =RESULT * NAME / 100 HALF_UP, reject, source"
                self._fault(1, f"the header {text!r} is none of {forms}")
        names = [name for _, name, _ in conditions] + [f"={one.name}" for _, one in results]
        for twice in sorted({name for name in names if names.count(name) > 1}):
            self._fault(1, f"the column {twice} stands there twice")
        for name in (name for _, name, _ in conditions if name in FORBIDDEN or len(name) > _LONGEST):
            self._fault(1, f"{name} is no name for a parameter: a word of the language, or too long")
        if len(self._found) == before and not (conditions and results):
            self._fault(1, "a decision table has at least one condition and one =RESULT")
        if len(self._found) > before:
            self._stop()
        return conditions, results

    def _result(self, found: re.Match[str]) -> Result:
        name, factor, divisor, rounding = found.groups()
        if factor is None:
            return Result(name, "", 1, Rounding.FLOOR)
        if rounding not in ROUNDINGS or int(divisor) <= 0:
            self._fault(1, f"={name}: a rate has a divisor above 0 and a rounding: {', '.join(sorted(ROUNDINGS))}")
            return Result(name, factor, 1, Rounding.FLOOR)
        return Result(name, factor, int(divisor), Rounding[rounding])

    def _entry(self, results: list[str]) -> EntryDraft:
        for one in self._entries:
            if sorted(results) == sorted(each.name for each in one.results) and self._named in ("", one.name):
                return one
        known = "; ".join(f"{one.name} gives {', '.join(each.name for each in one.results)}" for one in self._entries)
        named = f"{self._named} with " if self._named else ""
        self._fault(1, f"no entry point of the slot is {named}={', ='.join(results)}: {known}")
        raise TableUnreadable(self._found)

    # ------------------------------------------------------------------------------------------------ cells

    def _span(self, line: int, name: str, text: str) -> _Open:
        if text in ("", "*"):
            return _Open(None, None)
        if text in _WORDS:
            return _Open(*_WORDS[text])
        low, dots, high = text.partition("..")
        spans = _Open(_number(low), _number(high if dots else low))
        unread = (low and spans.low is None) or (high and spans.high is None) or not (low or high)
        if unread or (spans.low is not None and spans.high is not None and spans.low > spans.high):
            self._fault(line, f"{name}: {text!r} is none of 5, 1..5, 5.., ..5, true, false, or * for any value")
            return _Open(None, None)
        return spans

    def _domain(self, entry: EntryDraft, name: str, stated: _Open, cells: list[_Open]) -> Declared:
        """All values that a condition's parameter may have."""
        own = next((one for one in entry.parameters if one.name == name), Declared(name, Kind.INTEGER, 0, -1, ""))
        if own.kind is Kind.DIGITS:
            told = f"{name} holds digits: a decision table has conditions on numbers only"
            advice = "start from `settle rule new --template rate_sheet`, which looks prefixes up"
            self._fault(1, told, advice)
            return own
        if own.kind is Kind.BOOLEAN:
            return Declared(name, own.kind, *_TRUTHS, "")
        given = _Open(own.low, own.high) if own.low <= own.high else _Open(None, None)
        low = _end(min, stated.low, [one.low for one in cells], given.low)
        high = _end(max, stated.high, [one.high for one in cells], given.high)
        if low is None or high is None:
            self._fault(1, f"{name} is no parameter of the slot, and no cell bounds it", f"write `{name} 0..100`")
            return own
        return Declared(name, own.kind, low, high, "")

    def _line(
        self, at: int, domains: list[Declared], spans: dict[str, list[_Open]], results: list[tuple[int, Result]]
    ) -> TableLine:
        line, row = self._rows[at]
        box = []
        for one in domains:
            cell = spans[one.name][at]
            low, high = (own if it is None else it for it, own in zip(cell, (one.low, one.high), strict=True))
            if low < one.low or high > one.high:
                self._fault(line, f"{one.name}: {low}..{high} is outside {one.low}..{one.high}, its range")
            box.append((low, high))
        source = row[self._header.index("source")] if "source" in self._header else ""
        rejection = row[self._header.index("reject")] if "reject" in self._header else ""
        cells = [(result.name, row[place]) for place, result in results]
        if not rejection:
            return TableLine(line, tuple(box), tuple(self._value(line, *cell) for cell in cells), "", source)
        if _CODE.fullmatch(rejection) is None or any(text for _, text in cells):
            told = f"a line that rejects has a code such as NO_RATE and no results, this has {rejection!r}"
            self._fault(line, told)
        return TableLine(line, tuple(box), (), rejection, source)

    def _value(self, line: int, name: str, text: str) -> int:
        value = _number(text)
        if value is None:
            self._fault(line, f"={name}: expected a whole number, got {text!r}")
        return value or 0

    # ------------------------------------------------------------------------------------------------ faults

    def _fault(self, line: int, told: str, advice: str = "correct the table") -> None:
        self._found.append(fault(self._file, line, told, advice))

    def _stop(self) -> None:
        if self._found:
            raise TableUnreadable(self._found)


def _number(text: str | None) -> int | None:
    if text is None or re.fullmatch(_NUMBER, text, re.ASCII) is None or text.endswith("_") or "__" in text:
        return None
    return int(text)


def _end(which: Callable[[list[int]], int], stated: int | None, cells: list[int | None], own: int | None) -> int | None:
    """The lowest or highest value of a parameter: the stated one, else what its cells name and, where one is open,
    its own. None where nobody says."""
    named = [one for one in cells if one is not None]
    if own is not None and None in cells:
        named.append(own)
    if stated is not None:
        return stated
    return which(named) if named else None
