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
from abci_app.rules.lookups import bind_lookups
from abci_app.rules.names import LOOKUPS
from abci_app.rules.printer import Printer
from abci_app.rules.tables import Table
from abci_app.rules.tree import (
    Call,
    Expression,
    ForRange,
    ForRow,
    Function,
    FunctionRole,
    If,
    Let,
    Program,
    Statement,
    Symbol,
    TableForm,
    entry_points,
)

Entry: TypeAlias = Callable[..., tuple[int | bool, ...]]
"""An entry point: positional arguments inside their declared ranges in, the declared results out, as a
tuple. Raises `RejectedByRule` where the rule rejects, and nothing else."""


def compile_program(program: Program, tables: Mapping[str, Table], label: str) -> Mapping[str, Entry]:
    """The entry points of a checked program over its checked tables. `label` names it in tracebacks."""
    forms = {form.name: form for form in program.tables}
    names: dict[str, object] = {"__builtins__": {}, "range": range, "_Rejected": RejectedByRule, **IMPLEMENTATIONS}
    for form in program.tables:
        names |= bind_lookups(form, tables[form.name])
    members = {enum.name: enum.members for enum in program.enums}
    lines: list[str] = []
    for function in program.functions:
        printer = _ExecutablePrinter(forms, members, function)
        arguments = ", ".join(one.name for one in function.parameters)
        lines += [f"def {function.name}({arguments}):", *printer.block(function, function.body)]
    exec(compile("\n".join(lines) + "\n", f"<rule {label}>", "exec"), names)  # noqa: S102  a checked tree, printed
    entries: dict[str, Entry] = {}
    for function in entry_points(program):
        entry = names[function.name]
        assert callable(entry)
        entries[function.name] = entry
    return MappingProxyType(entries)


class _ExecutablePrinter(Printer):
    """Canonical text but for rows, which are tuples here, enums, which are numbers, units, which are proved
    and gone, look-ups, returns and rejections.

    Bound names begin with an underscore, which no name of a rule can.
    """

    def __init__(
        self, forms: Mapping[str, TableForm], members: Mapping[str, tuple[str, ...]], function: Function
    ) -> None:
        self._columns = {
            name: {column.name: at for at, column in enumerate(form.columns)} for name, form in forms.items()
        }
        self._members = members
        self._table_of = rows_of(function.body)

    def field(self, row: str, column: str) -> str:
        return f"{row}[{self._columns[self._table_of[row]][column]}]"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        if function in LOOKUPS:
            table, values = arguments[0], arguments[1:]
        elif function == "local_time":
            table, values = arguments[1], arguments[:1]
        else:
            return super().call(function, arguments)
        assert isinstance(table, Symbol)
        text = ", ".join(self.expression(value) for value in values)
        # One tuple is the key of a dict: no further call in between.
        return f"_{function}_{table.name}(({text}))" if function == "lookup" else f"_{function}_{table.name}({text})"

    def converted(self, unit: str, value: Expression, binding: int) -> str:
        return self.expression(value, binding)

    def member(self, enum: str, member: str) -> str:
        return str(self._members[enum].index(member))

    def rows(self, table: str) -> str:
        return f"_rows_{table}"

    def leave(self, function: Function, values: tuple[Expression, ...]) -> str:
        if function.role is FunctionRole.HELPER:
            return super().leave(function, values)
        return f"return ({', '.join(self.expression(value) for value in values)},)"

    def reject(self, code: str) -> str:
        return f'raise _Rejected("{code}")'


def rows_of(body: tuple[Statement, ...]) -> dict[str, str]:
    """The table of each name that holds a row; the checker lets a name hold rows of one table only."""
    found: dict[str, str] = {}
    for statement in body:
        match statement:
            case Let(name, Call(function, (Symbol(table), *_))) if function in LOOKUPS:
                found[name] = table
            case ForRow(name, table, inner):
                found |= {name: table, **rows_of(inner)}
            case ForRange(_, _, _, inner):
                found |= rows_of(inner)
            case If(branches, otherwise):
                for part in (*(branch.body for branch in branches), otherwise):
                    found |= rows_of(part)
            case _:
                pass
    return found
