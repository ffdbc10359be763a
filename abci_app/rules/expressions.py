"""What an expression gives, what it may reach, what it costs; and what a condition tells about names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from abci_app.kernel.money import Rounding
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.intrinsics import LOOKUP_COST, MUL_DIV_COST, NUMERIC, PREFIX_LOOKUP_COST, reach_of_mul_div
from abci_app.rules.names import INTRINSICS, LOOKUPS, ROUNDINGS
from abci_app.rules.printer import ARITHMETIC, print_expression
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Field,
    Integer,
    IsNone,
    Kind,
    Not,
    Operator,
    Relation,
    Symbol,
    TableForm,
    Truth,
    Variable,
)
from abci_app.rules.values import (
    LEAST,
    MOST,
    Condition,
    Environment,
    Known,
    Number,
    PerhapsRow,
    Row,
    bounded,
    combined,
    declared_value,
    mirrored,
    opposite,
)

MOST_VISITS = 100_000
"""Expressions looked at while a rule is checked; loops are walked again until nothing changes."""
INT64 = "-2^63 to 2^63 - 1"


class Expressions:
    """Checks expressions of one program."""

    def __init__(self, tables: Mapping[str, TableForm]) -> None:
        self._tables = tables
        self._columns = {
            name: {column.name: declared_value(column) for column in table.columns} for name, table in tables.items()
        }
        self._function = ""
        self._visits = 0

    def enter(self, function: str) -> None:
        """Name the function that the next expressions belong to."""
        self._function = function

    def value(self, node: Expression, known: Environment) -> tuple[Known, int]:
        """What is known of the value, and the cost of computing it."""
        self._visits += 1
        if self._visits > MOST_VISITS:
            expected = f"at most {MOST_VISITS:_} steps of checking: fewer rows or shorter loops"
            refuse(RuleCode.TOO_COSTLY, self._function, expected, "more", node)
        match node:
            case Integer(value):
                return Number(value, value), 1
            case Variable(name):
                return self._variable(name, known, node), 1
            case Field(row, column):
                return self._field(row, column, known, node), 1
            case Arithmetic():
                return self._arithmetic(node, known)
            case Call():
                return self._call(node, known)
            case Truth():
                return Condition(), 1
            case Symbol(name):
                return self._wrong(node, "a value", f"the name of a table or rounding, {name}")
            case _:
                return Condition(), self._test(node, known)

    def condition(self, node: Expression, known: Environment) -> int:
        """The cost of a condition; refuses what is none."""
        found, cost = self.value(node, known)
        if not isinstance(found, Condition):
            self._wrong(node, "a condition", found)
        return cost

    def number(self, node: Expression, known: Environment) -> tuple[Number, int]:
        """The range and cost of an integer; refuses what is none."""
        found, cost = self.value(node, known)
        if not isinstance(found, Number):
            self._wrong(node, "an integer", found)
        return found, cost

    def narrowed(self, test: Expression, known: Environment, *, holds: bool) -> Environment:
        """A copy of what is known, knowing also that the checked condition holds (or does not)."""
        result = dict(known)
        self._narrow(test, result, holds)
        return result

    def _narrow(self, test: Expression, known: Environment, holds: bool) -> None:
        match test:
            case Not(operand):
                self._narrow(operand, known, not holds)
            case IsNone(name):
                found = known.get(name)
                if isinstance(found, PerhapsRow) and not holds:
                    known[name] = Row(found.table)
            case AllOf(operands) if holds:
                for operand in operands:
                    self._narrow(operand, known, holds)
            case AnyOf(operands) if not holds:
                for operand in operands:
                    self._narrow(operand, known, holds)
            case Comparison(relation, left, right):
                self._narrow_sides(relation if holds else opposite(relation), left, right, known)
            case _:
                pass

    def _narrow_sides(self, relation: Relation, left: Expression, right: Expression, known: Environment) -> None:
        if isinstance(left, Variable):
            (x, _), (y, _) = self.number(left, known), self.number(right, known)
            known[left.name] = bounded(x, relation, y)
        if isinstance(right, Variable):
            (x, _), (y, _) = self.number(left, known), self.number(right, known)
            known[right.name] = bounded(y, mirrored(relation), x)

    def _variable(self, name: str, known: Environment, node: Expression) -> Known:
        found = known.get(name)
        if found is None:
            where = f"{self._function}: {name}"
            refuse(RuleCode.UNDEFINED, where, "a name with a value on every path to here", name, node)
        return found

    def _field(self, row: str, column: str, known: Environment, node: Expression) -> Known:
        where = f"{self._function}: {row}.{column}"
        found = self._variable(row, known, node)
        if isinstance(found, PerhapsRow):
            refuse(RuleCode.MAY_BE_NONE, where, f"{row} tested with `is None` before", found, node)
        if not isinstance(found, Row):
            refuse(RuleCode.WRONG_TYPE, where, "a row", found, node)
        held = self._columns[found.table].get(column)
        if held is None:
            columns = ", ".join(self._columns[found.table])
            refuse(RuleCode.NO_SUCH_COLUMN, where, f"a column of {found.table}: {columns}", column, node)
        return held

    def _arithmetic(self, node: Arithmetic, known: Environment) -> tuple[Number, int]:
        (left, left_cost), (right, right_cost) = self.number(node.left, known), self.number(node.right, known)
        if node.operator in (Operator.FLOOR_DIVIDE, Operator.REMAINDER) and right.low <= 0:
            what = f"a divisor above 0 after {ARITHMETIC[node.operator]}"
            refuse(RuleCode.DIVISOR_NOT_POSITIVE, self._place(node), what, right, node)
        return self._within(combined(node.operator, left, right), node), left_cost + right_cost + 1

    def _within(self, reached: Number, node: Expression) -> Number:
        if reached.low < LEAST or reached.high > MOST:
            expected = f"{INT64}: narrow an input's declared range, or use mul_div or clamp"
            refuse(RuleCode.LEAVES_64_BITS, self._place(node), expected, f"what may reach {reached}", node)
        return reached

    def _test(self, node: Comparison | AllOf | AnyOf | Not | IsNone, known: Environment) -> int:
        match node:
            case Comparison(_, left, right):
                return self.number(left, known)[1] + self.number(right, known)[1] + 1
            case Not(operand):
                if isinstance(operand, Not):
                    refuse(RuleCode.NOT_CANONICAL, self._place(node), "the condition itself", "not not", node)
                return self.condition(operand, known) + 1
            case IsNone(name):
                found = self._variable(name, known, node)
                if not isinstance(found, PerhapsRow):
                    self._wrong(node, "what a look-up gave, before its first test", found)
                return 2
            case AllOf(operands) | AnyOf(operands):
                if len(operands) < 2:
                    refuse(RuleCode.NOT_CANONICAL, self._function, "two conditions", len(operands), node)
                here, total = dict(known), 0
                for operand in operands:
                    total += self.condition(operand, here) + 1
                    self._narrow(operand, here, isinstance(node, AllOf))
                return total

    def _call(self, node: Call, known: Environment) -> tuple[Known, int]:
        if node.function == "mul_div":
            return self._mul_div(node, known)
        if node.function in LOOKUPS:
            return self._lookup(node, known)
        intrinsic = NUMERIC.get(node.function)
        if intrinsic is None:
            where, names = self._place(node), ", ".join(sorted(INTRINSICS))
            refuse(RuleCode.NO_SUCH_FUNCTION, where, f"one of {names}", node.function, node)
        self._arity(node, intrinsic.arity)
        checked = [self.number(argument, known) for argument in node.arguments]
        ranges = [found for found, _ in checked]
        for at in intrinsic.positive:
            self._above(ranges[at], 1, node, at)
        for at in intrinsic.natural:
            self._above(ranges[at], 0, node, at)
        return self._within(intrinsic.reach(*ranges), node), intrinsic.cost + sum(cost for _, cost in checked)

    def _mul_div(self, node: Call, known: Environment) -> tuple[Known, int]:
        self._arity(node, 4)
        checked = [self.number(argument, known) for argument in node.arguments[:3]]
        a, b, c = (found for found, _ in checked)
        rounding = node.arguments[3]
        if not isinstance(rounding, Symbol) or rounding.name not in ROUNDINGS:
            expected = f"a rounding: {', '.join(sorted(ROUNDINGS))}"
            refuse(RuleCode.WRONG_ARGUMENTS, self._place(node), expected, print_expression(rounding), node)
        if c.low <= 0:
            refuse(RuleCode.DIVISOR_NOT_POSITIVE, self._place(node), "a third argument above 0", c, node)
        reached = reach_of_mul_div(a, b, c, Rounding[rounding.name])
        return self._within(reached, node), MUL_DIV_COST + sum(cost for _, cost in checked)

    def _lookup(self, node: Call, known: Environment) -> tuple[Known, int]:
        table = self._table(node)
        wanted = [declared_value(column) for column in table.columns[: table.keys]]
        self._arity(node, 1 + len(wanted))
        total = LOOKUP_COST
        if node.function == "prefix_lookup":
            if table.keys != 1 or table.columns[0].kind is not Kind.DIGITS:
                self._wrong(node, "a table with one key column of digits", table.name)
            total = PREFIX_LOOKUP_COST
        for column, key in zip(wanted, node.arguments[1:], strict=True):
            found, cost = self.value(key, known)
            if type(found) is not type(column):
                self._wrong(key, column, found)
            total += cost
        return PerhapsRow(table.name), total

    def _table(self, node: Call) -> TableForm:
        named = node.arguments[0] if node.arguments else None
        table = self._tables.get(named.name) if isinstance(named, Symbol) else None
        if table is None:
            refuse(RuleCode.NO_SUCH_TABLE, self._place(node), "a declared table as first argument", "none", node)
        return table

    def _arity(self, node: Call, wanted: int) -> None:
        if len(node.arguments) != wanted:
            refuse(RuleCode.WRONG_ARGUMENTS, self._place(node), f"{wanted} arguments", len(node.arguments), node)

    def _above(self, found: Number, least: int, node: Call, at: int) -> None:
        if found.low < least:
            code = RuleCode.DIVISOR_NOT_POSITIVE if least else RuleCode.WRONG_ARGUMENTS
            refuse(code, self._place(node), f"argument {at + 1} at least {least}", found, node)

    def _place(self, node: Expression) -> str:
        return f"{self._function}: {print_expression(node)}"

    def _wrong(self, node: Expression, expected: object, found: object) -> NoReturn:
        refuse(RuleCode.WRONG_TYPE, self._place(node), expected, found, node)
