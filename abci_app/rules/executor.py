"""The executor: the canonical text of a checked tree, with table fields bound, compiled locally.

Only names that the checker has passed reach the compiler, with empty builtins, so the compiled
functions can reach nothing but their arguments, their tables and the intrinsics. Call it with a
program that `check_program` has accepted and tables that `read_table` has accepted, never otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from abci_app.rules.codes import RejectedByRule
from abci_app.rules.intrinsics import IMPLEMENTATIONS
from abci_app.rules.names import LOOKUPS
from abci_app.rules.printer import Printer
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import (
    Call,
    Expression,
    ForRange,
    ForRow,
    Function,
    If,
    Let,
    Program,
    Statement,
    Symbol,
    TableForm,
)

Entry: TypeAlias = Callable[..., tuple[int | bool, ...]]
"""An entry point: positional arguments inside their declared ranges in, the declared results out, as a
tuple. Raises `RejectedByRule` where the rule rejects, and nothing else."""


def compile_program(program: Program, tables: Mapping[str, Table], label: str) -> Mapping[str, Entry]:
    """The entry points of a checked program over its checked tables. `label` names it in tracebacks."""
    forms = {form.name: form for form in program.tables}
    names: dict[str, object] = {"__builtins__": {}, "range": range, "_Rejected": RejectedByRule, **IMPLEMENTATIONS}
    for form in program.tables:
        names |= _bound_table(form, tables[form.name])
    lines: list[str] = []
    for function in program.functions:
        printer = _ExecutablePrinter(forms, function)
        arguments = ", ".join(one.name for one in function.parameters)
        lines += [f"def {function.name}({arguments}):", *printer.block(function, function.body)]
    exec(compile("\n".join(lines) + "\n", f"<rule {label}>", "exec"), names)  # noqa: S102  a checked tree, printed
    entries: dict[str, Entry] = {}
    for function in program.functions:
        entry = names[function.name]
        assert callable(entry)
        entries[function.name] = entry
    return MappingProxyType(entries)


class _ExecutablePrinter(Printer):
    """Canonical text but for rows, which are tuples here, look-ups, returns and rejections.

    Bound names begin with an underscore, which no name of a rule can.
    """

    def __init__(self, forms: Mapping[str, TableForm], function: Function) -> None:
        self._columns = {
            name: {column.name: at for at, column in enumerate(form.columns)} for name, form in forms.items()
        }
        self._table_of = _rows_of(function.body)

    def field(self, row: str, column: str) -> str:
        return f"{row}[{self._columns[self._table_of[row]][column]}]"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        if function not in LOOKUPS:
            return super().call(function, arguments)
        table, keys = arguments[0], [self.expression(argument) for argument in arguments[1:]]
        assert isinstance(table, Symbol)
        return f"_{function}_{table.name}({keys[0] if len(keys) == 1 else '(' + ', '.join(keys) + ')'})"

    def rows(self, table: str) -> str:
        return f"_rows_{table}"

    def leave(self, function: Function, values: tuple[Expression, ...]) -> str:
        return f"return ({', '.join(self.expression(value) for value in values)},)"

    def reject(self, code: str) -> str:
        return f'raise _Rejected("{code}")'


def _rows_of(body: tuple[Statement, ...]) -> dict[str, str]:
    """The table of each name that holds a row; the checker lets a name hold rows of one table only."""
    found: dict[str, str] = {}
    for statement in body:
        match statement:
            case Let(name, Call(function, (Symbol(table), *_))) if function in LOOKUPS:
                found[name] = table
            case ForRow(name, table, inner):
                found |= {name: table, **_rows_of(inner)}
            case ForRange(_, _, _, inner):
                found |= _rows_of(inner)
            case If(branches, otherwise):
                for part in (*(branch.body for branch in branches), otherwise):
                    found |= _rows_of(part)
            case _:
                pass
    return found


def _bound_table(form: TableForm, table: Table) -> dict[str, object]:
    rows: dict[Cell | Cells, Cells] = {(row[0] if form.keys == 1 else row[: form.keys]): row for row in table.rows}
    bound: dict[str, object] = {f"_rows_{form.name}": table.rows, f"_lookup_{form.name}": rows.get}
    if form.keys == 1:
        bound[f"_prefix_lookup_{form.name}"] = _longest_prefix(rows)
    return bound


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
