"""The checks that need no look at a body: names, sizes, declared kinds and ranges, the forms of tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.names import COLUMN_FORBIDDEN, FORBIDDEN, ROUNDINGS
from abci_app.rules.tree import FORM, Declared, Function, FunctionRole, Kind, Program, TableForm

MOST_FUNCTIONS = 16
MOST_TABLES = 16
MOST_COLUMNS = 16
MOST_PARAMETERS = 32
MOST_RESULTS = 16
MOST_ROWS = 10_000
MOST_NOTE_LINES = 40
MOST_DIGITS = 20


def refuse(code: RuleCode, where: str, expected: object, actual: object, node: object = None) -> NoReturn:
    """Refuse the rule. Raises `RuleRefused`, always."""
    raise RuleRefused(code, where, expected, actual, node)


def check_name(name: str, where: str, node: object) -> None:
    """A name that Python or the language needs for itself is refused; the pattern was checked in decoding."""
    if name in FORBIDDEN:
        refuse(RuleCode.BAD_NAME, where, "a name that is no keyword, intrinsic or reserved word", name, node)


def check_declarations(program: Program) -> None:
    """Form, tables and signatures. Raises RuleRefused for the first thing that is wrong, in reading order."""
    if program.form != FORM:
        refuse(RuleCode.NOT_SUPPORTED, "the rule", f"form {FORM}", program.form)
    if program.enums:
        refuse(RuleCode.NOT_SUPPORTED, "the rule", "no enums in this version", len(program.enums))
    _at_most(MOST_NOTE_LINES, program.note, "lines of the note", "the rule")
    _at_most(MOST_TABLES, program.tables, "tables", "the rule")
    _at_most(MOST_FUNCTIONS, program.functions, "functions", "the rule")
    if not program.functions:
        refuse(RuleCode.BAD_DECLARATION, "the rule", "at least one function", 0)
    _distinct((table.name for table in program.tables), "the rule")
    _distinct((function.name for function in program.functions), "the rule")
    for table in program.tables:
        _check_table(table)
    for function in program.functions:
        _check_function(function)


def _check_table(table: TableForm) -> None:
    where = f"table {table.name}"
    if table.name in ROUNDINGS:
        refuse(RuleCode.BAD_NAME, where, "a name that is no rounding", table.name, table)
    if not 1 <= table.rows <= MOST_ROWS:
        refuse(RuleCode.TOO_LARGE, where, f"1 to {MOST_ROWS} rows", table.rows, table)
    _at_most(MOST_COLUMNS, table.columns, "columns", where)
    if not 1 <= table.keys <= len(table.columns):
        refuse(RuleCode.BAD_DECLARATION, where, "a key of 1 up to all columns", table.keys, table)
    _distinct((column.name for column in table.columns), where)
    for column in table.columns:
        if column.name in COLUMN_FORBIDDEN:
            refuse(RuleCode.BAD_NAME, where, "a column name other than rows and key", column.name, column)
        _check_declared(column, where)


def _check_function(function: Function) -> None:
    where = function.name
    check_name(function.name, where, function)
    if function.role is not FunctionRole.ENTRY_POINT:
        refuse(RuleCode.NOT_SUPPORTED, where, "entry points only in this version", function.role.name, function)
    _at_most(MOST_NOTE_LINES, function.note, "lines of the note", where)
    _at_most(MOST_PARAMETERS, function.parameters, "parameters", where)
    _at_most(MOST_RESULTS, function.results, "results", where)
    if not function.results:
        refuse(RuleCode.BAD_DECLARATION, where, "at least one result", 0, function)
    _distinct((one.name for one in function.parameters), where)
    _distinct((one.name for one in function.results), where)
    for one in (*function.parameters, *function.results):
        _check_declared(one, where)
    for one in function.results:
        if one.kind is Kind.DIGITS:
            refuse(RuleCode.BAD_DECLARATION, where, "results that are integers or conditions", one.name, one)


def _check_declared(declared: Declared, where: str) -> None:
    place = f"{where}: {declared.name}"
    check_name(declared.name, place, declared)
    if declared.unit:
        refuse(RuleCode.NOT_SUPPORTED, place, "no unit in this version", declared.unit, declared)
    if declared.low > declared.high:
        refuse(RuleCode.BAD_DECLARATION, place, "low <= high", f"{declared.low} to {declared.high}", declared)
    if declared.kind is Kind.BOOLEAN and (declared.low, declared.high) != (0, 1):
        refuse(RuleCode.BAD_DECLARATION, place, "0 to 1", f"{declared.low} to {declared.high}", declared)
    if declared.kind is Kind.DIGITS and not 0 <= declared.low <= declared.high <= MOST_DIGITS:
        limits = f"lengths within 0 to {MOST_DIGITS}"
        refuse(RuleCode.BAD_DECLARATION, place, limits, f"{declared.low} to {declared.high}", declared)


def _at_most(most: int, things: Sequence[object], what: str, where: str) -> None:
    if len(things) > most:
        refuse(RuleCode.TOO_LARGE, where, f"at most {most} {what}", len(things))


def _distinct(names: Iterable[str], where: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            refuse(RuleCode.DUPLICATE_NAME, where, "each name once", name)
        seen.add(name)
