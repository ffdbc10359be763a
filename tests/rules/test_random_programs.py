"""Arbitrary and spoilt bytes are refused by code, or are rules that compile."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abci_app.rules.bundle import load_bundle
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.names import INTRINSICS
from abci_app.rules.tables import Table, read_table, write_table
from abci_app.rules.tree import Call, Node, read_program, write_program
from settle.rules.build import shipped_bundle
from tests.rules.programs import tree
from tests.rules.random_programs import RandomProgram


def load(raw: bytes) -> None:
    """Everything that consensus does with a tree's bytes; only RuleRefused may come out."""
    try:
        program = read_program(raw)
        check_program(program)
        tables = {form.name: read_table(write_table(Table(form.name, ())), form) for form in program.tables}
        compile_program(program, tables, "fuzz")
    except RuleRefused:
        pass


@settings(max_examples=800, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_and_nothing_else(raw: bytes) -> None:
    load(raw)


_SEEDS = tuple(
    write_program(one)
    for one in (
        tree("row = lookup(T, x)\nif row is None:\n    reject('NO')\nreturn Outcome(r=mul_div(x, row.v, 3, CEIL))"),
        tree("s = 0\nfor row in T:\n    if row.k > y and b:\n        s = s + row.v % 7\nreturn Outcome(r=s)"),
    )
)


_changes = st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=4)


@settings(max_examples=1_200, deadline=None)
@given(st.sampled_from(_SEEDS), _changes)
def test_mutated_trees_are_refused_or_run(raw: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(raw)
    for at, byte in changes:
        mutated[at % len(raw)] = byte
    load(bytes(mutated))


_parts = st.recursive(
    st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.none()
    | st.sampled_from(("x", "f", "T", "HALF_UP", "lookup")),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(st.integers(1, 37), inner, inner).map(list),
    max_leaves=12,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_parts, max_size=4))
def test_trees_of_arbitrary_shape_are_refused_or_run(body: list[object]) -> None:
    shape = [1, [], [], [], [["f", 0, [], [["x", 1, 0, 9, ""]], [["r", 1, 0, 9, ""]], body]]]
    load(msgspec.msgpack.encode(shape))


_BUNDLE = shipped_bundle("tolerance_percent", 1)


@settings(max_examples=600, deadline=None)
@given(st.integers(0, len(_BUNDLE) - 1), st.integers(1, 255))
def test_a_bundle_with_any_byte_changed_has_another_name_or_is_refused(at: int, change: int) -> None:
    mutated = bytearray(_BUNDLE)
    mutated[at] ^= change
    try:
        rule = load_bundle(bytes(mutated))
    except RuleRefused:
        return
    assert rule.hash != load_bundle(_BUNDLE).hash


def test_the_drawn_programs_use_the_whole_language() -> None:
    chance = Random(7)
    seen: set[str] = set()

    def visit(part: object) -> None:
        if isinstance(part, Call):
            seen.add(part.function)
        if isinstance(part, msgspec.Struct):
            seen.add(type(part).__name__)
            for name in part.__struct_fields__:
                visit(getattr(part, name))
        elif isinstance(part, tuple):
            for one in part:
                visit(one)

    for _ in range(200):
        visit(RandomProgram(chance).program)
    assert {one.__name__ for one in Node.__subclasses__()} | INTRINSICS <= seen
