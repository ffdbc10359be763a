"""The checker: a tree that passes cannot fail when it runs.

Proved for every path and every argument inside the declared ranges: each name has a value, each
row was found, kinds fit, every operation stays inside 64 bits, every divisor is positive, every
path returns the declared results inside their ranges or rejects. The static worst-case cost of
each entry point comes out; it is charged, so nothing is counted at run time. A helper is checked
once, against its declared parameters, and may be called by the functions below it only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import check_declarations, check_name, refuse
from abci_app.rules.expressions import Expressions
from abci_app.rules.tree import (
    Call,
    ForRange,
    ForRow,
    Function,
    FunctionRole,
    If,
    Kind,
    Let,
    Program,
    Reject,
    Return,
    Statement,
    TableForm,
)
from abci_app.rules.units import fits_unit, spelled
from abci_app.rules.values import (
    Condition,
    Digits,
    Environment,
    Known,
    Number,
    PerhapsRow,
    Row,
    declared_value,
    joined,
)

MOST_COST = 100_000
"""Of one call of one entry point; a unit is about 30 ns of the executor."""
MOST_BRANCHES = 100
"""Tests on the way to a statement, `elif` included: CPython compiles `elif` as an `if` inside `else`."""
MOST_LOOPS = 4
"""Loops inside loops. CPython allows 20 nested blocks."""


def check_program(program: Program) -> Mapping[str, int]:
    """The static worst-case cost of each entry point. RuleRefused where the tree is not a proven rule."""
    check_declarations(program)
    tables = {table.name: table for table in program.tables}
    expressions = Expressions(tables, {enum.name: enum.members for enum in program.enums})
    helpers = frozenset(one.name for one in program.functions if one.role is FunctionRole.HELPER)
    costs: dict[str, int] = {}
    for function in program.functions:
        cost = _Body(function, tables, expressions, helpers).cost()
        if function.role is FunctionRole.HELPER:
            expressions.add_helper(function, cost)
        else:
            costs[function.name] = cost
    return MappingProxyType(costs)


class _Body:
    """Walks one function's statements with what is known of each name."""

    def __init__(
        self,
        function: Function,
        tables: Mapping[str, TableForm],
        expressions: Expressions,
        helpers: frozenset[str],
    ) -> None:
        self._function = function
        self._helpers = helpers
        self._tables = tables
        self._expressions = expressions
        self._branches = 0  # tests on the way to here
        self._loop_names: list[str] = []
        self._holds: dict[str, str] = {one.name: _kind(declared_value(one)) for one in function.parameters}

    def cost(self) -> int:
        function = self._function
        self._expressions.enter(function.name)
        known = {one.name: declared_value(one) for one in function.parameters}
        after, cost = self._block(function.body, known)
        if after is not None:
            refuse(RuleCode.MAY_NOT_RETURN, function.name, "a return or reject on every path", "none", function)
        if cost > MOST_COST:
            refuse(RuleCode.TOO_COSTLY, function.name, f"a cost of at most {MOST_COST:_}", f"{cost:_}", function)
        return cost

    def _block(self, body: tuple[Statement, ...], known: Environment) -> tuple[Environment | None, int]:
        """What is known after the body (None where it never gets there) and its cost. May change `known`."""
        here: Environment | None = known
        total = 0
        for statement in body:
            if here is None:
                refuse(
                    RuleCode.UNREACHABLE,
                    self._function.name,
                    "nothing after a return",
                    "a statement",
                    statement,
                )
            here, cost = self._statement(statement, here)
            total += cost
        return here, total

    def _statement(self, statement: Statement, known: Environment) -> tuple[Environment | None, int]:
        match statement:
            case Let():
                return self._let(statement, known)
            case If():
                return self._if(statement, known)
            case ForRow(_, table):
                form = self._tables.get(table)
                if form is None:
                    expected = f"a declared table: {', '.join(self._tables) or 'there is none'}"
                    refuse(RuleCode.NO_SUCH_TABLE, self._function.name, expected, table, statement)
                return self._loop(statement, Row(table), form.rows, known)
            case ForRange(_, start, stop):
                if start >= stop:
                    what = "range from a lower to a higher number"
                    refuse(RuleCode.BAD_DECLARATION, self._function.name, what, f"{start} to {stop}", statement)
                return self._loop(statement, Number(start, stop - 1, None), stop - start, known)
            case Return():
                return None, self._return(statement, known)
            case Reject():
                return None, 1

    def _let(self, statement: Let, known: Environment) -> tuple[Environment, int]:
        name = statement.name
        where = f"{self._function.name}: {name} = ..."
        self._check_name(name, where, statement)
        if name in self._loop_names:
            refuse(RuleCode.ASSIGNED_LOOP_NAME, where, "a name other than the loop's", name, statement)
        known[name], cost = self._expressions.value(statement.value, known)
        self._one_kind(name, known[name], where, statement)
        return known, cost + 1

    def _check_name(self, name: str, where: str, node: Let | ForRow | ForRange) -> None:
        check_name(name, where, node)
        if name in self._helpers:
            refuse(RuleCode.BAD_NAME, where, "a name that no helper function has", name, node)

    def _one_kind(self, name: str, found: Known, where: str, node: Let | ForRow | ForRange) -> None:
        """A name holds values of one kind, rows of one table and from a look-up or loop only: back ends rely on it."""
        if isinstance(found, Row | PerhapsRow) and isinstance(node, Let) and not isinstance(node.value, Call):
            refuse(RuleCode.WRONG_TYPE, where, "a row taken from a look-up", "another name of a row", node)
        kind = self._holds.setdefault(name, _kind(found))
        if kind != _kind(found):
            refuse(RuleCode.WRONG_TYPE, where, f"{kind} only, as before, or another name", found, node)

    def _if(self, statement: If, known: Environment) -> tuple[Environment | None, int]:
        where = f"{self._function.name}: if"
        if not statement.branches or not all(branch.body for branch in statement.branches):
            refuse(RuleCode.NOT_CANONICAL, where, "a condition and a body", "an empty one", statement)
        if len(statement.otherwise) == 1 and isinstance(statement.otherwise[0], If):
            refuse(RuleCode.NOT_CANONICAL, where, "elif", "an if alone inside else", statement)
        outside = self._branches
        meeting: Environment | None = None
        tests = worst = 0
        for test, body in ((branch.test, branch.body) for branch in statement.branches):
            self._branches += 1
            if self._branches > MOST_BRANCHES:
                refuse(RuleCode.TOO_LARGE, where, f"at most {MOST_BRANCHES} tests in each other", "more", statement)
            tests += 1 + self._expressions.condition(test, known)
            after, cost = self._block(body, self._expressions.narrowed(test, known, holds=True))
            meeting = _meet(meeting, after)
            worst = max(worst, tests + cost)
            known = self._expressions.narrowed(test, known, holds=False)
        after, cost = self._block(statement.otherwise, known)
        self._branches = outside
        return _meet(meeting, after), max(worst, tests + cost)

    def _loop(self, loop: ForRow | ForRange, each: Known, times: int, known: Environment) -> tuple[Environment, int]:
        """Walks the body again with what it may have changed, until nothing changes or the last round."""
        name, body, node = loop.name, loop.body, loop
        where = f"{self._function.name}: for {name}"
        self._check_name(name, where, node)
        if not body:
            refuse(RuleCode.NOT_CANONICAL, where, "a body", "none", node)
        if name in known or name in self._loop_names:
            refuse(RuleCode.ASSIGNED_LOOP_NAME, where, "a name not yet in use", name, node)
        self._one_kind(name, each, where, node)
        self._loop_names.append(name)
        if len(self._loop_names) > MOST_LOOPS:
            refuse(RuleCode.TOO_COSTLY, where, f"at most {MOST_LOOPS} loops in each other", "more", node)
        cost = 0
        for _ in range(times):
            start = self._expressions.copied(known, node)  # counts for the join as well
            start[name] = each
            after, cost = self._block(body, start)
            if cost * times > MOST_COST:
                actual = f"{cost:_} in each of {times:_} rounds"
                refuse(RuleCode.TOO_COSTLY, where, f"a cost of at most {MOST_COST:_}", actual, node)
            if after is None:
                break
            del after[name]
            widened = joined(known, after)
            if widened == known:
                break
            known = widened
        self._loop_names.pop()
        return known, 1 + times * (cost + 1)

    def _return(self, statement: Return, known: Environment) -> int:
        function = self._function
        if len(statement.values) != len(function.results):
            expected = f"{len(function.results)} results"
            refuse(RuleCode.WRONG_RESULT, f"{function.name}: return", expected, len(statement.values), statement)
        total = 1
        for declared, value in zip(function.results, statement.values, strict=True):
            where = f"{function.name}: result {declared.name}"
            found, cost = self._expressions.value(value, known)
            total += cost
            if declared.kind is Kind.BOOLEAN:
                if not isinstance(found, Condition):
                    refuse(RuleCode.WRONG_RESULT, where, "a condition", found, statement)
            elif not isinstance(found, Number):
                refuse(RuleCode.WRONG_RESULT, where, "an integer", found, statement)
            elif not fits_unit(found.unit, declared.unit):
                refuse(RuleCode.WRONG_UNIT, where, spelled(declared.unit), spelled(found.unit), value)
            elif found.low < declared.low or found.high > declared.high:
                allowed = Number(declared.low, declared.high, declared.unit)
                refuse(RuleCode.RESULT_OUT_OF_RANGE, where, allowed, f"what may reach {found}", statement)
        return total


def _meet(one: Environment | None, other: Environment | None) -> Environment | None:
    if one is None:
        return other
    return one if other is None else joined(one, other)


def _kind(found: Known) -> str:
    match found:
        case Number():
            return "integers"
        case Condition():
            return "conditions"
        case Digits():
            return "digit strings"
        case Row(table) | PerhapsRow(table):
            return f"rows of {table}"
