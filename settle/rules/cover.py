"""Which lines and branches of a rule its vectors reach. Lines are those of the canonical text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from abci_app.rules.bundle import LoadedRule, Vector, check_arguments
from abci_app.rules.printer import print_program
from abci_app.rules.tables import Table
from abci_app.rules.tree import Branch, Expression, Function, If, Program, Statement, entry_points
from settle.rules.arguments import outcome
from settle.rules.evaluate import Evaluator, Frame, Results
from settle.rules.parse import ParsedRule, parse_rule
from settle.rules.walk import parts_of


class Line(NamedTuple):
    """One statement, or one test of an if."""

    line: int
    function: str
    source: str
    times: int
    """How often the vectors came here."""
    never: str
    """Of a test: `true` or `false` where the vectors came here and it never was; else empty."""


class Coverage(NamedTuple):
    """What the vectors reach."""

    lines: tuple[Line, ...]
    vectors: int

    @property
    def unreached(self) -> tuple[Line, ...]:
        """Lines that no vector reaches."""
        return tuple(one for one in self.lines if not one.times)

    @property
    def one_sided(self) -> tuple[Line, ...]:
        """Tests that the vectors reach and that always come out the same."""
        return tuple(one for one in self.lines if one.never)


def cover(rule: LoadedRule, vectors: Sequence[Vector]) -> Coverage:
    """How far the vectors reach, whether or not they hold.

    RuleRefused ARGUMENT_OUT_OF_RANGE where a vector's arguments are none of its entry point.
    """
    source = print_program(rule.program)
    parsed = parse_rule(source)
    counter = _Counter(parsed, rule.tables)
    functions = {one.name: one for one in entry_points(parsed.program)}
    for one in vectors:
        check_arguments(functions[one.entry], one.arguments)
        outcome(counter.run, functions[one.entry], one.arguments)
    return Coverage(tuple(counter.lines(source.split("\n"))), len(vectors))


class _Counter(Evaluator):
    """Evaluates and counts: statements by how often they ran, tests by how often each side came out."""

    def __init__(self, parsed: ParsedRule, tables: Mapping[str, Table]) -> None:
        super().__init__(parsed.program, tables)
        self._program: Program = parsed.program
        self._positions = parsed.positions
        self._ran: dict[int, int] = {}  # by the part's place in the text: equal parts at two places are two
        self._sides: dict[int, set[bool]] = {}

    def statement(self, function: Function, statement: Statement, frame: Frame) -> Results | None:
        if not isinstance(statement, If):  # its tests are counted instead
            self._count(statement)
        return super().statement(function, statement, frame)

    def test(self, function: Function, node: Expression, frame: Frame) -> bool:
        self._count(node)
        taken = super().test(function, node, frame)
        self._sides.setdefault(id(node), set()).add(taken)
        return taken

    def _count(self, part: Statement | Expression) -> None:
        self._ran[id(part)] = self._ran.get(id(part), 0) + 1

    def lines(self, source: Sequence[str]) -> Iterator[Line]:
        """Every statement and test in the order of the text."""
        for function in self._program.functions:
            for _, part in parts_of(function.body):
                if isinstance(part, If) or not isinstance(part, Statement | Branch):
                    continue
                shown = part.test if isinstance(part, Branch) else part
                line, _ = self._positions.of(shown)
                sides = self._sides.get(id(shown), {True, False})
                never = "" if len(sides) == 2 else str(not next(iter(sides))).lower()
                yield Line(line, function.name, source[line - 1].strip(), self._ran.get(id(shown), 0), never)
