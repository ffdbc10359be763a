"""A statement's lines as people compare them: ours, theirs, the difference, the verdict."""

from __future__ import annotations

from rich.table import Table

from abci_app.domain.agreements.schema import Terms
from abci_app.domain.periods.schema import Flags, Statement
from settle.cli.output import table
from settle.cli.plain import money


def lines_table(statement: Statement, terms: Terms, codes: dict[int, str]) -> Table:
    """One row a catalogue line: both parties' calls, billed units and amounts."""
    first, second = codes[terms.first], codes[terms.second]
    rows = []
    for index, (line, sort) in enumerate(zip(statement.lines, terms.catalogue, strict=True)):
        difference = line.second.amount - line.first.amount
        rows.append(
            (
                index,
                f"{first} -> {second}" if sort.direction == 0 else f"{second} -> {first}",
                f"{sort.service}/{sort.band}",
                line.first.calls,
                line.second.calls,
                line.first.units_billed,
                line.second.units_billed,
                money(line.first.amount, terms.currency),
                money(line.second.amount, terms.currency),
                money(difference, terms.currency),
                line.verdict.name,
                money(line.settled, terms.currency),
            )
        )
    columns = (
        "line", "traffic", "service/band", f"calls {first}", f"calls {second}", f"billed {first}", f"billed {second}",
        f"amount {first}", f"amount {second}", "difference", "verdict", "settled",
    )  # fmt: skip
    numbers = tuple(name for name in columns if name not in ("traffic", "service/band", "verdict"))
    return table(*columns, rows=rows, right=numbers)


def totals(statement: Statement, terms: Terms, codes: dict[int, str]) -> list[tuple[str, str]]:
    """Payable and disputed per direction."""
    first, second = codes[terms.first], codes[terms.second]
    found = []
    for direction, way in enumerate((f"{first} -> {second}", f"{second} -> {first}")):
        payable = money(statement.payable[direction], terms.currency)
        disputed = money(statement.disputed[direction], terms.currency)
        found.append((f"for traffic {way}", f"payable {payable}, disputed {disputed}"))
    return found


def flag_names(flags: int) -> list[str]:
    """The names of a period's flags."""
    return [flag.name for flag in Flags if flag.name and flags & flag]
