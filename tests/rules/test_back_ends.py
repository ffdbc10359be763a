"""Executor, evaluation node by node, explanation and columns give the same, and no accepted tree leaves 64 bits."""

from __future__ import annotations

import time
from random import Random

import polars as pl
import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.printer import print_program
from abci_app.rules.tables import read_table, write_table
from abci_app.rules.tree import (
    Arithmetic,
    Call,
    Declared,
    Expression,
    Function,
    FunctionRole,
    Integer,
    Kind,
    Let,
    Operator,
    Program,
    Return,
    Symbol,
    Variable,
    read_program,
    write_program,
)
from settle.rules.arguments import outcome
from settle.rules.columns import REJECTION, Columns, frame_of
from settle.rules.evaluate import Evaluator
from settle.rules.explain import explain_program
from settle.rules.parse import parse_rule
from tests.rules.random_programs import EXTREMES, RandomProgram

REFUSALS = {RuleCode.LEAVES_64_BITS, RuleCode.DIVISOR_NOT_POSITIVE, RuleCode.WRONG_ARGUMENTS, RuleCode.TOO_COSTLY}
SHARDS, IN_A_SHARD = 4, 5_000
TREES = 100_000


def refusal(program: Program) -> RuleCode | None:
    """Why the checker does not take a program whose kinds fit: only for what it may reach."""
    try:
        check_program(program)
    except RuleRefused as refused:
        code = refused.code
    else:
        return None
    assert code in REFUSALS, code
    return code


def agree(chance: Random, programs: int, size: int, *, explained: int) -> int:
    """How many of the drawn programs the checker accepts; each of these gives the same on every back end."""
    accepted = 0
    for at in range(programs):
        drawn = RandomProgram(chance, size)
        if refusal(drawn.program) is not None:
            continue
        accepted += 1
        arguments = [drawn.arguments() for _ in range(4)]
        entry = compile_program(drawn.program, drawn.tables, "drawn")["f"]
        expected = [outcome(entry, *one) for one in arguments]
        evaluator = Evaluator(drawn.program, drawn.tables)
        shown = print_program(drawn.program), drawn.tables, arguments
        assert [outcome(evaluator.run, drawn.function, one) for one in arguments] == expected, shown
        rows = Columns(drawn.program, drawn.tables, "f").run(frame_of(drawn.parameters, arguments)).rows()
        assert [row[-1] or row[:-1] for row in rows] == expected, shown
        if at % explained == 0:
            assert parse_rule(shown[0]).program == read_program(write_program(drawn.program)) == drawn.program
            for one, result in zip(arguments, expected, strict=True):
                why = explain_program(drawn.program, drawn.tables, "f", *one)
                assert (why.rejection or why.results) == result, shown
    return accepted


@pytest.mark.timeout(600)  # about 20 s of CPU each; machines are shared
@pytest.mark.parametrize("seed", range(SHARDS))
def test_random_programs_agree_on_all_back_ends(seed: int) -> None:
    assert agree(Random(20131231 + seed), IN_A_SHARD, size=1, explained=10) > IN_A_SHARD // 2


def test_large_random_programs_agree_on_all_back_ends() -> None:
    assert agree(Random(506), 400, size=3, explained=4) > 200


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_many_large_random_programs_agree_on_all_back_ends() -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    assert agree(Random(seed), 200_000, size=3, explained=10) > 100_000


def test_the_tables_drawn_are_tables() -> None:
    chance = Random(3)
    for _ in range(50):
        drawn = RandomProgram(chance)
        for form in drawn.program.tables:
            assert read_table(write_table(drawn.tables[form.name]), form) == drawn.tables[form.name]


# ----------------------------------------------------------------------------------------------------- extremes


class Extreme:
    """Draws small trees over ranges and numbers at the ends of 64 bits."""

    def __init__(self, chance: Random) -> None:
        self._pick = chance.choice
        self._chance = chance.random

    def program(self) -> Program:
        """v = ..., r = ..."""
        parameters = (self._parameter("a"), self._parameter("b"))
        results = (Declared("r", Kind.INTEGER, -(2**63), 2**63 - 1, ""),)
        body = (Let("v", self._number(2, ("a", "b"))), Return((self._number(2, ("a", "b", "v")),)))
        return Program(1, (), (), (), (Function("f", FunctionRole.ENTRY_POINT, (), parameters, results, body),))

    def _parameter(self, name: str) -> Declared:
        low, high = sorted((self._bound(), self._bound()))
        return Declared(name, Kind.INTEGER, low, high, "")

    def _bound(self) -> int:
        if self._chance() < 0.5:
            return max(self._pick(EXTREMES) - (self._chance() < 0.3), -(2**63))
        return self._pick((-1, 0, 1, 2, 60, 10_000, -(2**31)))

    def _number(self, depth: int, names: tuple[str, ...]) -> Expression:
        chance = self._chance()
        if depth == 0 or chance < 0.2:
            return Variable(self._pick(names)) if chance < 0.7 else Integer(self._pick((*EXTREMES, -1, 0, 1, 3)))
        x, y = self._number(depth - 1, names), self._number(depth - 1, names)
        if chance < 0.6:
            return Arithmetic(self._pick(tuple(Operator)), x, y)
        match self._pick(("mul_div", "mul_div", "clamp", "abs", "min", "max", "round_up_to")):
            case "mul_div":
                rounding = self._pick(("FLOOR", "CEIL", "TRUNC", "HALF_UP", "HALF_EVEN"))
                return Call("mul_div", (x, y, self._number(0, names), Symbol(rounding)))
            case "clamp" | "round_up_to" as function:
                return Call(function, (x, y, self._number(0, names)))
            case "abs":
                return Call("abs", (x,))
            case function:
                return Call(function, (x, y))


def test_no_accepted_tree_raises_or_leaves_64_bits_on_extreme_inputs() -> None:
    """The evaluator asserts every value on the way; arguments are the corners and their neighbours."""
    chance = Random(63)
    draw = Extreme(chance)
    accepted = 0
    for _ in range(TREES):
        program = draw.program()
        if refusal(program) is not None:
            continue
        accepted += 1
        function = program.functions[0]
        (a, b), evaluator = function.parameters, Evaluator(program, {})
        corners = [(a.low, b.low), (a.low, b.high), (a.high, b.low), (a.high, b.high)]
        corners.append((chance.randint(a.low, a.high), chance.randint(b.low, b.high)))
        for corner in corners:
            (result,) = evaluator.run(function, corner)
            assert -(2**63) <= result < 2**63, (print_program(program), corner)
    assert accepted > TREES // 10, f"only {accepted} of {TREES} are accepted: nothing is tested"


def test_extremes_agree_between_executor_and_columns() -> None:
    chance = Random(64)
    draw = Extreme(chance)
    for _ in range(1_500):
        program = draw.program()
        if refusal(program) is not None:
            continue
        a, b = program.functions[0].parameters
        rows = [(x, y) for x in {a.low, a.high} for y in {b.low, b.high}]
        entry = compile_program(program, {}, "extreme")["f"]
        frame = pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")
        found = Columns(program, {}, "f").run(frame)
        assert found.rows() == [(*entry(*row), None) for row in rows], print_program(program)
        assert found.columns == ["r", REJECTION]
