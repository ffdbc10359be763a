"""Random programs whose kinds and units fit: helpers, enums, units, every intrinsic, tables of every kind of key."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from abci_app.kernel.money import Rounding
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import (
    HELPER_RESULT,
    AllOf,
    AnyOf,
    Arithmetic,
    Branch,
    Call,
    Comparison,
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
from settle.rules.arguments import ArgumentDraw

A = TypeVar("A")
EXTREMES = (2**31, -(2**40), 2**62, 2**63 - 1, -(2**63))
_OPERATORS = (*Operator, Operator.ADD, Operator.SUBTRACT)
_RELATIONS = tuple(Relation)
_ROUNDINGS = tuple(Rounding)
_KIND = EnumForm("KIND", ("VOICE", "SMS", "MMS"))
_DIGITS = ("", "8", "86", "861", "8613", "8619", "9", "90", "86139")


def _column(name: str, low: int, high: int, kind: Kind = Kind.INTEGER, unit: str = "") -> Declared:
    return Declared(name, kind, low, high, unit)


_VALUES = tuple(_column(f"c{at}", -3, 40) for at in range(1, 3))
FORMS = (
    TableForm("ROWS", 4, 1, (_column("c0", -3, 40), *_VALUES)),
    TableForm("WIDE", 4, 1, (_column("c0", -(2**63), 2**63 - 1), *_VALUES)),
    TableForm("PAIRS", 4, 2, (_column("c0", -3, 4), _column("k", 0, 60), *_VALUES)),
    TableForm("NUMBERS", 4, 1, (_column("p", 0, 8, Kind.DIGITS), _column("c0", 0, 9), *_VALUES)),
    TableForm("MIXED", 4, 2, (_column("p", 0, 8, Kind.DIGITS), _column("c0", -5, 99), *_VALUES)),
    TableForm("CASES", 4, 1, (_column("c0", 0, 9), *(_column(n, -50, 50) for n in ("a", "b", "c", "e")), *_VALUES)),
    TableForm("OFFSETS", 4, 1, (_column("c0", -20, 100), _column("offset", -50, 50))),
)
_LOOKUPS = (  # function, table, kinds of the values
    ("lookup", "ROWS", "n"),
    ("tier_of", "ROWS", "n"),
    ("lookup", "WIDE", "n"),
    ("tier_of", "WIDE", "n"),
    ("lookup", "PAIRS", "nn"),
    ("band_at", "PAIRS", "nn"),
    ("lookup", "NUMBERS", "d"),
    ("prefix_lookup", "NUMBERS", "d"),
    ("lookup", "MIXED", "dn"),
    ("band_at", "MIXED", "dn"),
    ("first_match", "CASES", "n"),
    ("first_match", "CASES", "nn"),
)


class RandomProgram:
    """Draws a program whose kinds fit; its ranges may still leave 64 bits, which the checker decides.

    `size` bounds the depth of statements and expressions.
    """

    def __init__(self, chance: Random, size: int = 3) -> None:
        self._chance = chance
        self._size = size
        self._fresh = 0
        self._helpers: list[Function] = []
        for _ in range(self._below(3)):
            self._helpers.append(self._helper())
        self.parameters = (
            *(self._parameter(f"p{at}") for at in range(1 + self._below(3))),
            _column("d", 0, 8, Kind.DIGITS),
            Declared("b", Kind.BOOLEAN, 0, 1, ""),
        )
        self._enter([one.name for one in self.parameters[:-2]])
        body = (*self._block(size), Return((self._number(2), self._condition(2))))
        results = (_column("r", -(2**63), 2**63 - 1), Declared("t", Kind.BOOLEAN, 0, 1, ""))
        self.function = Function("f", FunctionRole.ENTRY_POINT, (), self.parameters, results, body)
        self.program = Program(1, ("Drawn.",), (_KIND,), FORMS, (*self._helpers, self.function))
        self.tables = {form.name: self._filled(form) for form in FORMS}
        self._draw = ArgumentDraw(chance, self.parameters, digits=_DIGITS)

    def arguments(self) -> tuple[Cell, ...]:
        """Arguments at or near the ends of their ranges, or between."""
        return self._draw.draw()

    # ------------------------------------------------------------------------------------------ tables, functions

    def _filled(self, form: TableForm) -> Table:
        rows: dict[Cells, Cells] = {}
        for _ in range(self._below(form.rows + 1)):
            row = tuple(self._cell(column) for column in form.columns)
            rows[row[: form.keys]] = row
        return Table(form.name, tuple(rows[key] for key in sorted(rows)))

    def _cell(self, column: Declared) -> Cell:
        if column.kind is Kind.DIGITS:
            return self._pick(_DIGITS)
        if column.high > 2**60:
            return self._pick((*EXTREMES, 0, 1, 7, 60))
        return self._chance.randint(column.low, column.high)

    def _parameter(self, name: str) -> Declared:
        low, high = sorted((self._bound(), self._bound()))
        return _column(name, low, high)

    def _bound(self) -> int:
        return self._pick(EXTREMES) if self._chance.random() < 0.1 else self._chance.randint(-20, 100)

    def _helper(self) -> Function:
        self._enter(["x"])
        parameters = (
            _column("x", -1_000, 1_000),
            _column("d", 0, 8, Kind.DIGITS),
            Declared("b", Kind.BOOLEAN, 0, 1, ""),
        )
        body = self._block(1)
        result = Call("clamp", (self._number(2), Integer(-1_000), Integer(1_000)))
        name = f"g{len(self._helpers)}"
        results = (_column(HELPER_RESULT, -1_000, 1_000),)
        return Function(name, FunctionRole.HELPER, (), parameters, results, (*body, Return((result,))))

    def _enter(self, numbers: list[str]) -> None:
        self._numbers = numbers
        self._assignable = list(numbers)  # all but the names of loops
        self._rows: list[str] = []

    # ------------------------------------------------------------------------------------------------- statements

    def _block(self, depth: int) -> tuple[Statement, ...]:
        return tuple(self._statement(depth) for _ in range(1 + self._below(3)))

    def _inner(self, depth: int) -> tuple[Statement, ...]:
        """A block whose new names end with it."""
        before = list(self._numbers), list(self._assignable), list(self._rows)
        body = self._block(depth - 1)
        self._numbers, self._assignable, self._rows = before
        return body

    def _statement(self, depth: int) -> Statement:
        pick = self._below(20 if depth else 10)
        if pick < 6:
            value = self._number(self._size)
            if self._chance.random() < 0.6:  # or most programs would leave 64 bits
                value = Call("clamp", (value, Integer(-1_000), Integer(1_000)))
            name = self._pick((self._name(), self._pick(self._assignable)))
            self._assignable.append(name)
            self._numbers.append(name)
            return Let(name, value)
        if pick < 10:
            return self._guarded_lookup()
        if pick < 16:
            return self._if(depth)
        return self._loop(depth)

    def _if(self, depth: int) -> Statement:
        if self._chance.random() < 0.25:
            leave: Statement = Reject(self._pick(("NO", "NEVER")))
            return If((Branch(self._condition(2), (leave,)),), ())
        tests = [self._condition(2) for _ in range(1 + self._below(2))]
        branches = tuple(Branch(test, self._inner(depth)) for test in tests)
        otherwise = self._inner(depth) if self._chance.random() < 0.5 else ()
        if len(otherwise) == 1 and isinstance(otherwise[0], If):
            otherwise = ()
        return If(branches, otherwise)

    def _guarded_lookup(self) -> Statement:
        """A look-up whose row is used in the same condition, so that it is narrowed there."""
        row = self._name()
        function, table, kinds = self._pick(_LOOKUPS)
        values = tuple(self._number(1) if kind == "n" else Variable("d") for kind in kinds)
        found = Let(row, Call(function, (Symbol(table), *values)))
        known = AllOf((Not(IsNone(row)), Comparison(self._relation(), Field(row, "c0"), self._number(1))))
        inside = (Let(self._pick(self._assignable), Field(row, self._pick(("c0", "c1", "c2")))),)
        if self._chance.random() < 0.3:
            return If((Branch(Variable("b"), (found, If((Branch(known, inside),), (Reject("NO_ROW"),)))),), ())
        return If((Branch(Truth(value=True), (found, If((Branch(known, inside),), ()))),), ())

    def _loop(self, depth: int) -> Statement:
        name = self._name()
        if self._chance.random() < 0.5:
            self._rows.append(name)
            body = self._inner(depth)
            self._rows.remove(name)
            return ForRow(name, self._pick(("ROWS", "PAIRS", "NUMBERS", "MIXED", "CASES")), body)
        self._numbers.append(name)
        start = self._chance.randint(-3, 3)
        body = self._inner(depth)
        self._numbers = [one for one in self._numbers if one != name]
        return ForRange(name, start, start + self._chance.randint(1, 4), body)

    # ------------------------------------------------------------------------------------------------ expressions

    def _number(self, depth: int) -> Expression:
        pick = self._below(17 if depth else 4)
        if pick < 1:
            return Integer(self._pick((0, 1, 7, -4, 60, 10_000, 2**33)))
        if pick < 3 or (pick == 3 and not self._rows):
            return Variable(self._pick(self._numbers))
        if pick == 3:
            return Field(self._pick(self._rows), self._pick(("c0", "c1", "c2")))
        if pick < 10:
            return self._sum(depth)
        if pick < 14:
            return self._intrinsic(depth - 1)
        if pick < 15:
            return Call("local_time", (self._number(depth - 1), Symbol("OFFSETS")))
        if pick < 16 and self._helpers:
            value = Call("clamp", (self._number(depth - 1), Integer(-1_000), Integer(1_000)))
            return Call(self._pick(self._helpers).name, (value, Variable("d"), self._condition(depth - 1)))
        return self._with_unit(depth - 1)

    def _sum(self, depth: int) -> Expression:
        operator = self._pick(_OPERATORS)
        right = self._number(depth - 1)
        if operator in (Operator.FLOOR_DIVIDE, Operator.REMAINDER):
            right = Call("max", (Integer(1 + self._below(9)), right))
        return Arithmetic(operator, self._number(depth - 1), right)

    def _with_unit(self, depth: int) -> Expression:
        """A plain number that went through a unit or an enum."""
        match self._below(4):
            case 0:
                unit = self._pick(("CNY", "Seconds", "Bytes"))
                terms = (Converted(unit, self._number(depth)) for _ in range(2))
                return Converted("", Arithmetic(self._pick((Operator.ADD, Operator.SUBTRACT)), *terms))
            case 1:
                span = Converted("Seconds", self._number(depth))
                instant = Converted("Timestamp", self._number(depth))
                return Converted("", Arithmetic(Operator.ADD, instant, span))
            case 2:
                amount, share = Converted("USD", self._number(depth)), Converted("Bps", self._number(depth))
                return Converted("", Call("mul_div", (amount, share, Integer(10_000), Symbol("HALF_EVEN"))))
            case _:
                return Converted("", self._pick((self._kind(depth), Member("KIND", self._pick(_KIND.members)))))

    def _kind(self, depth: int) -> Expression:
        return Converted("KIND", Call("clamp", (self._number(depth), Integer(0), Integer(2))))

    def _intrinsic(self, depth: int) -> Expression:
        def positive() -> Expression:
            return Call("max", (Integer(1), self._number(depth)))

        match self._below(6):
            case 0:
                rounding = Symbol(self._pick(_ROUNDINGS).name)
                return Call("mul_div", (self._number(depth), self._number(depth), positive(), rounding))
            case 1:
                return Call("round_up_to", (Call("max", (Integer(0), self._number(depth))), positive(), positive()))
            case 2:
                return Call("clamp", (self._number(depth), self._number(depth), self._number(depth)))
            case 3:
                return Call("abs", (self._number(depth),))
            case 4:
                return Call("min", (self._number(depth), self._number(depth)))
            case _:
                return Call("max", (self._number(depth), self._number(depth)))

    def _condition(self, depth: int) -> Expression:
        pick = self._below(8 if depth > 0 else 2)
        if pick < 2:
            return Comparison(self._relation(), self._number(1), self._number(1))
        if pick == 2:
            operand = self._condition(depth - 1)
            return operand.operand if isinstance(operand, Not) else Not(operand)
        if pick == 3:
            return self._pick((Variable("b"), Truth(value=self._chance.random() < 0.5)))
        if pick == 4:
            member = Member("KIND", self._pick(_KIND.members))
            return Comparison(self._pick((Relation.EQUAL, Relation.NOT_EQUAL)), self._kind(1), member)
        operands = tuple(self._condition(depth - 1) for _ in range(2 + self._below(2)))
        return AllOf(operands) if pick < 7 else AnyOf(operands)

    # ----------------------------------------------------------------------------------------------------- chance

    def _name(self) -> str:
        self._fresh += 1
        return f"v{self._fresh}"

    def _relation(self) -> Relation:
        return self._pick(_RELATIONS)

    def _below(self, most: int) -> int:
        return int(self._chance.random() * most)

    def _pick(self, many: Sequence[A]) -> A:
        return many[int(self._chance.random() * len(many))]
