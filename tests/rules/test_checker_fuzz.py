"""No tree that the checker takes raises, leaves 64 bits, or reaches what the checker did not see coming.

Spoilt trees go in as bytes. Whatever is taken runs on the ends of its declared ranges, under an evaluation that
compares every value on the way with the range that the checker had for it, and on the executor; a sample over columns.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import ClassVar, NamedTuple

import pytest

from abci_app.kernel.money import Rounding
from abci_app.rules import calls as calls_module
from abci_app.rules import check
from abci_app.rules import expressions as expressions_module
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.expressions import Expressions
from abci_app.rules.intrinsics import NUMERIC, reach_of_mul_div
from abci_app.rules.printer import print_program
from abci_app.rules.tables import Cell, Cells, Table, fits, read_table, write_table
from abci_app.rules.tree import (
    Converted,
    Declared,
    Expression,
    Function,
    Integer,
    Kind,
    Program,
    Relation,
    Statement,
    TableForm,
    entry_points,
    read_program,
)
from abci_app.rules.values import Environment, Known, Number, Row, bounded, joined
from settle.rules.arguments import outcome
from settle.rules.columns import Columns, frame_of
from settle.rules.evaluate import Evaluator, Frame, Results, Value
from settle.rules.parse import parse_rule
from tests.rules.hostile_trees import Hostile

SHARDS, IN_A_SHARD = 4, 25_000
MOST_CALLS = 6
Spans = dict[int, tuple[int, int]]


class Recording(Expressions):
    """The checker's expressions, which also keep the range of every expression that they look at."""

    spans: ClassVar[Spans] = {}
    written: ClassVar[set[int]] = set()

    def value(self, node: Expression, known: Environment) -> tuple[Known, int]:
        found, cost = super().value(node, known)
        if isinstance(node, Integer):
            self.written.add(node.value)
        if isinstance(found, Number):
            low, high = self.spans.get(id(node), (found.low, found.high))
            self.spans[id(node)] = (min(low, found.low), max(high, found.high))
        return found, cost


class Watching(Evaluator):
    """Compares every integer with what the checker saw coming, and counts the steps."""

    def __init__(self, program: Program, tables: Mapping[str, Table], spans: Spans) -> None:
        super().__init__(program, tables)
        self._spans = spans
        self.steps = 0

    def statement(self, function: Function, statement: Statement, frame: Frame) -> Results | None:
        self.steps += 1
        return super().statement(function, statement, frame)

    def value(self, function: Function, node: Expression, frame: Frame) -> Value:
        found = super().value(function, node, frame)  # asserts 64 bits
        self.steps += not isinstance(node, Converted)  # costs nothing
        if type(found) is int:
            low, high = self._spans[id(node)]
            assert low <= found <= high, f"{node} is {found}, the checker saw {low} to {high}"
        return found


class Taken(NamedTuple):
    """A tree that the checker took, with tables at the ends of their ranges."""

    program: Program
    costs: Mapping[str, int]
    spans: Spans
    special: tuple[int, ...]
    """Written numbers and their neighbours, where comparisons turn."""
    tables: Mapping[str, Table]


def taken(raw: bytes, chance: Random) -> Taken | RuleCode:
    """The tree in the bytes, or why there is none. Anything but RuleRefused fails the test."""
    spans: Spans = {}
    written: set[int] = set()
    Recording.spans, Recording.written = spans, written
    try:
        program = read_program(raw)
        costs = check_program(program)
    except RuleRefused as refused:
        return refused.code
    special = (-1, 0, 1, *(one + by for one in sorted(written) for by in (-1, 0, 1)))
    tables = {form.name: read_table(write_table(filled(form, special, chance)), form) for form in program.tables}
    return Taken(program, costs, spans, special, tables)


def filled(form: TableForm, special: tuple[int, ...], chance: Random) -> Table:
    rows: dict[Cells, Cells] = {}
    for _ in range(chance.randint(0, min(form.rows, 4))):
        row = tuple(chance.choice(ends(column, special, chance)) for column in form.columns)
        rows[row[: form.keys]] = row
    return Table(form.name, tuple(rows[key] for key in sorted(rows)))


def ends(declared: Declared, special: tuple[int, ...], chance: Random) -> tuple[Cell, ...]:
    """The ends of a declared range, what is beside them, something between, and what is special."""
    low, high = declared.low, declared.high
    match declared.kind:
        case Kind.BOOLEAN:
            return (False, True)
        case Kind.DIGITS:
            lengths = (low, high, chance.randint(low, high))
            return tuple("86139999999999999999"[:length] for length in lengths)
        case _:
            inside = tuple(one for one in special if low < one < high)
            return (low, high, min(low + 1, high), max(high - 1, low), chance.randint(low, high), *inside)


def calls(parameters: tuple[Declared, ...], special: tuple[int, ...], chance: Random) -> Iterator[tuple[Cell, ...]]:
    """All combinations of the ends where they are few, else some of them, and mixtures."""
    pairs = [ends(one, special, chance) for one in parameters]
    if 2 ** len(pairs) > MOST_CALLS:
        yield from (tuple(chance.choice(one[:2]) for one in pairs) for _ in range(MOST_CALLS // 2))
    else:
        yield from itertools.product(*(one[:2] for one in pairs))
    for _ in range(MOST_CALLS // 2):
        yield tuple(chance.choice(one) for one in pairs)


def run(one: Taken, chance: Random) -> dict[str, list[tuple[tuple[Cell, ...], Results | str]]]:
    """Every entry point on extreme arguments: what came out, the same on the executor and node by node."""
    entries = compile_program(one.program, one.tables, "hostile")
    outcomes: dict[str, list[tuple[tuple[Cell, ...], Results | str]]] = {}
    for function in entry_points(one.program):
        watching = Watching(one.program, one.tables, one.spans)
        outcomes[function.name] = []
        for arguments in calls(function.parameters, one.special, chance):
            watching.steps = 0
            expected = outcome(watching.run, function, arguments)
            assert watching.steps <= one.costs[function.name]
            found = outcome(entries[function.name], *arguments)
            assert found == expected
            if not isinstance(found, str):
                assert all(map(fits, found, function.results))
            outcomes[function.name].append((arguments, found))
    return outcomes


def same_over_columns(one: Taken, outcomes: Mapping[str, list[tuple[tuple[Cell, ...], Results | str]]]) -> None:
    for function in entry_points(one.program):
        arguments, expected = zip(*outcomes[function.name], strict=True)
        if function.parameters:
            frame = frame_of(function.parameters, arguments)
            rows = Columns(one.program, one.tables, function.name).run(frame).rows()
            assert tuple(row[-1] or row[:-1] for row in rows) == expected


def attack(chance: Random, trees: int, *, sample: int) -> Counter[RuleCode | None]:
    """How many trees were refused, by code, and taken (None)."""
    hostile = Hostile(chance)
    counted: Counter[RuleCode | None] = Counter()
    for _ in range(trees):
        raw = hostile.tree()
        one = taken(raw, chance)
        if isinstance(one, RuleCode):
            counted[one] += 1
            continue
        counted[None] += 1
        try:
            outcomes = run(one, chance)
            if counted[None] % sample == 0:
                assert parse_rule(print_program(one.program)).program == one.program
                same_over_columns(one, outcomes)
        except Exception as fault:
            fault.add_note(f"{print_program(one.program)}\n{one.tables}\n{raw.hex()}")
            raise
    return counted


EXPECTED = {
    RuleCode.MALFORMED, RuleCode.TOO_LARGE, RuleCode.BAD_DECLARATION, RuleCode.NOT_CANONICAL, RuleCode.UNDEFINED,
    RuleCode.WRONG_TYPE, RuleCode.MAY_BE_NONE, RuleCode.NO_SUCH_TABLE, RuleCode.NO_SUCH_FUNCTION, RuleCode.WRONG_UNIT,
    RuleCode.WRONG_ARGUMENTS, RuleCode.LEAVES_64_BITS, RuleCode.DIVISOR_NOT_POSITIVE, RuleCode.RESULT_OUT_OF_RANGE,
    RuleCode.WRONG_RESULT, RuleCode.MAY_NOT_RETURN, RuleCode.UNREACHABLE, RuleCode.ASSIGNED_LOOP_NAME,
    RuleCode.TOO_COSTLY,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "Expressions", Recording)


@pytest.mark.timeout(600)  # about 12 s of CPU each; machines are shared
@pytest.mark.parametrize("seed", range(SHARDS))
def test_no_accepted_tree_raises_or_leaves_64_bits(seed: int) -> None:
    counted = attack(Random(20140101 + seed), IN_A_SHARD, sample=200)
    assert counted[None] > IN_A_SHARD // 10, f"only {counted[None]} are taken: nothing is tested"
    assert counted.keys() >= EXPECTED, "the trees are not hostile enough to be refused in every way"


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_no_accepted_tree_raises_or_leaves_64_bits_for_long() -> None:
    for seed in range(time.time_ns(), time.time_ns() + 100):
        print(f"seed {seed}")
        assert attack(Random(seed), 50_000, sample=20)[None] > 5_000


# ------------------------------------------------------------------------------------- the fuzz itself can fail


def _short_increments(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = lambda duration, first, following: Number(0, max(first.high, duration.high + following.high - 2))  # noqa: E731  short
    monkeypatch.setitem(NUMERIC, "round_up_to", NUMERIC["round_up_to"]._replace(reach=reach))


def _magnitude_of_the_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    reach = lambda x: Number(min(abs(x.low), abs(x.high)), max(abs(x.low), abs(x.high)))  # noqa: E731  short
    monkeypatch.setitem(NUMERIC, "abs", NUMERIC["abs"]._replace(reach=reach))


def _floors_whatever_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "reach_of_mul_div", lambda a, b, c, _: reach_of_mul_div(a, b, c, Rounding.FLOOR))


def _joins_forget_the_other_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "joined", lambda one, other: {name: one[name] for name in one if name in other})


def _a_row_found_on_one_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def joining(one: Environment, other: Environment) -> Environment:
        rows = {name: found for name, found in (*one.items(), *other.items()) if isinstance(found, Row)}
        return {name: rows.get(name, found) for name, found in joined(one, other).items()}

    monkeypatch.setattr(check, "joined", joining)


def _any_path_defines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "joined", lambda one, other: {**other, **one})


def _unequal_excludes_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    def narrowing(x: Number, relation: Relation, y: Number) -> Number:
        low, high = x.low + (x.low == y.low), x.high - (x.high == y.high)
        return Number(low, high, x.unit) if relation is Relation.NOT_EQUAL and low <= high else bounded(x, relation, y)

    monkeypatch.setattr(expressions_module, "bounded", narrowing)


def _arguments_of_helpers_unproved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recording, "_span", lambda *_: None)


def _one_more_than_64_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "MOST", 2**63)


MISTAKES = (
    _short_increments,
    _magnitude_of_the_ends,
    _floors_whatever_is_named,
    _joins_forget_the_other_path,
    _a_row_found_on_one_path,
    _any_path_defines,
    _unequal_excludes_a_range,
    _arguments_of_helpers_unproved,
    _one_more_than_64_bits,
)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_checker_is_found(
    monkeypatch: pytest.MonkeyPatch, mistake: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mistake(monkeypatch)
    with pytest.raises((AssertionError, TypeError, KeyError, NameError)) as found:
        attack(Random(20140101), IN_A_SHARD, sample=IN_A_SHARD)
    assert getattr(found.value, "__notes__", ()), "not in the run of a tree that was taken: the mistake itself broke"
