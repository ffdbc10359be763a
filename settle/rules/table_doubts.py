"""What is wrong or doubtful in a decision table: lines never reached, lines that hide others, places without a line."""

from __future__ import annotations

from collections.abc import Iterator

from abci_app.rules.declarations import MOST_COLUMNS, MOST_ROWS
from abci_app.rules.interface import most_cost
from abci_app.rules.lookups import LOOKUP_COSTS
from settle.rules.boxes import Box, Swept, meet, sweep
from settle.rules.decision_csv import DecisionTable, TableLine
from settle.rules.finding import Finding, doubt, fault

NO_LINE = "NO_LINE"
"""The code of the rejection where no line fits."""
OTHERS = 200
"""The cost of the entry point of a table beside its look-up, at most."""
_SHOWN = 10
_COMPARED = 1_000
"""Lines of a table whose overlaps are looked for; the work grows with the square."""


def look_at(table: DecisionTable) -> tuple[Finding, ...]:
    """The findings, in the order of the lines, then the gaps; a table that is too large is not looked at further."""
    large = _too_large(table)
    if large:
        return (large,)
    swept = sweep(table.domain, [one.box for one in table.lines])
    by_line = [*_unknown(table), *_unreached(table, swept), *_hidden(table, swept)]
    return (*sorted(by_line, key=lambda one: one.line), *_gaps(table, swept))


def _too_large(table: DecisionTable) -> Finding | None:
    conditions, results = len(table.conditions), len(table.results)
    columns = 2 * conditions + results + 2  # the order and the rejection
    advice = "split the table by one condition, into two rules or two tables"
    if columns > MOST_COLUMNS:
        told = f"{conditions} conditions and {results} results make {columns} columns: a table has {MOST_COLUMNS}"
        return fault(table.file, 1, told, advice)
    most = min((most_cost(table.entry.name) - OTHERS) // (LOOKUP_COSTS["first_match"](1, conditions)), MOST_ROWS)
    if len(table.lines) > most:
        told = f"{len(table.lines):,} lines: with {conditions} conditions a rule can search {most:,}"
        return fault(table.file, 0, told, advice)
    return None


def _unknown(table: DecisionTable) -> Iterator[Finding]:
    given = [one.name for one in table.entry.parameters[: table.entry.leading]]
    for one in table.conditions:
        if one.name not in given:
            told = f"{one.name} is nothing that the slot gives: every agreement has to give it"
            yield doubt(table.file, 1, told, f"nothing, if so meant; the slot gives {', '.join(given)}")


def _unreached(table: DecisionTable, swept: Swept) -> Iterator[Finding]:
    for at, (line, taken) in enumerate(zip(table.lines, swept.taken, strict=False)):
        if taken:
            continue
        before = [one.line for one in table.lines[:at] if meet(one.box, line.box)]
        told = (
            f"line {line.line} is never reached: {_lines(before)} {'covers' if len(before) == 1 else 'cover'} all of it"
        )
        yield fault(table.file, line.line, told, "take it out, or move it up")


def _hidden(table: DecisionTable, swept: Swept) -> Iterator[Finding]:
    """Lines that decide less than they say, because others with another outcome come first."""
    for at, line in enumerate(table.lines[:_COMPARED]):
        before = [
            one.line
            for one, taken in zip(table.lines[:at], swept.taken, strict=False)
            if _outcome(one) != _outcome(line) and any(meet(piece, line.box) for piece in taken)
        ]
        if before and swept.taken[at : at + 1] != ((),):
            come = "comes" if len(before) == 1 else "come"
            told = f"{_lines(before)} {come} before line {line.line} where they overlap, with another outcome"
            yield doubt(table.file, line.line, told, "nothing, if the earlier lines are the exceptions")


def _gaps(table: DecisionTable, swept: Swept) -> Iterator[Finding]:
    if not swept.complete:
        told = f"the table is too large to look for gaps: only its first {len(swept.taken)} lines were followed"
        yield doubt(table.file, 0, told, "sort the table, or split it by one condition")
        return
    if not swept.left:
        return
    places = [_where(table, piece) for piece in swept.left[:_SHOWN]]
    if len(swept.left) > _SHOWN:
        places.append(f"and {len(swept.left) - _SHOWN} places more")
    names = ", ".join(f"`{one.name} {one.low}..{one.high}`" for one in table.conditions)
    told = "no line covers\n         " + "\n         ".join(places)
    advice = f"add lines, state narrower ranges than {names} in the header, or let the rule reject with {NO_LINE} there"
    yield doubt(table.file, 0, told, advice)


def _outcome(line: TableLine) -> object:
    return line.rejection or line.values


def _where(table: DecisionTable, piece: Box) -> str:
    told = []
    for one, (low, high) in zip(table.conditions, piece, strict=True):
        if (low, high) != (one.low, one.high):
            told.append(f"{one.name} {low}" if low == high else f"{one.name} {low}..{high}")
    return ", ".join(told) or "anything"


def _lines(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5]))
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"line {shown}" if len(numbers) == 1 else f"lines {shown}{more}"
