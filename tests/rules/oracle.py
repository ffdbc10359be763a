"""A second evaluation of trees, node by node; shares only the intrinsics with the executor."""

from __future__ import annotations

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.intrinsics import clamp, round_up_to
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    ForRange,
    ForRow,
    If,
    Integer,
    IsNone,
    Let,
    Not,
    Operator,
    Program,
    Reject,
    Relation,
    Return,
    Statement,
    Symbol,
    Truth,
    Variable,
)


class Refusal(Exception):
    """The rule said reject."""


class _Left(Exception):
    def __init__(self, values: tuple[int | bool, ...]) -> None:
        self.values = values


class Oracle:
    """Evaluates a tree directly.

    Every integer on the way is asserted to be inside 64 bits.
    """

    def __init__(self, program: Program, tables: dict[str, Table]) -> None:
        self._function = program.functions[0]
        self._forms = {form.name: form for form in program.tables}
        self._tables = tables
        self._held: dict[str, str] = {}

    def run(self, arguments: tuple[Cell, ...]) -> tuple[int | bool, ...]:
        """The results."""
        names: dict[str, object] = dict(zip((p.name for p in self._function.parameters), arguments, strict=True))
        try:
            self._block(self._function.body, names)
        except _Left as left:
            return left.values
        raise AssertionError("no return")

    def _block(self, body: tuple[Statement, ...], names: dict[str, object]) -> None:
        for statement in body:
            match statement:
                case Let(name, value):
                    if isinstance(value, Call) and value.function == "lookup":
                        self._held[name] = value.arguments[0].name  # type: ignore[union-attr]  # checked tree
                    names[name] = self._value(value, names)
                case If(branches, otherwise):
                    taken = next((one.body for one in branches if self._value(one.test, names)), otherwise)
                    self._block(taken, names)
                case ForRow(name, table, inner):
                    self._held[name] = table
                    for row in self._tables[table].rows:
                        names[name] = row
                        self._block(inner, names)
                case ForRange(name, start, stop, inner):
                    for number in range(start, stop):
                        names[name] = number
                        self._block(inner, names)
                case Return(values):
                    raise _Left(tuple(self._value(value, names) for value in values))  # type: ignore[misc]
                case Reject(code):
                    raise Refusal(code)

    def _value(self, node: Expression, names: dict[str, object]) -> object:
        value = self._raw(node, names)
        if type(value) is int:
            assert -(2**63) <= value < 2**63, (node, value)
        return value

    def _raw(self, node: Expression, names: dict[str, object]) -> object:
        match node:
            case Integer(value) | Truth(value):
                return value
            case Variable(name):
                return names[name]
            case Field(row, column):
                columns = [one.name for one in self._forms[self._held[row]].columns]
                cells = names[row]
                assert isinstance(cells, tuple)
                return cells[columns.index(column)]
            case IsNone(name):
                return names[name] is None
            case Not(operand):
                return not self._value(operand, names)
            case AllOf(operands):
                return all(self._value(one, names) for one in operands)
            case AnyOf(operands):
                return any(self._value(one, names) for one in operands)
            case Symbol(name):
                return self._tables[name] if name in self._tables else Rounding[name]
            case Call(name, arguments):
                return self._call(name, [self._value(one, names) for one in arguments])
            case Arithmetic(operator, left, right):
                return _arithmetic(operator, self._value(left, names), self._value(right, names))
            case Comparison(relation, left, right):
                return _compare(relation, self._value(left, names), self._value(right, names))

    def _call(self, name: str, values: list[object]) -> object:
        if name == "lookup":
            table = values[0]
            assert isinstance(table, Table)
            found: Cells | None = next((row for row in table.rows if row[0] == values[1]), None)
            return found
        known = {"min": min, "max": max, "abs": abs, "mul_div": mul_div, "clamp": clamp, "round_up_to": round_up_to}
        return known[name](*values)  # type: ignore[operator]  # a checked tree's arguments


def _arithmetic(operator: Operator, a: object, b: object) -> int:
    assert isinstance(a, int)
    assert isinstance(b, int)
    match operator:
        case Operator.ADD:
            return a + b
        case Operator.SUBTRACT:
            return a - b
        case Operator.MULTIPLY:
            return a * b
        case Operator.FLOOR_DIVIDE:
            return a // b
        case Operator.REMAINDER:
            return a % b


def _compare(relation: Relation, a: object, b: object) -> bool:
    assert isinstance(a, int)
    assert isinstance(b, int)
    return {
        Relation.LESS: a < b,
        Relation.LESS_OR_EQUAL: a <= b,
        Relation.GREATER: a > b,
        Relation.GREATER_OR_EQUAL: a >= b,
        Relation.EQUAL: a == b,
        Relation.NOT_EQUAL: a != b,
    }[relation]
