"""A tree as canonical Python text: one tree, one text. What voters read is what runs.

Four blanks an indent; every parameter, result and column on a line of its own; numbers of five
digits and more in groups of three; parentheses only where the tree needs them.
"""

from __future__ import annotations

from abci_app.rules.names import CURRENCIES
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Condition,
    Converted,
    Declared,
    EnumForm,
    Expression,
    Field,
    ForRange,
    ForRow,
    Function,
    FunctionRole,
    If,
    Integer,
    IsNone,
    Kind,
    Let,
    Member,
    Not,
    Operator,
    Program,
    Reject,
    Relation,
    Return,
    Statement,
    Symbol,
    TableForm,
    Truth,
    Variable,
)

FIRST_LINE = "from abci_app.rules.stub import *"
"""For editors and type checkers; the only import a rule file may have. Not part of the tree."""

ARITHMETIC = {
    Operator.ADD: "+",
    Operator.SUBTRACT: "-",
    Operator.MULTIPLY: "*",
    Operator.FLOOR_DIVIDE: "//",
    Operator.REMAINDER: "%",
}
COMPARISON = {
    Relation.LESS: "<",
    Relation.LESS_OR_EQUAL: "<=",
    Relation.GREATER: ">",
    Relation.GREATER_OR_EQUAL: ">=",
    Relation.EQUAL: "==",
    Relation.NOT_EQUAL: "!=",
}
KIND_TYPE = {Kind.INTEGER: "int", Kind.BOOLEAN: "bool", Kind.DIGITS: "Digits"}

_OR, _AND, _NOT, _COMPARE, _ADD, _MULTIPLY = 1, 2, 3, 4, 5, 6
_INDENT = "    "


class Printer:
    """Prints expressions and statements as canonical text. The executor overrides what it binds."""

    def expression(self, node: Expression, binding: int = 0) -> str:
        """The text of an expression inside one that binds with the given strength."""
        match node:
            case Integer(value):
                return f"{value:_}" if abs(value) > 9999 else str(value)
            case Truth(value):
                return str(value)
            case Variable(name) | Symbol(name):
                return name
            case Field(row, column):
                return self.field(row, column)
            case Call(function, arguments):
                return self.call(function, arguments)
            case Converted(unit, value):
                return self.converted(unit, value, binding)
            case Member(enum, member):
                return self.member(enum, member)
            case Arithmetic(operator, left, right):
                own = _ADD if operator in (Operator.ADD, Operator.SUBTRACT) else _MULTIPLY
                left_text, right_text = self.expression(left, own), self.expression(right, own + 1)
                text = f"{left_text} {ARITHMETIC[operator]} {right_text}"
            case _:
                own, text = self._condition(node)
        return f"({text})" if own < binding else text

    def _condition(self, node: Condition) -> tuple[int, str]:
        match node:
            case Comparison(relation, left, right):
                sides = self.expression(left, _COMPARE + 1), self.expression(right, _COMPARE + 1)
                return _COMPARE, f"{sides[0]} {COMPARISON[relation]} {sides[1]}"
            case AllOf(operands):
                return _AND, " and ".join(self.expression(part, _AND + 1) for part in operands)
            case AnyOf(operands):
                return _OR, " or ".join(self.expression(part, _OR + 1) for part in operands)
            case IsNone(name):
                return _COMPARE, f"{name} is None"
            case Not(IsNone(name)):
                return _COMPARE, f"{name} is not None"
            case Not(operand):
                return _NOT, f"not {self.expression(operand, _NOT)}"

    def field(self, row: str, column: str) -> str:
        """A column of a row."""
        return f"{row}.{column}"

    def call(self, function: str, arguments: tuple[Expression, ...]) -> str:
        """A call of an intrinsic or a helper."""
        return f"{function}({', '.join(self.expression(argument) for argument in arguments)})"

    def converted(self, unit: str, value: Expression, binding: int) -> str:
        """A number taken into a unit, or out of one."""
        return f"{conversion(unit)}({self.expression(value)})"

    def member(self, enum: str, member: str) -> str:
        """A value of an enum."""
        return f"{enum}.{member}"

    def rows(self, table: str) -> str:
        """What a loop over a table iterates."""
        return table

    def leave(self, function: Function, values: tuple[Expression, ...]) -> str:
        """A return statement."""
        if function.role is FunctionRole.HELPER:
            return f"return {', '.join(self.expression(value) for value in values)}"
        named = zip(function.results, values, strict=False)
        return f"return Outcome({', '.join(f'{one.name}={self.expression(value)}' for one, value in named)})"

    def reject(self, code: str) -> str:
        """A rule's own refusal."""
        return f'reject("{code}")'

    def block(self, function: Function, body: tuple[Statement, ...], depth: int = 1) -> list[str]:
        """The lines of a body."""
        lines: list[str] = []
        pad = _INDENT * depth
        for statement in body:
            match statement:
                case Let(name, value):
                    lines.append(f"{pad}{name} = {self.expression(value)}")
                case Return(values):
                    lines.append(pad + self.leave(function, values))
                case Reject(code):
                    lines.append(pad + self.reject(code))
                case ForRow(name, table, inner):
                    lines.append(f"{pad}for {name} in {self.rows(table)}:")
                    lines += self.block(function, inner, depth + 1)
                case ForRange(name, start, stop, inner):
                    first = f"{start:_}, " if start else ""
                    lines.append(f"{pad}for {name} in range({first}{stop:_}):")
                    lines += self.block(function, inner, depth + 1)
                case If(branches, otherwise):
                    for word, branch in zip(["if"] + ["elif"] * len(branches), branches, strict=False):
                        lines.append(f"{pad}{word} {self.expression(branch.test)}:")
                        lines += self.block(function, branch.body, depth + 1)
                    if otherwise:
                        lines.append(f"{pad}else:")
                        lines += self.block(function, otherwise, depth + 1)
        return lines


def print_program(program: Program) -> str:
    """The canonical text of a checked tree, ending with a line feed."""
    lines = [FIRST_LINE]
    if program.note:
        lines += ["", *_note(program.note, "")]
    for enum in program.enums:
        lines += ["", _enum(enum)]
    for table in program.tables:
        lines += ["", *_table(table)]
    for function in program.functions:
        lines += ["", "", *_function(function)]
    return "\n".join(lines) + "\n"


def unit_type(unit: str) -> str:
    """The type of integers in a unit: `int`, `Seconds`, `Money["CNY"]`, or an enum's name."""
    if unit in CURRENCIES:
        return f'Money["{unit}"]'
    return unit or KIND_TYPE[Kind.INTEGER]


def conversion(unit: str) -> str:
    """What takes a plain number into a unit or enum; `int` takes it out."""
    return unit or KIND_TYPE[Kind.INTEGER]


def print_expression(node: Expression) -> str:
    """One expression, cut to what fits in a message."""
    text = Printer().expression(node)
    return text if len(text) <= 160 else f"{text[:157]}..."


def _note(lines: tuple[str, ...], pad: str) -> list[str]:
    if len(lines) < 2:
        return [f'{pad}"""{line}"""' for line in lines]
    return [f'{pad}"""{lines[0]}', *(pad + line for line in lines[1:]), f'{pad}"""']


def _declaration(declared: Declared, name: str = "") -> str:
    kind = unit_type(declared.unit) if declared.kind is Kind.INTEGER else KIND_TYPE[declared.kind]
    parts = [kind, *([f'"{name}"'] if name else [])]
    if declared.kind is Kind.BOOLEAN and not parts[1:]:
        return "bool"
    return f"Annotated[{', '.join(parts)}, {declared.low:_}, {declared.high:_}]"


def _enum(enum: EnumForm) -> str:
    members = ", ".join(f'"{member}"' for member in enum.members)
    comma = "," if len(enum.members) == 1 else ""
    return f'{enum.name} = IntEnum("{enum.name}", ({members}{comma}), start=0)'


def _table(table: TableForm) -> list[str]:
    columns = [f"{_INDENT}{column.name}={_declaration(column)}," for column in table.columns]
    sizes = [f"{_INDENT}rows={table.rows:_},", f"{_INDENT}key={table.keys},"]
    return [f"{table.name} = Table(", *sizes, *columns, ")"]


def _function(function: Function) -> list[str]:
    parameters = [f"{_INDENT}{one.name}: {_declaration(one)}," for one in function.parameters]
    results = [_declaration(one, one.name) for one in function.results]
    if function.role is FunctionRole.HELPER:
        outcome = [f") -> {_declaration(function.results[0])}:"]
    elif len(results) == 1:
        outcome = [f") -> tuple[{results[0]}]:"]
    else:
        outcome = [") -> tuple[", *(f"{_INDENT}{one}," for one in results), "]:"]
    head = [f"def {function.name}(", *parameters, *outcome]
    return head + _note(function.note, _INDENT) + Printer().block(function, function.body)
