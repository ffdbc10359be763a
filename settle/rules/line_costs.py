"""The static worst-case cost of a rule by line. The checker's figure of an entry point is the sum of its lines.

Counted here from the tree alone, as docs/reference/rule-language.md has it; the checker counts while it proves.
"""

from __future__ import annotations

from typing import NamedTuple

from abci_app.rules.intrinsics import HELPER_COST, MUL_DIV_COST, NUMERIC
from abci_app.rules.lookups import LOCAL_TIME_COST, LOOKUP_COSTS
from abci_app.rules.printer import print_program
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Call,
    Comparison,
    Converted,
    Expression,
    ForRange,
    ForRow,
    Function,
    If,
    IsNone,
    Let,
    Not,
    Program,
    Reject,
    Return,
    Statement,
    Symbol,
)
from settle.rules.parse import parse_rule

NANOSECONDS = 30
"""A unit of cost on the executor, about (abci_app.rules.check)."""


class LineCost(NamedTuple):
    """One line on the dearest way through an entry point."""

    line: int
    source: str
    once: int
    """Of one pass over the line, with the helpers that it calls."""
    rounds: int
    """How often at most: of the loops around it."""

    @property
    def total(self) -> int:
        """What the line adds to the entry point's cost."""
        return self.once * self.rounds


def line_costs(program: Program, entry: str) -> tuple[LineCost, ...]:
    """The lines of the dearest way through an entry point of a checked program, in the order of the text."""
    source = print_program(program)
    parsed = parse_rule(source)
    costs = _Costs(parsed.program)
    function = next(one for one in parsed.program.functions if one.name == entry)
    text = source.split("\n")
    found = []
    for part, once, rounds in costs.block(function.body, 1):
        line, _ = parsed.positions.of(part)
        found.append(LineCost(line, text[line - 1].strip(), once, rounds))
    return tuple(sorted(found))


Charge = tuple[Statement | Expression, int, int]
"""A part that stands on a line of its own, the cost of one pass, and the rounds."""


class _Costs:
    """Costs of expressions and blocks."""

    def __init__(self, program: Program) -> None:
        self._rows = {form.name: form.rows for form in program.tables}
        self._helpers: dict[str, Function] = {one.name: one for one in program.functions}

    def block(self, body: tuple[Statement, ...], rounds: int) -> list[Charge]:
        """What a block costs on its dearest way."""
        charges: list[Charge] = []
        for statement in body:
            charges += self._statement(statement, rounds)
        return charges

    def _statement(self, statement: Statement, rounds: int) -> list[Charge]:
        match statement:
            case Let(_, value):
                return [(statement, 1 + self._cost(value), rounds)]
            case Return(values):
                return [(statement, 1 + sum(map(self._cost, values)), rounds)]
            case Reject():
                return [(statement, 1, rounds)]
            case ForRow(_, table, body):
                return self._loop(statement, body, self._rows[table], rounds)
            case ForRange(_, start, stop, body):
                return self._loop(statement, body, stop - start, rounds)
            case If():
                return self._dearest(statement, rounds)

    def _loop(self, loop: Statement, body: tuple[Statement, ...], times: int, rounds: int) -> list[Charge]:
        return [(loop, 1 + times, rounds), *self.block(body, rounds * times)]

    def _dearest(self, statement: If, rounds: int) -> list[Charge]:
        tests: list[Charge] = []
        ways: list[list[Charge]] = []
        for branch in statement.branches:
            tests.append((branch.test, 1 + self._cost(branch.test), rounds))
            ways.append([*tests, *self.block(branch.body, rounds)])
        ways.append([*tests, *self.block(statement.otherwise, rounds)])
        return max(ways, key=_total)

    def _cost(self, node: Expression) -> int:
        match node:
            case Arithmetic(_, left, right) | Comparison(_, left, right):
                return 1 + self._cost(left) + self._cost(right)
            case AllOf(operands) | AnyOf(operands):
                return sum(1 + self._cost(one) for one in operands)
            case Not(operand):
                return 1 + self._cost(operand)
            case IsNone():
                return 2
            case Converted(_, value):
                return self._cost(value)
            case Call():
                return self._call(node)
            case _:
                return 1

    def _call(self, node: Call) -> int:
        values = [one for one in node.arguments if not isinstance(one, Symbol)]
        symbols = [one.name for one in node.arguments if isinstance(one, Symbol)]
        return sum(map(self._cost, values)) + self._own(node.function, symbols, len(values))

    def _own(self, function: str, symbols: list[str], values: int) -> int:
        match function:
            case "mul_div":
                return MUL_DIV_COST
            case "local_time":
                return LOCAL_TIME_COST
            case _ if function in NUMERIC:
                return NUMERIC[function].cost
            case _ if function in LOOKUP_COSTS:
                return LOOKUP_COSTS[function](self._rows[symbols[0]], values)
            case _:
                return HELPER_COST + _total(self.block(self._helpers[function].body, 1))


def _total(charges: list[Charge]) -> int:
    return sum(once * rounds for _, once, rounds in charges)
