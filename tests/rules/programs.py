"""Programs for the tests: short texts and random well-typed trees."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from abci_app.kernel.money import Rounding
from abci_app.rules.bundle import Bundle, EntryCost, Manifest, TableDigest, Vector, write_bundle
from abci_app.rules.check import check_program
from abci_app.rules.executor import Entry, compile_program
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Cell, Table, table_hash, write_table
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Branch,
    Call,
    Comparison,
    Declared,
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
    Not,
    Operator,
    Program,
    Relation,
    Return,
    Statement,
    Symbol,
    TableForm,
    Truth,
    Variable,
    tree_hash,
    write_program,
)
from settle.rules.parse import parse_rule

STUB = "from abci_app.rules.stub import *\n"
TABLE = """
T = Table(
    rows=8,
    key=1,
    k=Annotated[int, 0, 9],
    v=Annotated[int, 1, 100],
)

P = Table(
    rows=8,
    key=1,
    prefix=Annotated[Digits, 1, 8],
    v=Annotated[int, 0, 100],
)
"""
ROWS = {
    "T": Table("T", ((1, 10), (3, 30), (5, 50))),
    "P": Table("P", (("86", 1), ("8613", 2), ("86139", 3))),
}
PARAMETERS = "x: Annotated[int, 0, 1_000], y: Annotated[int, -5, 5], big: Annotated[int, 0, 4_611_686_018_427_387_904]"


def text(body: str, parameters: str = PARAMETERS, results: str = 'Annotated[int, "r", -1_000_000, 1_000_000]') -> str:
    """A rule of one entry point `f` over the tables T and P, `d` digits and `b` a condition."""
    head = f"def f({parameters}, d: Annotated[Digits, 0, 20], b: bool) -> tuple[{results}]:\n"
    return STUB + TABLE + head + "".join(f"    {line}\n" for line in body.split("\n"))


def tree(body: str) -> Program:
    """The tree of such a rule, not yet checked."""
    return parse_rule(text(body)).program


def compiled(program: Program) -> Entry:
    """Its entry point, checked and compiled."""
    check_program(program)
    return compile_program(program, ROWS, "test")["f"]


def function(*body: Statement) -> Program:
    """A tree of one entry point f(x in 0..1000) -> r, for what no text can say."""
    declared = (Declared("x", Kind.INTEGER, 0, 1000, ""),)
    results = (Declared("r", Kind.INTEGER, 0, 1000, ""),)
    one = Function("f", FunctionRole.ENTRY_POINT, (), declared, results, body)
    return Program(1, (), (), (), (one,))


def bundle(
    program: Program, vectors: tuple[Vector, ...], tables: tuple[Table, ...] = (), slot: Slot = Slot.TOLERANCE
) -> Bundle:
    """A bundle whose manifest fits its content."""
    raw, parts = write_program(program), tuple(write_table(table) for table in tables)
    digests = tuple(TableDigest(one.name, table_hash(part)) for one, part in zip(tables, parts, strict=True))
    costs = tuple(EntryCost(entry, cost) for entry, cost in check_program(program).items())
    manifest = Manifest(slot, 1, "test", 1, 1, b"", 0, b"", costs, 0, 1, tree_hash(raw), digests, (), b"")
    return Bundle(manifest, raw, parts, vectors)


def bundle_bytes(*parts: object) -> bytes:
    """The bytes of such a bundle."""
    return write_bundle(bundle(*parts))  # type: ignore[arg-type]  # passed through


# ------------------------------------------------------------------------------------------------ random programs


A = TypeVar("A")
_EXTREMES = (2**31, -(2**40), 2**62, 2**63 - 1, -(2**63))
_OPERATORS = (*Operator, Operator.ADD, Operator.SUBTRACT)
_RELATIONS = tuple(Relation)
_ROUNDINGS = tuple(Rounding)


class RandomProgram:
    """Draws a program whose kinds fit; its ranges may still leave 64 bits, which the checker decides."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self.columns = 1 + self._below(3)
        form = TableForm(
            "ROWS", 4, 1, tuple(Declared(f"c{at}", Kind.INTEGER, -3, 40, "") for at in range(self.columns))
        )
        self.parameters = tuple(self._parameter(f"p{at}") for at in range(1 + self._below(3)))
        self._numbers = [one.name for one in self.parameters]
        self._assignable = list(self._numbers)  # all but the names of loops
        self._rows: list[str] = []
        self._fresh = 0
        body = (*self._block(3), Return((self._number(2), self._condition(2))))
        results = (
            Declared("r", Kind.INTEGER, -(2**63), 2**63 - 1, ""),
            Declared("t", Kind.BOOLEAN, 0, 1, ""),
        )
        self.function = Function("f", FunctionRole.ENTRY_POINT, (), self.parameters, results, body)
        self.program = Program(1, ("Drawn.",), (), (form,), (self.function,))
        keys = sorted(chance.sample(range(-3, 41), chance.randrange(5)))
        self.table = Table(
            "ROWS", tuple((key, *(chance.randint(-3, 40) for _ in range(self.columns - 1))) for key in keys)
        )

    def _parameter(self, name: str) -> Declared:
        low, high = sorted((self._bound(), self._bound()))
        return Declared(name, Kind.INTEGER, low, high, "")

    def _bound(self) -> int:
        return self._pick(_EXTREMES) if self._chance.random() < 0.1 else self._chance.randint(-20, 100)

    def _below(self, most: int) -> int:
        return int(self._chance.random() * most)

    def _pick(self, many: Sequence[A]) -> A:
        return many[int(self._chance.random() * len(many))]

    def arguments(self) -> tuple[Cell, ...]:
        """Arguments at or near the ends of their ranges, or between."""
        picked = []
        for one in self.parameters:
            near = (one.low, one.high, min(one.low + 1, one.high), max(one.high - 1, one.low))
            picked.append(self._pick((*near, self._chance.randint(one.low, one.high))))
        return tuple(picked)

    def _name(self) -> str:
        self._fresh += 1
        return f"v{self._fresh}"

    def _block(self, depth: int) -> tuple[Statement, ...]:
        return tuple(self._statement(depth) for _ in range(1 + self._below(3)))

    def _inner(self, depth: int) -> tuple[Statement, ...]:
        """A block whose new names end with it."""
        before = list(self._numbers), list(self._assignable), list(self._rows)
        body = self._block(depth - 1)
        self._numbers, self._assignable, self._rows = before
        return body

    def _statement(self, depth: int) -> Statement:
        pick = self._below(10 if depth else 5)
        if pick < 3:
            value = self._number(3)
            if self._chance.random() < 0.6:  # or most programs would leave 64 bits
                value = Call("clamp", (value, Integer(-1_000), Integer(1_000)))
            name = self._pick((self._name(), self._pick(self._assignable)))
            self._assignable.append(name)
            self._numbers.append(name)
            return Let(name, value)
        if pick < 5:
            return self._guarded_lookup()
        if pick < 8:
            tests = [self._condition(2) for _ in range(1 + self._below(2))]
            branches = tuple(Branch(test, self._inner(depth)) for test in tests)
            otherwise = self._inner(depth) if self._chance.random() < 0.5 else ()
            if len(otherwise) == 1 and isinstance(otherwise[0], If):
                otherwise = ()
            return If(branches, otherwise)
        return self._loop(depth)

    def _guarded_lookup(self) -> Statement:
        # A look-up whose row is used in the same condition, so that it is narrowed there.
        row = self._name()
        self._pending = Let(row, Call("lookup", (Symbol("ROWS"), self._number(1))))
        known = AllOf((Not(IsNone(row)), Comparison(self._relation(), Field(row, "c0"), self._number(1))))
        inside = (Let(self._pick(self._assignable), Field(row, self._column())),)
        yes = Truth(value=True)
        return If((Branch(yes, (self._pending, If((Branch(known, inside),), ()))),), ())

    def _loop(self, depth: int) -> Statement:
        name = self._name()
        if self._chance.random() < 0.5:
            self._rows.append(name)
            body = self._inner(depth)
            self._rows.remove(name)
            return ForRow(name, "ROWS", body)
        self._numbers.append(name)
        start = self._chance.randint(-3, 3)
        body = self._inner(depth)
        self._numbers = [one for one in self._numbers if one != name]
        return ForRange(name, start, start + self._chance.randint(1, 4), body)

    def _column(self) -> str:
        return f"c{self._below(self.columns)}"

    def _relation(self) -> Relation:
        return self._pick(_RELATIONS)

    def _number(self, depth: int) -> Expression:
        pick = self._below(14 if depth else 4)
        if pick < 1:
            return Integer(self._pick((0, 1, 7, -4, 60, 10_000, 2**33)))
        if pick < 3 or (pick == 3 and not self._rows):
            return Variable(self._pick(self._numbers))
        if pick == 3:
            return Field(self._pick(self._rows), self._column())
        if pick < 10:
            operator = self._pick(_OPERATORS)
            right = self._number(depth - 1)
            if operator in (Operator.FLOOR_DIVIDE, Operator.REMAINDER):
                right = Call("max", (Integer(1 + self._below(9)), right))
            return Arithmetic(operator, self._number(depth - 1), right)
        return self._intrinsic(depth - 1)

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
        pick = self._below(6 if depth else 2)
        if pick < 2:
            return Comparison(self._relation(), self._number(1), self._number(1))
        if pick == 2:
            operand = self._condition(depth - 1)
            return operand.operand if isinstance(operand, Not) else Not(operand)
        if pick == 3:
            return Truth(value=self._chance.random() < 0.5)
        operands = tuple(self._condition(depth - 1) for _ in range(2 + self._below(2)))
        return AllOf(operands) if pick == 4 else AnyOf(operands)
