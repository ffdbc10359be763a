"""Everything that is wrong with a rule's text, in one go.

Reading gives one finding a statement, the checker one a function: what follows from a first fault in a body
cannot be told from it. A function that calls a faulty helper is checked against the helper's declaration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.declarations import check_declarations
from abci_app.rules.tree import (
    HELPER_RESULT,
    Call,
    Converted,
    Declared,
    EnumForm,
    Field,
    ForRow,
    Function,
    FunctionRole,
    Integer,
    IsNone,
    Kind,
    Let,
    Member,
    Program,
    Reject,
    Return,
    Symbol,
    TableForm,
    Variable,
    read_program,
    write_program,
)
from settle.rules.finding import Finding, doubt, of_refusal, of_text
from settle.rules.parse import ReadRule, read_rule
from settle.rules.source import Positions, RuleTextError
from settle.rules.walk import parts_of

_FOLLOWS = {RuleCode.NO_SUCH_ENUM, RuleCode.NO_SUCH_TABLE, RuleCode.NO_SUCH_FUNCTION}
"""What a faulty enum, table or helper leads to in the functions that use it."""


def lint_text(file: Path, text: str) -> tuple[Finding, ...]:
    """The findings in a rule's text, in its order; `file` is only named."""
    try:
        read = read_rule(text)
    except RuleTextError as fault:
        return (of_text(file, fault),)
    found = [of_text(file, fault) for fault in read.faults]
    try:
        read_program(write_program(read.parsed.program))
    except RuleRefused as refused:
        found.append(of_refusal(file, refused))
    else:
        found += _Parts(file, read).findings()
    return tuple(sorted(found, key=lambda one: (one.line, one.column)))


class _Parts:
    """Checks the enums, tables and functions of a program one by one, each beside the sound ones before it."""

    def __init__(self, file: Path, read: ReadRule) -> None:
        self._file = file
        self._program, self._positions = read.parsed
        self._spoilt = set(read.spoilt)
        self._found: list[Finding] = []
        self._enums: tuple[EnumForm, ...] = ()
        self._tables: tuple[TableForm, ...] = ()
        self._functions: tuple[Function, ...] = ()

    def findings(self) -> list[Finding]:
        program = self._program
        for enum in program.enums:
            if self._holds(enum, check_declarations, self._beside(enums=(enum,))):
                self._enums += (enum,)
        for table in program.tables:
            if self._holds(table, check_declarations, self._beside(tables=(table,))):
                self._tables += (table,)
        for function in program.functions:
            self._check(function)
        if not self._spoilt:  # what only the whole shows: sizes, and costs with those of helpers
            self._holds(program, check_program, program)
        if not self._spoilt:
            self._found += unused(self._file, program, self._positions)
        return self._found

    def _check(self, function: Function) -> None:
        declared = _changed(function, (Reject("LATER"),))  # all that functions below it need
        if not self._holds(function, check_declarations, self._beside(functions=(declared,))):
            return
        if function.name not in self._spoilt:
            self._holds(function, check_program, self._beside(functions=(function,)))
        self._functions += (declared,)

    def _beside(
        self,
        enums: tuple[EnumForm, ...] = (),
        tables: tuple[TableForm, ...] = (),
        functions: tuple[Function, ...] = (),
    ) -> Program:
        functions = (*self._functions, *functions)
        if all(one.role is FunctionRole.HELPER for one in functions):
            functions = (*functions, _SPARE)
        return Program(self._program.form, self._program.note, self._enums + enums, self._tables + tables, functions)

    def _holds(
        self, part: EnumForm | TableForm | Function | Program, check: Callable[[Program], object], program: Program
    ) -> bool:
        try:
            check(program)
        except RuleRefused as refused:
            words = set(re.findall(r"\w+", f"{refused.where} {refused.actual}"))
            if refused.code not in _FOLLOWS or not words & self._spoilt:
                line, column = self._positions.of(refused.node)
                if not line:
                    line, column = self._positions.of(part)
                self._found.append(of_refusal(self._file, refused, line, column))
            self._spoilt.add("the rule" if isinstance(part, Program) else part.name)
            return False
        return True


def _changed(function: Function, body: tuple[Reject, ...]) -> Function:
    return Function(function.name, function.role, function.note, function.parameters, function.results, body)


_SPARE = Function(
    "a_spare_entry_point_of_lint", FunctionRole.ENTRY_POINT, (), (),
    (Declared(HELPER_RESULT, Kind.INTEGER, 0, 0, ""),), (Return((Integer(0),)),),
)  # fmt: skip
"""A rule has at least one entry point; this stands in while only helpers are checked."""


# ------------------------------------------------------------------------------------------------------------- doubts


def unused(file: Path, program: Program, positions: Positions) -> Iterator[Finding]:
    """What a sound rule declares or assigns and never uses."""
    used = names_used(program)
    helpers = [one for one in program.functions if one.role is FunctionRole.HELPER]
    for what, parts in (("enum", program.enums), ("table", program.tables), ("helper", helpers)):
        for one in parts:
            if one.name not in used:
                line, _ = positions.of(one)
                yield doubt(file, line, f"nothing uses the {what} {one.name}", "use it or take it out")
    for function in program.functions:
        read = names_read(function)
        seen: set[str] = set()
        for _, part in parts_of(function.body):
            if isinstance(part, Let) and part.name not in read | seen:
                seen.add(part.name)
                line, _ = positions.of(part)
                yield doubt(file, line, f"nothing reads {part.name} in {function.name}", "use it or take it out")


def names_used(program: Program) -> frozenset[str]:
    """The enums, tables, helpers and intrinsics that something uses."""
    used: set[str] = set()
    for _, part in parts_of(program):
        match part:
            case Symbol(name) | ForRow(table=name) | Call(function=name) | Member(enum=name):
                used.add(name)
            case Converted(unit, _) | Declared(unit=unit):
                used.add(unit)
    return frozenset(used)


def names_read(function: Function) -> frozenset[str]:
    """The parameters and variables whose value the body uses."""
    found: set[str] = set()
    for _, part in parts_of(function.body):
        match part:
            case Variable(name) | Field(row=name) | IsNone(name):
                found.add(name)
    return frozenset(found)
