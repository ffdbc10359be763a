"""Costs by line, random arguments, and the comparison of back ends say what they promise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from abci_app.rules.bundle import LoadedRule
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.tables import fits
from abci_app.rules.tree import Function, entry_points
from settle.rules.arguments import ArgumentDraw, Arguments, Outcome
from settle.rules.bench import measure
from settle.rules.build import compile_folder, shipped_bundle
from settle.rules.differ import by_columns, by_evaluation, by_executor, compare
from settle.rules.line_costs import line_costs
from settle.rules.plugin import SHIPPED
from tests.rules.programs import tree
from tests.rules.random_programs import RandomProgram

FOLDERS = sorted(SHIPPED.glob("*/v*"))
DOMESTIC = SHIPPED / "domestic_interconnect" / "v2"


# -------------------------------------------------------------------------------------------------------------- costs


def test_the_costs_of_lines_add_up_to_what_the_checker_charges() -> None:
    chance = Random(30)
    compared = 0
    for _ in range(400):
        program = RandomProgram(chance, chance.choice((1, 2, 3))).program
        try:
            (charged,) = check_program(program).values()
        except RuleRefused:
            continue
        compared += 1
        assert sum(one.total for one in line_costs(program, "f")) == charged
    assert compared > 200


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: f"{one.parent.name}/{one.name}")
def test_the_costs_of_shipped_rules_add_up(folder: Path) -> None:
    rule = compile_folder(folder).rule
    for entry, charged in rule.costs.items():
        assert sum(one.total for one in line_costs(rule.program, entry)) == charged


def test_a_line_in_loops_counts_for_every_round() -> None:
    body = "s = 0\nfor i in range(3):\n    for row in T:\n        s = s + row.v * i\nreturn Outcome(r=s)"
    program = tree(body)
    found = [(one.source, one.once, one.rounds) for one in line_costs(program, "f")]
    assert found == [
        ("s = 0", 2, 1),
        ("for i in range(3):", 4, 1),
        ("for row in T:", 9, 3),
        ("s = s + row.v * i", 6, 24),
        ("return Outcome(r=s)", 2, 1),
    ]
    assert check_program(program)["f"] == 2 + 4 + 9 * 3 + 6 * 24 + 2


# ---------------------------------------------------------------------------------------------------------- arguments


def test_drawn_arguments_are_inside_the_declared_ranges_and_touch_their_ends() -> None:
    rule, vectors = compile_folder(DOMESTIC)
    for function in entry_points(rule.program):
        cases = [one.arguments for one in vectors if one.entry == function.name]
        draw = ArgumentDraw.of_function(1, rule.program, rule.tables, function, cases)
        drawn = [draw.draw() for _ in range(2_000)]
        for at, declared in enumerate(function.parameters):
            cells = {one[at] for one in drawn}
            assert all(fits(cell, declared) for cell in cells)
            if declared.kind.name == "INTEGER":
                assert {declared.low, declared.high} <= cells
        digits = {cell for one in drawn for cell in one if isinstance(cell, str)}
        assert not digits or any(cell.startswith("157") for cell in digits), "digits of the rule's own tables"


def test_a_seed_draws_the_same_again() -> None:
    rule, _ = compile_folder(DOMESTIC)
    function = rule.program.functions[0]
    draws = [ArgumentDraw.of_function(seed, rule.program, rule.tables, function) for seed in (5, 5, 6)]
    one, same, other = ([draw.draw() for _ in range(3)] for draw in draws)
    assert one == same != other


# ---------------------------------------------------------------------------------------------------------- back ends


def lying(rule: LoadedRule, function: Function, calls: Sequence[Arguments]) -> list[Outcome]:
    """A back end that is one too high from the third call on."""
    return [
        one if at < 2 or isinstance(one, str) else (one[0] + 1, *one[1:])
        for at, one in enumerate(by_executor(rule, function, calls))
    ]


def saying_true(rule: LoadedRule, function: Function, calls: Sequence[Arguments]) -> list[Outcome]:
    """A back end that gives conditions for numbers: equal in Python, another outcome."""
    return [
        one if isinstance(one, str) else tuple(bool(each) if each in (0, 1) else each for each in one)
        for one in by_evaluation(rule, function, calls)
    ]


def test_the_first_difference_is_told_with_its_arguments() -> None:
    rule, vectors = compile_folder(SHIPPED / "tolerance_percent" / "v1")
    back_ends = {"executor": by_executor, "columns": by_columns, "other": lying}
    (compared,) = compare(rule, vectors, 0, 1, back_ends)
    found = compared.difference
    assert found is not None
    assert tuple(found.arguments.values()) == vectors[2].arguments
    assert found.outcomes == {"executor": (2, 98_999_999), "columns": (2, 98_999_999), "other": (3, 98_999_999)}


def test_true_is_not_one() -> None:
    rule, vectors = compile_folder(SHIPPED / "set_off" / "v1")
    compared = compare(rule, vectors, 0, 1, {"executor": by_executor, "other": saying_true})
    assert all(one.difference is not None for one in compared)


def test_vectors_outside_the_ranges_are_refused() -> None:
    rule, vectors = compile_folder(SHIPPED / "set_off" / "v1")
    wrong = replace(vectors[0], arguments=(-1, 0, 0))
    with pytest.raises(RuleRefused) as refused:
        compare(rule, (wrong,), 0, 1)
    assert refused.value.code is RuleCode.ARGUMENT_OUT_OF_RANGE


def test_the_speeds_of_a_rule_are_measured() -> None:
    speeds = measure(shipped_bundle("flat_minutes", 1), seconds=0.05)
    assert speeds.load_ms > 0
    assert [one.entry for one in speeds.entries] == ["rate_record", "price_line"]
    assert all(min(one.executor, one.explain, one.columns) > 0 for one in speeds.entries)
