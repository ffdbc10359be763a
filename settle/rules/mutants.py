"""Small mistakes put into a rule, one at a time, to see whether its vectors notice.

A written number is one more or one less, a relation another, a rounding another. What the checker refuses, and what
some vector tells from the rule, is noticed. For what survives, arguments are drawn that tell it from the rule: they
are the vector that is missing. Where none are found, the change may well mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from abci_app.rules.bundle import LoadedRule, Vector
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleRefused
from abci_app.rules.executor import Entry, compile_program
from abci_app.rules.names import ROUNDINGS
from abci_app.rules.printer import print_expression, print_program
from abci_app.rules.tables import Cell
from abci_app.rules.tree import Call, Comparison, Expression, Integer, Node, Program, Relation, Symbol, entry_points
from settle.rules.arguments import ArgumentDraw, Arguments, Outcome, outcome
from settle.rules.walk import parts_of, replaced

DRAWN = 1_000
"""Arguments for each entry point, to tell a survivor from the rule."""
_RELATIONS = {
    Relation.LESS: (Relation.LESS_OR_EQUAL,),
    Relation.LESS_OR_EQUAL: (Relation.LESS,),
    Relation.GREATER: (Relation.GREATER_OR_EQUAL,),
    Relation.GREATER_OR_EQUAL: (Relation.GREATER,),
    Relation.EQUAL: (Relation.NOT_EQUAL, Relation.LESS_OR_EQUAL, Relation.GREATER_OR_EQUAL),
    Relation.NOT_EQUAL: (Relation.EQUAL, Relation.LESS, Relation.GREATER),
}


class Change(NamedTuple):
    """One mistake, and the program with it."""

    before: Expression
    after: Expression
    program: Program


class Telling(NamedTuple):
    """A call that tells a survivor from the rule."""

    entry: str
    arguments: Mapping[str, Cell]
    right: Outcome
    wrong: Outcome


class Survivor(NamedTuple):
    """A change that every vector lets pass."""

    line: int
    """Of the canonical text."""
    before: str
    after: str
    telling: Telling | None
    """None where no drawn arguments tell it from the rule."""


class Mutation(NamedTuple):
    """What became of all changes."""

    refused: int
    """By the checker."""
    noticed: int
    """By a vector."""
    survivors: tuple[Survivor, ...]


def mutate(rule: LoadedRule, vectors: Sequence[Vector], seed: int = 1) -> Mutation:
    """Try every change of the rule's bodies. The vectors should hold: what is compared is what the rule gives now."""
    source = print_program(rule.program).split("\n")
    told = _Told(rule, [(one.entry, one.arguments) for one in vectors])
    drawn: list[tuple[str, Arguments]] = []
    for function in entry_points(rule.program):
        own = [one.arguments for one in vectors if one.entry == function.name]
        draw = ArgumentDraw.of_function(seed, rule.program, rule.tables, function, own)
        drawn += ((function.name, draw.draw()) for _ in range(DRAWN))
    told_by_chance = _Told(rule, drawn)
    refused = noticed = 0
    survivors = []
    for change in changes(rule.program):
        try:
            check_program(change.program)
        except RuleRefused:
            refused += 1
            continue
        functions = compile_program(change.program, rule.tables, "mutant")
        if told.apart(functions) is not None:
            noticed += 1
            continue
        pairs = zip(source, print_program(change.program).split("\n"), strict=True)
        line = next(at for at, (one, other) in enumerate(pairs, 1) if one != other)
        before, after = print_expression(change.before), print_expression(change.after)
        survivors.append(Survivor(line, before, after, told_by_chance.apart(functions)))
    return Mutation(refused, noticed, tuple(survivors))


def changes(program: Program) -> Iterator[Change]:
    """Every mistake that is tried, in the order of the text."""
    functions = program.__struct_fields__.index("functions")
    for path, part in parts_of(program.functions, (functions,)):
        for before, after in _others(part):
            yield Change(before, after, replaced(program, path, after))


def _others(part: Node) -> Iterator[tuple[Expression, Expression]]:
    match part:
        case Integer(value):
            yield from ((part, Integer(value + step)) for step in (1, -1) if -(2**63) <= value + step < 2**63)
        case Comparison(relation, left, right):
            yield from ((part, Comparison(one, left, right)) for one in _RELATIONS[relation])
        case Call(function, (*values, Symbol(rounding))) if rounding in ROUNDINGS:
            others = sorted(ROUNDINGS - {rounding})
            yield from ((part, Call(function, (*values, Symbol(one)))) for one in others)


class _Told:
    """Calls whose outcome is known."""

    def __init__(self, rule: LoadedRule, calls: Sequence[tuple[str, Arguments]]) -> None:
        self._calls = [(*call, outcome(rule.functions[call[0]], *call[1])) for call in calls]
        self._names = {one.name: [each.name for each in one.parameters] for one in entry_points(rule.program)}

    def apart(self, functions: Mapping[str, Entry]) -> Telling | None:
        """The first call that comes to something else."""
        for entry, arguments, right in self._calls:
            wrong = outcome(functions[entry], *arguments)
            if repr(wrong) != repr(right):  # True equals 1 in Python; as an outcome they are not the same
                return Telling(entry, dict(zip(self._names[entry], arguments, strict=True)), right, wrong)
        return None
