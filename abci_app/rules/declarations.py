"""The checks that need no look at a body: names, sizes, declared kinds and ranges, the forms of tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TypeAlias

from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.names import COLUMN_FORBIDDEN, CURRENCIES, FORBIDDEN, MEASURES, ROUNDINGS
from abci_app.rules.tree import (
    FORM,
    HELPER_RESULT,
    Declared,
    EnumForm,
    Function,
    FunctionRole,
    Kind,
    Program,
    TableForm,
    entry_points,
)

MOST_FUNCTIONS = 16
MOST_TABLES = 16
MOST_COLUMNS = 16
MOST_PARAMETERS = 32
MOST_RESULTS = 16
MOST_ROWS = 10_000
MOST_ENUMS = 16
MOST_MEMBERS = 64
LONGEST_ENUM_NAME = 16
"""As a unit's: the enum is the unit of its values."""
MOST_NOTE_LINES = 40
MOST_DIGITS = 20


def refuse(code: RuleCode, where: str, expected: object, actual: object, node: object = None) -> NoReturn:
    """Refuse the rule. Raises `RuleRefused`, always."""
    raise RuleRefused(code, where, expected, actual, node)


def check_name(name: str, where: str, node: object) -> None:
    """A name that Python or the language needs for itself is refused; the pattern was checked in decoding."""
    if name in FORBIDDEN:
        refuse(RuleCode.BAD_NAME, where, "a name that is no keyword, intrinsic or reserved word", name, node)


Enums: TypeAlias = Mapping[str, tuple[str, ...]]
"""The members of each enum, by name."""


def check_declarations(program: Program) -> None:
    """Form, tables and signatures. Raises RuleRefused for the first thing that is wrong, in reading order."""
    if program.form != FORM:
        refuse(RuleCode.NOT_SUPPORTED, "the rule", f"form {FORM}", program.form)
    _at_most(MOST_NOTE_LINES, program.note, "lines of the note", "the rule")
    _at_most(MOST_ENUMS, program.enums, "enums", "the rule")
    _at_most(MOST_TABLES, program.tables, "tables", "the rule")
    _at_most(MOST_FUNCTIONS, program.functions, "functions", "the rule")
    if not entry_points(program):
        refuse(RuleCode.BAD_DECLARATION, "the rule", "at least one entry point, a function that returns a tuple", 0)
    _distinct((*program.enums, *program.tables), "the rule")
    _distinct(program.functions, "the rule")
    for form in program.enums:
        _check_enum(form)
    enums = {form.name: form.members for form in program.enums}
    for table in program.tables:
        _check_table(table, enums)
    helpers = frozenset(one.name for one in program.functions if one.role is FunctionRole.HELPER)
    for function in program.functions:
        _check_function(function, enums, helpers)


def _check_enum(form: EnumForm) -> None:
    where = f"enum {form.name}"
    if form.name in ROUNDINGS | CURRENCIES or len(form.name) > LONGEST_ENUM_NAME:
        expected = f"a name of at most {LONGEST_ENUM_NAME} characters that is no rounding and no currency"
        refuse(RuleCode.BAD_NAME, where, expected, form.name, form)
    _at_most(MOST_MEMBERS, form.members, "members", where, form)
    if not form.members:
        refuse(RuleCode.BAD_DECLARATION, where, "at least one member", 0, form)
    for at, member in enumerate(form.members):
        if member in form.members[:at]:
            refuse(RuleCode.DUPLICATE_NAME, where, "each name once", member, form)


def _check_table(table: TableForm, enums: Enums) -> None:
    where = f"table {table.name}"
    if table.name in ROUNDINGS | CURRENCIES:
        refuse(RuleCode.BAD_NAME, where, "a name that is no rounding and no currency", table.name, table)
    if not 1 <= table.rows <= MOST_ROWS:
        refuse(RuleCode.TOO_LARGE, where, f"1 to {MOST_ROWS} rows", table.rows, table)
    _at_most(MOST_COLUMNS, table.columns, "columns", where, table)
    if not 1 <= table.keys <= len(table.columns):
        refuse(RuleCode.BAD_DECLARATION, where, "a key of 1 up to all columns", table.keys, table)
    _distinct(table.columns, where)
    for column in table.columns:
        if column.name in COLUMN_FORBIDDEN:
            refuse(RuleCode.BAD_NAME, where, "a column name other than rows and key", column.name, column)
        _check_declared(column, where, enums)


def _check_function(function: Function, enums: Enums, helpers: frozenset[str]) -> None:
    where = function.name
    check_name(function.name, where, function)
    _at_most(MOST_NOTE_LINES, function.note, "lines of the note", where, function)
    _at_most(MOST_PARAMETERS, function.parameters, "parameters", where, function)
    _at_most(MOST_RESULTS, function.results, "results", where, function)
    if not function.results:
        refuse(RuleCode.BAD_DECLARATION, where, "at least one result", 0, function)
    if function.role is FunctionRole.HELPER and [one.name for one in function.results] != [HELPER_RESULT]:
        expected = f"one result of a helper, named {HELPER_RESULT}"
        refuse(RuleCode.NOT_CANONICAL, where, expected, ", ".join(one.name for one in function.results), function)
    _distinct(function.parameters, where)
    _distinct(function.results, where)
    for one in (*function.parameters, *function.results):
        _check_declared(one, where, enums)
    for one in function.parameters:
        if one.name in helpers:
            refuse(RuleCode.BAD_NAME, where, "a name that no helper function has", one.name, one)
    for one in function.results:
        if one.kind is Kind.DIGITS:
            refuse(RuleCode.BAD_DECLARATION, where, "results that are integers or conditions", one.name, one)


def _check_declared(declared: Declared, where: str, enums: Enums) -> None:
    place = f"{where}: {declared.name}"
    check_name(declared.name, place, declared)
    if declared.unit:
        _check_unit(declared, place, enums)
    if declared.low > declared.high:
        refuse(RuleCode.BAD_DECLARATION, place, "low <= high", f"{declared.low} to {declared.high}", declared)
    if declared.kind is Kind.BOOLEAN and (declared.low, declared.high) != (0, 1):
        refuse(RuleCode.BAD_DECLARATION, place, "0 to 1", f"{declared.low} to {declared.high}", declared)
    if declared.kind is Kind.DIGITS and not 0 <= declared.low <= declared.high <= MOST_DIGITS:
        limits = f"lengths within 0 to {MOST_DIGITS}"
        refuse(RuleCode.BAD_DECLARATION, place, limits, f"{declared.low} to {declared.high}", declared)


def _check_unit(declared: Declared, place: str, enums: Enums) -> None:
    if declared.kind is not Kind.INTEGER:
        refuse(RuleCode.BAD_DECLARATION, place, "a unit of integers only", declared.unit, declared)
    members = enums.get(declared.unit)
    if members is None:
        if declared.unit not in MEASURES:
            expected = f"a unit ({', '.join(sorted(MEASURES))}) or a declared enum"
            refuse(RuleCode.NO_SUCH_ENUM, place, expected, declared.unit, declared)
    elif declared.low < 0 or declared.high >= len(members):
        last = len(members) - 1
        expected, actual = f"0 ({members[0]}) to {last} ({members[last]})", f"{declared.low} to {declared.high}"
        refuse(RuleCode.BAD_DECLARATION, place, expected, actual, declared)


def _at_most(most: int, things: Sequence[object], what: str, where: str, owner: object = None) -> None:
    if len(things) > most:
        refuse(RuleCode.TOO_LARGE, where, f"at most {most} {what}", len(things), owner or things[most])


def _distinct(named: Iterable[EnumForm | TableForm | Function | Declared], where: str) -> None:
    seen: set[str] = set()
    for one in named:
        if one.name in seen:
            refuse(RuleCode.DUPLICATE_NAME, where, "each name once", one.name, one)
        seen.add(one.name)
