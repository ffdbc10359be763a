"""What a call gives, what it may reach, what it costs: intrinsics, look-ups in tables, helper functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from abci_app.kernel.money import Rounding
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import Enums, refuse
from abci_app.rules.intrinsics import HELPER_COST, MUL_DIV_COST, NUMERIC, reach_of_mul_div
from abci_app.rules.lookups import LOCAL_TIME_COST, LOOKUP_COSTS, MOST_OFFSET, OFFSET_COLUMN, search_columns
from abci_app.rules.names import INTRINSICS, LOOKUPS, ROUNDINGS
from abci_app.rules.printer import print_expression
from abci_app.rules.tree import Call, Declared, Expression, Function, Kind, Symbol, TableForm
from abci_app.rules.units import UnitsMix, common_unit, fits_unit, spelled, unit_of_mul_div
from abci_app.rules.values import (
    LEAST,
    MOST,
    Digits,
    Environment,
    Known,
    Number,
    PerhapsRow,
    declared_value,
)

INT64 = "-2^63 to 2^63 - 1"


class Helper(NamedTuple):
    """A helper function that has passed the checker, and its cost."""

    function: Function
    cost: int


class Calls(ABC):
    """Checks calls; `Expressions` gives it the other expressions."""

    def __init__(self, tables: Mapping[str, TableForm], enums: Enums) -> None:
        self._tables = tables
        self._enums = enums
        self._helpers: dict[str, Helper] = {}
        self._function = ""

    def enter(self, function: str) -> None:
        """Name the function that the next expressions belong to."""
        self._function = function

    def add_helper(self, function: Function, cost: int) -> None:
        """Let the functions that follow call this checked helper."""
        self._helpers[function.name] = Helper(function, cost)

    @abstractmethod
    def value(self, node: Expression, known: Environment) -> tuple[Known, int]:
        """What is known of the value, and the cost of computing it."""

    @abstractmethod
    def number(self, node: Expression, known: Environment) -> tuple[Number, int]:
        """The range and cost of an integer; refuses what is none."""

    def _fitting(self, node: Expression, declared: Declared, known: Environment, call: Call) -> int:
        """The cost of an argument that must be of a declared kind, unit and range."""
        # The place is printed where it is needed only: calls inside calls would print each other without end.
        found, cost = self.value(node, known)
        wanted = declared_value(declared)
        if type(found) is not type(wanted):
            refuse(RuleCode.WRONG_ARGUMENTS, self.place(call), f"{declared.name}: {wanted}", found, node)
        if isinstance(found, Number):
            self.unit(node, found, declared.unit)
        if isinstance(wanted, Number | Digits) and isinstance(found, Number | Digits):
            self._span(node, found, wanted, call, declared.name)
        return cost

    def _span(
        self, node: Expression, found: Number | Digits, wanted: Number | Digits, call: Call, parameter: str
    ) -> None:
        if found.low < wanted.low or found.high > wanted.high:
            place = f"{self.place(call)}, {parameter}"
            refuse(RuleCode.WRONG_ARGUMENTS, place, wanted, f"what may reach {found}", node)

    def unit(self, node: Expression, found: Number, wanted: str) -> None:
        """Refuse a number that is not in the wanted unit."""
        if not fits_unit(found.unit, wanted):
            refuse(RuleCode.WRONG_UNIT, self.place(node), spelled(wanted), spelled(found.unit), node)

    def call(self, node: Call, known: Environment) -> tuple[Known, int]:
        """The value of a call."""
        if node.function in LOOKUPS:
            return self._lookup(node, known)
        if node.function in NUMERIC:
            return self._numeric(node, known)
        if node.function == "mul_div":
            return self._mul_div(node, known)
        if node.function == "local_time":
            return self._local_time(node, known)
        helper = self._helpers.get(node.function)
        if helper is None:
            names = ", ".join(sorted(INTRINSICS | self._helpers.keys()))
            refuse(RuleCode.NO_SUCH_FUNCTION, self.place(node), f"one of {names}", node.function, node)
        return self._helper(node, helper, known)

    def within(self, reached: Number, node: Expression, *operands: tuple[Expression, Number]) -> Number:
        """Refuse what may leave 64 bits, showing what each operand may reach."""
        if reached.low < LEAST or reached.high > MOST:
            expected = f"{INT64}: narrow an input's declared range, test it with if, or use mul_div or clamp"
            spans = ", ".join(f"{print_expression(one)} is {span}" for one, span in operands)
            actual = f"what may reach {reached} ({spans})"
            refuse(RuleCode.LEAVES_64_BITS, self.place(node), expected, actual, node)
        return reached

    def mixed(self, node: Expression, mix: UnitsMix) -> NoReturn:
        """Refuse numbers whose units do not go together."""
        refuse(RuleCode.WRONG_UNIT, self.place(node), mix.expected, mix.actual, node)

    def wrong_unit(self, node: Expression, expected: str, found: Number) -> NoReturn:
        """Refuse a number for its unit."""
        refuse(RuleCode.WRONG_UNIT, self.place(node), expected, spelled(found.unit), node)

    def place(self, node: Expression) -> str:
        """The function and the expression in canonical text."""
        return f"{self._function}: {print_expression(node)}"

    def wrong(self, node: Expression, expected: object, found: object) -> NoReturn:
        """Refuse a value of the wrong kind."""
        refuse(RuleCode.WRONG_TYPE, self.place(node), expected, found, node)

    def _helper(self, node: Call, helper: Helper, known: Environment) -> tuple[Known, int]:
        parameters = helper.function.parameters
        self._arity(node, len(parameters))
        total = HELPER_COST + helper.cost
        for declared, argument in zip(parameters, node.arguments, strict=True):
            total += self._fitting(argument, declared, known, node)
        return declared_value(helper.function.results[0]), total

    def _numeric(self, node: Call, known: Environment) -> tuple[Known, int]:
        intrinsic = NUMERIC[node.function]
        self._arity(node, intrinsic.arity)
        checked = [self.number(argument, known) for argument in node.arguments]
        ranges = [found for found, _ in checked]
        for at in intrinsic.positive:
            self._above(ranges[at], 1, node, at)
        for at in intrinsic.natural:
            self._above(ranges[at], 0, node, at)
        reach = intrinsic.reach(*ranges)
        try:
            unit = common_unit(*(one.unit for one in ranges))
        except UnitsMix as mix:
            self.mixed(node, mix)
        reached = self.within(Number(reach.low, reach.high, unit), node, *zip(node.arguments, ranges, strict=True))
        return reached, intrinsic.cost + sum(cost for _, cost in checked)

    def _mul_div(self, node: Call, known: Environment) -> tuple[Known, int]:
        self._arity(node, 4)
        checked = [self.number(argument, known) for argument in node.arguments[:3]]
        a, b, c = (found for found, _ in checked)
        rounding = node.arguments[3]
        if not isinstance(rounding, Symbol) or rounding.name not in ROUNDINGS:
            expected = f"a rounding: {', '.join(sorted(ROUNDINGS))}"
            refuse(RuleCode.WRONG_ARGUMENTS, self.place(node), expected, print_expression(rounding), node)
        if c.low <= 0:
            refuse(RuleCode.DIVISOR_NOT_POSITIVE, self.place(node), "a third argument above 0", c, node)
        reach = reach_of_mul_div(a, b, c, Rounding[rounding.name])
        try:
            unit = unit_of_mul_div(a.unit, b.unit, c.unit)
        except UnitsMix as mix:
            self.mixed(node, mix)
        operands = zip(node.arguments[:3], (a, b, c), strict=True)
        reached = self.within(Number(reach.low, reach.high, unit), node, *operands)
        return reached, MUL_DIV_COST + sum(cost for _, cost in checked)

    def _lookup(self, node: Call, known: Environment) -> tuple[Known, int]:
        table = self._table(node, 0)
        keys = node.arguments[1:]
        columns = search_columns(node.function, table, len(keys))
        if isinstance(columns, str):
            self.wrong(node, columns, table.name)
        self._arity(node, 1 + max(len(columns), 1))
        total = LOOKUP_COSTS[node.function](table.rows, len(keys))
        for column, key in zip(columns, keys, strict=True):
            found, cost = self.value(key, known)
            wanted = declared_value(column)
            if type(found) is not type(wanted):
                self.wrong(key, f"{column.name}: {wanted}", found)
            if isinstance(found, Number):
                self.unit(key, found, column.unit)
            total += cost
        return PerhapsRow(table.name), total

    def _local_time(self, node: Call, known: Environment) -> tuple[Known, int]:
        self._arity(node, 2)
        table = self._table(node, 1)
        instant, cost = self.number(node.arguments[0], known)
        offset = table.columns[-1]
        form = [(one.kind, one.unit) for one in table.columns]
        allowed = [
            [(Kind.INTEGER, unit), (Kind.INTEGER, span)] for unit in ("", "Timestamp") for span in ("", "Seconds")
        ]
        if table.keys != 1 or form not in allowed or offset.name != OFFSET_COLUMN or not _is_offset(offset):
            expected = (
                f"a table with one key, instants from which an offset holds, and {OFFSET_COLUMN}, seconds within "
                f"-{MOST_OFFSET:_} to {MOST_OFFSET:_}"
            )
            refuse(RuleCode.WRONG_ARGUMENTS, self.place(node), expected, table.name, node)
        self.unit(node.arguments[0], instant, table.columns[0].unit)
        low, high = instant.low + min(offset.low, 0), instant.high + max(offset.high, 0)
        reached = Number(low, high, table.columns[0].unit)
        return self.within(reached, node, (node.arguments[0], instant)), LOCAL_TIME_COST + cost

    def _table(self, node: Call, at: int) -> TableForm:
        named = node.arguments[at] if at < len(node.arguments) else None
        table = self._tables.get(named.name) if isinstance(named, Symbol) else None
        if table is None:
            actual = "none" if named is None else print_expression(named)
            expected = f"a declared table as argument {at + 1}: {', '.join(self._tables) or 'there is none'}"
            refuse(RuleCode.NO_SUCH_TABLE, self.place(node), expected, actual, node)
        return table

    def _arity(self, node: Call, wanted: int) -> None:
        if len(node.arguments) != wanted:
            refuse(RuleCode.WRONG_ARGUMENTS, self.place(node), f"{wanted} arguments", len(node.arguments), node)

    def _above(self, found: Number, least: int, node: Call, at: int) -> None:
        if found.low < least:
            code = RuleCode.DIVISOR_NOT_POSITIVE if least else RuleCode.WRONG_ARGUMENTS
            refuse(code, self.place(node), f"argument {at + 1} at least {least}", found, node)


def _is_offset(column: Declared) -> bool:
    return column.low >= -MOST_OFFSET and column.high <= MOST_OFFSET
