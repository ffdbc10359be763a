"""What vectors reach, which mistakes they notice, and that the missing ones are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from abci_app.rules.bundle import LoadedRule, Vector, load_bundle
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.printer import print_expression
from abci_app.rules.tree import Program, read_program, write_program
from settle.rules.build import compile_folder
from settle.rules.cover import cover
from settle.rules.mutants import Survivor, changes, mutate
from settle.rules.parse import check_text
from settle.rules.walk import parts_of, replaced
from tests.rules.folders import change, template_folder
from tests.rules.programs import STUB, bundle_bytes

RULE = f"""{STUB}
def least(a: Annotated[int, 0, 99]) -> Annotated[int, 0, 99]:
    if a > 50:
        return 50
    return a

def judge_line(
    creditor: Annotated[int, 0, 99],
    debtor: Annotated[int, 0, 99],
) -> tuple[Annotated[int, "verdict", 0, 2], Annotated[int, "settled", 0, 99]]:
    settled = least(min(creditor, debtor))
    if creditor == debtor:
        return Outcome(verdict=0, settled=settled)
    elif creditor > debtor:
        return Outcome(verdict=1, settled=settled)
    else:
        return Outcome(verdict=1, settled=settled)
"""


def program() -> Program:
    return check_text(RULE).program


def vector(creditor: int, debtor: int, verdict: int, settled: int) -> Vector:
    return Vector("judge_line", b"by hand", (creditor, debtor), (verdict, settled), "")


EQUAL, MORE, LESS, MUCH = vector(7, 7, 0, 7), vector(9, 7, 1, 7), vector(7, 9, 1, 7), vector(80, 80, 0, 50)


def loaded() -> LoadedRule:
    return load_bundle(bundle_bytes(program(), (EQUAL, MORE, LESS, MUCH)))


def lines(rule: LoadedRule, *vectors: Vector) -> list[str]:
    return [one.source for one in cover(rule, vectors).unreached]


def test_all_lines_are_reached_by_vectors_for_every_branch() -> None:
    covered = cover(loaded(), (EQUAL, MORE, LESS, MUCH))
    assert covered.unreached == ()
    assert covered.one_sided == ()
    assert [one.times for one in covered.lines] == [4, 1, 3, 4, 4, 2, 2, 1, 1]


def test_lines_that_no_vector_reaches_are_told_with_their_number() -> None:
    """Equal statements in two branches are two lines; a helper's lines count as well."""
    covered = cover(loaded(), (EQUAL, MORE))
    text = [(one.line, one.function, one.source) for one in covered.unreached]
    assert text == [
        (8, "least", "return 50"),
        (25, "judge_line", "return Outcome(verdict=1, settled=settled)"),
    ]
    assert lines(loaded()) == [one.source for one in covered.lines]


def test_a_test_that_always_comes_out_the_same_is_told() -> None:
    covered = cover(loaded(), (EQUAL,))
    assert [(one.source, one.never) for one in covered.one_sided] == [
        ("if a > 50:", "true"),
        ("if creditor == debtor:", "false"),
    ]


def test_a_loop_over_an_empty_table_reaches_its_head_only(tmp_path: Path) -> None:
    folder = template_folder(tmp_path, "tax")
    old = "    if rate is None:"
    change(folder / "rule.py", old, f"    for row in TAXES:\n        net = min(net, row.bps * 0 + net)\n{old}")
    rule, vectors = compile_folder(folder)
    assert cover(rule, vectors).unreached == ()
    (folder / "tables" / "TAXES.csv").write_text("service,bps\n", encoding="utf-8")
    rule, vectors = compile_folder(folder)
    unreached = [one.source for one in cover(rule, vectors).unreached]
    assert unreached[0].startswith("net = min")


def test_vectors_with_arguments_outside_the_ranges_are_refused() -> None:
    with pytest.raises(RuleRefused) as refused:
        cover(loaded(), (vector(100, 0, 1, 0),))
    assert refused.value.code is RuleCode.ARGUMENT_OUT_OF_RANGE


# ------------------------------------------------------------------------------------------------------------ mutants


def survivors(*vectors: Vector) -> list[Survivor]:
    return [one for one in mutate(loaded(), vectors).survivors if one.telling is not None]


def test_a_border_that_no_vector_touches_survives_and_the_missing_vector_is_found() -> None:
    missing = survivors(EQUAL, MORE, LESS, MUCH)
    assert [(one.line, one.before, one.after) for one in missing] == [(7, "50", "51")]
    for one in missing:
        assert one.telling is not None
        right = loaded().call(one.telling.entry, *one.telling.arguments.values())
        assert right == one.telling.right != one.telling.wrong


def test_a_vector_on_the_border_notices_it() -> None:
    """49 for 50 means the same here: 50 becomes 50 either way, and no arguments tell it apart."""
    border = vector(51, 51, 0, 50)
    assert survivors(EQUAL, MORE, LESS, MUCH, border) == []
    same = [(one.before, one.after) for one in mutate(loaded(), (EQUAL, MORE, LESS, MUCH, border)).survivors]
    assert ("50", "49") in same


def test_every_change_is_one_mistake_in_a_body() -> None:
    whole = program()
    tried = list(changes(whole))
    assert {type(one.before).__name__ for one in tried} == {"Integer", "Comparison"}
    for one in tried:
        assert one.program != whole
        assert read_program(write_program(one.program)) == one.program
        assert [each.parameters for each in one.program.functions] == [each.parameters for each in whole.functions]


def test_roundings_are_changed_too(tmp_path: Path) -> None:
    rule, vectors = compile_folder(template_folder(tmp_path, "late_interest"))
    tried = [print_expression(one.after) for one in changes(rule.program)]
    assert tried == [
        "mul_div(principal, bps * days, 3_650_000, CEIL)",
        "mul_div(principal, bps * days, 3_650_000, FLOOR)",
        "mul_div(principal, bps * days, 3_650_000, HALF_EVEN)",
        "mul_div(principal, bps * days, 3_650_000, TRUNC)",
        "3_650_001",
        "3_649_999",
    ]
    found = mutate(rule, vectors)
    assert (found.refused, found.noticed, found.survivors) == (1, 5, ())  # a longer result range than declared


def test_a_part_is_replaced_at_its_place_only() -> None:
    whole = program()
    for path, part in parts_of(whole):
        assert replaced(whole, path, part) == whole
