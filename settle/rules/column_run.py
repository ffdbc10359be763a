"""One run of one function over the lanes of a chunk: statements under masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import polars as pl

from abci_app.kernel.money import Rounding
from abci_app.rules.names import LOOKUPS
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
    Return,
    Statement,
    Symbol,
    Truth,
    Variable,
)
from settle.rules.column_tables import INDEX, ColumnTable
from settle.rules.column_values import (
    Column,
    Mask,
    RowAt,
    arithmetic,
    both,
    comparison,
    dtype_of,
    either,
    higher,
    increments,
    lower,
    magnitude,
    one,
    opposite,
    scaled,
    select,
)

Held: TypeAlias = Column | RowAt
_OFFSET = "offset"


class _NoLanes(Exception):
    """Every lane that was asked about has been rejected on the way: there is no value."""


class Shared:
    """What all chunks of an entry point share."""

    def __init__(self, program: Program, tables: Mapping[str, ColumnTable]) -> None:
        self.functions = {function.name: function for function in program.functions}
        self.members = {enum.name: enum.members for enum in program.enums}
        self.tables = tables


class ColumnRun:
    """Carries a function's body out. Afterwards `results`, `rejected`, `rejection` and `codes` say what came out.

    An expression is only ever evaluated for at least one lane, so scalars, which all lanes share, never
    meet a divisor of 0 or leave 64 bits; other lanes may, and nobody looks at them.
    """

    def __init__(self, shared: Shared, function: Function, lanes: int, codes: list[str] | None = None) -> None:
        self._shared = shared
        self._function = function
        self._lanes = lanes
        self._held: dict[str, Held] = {}
        self.codes: list[str] = [] if codes is None else codes
        """The rule's codes of rejection, from 1, in the order of meeting them."""
        self.results: list[Column] = []
        self.rejected: Mask = False
        self.rejection: Column = 0
        """The number of each lane's code; 0 where it is not rejected."""

    def start(self, arguments: tuple[Held, ...], mask: Mask = True) -> None:
        """Run the body for the lanes of the mask, with these arguments."""
        names = (declared.name for declared in self._function.parameters)
        self._held = dict(zip(names, arguments, strict=True))
        self._block(self._function.body, mask)

    def _block(self, body: tuple[Statement, ...], mask: Mask) -> Mask:
        """The lanes that reach the end of a body."""
        for statement in body:
            if mask is False:
                break
            try:
                mask = self._statement(statement, mask)
            except _NoLanes:
                return False
        return mask

    def _statement(self, statement: Statement, mask: Mask) -> Mask:
        match statement:
            case Let(name, value):
                self._let(name, self._value(value, mask), mask)
                return self._alive(mask)
            case If():
                return self._if(statement, mask)
            case ForRow(name, table, body):
                rounds: list[Held] = [RowAt(table, at) for at in range(self._shared.tables[table].none)]
                return self._loop(name, rounds, body, mask)
            case ForRange(name, start, stop, body):
                return self._loop(name, list(range(start, stop)), body, mask)
            case Return(values):
                self._return(values, mask)
                return False
            case Reject(code):
                self._reject(code, mask)
                return False

    def _let(self, name: str, value: Held, mask: Mask) -> None:
        self._held[name] = _merged(mask, value, self._held.get(name))

    def _if(self, statement: If, mask: Mask) -> Mask:
        after: Mask = False
        for branch in statement.branches:
            try:
                test = self._condition(branch.test, mask)
            except _NoLanes:
                return after
            mask = self._alive(mask)
            after = either(after, self._block(branch.body, both(mask, test)))
            mask = both(mask, opposite(test))
            if mask is False:
                return after
        return either(after, self._block(statement.otherwise, mask))

    def _loop(self, name: str, rounds: list[Held], body: tuple[Statement, ...], mask: Mask) -> Mask:
        for each in rounds:
            if mask is False:
                break
            self._held[name] = each
            mask = self._block(body, mask)
        self._held.pop(name, None)
        return mask

    def _return(self, values: tuple[Expression, ...], mask: Mask) -> None:
        # First all values: one of them may reject some of the lanes.
        computed = [cast("Column", self._value(value, mask)) for value in values]
        if not self.results:
            self.results = computed
            return
        pairs = zip(computed, self.results, strict=True)
        self.results = [select(mask, new, old) for new, old in pairs]

    def _reject(self, code: str, mask: Mask) -> None:
        if code not in self.codes:
            self.codes.append(code)
        self.rejection = select(mask, self.codes.index(code) + 1, self.rejection)
        self.rejected = either(self.rejected, mask)

    def _alive(self, mask: Mask) -> Mask:
        """The lanes that an expression has not rejected (a helper in it may)."""
        return mask if self.rejected is False else both(mask, opposite(self.rejected))

    def _condition(self, node: Expression, mask: Mask) -> Mask:
        return cast("Mask", self._value(node, mask))

    def _number(self, node: Expression, mask: Mask) -> Column:
        return cast("Column", self._value(node, mask))

    def _value(self, node: Expression, mask: Mask) -> Held:
        """The value of an expression for the lanes of the mask, of which there is at least one."""
        match node:
            case Integer(value) | Truth(value):
                return value
            case Variable(name):
                return self._held[name]
            case Field(row, column):
                held = cast("RowAt", self._held[row])
                return self._shared.tables[held.table].cell(column, held.at)
            case Member(enum, member):
                return self._shared.members[enum].index(member)
            case Converted(_, value):
                return self._value(value, mask)
            case Arithmetic(operator, left, right):
                return arithmetic(operator, self._number(left, mask), self._number(right, mask))
            case Call(name, arguments):
                return self._call(name, arguments, mask)
            case _:
                return self._test(node, mask)

    def _test(self, node: Expression, mask: Mask) -> Mask:
        match node:
            case Comparison(relation, left, right):
                return comparison(relation, self._number(left, mask), self._number(right, mask))
            case Not(operand):
                return opposite(self._condition(operand, mask))
            case IsNone(name):
                held = cast("RowAt", self._held[name])
                return held.at == self._shared.tables[held.table].none
            case AllOf(operands):
                return self._in_turn(operands, mask, holds=True)
            case AnyOf(operands):
                return opposite(self._in_turn(operands, mask, holds=False))
            case _:
                raise AssertionError(f"{node} is no expression of a checked tree")

    def _in_turn(self, operands: tuple[Expression, ...], mask: Mask, *, holds: bool) -> Mask:
        """The lanes in which every operand is as `holds` says; each is asked only where all before it were."""
        asked = mask
        for operand in operands:
            try:
                found = self._condition(operand, mask)
            except _NoLanes:
                if self._alive(asked) is False:
                    raise
                return False
            mask = both(self._alive(mask), found if holds else opposite(found))
            if mask is False:
                break
        return mask

    def _call(self, name: str, arguments: tuple[Expression, ...], mask: Mask) -> Held:
        values = tuple(self._number(part, mask) for part in arguments if not isinstance(part, Symbol))
        symbols = [part.name for part in arguments if isinstance(part, Symbol)]
        if name in LOOKUPS:
            return RowAt(symbols[0], self._shared.tables[symbols[0]].find(name, values))
        match name:
            case "mul_div":
                return scaled(values[0], values[1], values[2], Rounding[symbols[0]])
            case "local_time":
                table = self._shared.tables[symbols[0]]
                offset = table.cell(_OFFSET, table.find("tier_of", values))
                return arithmetic(Operator.ADD, values[0], offset)
            case "round_up_to":
                return increments(*values)
            case "clamp":
                return lower(higher(values[0], values[1]), values[2])
            case "min":
                return lower(*values)
            case "max":
                return higher(*values)
            case "abs":
                return magnitude(values[0])
            case _:
                return self._helper(self._shared.functions[name], values, mask)

    def _helper(self, function: Function, values: tuple[Column, ...], mask: Mask) -> Column:
        inner = ColumnRun(self._shared, function, self._lanes, self.codes)
        inner.start(values, self._alive(mask))
        if inner.rejected is not False:
            self.rejection = select(inner.rejected, inner.rejection, self.rejection)
            self.rejected = either(self.rejected, inner.rejected)
        if not inner.results:
            raise _NoLanes
        return inner.results[0]


def _merged(mask: Mask, new: Held, old: Held | None) -> Held:
    """What a name holds after an assignment in some lanes. Where the kinds differ no later line reads the others."""
    if mask is True or old is None:
        return new
    if isinstance(new, RowAt) or isinstance(old, RowAt):
        if isinstance(new, RowAt) and isinstance(old, RowAt):
            at = select(mask, one(new.at, INDEX).cast(INDEX), one(old.at, INDEX).cast(INDEX))
            return RowAt(new.table, cast("pl.Series", at))
        return new
    return select(mask, new, old) if dtype_of(new) == dtype_of(old) else new
