"""A rule explained for one record: which lines ran, with which values, and what came out. Evidence in a dispute.

The lines are those of the canonical text (`source == printer(tree)`), so both sides see the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from abci_app.rules.bundle import LoadedRule, check_arguments
from abci_app.rules.codes import RejectedByRule, RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.printer import print_expression, print_program
from abci_app.rules.tables import Cell, Table
from abci_app.rules.tree import (
    Expression,
    ForRange,
    ForRow,
    Function,
    Integer,
    Let,
    Member,
    Program,
    Reject,
    Return,
    Statement,
    Truth,
    entry_points,
)
from settle.rules.evaluate import Evaluator, Frame, Results, Value
from settle.rules.parse import ParsedRule, parse_rule

_PLAIN = (Integer, Truth, Member)
"""Whose text says the value."""


class Step(NamedTuple):
    """One line that ran."""

    line: int
    """Of the rule's canonical text, from 1."""
    source: str
    """The statement's first line; of an if, the test that was taken or the last that was not."""
    values: tuple[tuple[str, Value], ...]
    """Each part of its expressions in canonical text with its value, in the order of computing."""
    outcome: str
    """What the line did, in words: `billed = 120_000`, `taken`, `not taken`, `reject NO_RATE`."""


class Explanation(NamedTuple):
    """All lines that ran for one record, and what came out."""

    steps: tuple[Step, ...]
    results: Results
    """Empty where the rule rejected."""
    rejection: str
    """The code, empty where the rule gave results."""

    def text(self) -> str:
        """The explanation as lines of text: place, source, outcome, and below them the values that it rests on."""
        lines: list[str] = []
        for step in self.steps:
            lines.append(f"{step.line:>4}  {step.source}    -> {step.outcome}")
            lines += [f"          {part} = {show(value)}" for part, value in step.values]
        return "\n".join(lines) + "\n"


def explain(rule: LoadedRule, entry: str, *arguments: Cell) -> Explanation:
    """Why an entry point of a loaded rule gives what it gives. RuleRefused as `LoadedRule.call`; a rejection is
    part of the explanation."""
    return explain_program(rule.program, rule.tables, entry, *arguments)


def explain_program(program: Program, tables: Mapping[str, Table], entry: str, *arguments: Cell) -> Explanation:
    """The same for a checked program over its checked tables."""
    source = print_program(program)
    parsed = parse_rule(source)
    function = next((one for one in entry_points(parsed.program) if one.name == entry), None)
    if function is None:
        names = ", ".join(one.name for one in entry_points(program))
        refuse(RuleCode.NO_ENTRY_POINT, "the rule", f"one of {names}", entry)
    check_arguments(function, arguments)
    watcher = _Watcher(parsed, source, tables)
    try:
        results = watcher.run(function, arguments)
    except RejectedByRule as rejection:
        return Explanation(tuple(watcher.steps), (), rejection.code)
    return Explanation(tuple(watcher.steps), results, "")


def show(value: Value) -> str:
    """A value as text: numbers in groups of three, a row by its cells."""
    if isinstance(value, tuple):
        return f"row ({', '.join(show(cell) for cell in value)})"
    return f"{value:_}" if type(value) is int else str(value)


class _Watcher(Evaluator):
    """Evaluates and writes down each statement with the values of its parts."""

    def __init__(self, parsed: ParsedRule, source: str, tables: Mapping[str, Table]) -> None:
        super().__init__(parsed.program, tables)
        self._positions = parsed.positions
        self._source = source.split("\n")
        self._values: list[tuple[str, Value]] = []
        self.steps: list[Step] = []

    def run(self, function: Function, arguments: tuple[Value, ...]) -> Results:
        waiting, self._values = self._values, []  # a helper's lines come before the line that calls it
        results = super().run(function, arguments)
        self._values = waiting
        return results

    def value(self, function: Function, node: Expression, frame: Frame) -> Value:
        found = super().value(function, node, frame)
        if not isinstance(node, _PLAIN):
            self._values.append((print_expression(node), found))
        return found

    def statement(self, function: Function, statement: Statement, frame: Frame) -> Results | None:
        if isinstance(statement, ForRow | ForRange):
            rounds = statement.table if isinstance(statement, ForRow) else f"{statement.start} to {statement.stop - 1}"
            self._write(statement, f"for each of {rounds}")
            return super().statement(function, statement, frame)
        if isinstance(statement, Reject):
            self._write(statement, f"reject {statement.code}")
        results = super().statement(function, statement, frame)
        if isinstance(statement, Let):
            self._write(statement, f"{statement.name} = {show(frame[statement.name])}")
        elif isinstance(statement, Return) and results is not None:
            named = zip((one.name for one in function.results), results, strict=True)
            self._write(statement, ", ".join(f"{name} = {show(value)}" for name, value in named))
        return results

    def test(self, function: Function, node: Expression, frame: Frame) -> bool:
        taken = super().test(function, node, frame)
        self._write(node, "taken" if taken else "not taken")
        return taken

    def _write(self, node: Statement | Expression, outcome: str) -> None:
        line, _ = self._positions.of(node)
        self.steps.append(Step(line, self._source[line - 1].strip(), tuple(self._values), outcome))
        self._values = []
