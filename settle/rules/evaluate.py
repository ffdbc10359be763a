"""The meaning of a checked tree, node by node: slow, plain, and independent of the executor's compiled text.

Only roundings come from the kernel; tables are searched row by row. A watcher sees every value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.codes import RejectedByRule
from abci_app.rules.executor import rows_of
from abci_app.rules.names import LOOKUPS
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Converted,
    Expression,
    Field,
    ForRange,
    ForRow,
    Function,
    If,
    Integer,
    IsNone,
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
    Truth,
    Variable,
)

Value: TypeAlias = int | bool | str | Cells | None
"""An integer, condition, digit string or row; None where a look-up found nothing."""
Results: TypeAlias = tuple[int | bool, ...]
Frame: TypeAlias = dict[str, Value]


class Evaluator:
    """Evaluates entry points of a checked program over its checked tables. Subclasses watch."""

    def __init__(self, program: Program, tables: Mapping[str, Table]) -> None:
        self._functions = {one.name: one for one in program.functions}
        self._columns = {form.name: [column.name for column in form.columns] for form in program.tables}
        self._keys = {form.name: form.keys for form in program.tables}
        self._members = {enum.name: enum.members for enum in program.enums}
        self._rows = {name: table.rows for name, table in tables.items()}
        self._tables_of = {one.name: rows_of(one.body) for one in program.functions}

    def run(self, function: Function, arguments: tuple[Value, ...]) -> Results:
        """The results. RejectedByRule where the rule rejects."""
        frame: Frame = dict(zip((one.name for one in function.parameters), arguments, strict=True))
        results = self._block(function, function.body, frame)
        assert results is not None, "a checked body returns or rejects"
        return results

    def _block(self, function: Function, body: tuple[Statement, ...], frame: Frame) -> Results | None:
        for statement in body:
            results = self.statement(function, statement, frame)
            if results is not None:
                return results
        return None

    def statement(self, function: Function, statement: Statement, frame: Frame) -> Results | None:
        """Carry out one statement: the results where it returns."""
        match statement:
            case Let(name, value):
                frame[name] = self.value(function, value, frame)
            case If(branches, otherwise):
                taken = next((one.body for one in branches if self.test(function, one.test, frame)), otherwise)
                return self._block(function, taken, frame)
            case ForRow(name, table, body):
                return self._rounds(function, name, body, self._rows[table], frame)
            case ForRange(name, start, stop, body):
                return self._rounds(function, name, body, range(start, stop), frame)
            case Return(values):
                return cast("Results", tuple(self.value(function, value, frame) for value in values))
            case Reject(code):
                raise RejectedByRule(code)
        return None

    def test(self, function: Function, node: Expression, frame: Frame) -> bool:
        """Whether the test of a branch is taken."""
        return bool(self.value(function, node, frame))

    def _rounds(
        self,
        function: Function,
        name: str,
        body: tuple[Statement, ...],
        rounds: tuple[Cells, ...] | range,
        frame: Frame,
    ) -> Results | None:
        for one in rounds:
            frame[name] = one
            results = self._block(function, body, frame)
            if results is not None:
                return results
        return None

    def value(self, function: Function, node: Expression, frame: Frame) -> Value:
        """The value of an expression. An integer outside 64 bits is a fault of the checker: AssertionError."""
        found = self._value(function, node, frame)
        if type(found) is int:
            assert -(2**63) <= found < 2**63, f"{node} is {found}"
        return found

    def _value(self, function: Function, node: Expression, frame: Frame) -> Value:
        match node:
            case Integer(value) | Truth(value):
                return value
            case Variable(name):
                return frame[name]
            case Field(row, column):
                at = self._columns[self._tables_of[function.name][row]].index(column)
                return cast("Cells", frame[row])[at]
            case Member(enum, member):
                return self._members[enum].index(member)
            case Converted(_, value):
                return self.value(function, value, frame)
            case Arithmetic(how, left, right):
                return _ARITHMETIC[how](self._number(function, left, frame), self._number(function, right, frame))
            case Call(name, arguments):
                return self._call(function, name, arguments, frame)
            case _:
                return self._condition(function, node, frame)

    def _condition(self, function: Function, node: Expression, frame: Frame) -> bool:
        match node:
            case Comparison(relation, left, right):
                return _COMPARISON[relation](self._number(function, left, frame), self._number(function, right, frame))
            case Not(operand):
                return not self.value(function, operand, frame)
            case IsNone(name):
                return frame[name] is None
            case AllOf(operands):
                return all(self.value(function, one, frame) for one in operands)
            case AnyOf(operands):
                return any(self.value(function, one, frame) for one in operands)
            case _:
                raise AssertionError(f"{node} is no expression of a checked tree")

    def _number(self, function: Function, node: Expression, frame: Frame) -> int:
        return cast("int", self.value(function, node, frame))

    def _call(self, function: Function, name: str, arguments: tuple[Expression, ...], frame: Frame) -> Value:
        values = [self.value(function, one, frame) for one in arguments if not isinstance(one, Symbol)]
        symbols = [one.name for one in arguments if isinstance(one, Symbol)]
        if name in LOOKUPS:
            return self._lookup(name, symbols[0], cast("list[Cell]", values))
        numbers = cast("list[int]", values)
        match name:
            case "mul_div":
                return mul_div(numbers[0], numbers[1], numbers[2], Rounding[symbols[0]])
            case "local_time":
                row = self._lookup("tier_of", symbols[0], [numbers[0]])
                return numbers[0] + (0 if row is None else cast("int", row[-1]))
            case "round_up_to":
                return _increments(*numbers)
            case "clamp":
                return min(max(numbers[0], numbers[1]), numbers[2])
            case "min" | "max":
                return min(numbers) if name == "min" else max(numbers)
            case "abs":
                return abs(numbers[0])
            case _:
                return self.run(self._functions[name], tuple(values))[0]

    def _lookup(self, function: str, table: str, values: list[Cell]) -> Cells | None:
        keys = self._keys[table]
        found: Cells | None = None
        for row in self._rows[table]:
            if function == "first_match":
                bounds = cast("tuple[int, ...]", row)
                if all(bounds[2 * at + 1] <= cast("int", one) <= bounds[2 * at + 2] for at, one in enumerate(values)):
                    return row
            elif function == "prefix_lookup":
                key, number = cast("str", row[0]), cast("str", values[0])
                if number.startswith(key) and (found is None or len(key) > len(cast("str", found[0]))):
                    found = row
            elif function == "lookup":
                if list(row[:keys]) == values:
                    return row
            elif list(row[: keys - 1]) == values[:-1] and cast("int", row[keys - 1]) <= cast("int", values[-1]):
                found = row  # keys rise: the last that fits is the highest
        return found


def _increments(duration: int, first: int, following: int) -> int:
    """Whole increments counted from their definition, not by the executor's formula."""
    if duration == 0:
        return 0
    beyond = max(duration - first, 0)
    return first + (beyond + following - 1) // following * following


_ARITHMETIC: dict[Operator, Callable[[int, int], int]] = {
    Operator.ADD: operator.add,
    Operator.SUBTRACT: operator.sub,
    Operator.MULTIPLY: operator.mul,
    Operator.FLOOR_DIVIDE: operator.floordiv,
    Operator.REMAINDER: operator.mod,
}
_COMPARISON: dict[Relation, Callable[[int, int], bool]] = {
    Relation.LESS: operator.lt,
    Relation.LESS_OR_EQUAL: operator.le,
    Relation.GREATER: operator.gt,
    Relation.GREATER_OR_EQUAL: operator.ge,
    Relation.EQUAL: operator.eq,
    Relation.NOT_EQUAL: operator.ne,
}
