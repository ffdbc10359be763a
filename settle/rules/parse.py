"""Rule text to tree. CPython's `ast` reads the text here, in authoring only; consensus never does.

What is no part of the language is refused with line and column and a word on what is allowed.
Meaning is left to the checker; its refusals get line and column from `ParsedRule.positions`.
"""

from __future__ import annotations

import ast
import warnings
from typing import NamedTuple

import msgspec

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleRefused
from abci_app.rules.names import NoteLine
from abci_app.rules.printer import FIRST_LINE, KIND_TYPE
from abci_app.rules.tree import (
    FORM,
    HELPER_RESULT,
    MOST_BYTES,
    Declared,
    EnumForm,
    Function,
    FunctionRole,
    Kind,
    Program,
    TableForm,
    read_program,
    write_program,
)
from settle.rules.parse_body import Bodies
from settle.rules.source import Positions, RuleTextError, caps_name, integer, refuse, type_unit, variable_name

_KINDS = {word: kind for kind, word in KIND_TYPE.items()}
_TYPES = 'int, bool, Digits, Seconds, Milliseconds, Timestamp, Bytes, Bps, Money["CNY"] or an enum declared above'


class ParsedRule(NamedTuple):
    """The tree of a text, and where its parts stand in it."""

    program: Program
    positions: Positions


class ReadRule(NamedTuple):
    """What could be read of a text: the tree of its sound parts, and what is wrong with the others."""

    parsed: ParsedRule
    faults: tuple[RuleTextError, ...]
    """In the order of the text, at most one a statement."""
    spoilt: frozenset[str]
    """The enums, tables and functions with a fault: left out of the tree, or without the statements at fault."""


def parse_rule(text: str) -> ParsedRule:
    """The tree of a rule's text, not yet checked. RuleTextError where the text is no rule."""
    parsed, faults, _ = read_rule(text)
    if faults:
        raise faults[0]
    return parsed


def read_rule(text: str) -> ReadRule:
    """As much of a rule's text as can be read. RuleTextError where nothing can."""
    if not text.isascii():
        line = next(at for at, one in enumerate(text.split("\n"), 1) if not one.isascii())
        raise RuleTextError(line, 1, "a rule is written in ASCII")
    if len(text) > MOST_BYTES:
        raise RuleTextError(0, 0, f"a rule has at most {MOST_BYTES} characters, this has {len(text)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # `1 is None` and the like: refused below anyway
            module = ast.parse(text)
    except SyntaxError as fault:
        raise RuleTextError(fault.lineno or 0, fault.offset or 0, f"not Python syntax: {fault.msg}") from fault
    except (RecursionError, MemoryError, ValueError) as fault:
        raise RuleTextError(0, 0, f"nested too deeply, or not text: {fault}") from fault
    try:
        return _parse_module(module)
    except RecursionError as fault:
        raise RuleTextError(0, 0, "nested too deeply") from fault


def check_text(text: str) -> ParsedRule:
    """Parse and check. RuleTextError with line and column for whatever the checker refuses as well."""
    parsed = parse_rule(text)
    try:
        read_program(write_program(parsed.program))
        check_program(parsed.program)
    except RuleRefused as refused:
        raise RuleTextError(*parsed.positions.of(refused.node), str(refused)) from refused
    return parsed


def _parse_module(module: ast.Module) -> ReadRule:
    parts = _Parts()
    statements = list(module.body)
    if not statements or ast.unparse(statements.pop(0)) != FIRST_LINE:
        raise RuleTextError(1, 1, f"the first line of a rule is: {FIRST_LINE}")
    for at, one in enumerate(statements):
        parts.read(one, first=at == 0)
    program = Program(FORM, parts.note, tuple(parts.enums), tuple(parts.tables), tuple(parts.functions))
    return ReadRule(ParsedRule(program, parts.positions), tuple(parts.faults), frozenset(parts.spoilt))


class _Parts:
    """The parts of a rule outside functions, one after the other."""

    def __init__(self) -> None:
        self.positions = Positions()
        self.note: tuple[str, ...] = ()
        self.enums: list[EnumForm] = []
        self.tables: list[TableForm] = []
        self.functions: list[Function] = []
        self.faults: list[RuleTextError] = []
        self.spoilt: set[str] = set()

    def read(self, one: ast.stmt, *, first: bool) -> None:
        """Add this part, or say what is wrong with it."""
        bodies = Bodies(self.positions)
        faults = bodies.faults
        try:
            self._read(one, bodies, first)
        except RuleTextError as fault:
            faults = [fault]
        if faults:
            self.faults += faults
            self.spoilt.add(_name_of(one))

    def _read(self, one: ast.stmt, bodies: Bodies, first: bool) -> None:
        match one:
            case ast.Expr() if first:
                self.note = _note(one)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="IntEnum")) as call):
                if self.tables or self.functions:
                    refuse(one, "enums are declared before the tables and functions")
                self.enums.append(self.positions.mark(_enum(one, name, call), one))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="Table"), args=[]) as call):
                if self.functions:
                    refuse(one, "tables are declared before the functions")
                self.tables.append(self.positions.mark(_table(one, name, call.keywords, self.positions), one))
            case ast.FunctionDef(decorator_list=[]):
                self.functions.append(self.positions.mark(_function(one, bodies, self.positions), one))
            case _:
                allowed = "its first line, a note, NAME = IntEnum(...) and NAME = Table(...)"
                refuse(one, f"outside functions a rule has only {allowed}")


def _name_of(one: ast.stmt) -> str:
    match one:
        case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ""


def _enum(at: ast.Assign, name: str, call: ast.Call) -> EnumForm:
    match call:
        case ast.Call(
            args=[ast.Constant(value=str(own)), ast.Tuple(elts=parts)],
            keywords=[ast.keyword(arg="start", value=ast.Constant(value=0))],
        ) if own == name:
            return EnumForm(caps_name(at, name), tuple(_member(part) for part in parts))
        case _:
            return refuse(at, f'an enum is declared as {name} = IntEnum("{name}", ("FIRST", "SECOND"), start=0)')


def _member(node: ast.expr) -> str:
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        refuse(node, "a member of an enum is a name in quotation marks")
    return caps_name(node, node.value)


def _table(at: ast.Assign, name: str, keywords: list[ast.keyword], positions: Positions) -> TableForm:
    given = {keyword.arg: keyword.value for keyword in keywords}
    if None in given or list(given)[:2] != ["rows", "key"]:
        refuse(at, "a table is declared as NAME = Table(rows=..., key=..., column=type, ...)")
    rows, keys = integer(given["rows"]), integer(given["key"])
    if not (0 < rows < 2**16 and 0 < keys < 2**8):
        refuse(at, "a table has a number of rows from 1 to 65535 and a key of 1 to 255 columns")
    columns = tuple(
        positions.mark(_declared(value, variable_name(value, str(column))), value)
        for column, value in given.items()
        if column not in ("rows", "key")
    )
    return TableForm(caps_name(at, name), rows, keys, columns)


def _function(node: ast.FunctionDef, bodies: Bodies, positions: Positions) -> Function:
    arguments = node.args
    extra = arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg
    if extra or arguments.defaults or getattr(node, "type_params", []):
        refuse(node, "parameters are plain: name: Annotated[int, low, high]")
    parameters = []
    for argument in arguments.args:
        if argument.annotation is None:
            refuse(argument, "a parameter has its type and range: name: Annotated[int, low, high]")
        declared = _declared(argument.annotation, variable_name(argument, argument.arg))
        parameters.append(positions.mark(declared, argument))
    helper = not (isinstance(node.returns, ast.Subscript) and ast.unparse(node.returns.value) == "tuple")
    results = _helper_result(node, positions) if helper else _results(node, positions)
    body = list(node.body)
    note: tuple[str, ...] = ()
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        note = _note(body.pop(0))
    name = variable_name(node, node.name)
    role = FunctionRole.HELPER if helper else FunctionRole.ENTRY_POINT
    return Function(name, role, note, tuple(parameters), results, bodies.block(body, None if helper else results))


def _helper_result(node: ast.FunctionDef, positions: Positions) -> tuple[Declared, ...]:
    if node.returns is None:
        refuse(
            node, 'results are declared: -> tuple[Annotated[int, "name", low, high], ...], of a helper without tuple'
        )
    return (positions.mark(_declared(node.returns, HELPER_RESULT), node.returns),)


def _results(node: ast.FunctionDef, positions: Positions) -> tuple[Declared, ...]:
    match node.returns:
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=parts)):
            return tuple(positions.mark(_result(part), part) for part in parts)
        case ast.Subscript(value=ast.Name(id="tuple"), slice=part):
            return (positions.mark(_result(part), part),)
        case _:
            return refuse(node, 'results are declared: -> tuple[Annotated[int, "name", low, high], ...]')


def _result(node: ast.expr) -> Declared:
    match node:
        case ast.Subscript(
            value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, ast.Constant(value=str(name)), *bounds])
        ):
            return _bounded(node, variable_name(node, name), kind, bounds)
        case _:
            return refuse(node, 'a result is declared as Annotated[int, "name", low, high]')


def _declared(node: ast.expr, name: str) -> Declared:
    match node:
        case ast.Name(id="bool"):
            return Declared(name, Kind.BOOLEAN, 0, 1, "")
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, *bounds])):
            return _bounded(node, name, kind, bounds)
        case _:
            return refuse(node, f"a type is bool or Annotated[type, low, high], with type {_TYPES}")


def _bounded(node: ast.expr, name: str, kind: ast.expr, bounds: list[ast.expr]) -> Declared:
    if len(bounds) != 2:
        refuse(node, "a type has a lowest and a highest value: Annotated[int, low, high]")
    low, high = integer(bounds[0]), integer(bounds[1])
    if isinstance(kind, ast.Name) and kind.id in _KINDS:
        return Declared(name, _KINDS[kind.id], low, high, "")
    unit = type_unit(kind)
    if unit is None:
        refuse(node, f"a type is one of {_TYPES}")
    return Declared(name, Kind.INTEGER, low, high, unit)


def _note(node: ast.stmt) -> tuple[str, ...]:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        refuse(node, "only a note, a string of its own, may stand here")
    if not isinstance(node.value.value, str):
        refuse(node, "a note is a string")
    lines = tuple(line.strip() for line in node.value.value.strip().split("\n"))
    try:
        return tuple(msgspec.convert(line, NoteLine) for line in lines)
    except msgspec.ValidationError:
        refuse(node, "a note has lines of 1 to 100 characters without quotation mark and backslash")
