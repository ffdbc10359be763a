"""What an expression gives, what it may reach, what it costs; and what a condition tells about names."""

from __future__ import annotations

from collections.abc import Mapping

from abci_app.rules.calls import Calls
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import Enums, refuse
from abci_app.rules.printer import ARITHMETIC, conversion
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Converted,
    Expression,
    Field,
    Integer,
    IsNone,
    Member,
    Not,
    Operator,
    Relation,
    Symbol,
    TableForm,
    Truth,
    Variable,
)
from abci_app.rules.tree import Condition as ConditionNode
from abci_app.rules.units import UnitsMix, common_unit, is_enum, unit_of_arithmetic
from abci_app.rules.values import (
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
NAMES_A_STEP = 16
"""So many names copied for each test or round cost one look at an expression; else thousands of both add up."""


class Expressions(Calls):
    """Checks expressions of one program."""

    def __init__(self, tables: Mapping[str, TableForm], enums: Enums) -> None:
        super().__init__(tables, enums)
        self._columns = {
            name: {column.name: declared_value(column) for column in table.columns} for name, table in tables.items()
        }
        self._visits = 0

    def value(self, node: Expression, known: Environment) -> tuple[Known, int]:
        """What is known of the value, and the cost of computing it."""
        self._visit(1, node)
        match node:
            case Integer(value):
                return Number(value, value, None), 1
            case Variable(name):
                return self._variable(name, known, node), 1
            case Field(row, column):
                return self._field(row, column, known, node), 1
            case Arithmetic():
                return self._arithmetic(node, known)
            case Call():
                return self.call(node, known)
            case Truth():
                return Condition(), 1
            case Symbol(name):
                return self.wrong(node, "a value", f"the name of a table, an enum or a rounding, {name}")
            case Member():
                return self._member(node), 1
            case Converted():
                return self._converted(node, known)
            case _:
                return Condition(), self._test(node, known)

    def condition(self, node: Expression, known: Environment) -> int:
        """The cost of a condition; refuses what is none."""
        found, cost = self.value(node, known)
        if not isinstance(found, Condition):
            self.wrong(node, "a condition", found)
        return cost

    def number(self, node: Expression, known: Environment) -> tuple[Number, int]:
        """The range and cost of an integer; refuses what is none."""
        found, cost = self.value(node, known)
        if not isinstance(found, Number):
            self.wrong(node, "an integer", found)
        return found, cost

    def narrowed(self, test: Expression, known: Environment, *, holds: bool) -> Environment:
        """A copy of what is known, knowing also that the checked condition holds (or does not)."""
        result = self.copied(known, test)
        self._narrow(test, result, holds)
        return result

    def copied(self, known: Environment, node: object) -> Environment:
        """A copy of what is known. Its work counts."""
        self._visit(len(known) // NAMES_A_STEP, node)
        return dict(known)

    def _visit(self, steps: int, node: object) -> None:
        self._visits += steps
        if self._visits > MOST_VISITS:
            expected = f"at most {MOST_VISITS:_} steps of checking: fewer rows, shorter loops or fewer names"
            refuse(RuleCode.TOO_COSTLY, self._function, expected, "more", node)

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
            refuse(RuleCode.UNDEFINED, where, "a name with a value, in one unit, on every path to here", name, node)
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
            what = f"a divisor above 0 after {ARITHMETIC[node.operator]}: test it with if, or use max"
            refuse(RuleCode.DIVISOR_NOT_POSITIVE, self.place(node), what, f"what may reach {right}", node)
        try:
            unit = unit_of_arithmetic(node.operator, left.unit, right.unit)
        except UnitsMix as mix:
            self.mixed(node, mix)
        reach = combined(node.operator, left, right)
        reached = self.within(Number(reach.low, reach.high, unit), node, (node.left, left), (node.right, right))
        return reached, left_cost + right_cost + 1

    def _member(self, node: Member) -> Number:
        members = self._enums.get(node.enum)
        if members is None or node.member not in members:
            known = ", ".join(self._enums) or "there is none"
            wanted = (
                f"a declared enum: {known}" if members is None else f"a member of {node.enum}: {', '.join(members)}"
            )
            refuse(RuleCode.NO_SUCH_ENUM, self.place(node), wanted, f"{node.enum}.{node.member}", node)
        at = members.index(node.member)
        return Number(at, at, node.enum)

    def _converted(self, node: Converted, known: Environment) -> tuple[Number, int]:
        found, cost = self.number(node.value, known)
        if not node.unit:
            if not found.unit:
                refuse(RuleCode.NOT_CANONICAL, self.place(node), "a number with a unit inside int()", found, node)
            return Number(found.low, found.high), cost
        if found.unit:
            self.wrong_unit(
                node, f"a plain number inside {conversion(node.unit)}(): take the unit off with int()", found
            )
        if not is_enum(node.unit):
            return Number(found.low, found.high, node.unit), cost
        members = self._enums.get(node.unit)
        if members is None:
            refuse(RuleCode.NO_SUCH_ENUM, self.place(node), "a unit or a declared enum", node.unit, node)
        if found.low < 0 or found.high >= len(members):
            expected = f"a number from 0 to {len(members) - 1}"
            refuse(RuleCode.WRONG_ARGUMENTS, self.place(node), expected, f"what may reach {found}", node)
        return Number(found.low, found.high, node.unit), cost

    def _comparison(self, node: Comparison, known: Environment) -> int:
        (left, left_cost), (right, right_cost) = self.number(node.left, known), self.number(node.right, known)
        try:
            unit = common_unit(left.unit, right.unit)
        except UnitsMix as mix:
            self.mixed(node, mix)
        if is_enum(unit) and node.relation not in (Relation.EQUAL, Relation.NOT_EQUAL):
            self.wrong_unit(node, "== or != between values of an enum", left)
        return left_cost + right_cost + 1

    def _test(self, node: ConditionNode, known: Environment) -> int:
        match node:
            case Comparison():
                return self._comparison(node, known)
            case Not(operand):
                if isinstance(operand, Not):
                    refuse(RuleCode.NOT_CANONICAL, self.place(node), "the condition itself", "not not", node)
                return self.condition(operand, known) + 1
            case IsNone(name):
                found = self._variable(name, known, node)
                if not isinstance(found, PerhapsRow):
                    self.wrong(node, "what a look-up gave, before its first test", found)
                return 2
            case AllOf(operands) | AnyOf(operands):
                if len(operands) < 2:
                    refuse(RuleCode.NOT_CANONICAL, self._function, "two conditions", len(operands), node)
                here, total = self.copied(known, node), 0
                for operand in operands:
                    total += self.condition(operand, here) + 1
                    self._narrow(operand, here, isinstance(node, AllOf))
                return total
