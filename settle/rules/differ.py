"""Whether the back ends of a rule agree: executor, evaluation node by node as the explanation uses it, and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from abci_app.rules.bundle import LoadedRule, Vector, check_arguments
from abci_app.rules.tables import Cell
from abci_app.rules.tree import Function, entry_points
from settle.rules.arguments import ArgumentDraw, Arguments, Outcome, outcome
from settle.rules.columns import Columns, frame_of
from settle.rules.evaluate import Evaluator

BackEnd: TypeAlias = Callable[[LoadedRule, Function, Sequence[Arguments]], list[Outcome]]


class Difference(NamedTuple):
    """One call that does not come to the same everywhere."""

    entry: str
    arguments: Mapping[str, Cell]
    outcomes: Mapping[str, Outcome]
    """By back end."""


class Compared(NamedTuple):
    """One entry point on all back ends."""

    entry: str
    vectors: int
    drawn: int
    rejected: int
    """Of all these calls, those that the rule rejected."""
    outcomes: int
    """How many different outcomes there were: one only would say little."""
    difference: Difference | None
    """The first."""


def by_executor(rule: LoadedRule, function: Function, calls: Sequence[Arguments]) -> list[Outcome]:
    """What consensus runs."""
    return [outcome(rule.functions[function.name], *one) for one in calls]


def by_evaluation(rule: LoadedRule, function: Function, calls: Sequence[Arguments]) -> list[Outcome]:
    """What an explanation shows."""
    evaluator = Evaluator(rule.program, rule.tables)
    return [outcome(evaluator.run, function, one) for one in calls]


def by_columns(rule: LoadedRule, function: Function, calls: Sequence[Arguments]) -> list[Outcome]:
    """What rates whole frames of records."""
    rows = Columns.of_rule(rule, function.name).run(frame_of(function.parameters, calls)).rows()
    return [row[-1] or row[:-1] for row in rows]


BACK_ENDS: Mapping[str, BackEnd] = {"executor": by_executor, "explain": by_evaluation, "columns": by_columns}


def compare(
    rule: LoadedRule,
    vectors: Sequence[Vector],
    count: int,
    seed: int,
    back_ends: Mapping[str, BackEnd] = BACK_ENDS,
) -> tuple[Compared, ...]:
    """Every entry point with the arguments of its vectors and `count` drawn ones; the seed draws the same again.

    RuleRefused ARGUMENT_OUT_OF_RANGE where a vector's arguments are none of the entry point.
    """
    compared = []
    for function in entry_points(rule.program):
        own = [one.arguments for one in vectors if one.entry == function.name]
        for one in own:
            check_arguments(function, one)
        draw = ArgumentDraw.of_function(seed, rule.program, rule.tables, function, own)
        calls = [*own, *(draw.draw() for _ in range(count))]
        found = {name: run(rule, function, calls) for name, run in back_ends.items()}
        outcomes = next(iter(found.values()))
        compared.append(
            Compared(
                function.name,
                len(own),
                count,
                sum(isinstance(one, str) for one in outcomes),
                len(set(outcomes)),
                _first_difference(function, calls, found),
            )
        )
    return tuple(compared)


def _first_difference(
    function: Function, calls: Sequence[Arguments], found: Mapping[str, list[Outcome]]
) -> Difference | None:
    for at, arguments in enumerate(calls):
        outcomes = {name: one[at] for name, one in found.items()}
        if len(set(map(repr, outcomes.values()))) > 1:  # True equals 1 in Python; as outcomes they are not the same
            named = dict(zip((one.name for one in function.parameters), arguments, strict=True))
            return Difference(function.name, named, outcomes)
    return None
