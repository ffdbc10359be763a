"""Rating whole frames: the shipped rules give what their executor gives, and bad frames are refused by row."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from abci_app.rules.codes import RuleCode, RuleRefused
from settle.rules.build import compile_folder, shipped_rule
from settle.rules.columns import CHUNK, REJECTION, Columns
from settle.rules.differ import compare
from settle.rules.explain import explain
from settle.rules.plugin import SHIPPED

FOLDERS = sorted(SHIPPED.glob("*/v*"))
RULE = shipped_rule("domestic_interconnect", 2)
NAMES = [one.name for one in RULE.program.functions[0].parameters]
ROW = (1, 1, 2, 1, "8613000000000", "8615700000000", False, 61_000, 0)


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NAMES, orient="row")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: f"{one.parent.name}/{one.name}")
def test_shipped_rules_agree_on_executor_explanation_and_columns(folder: Path) -> None:
    rule, vectors = compile_folder(folder)
    for compared in compare(rule, vectors, 1_000, seed=9):
        assert compared.difference is None
        assert compared.vectors > 0
        assert 1 < compared.outcomes <= compared.vectors + compared.drawn
    for one in vectors[:50]:
        why = explain(rule, one.entry, *one.arguments)
        assert (why.rejection or why.results) == (one.rejection or one.results)


def test_rejections_come_as_a_column_in_order_across_chunks() -> None:
    flat = Columns.of_rule(shipped_rule("flat_minutes", 1), "rate_record")
    rows = [(2 if at % 3 == 0 else 1, *ROW[1:]) for at in range(CHUNK + 10)]
    found = flat.run(frame(*rows))
    assert found.height == CHUNK + 10
    assert found[REJECTION].to_list() == ["VOICE_ONLY" if at % 3 == 0 else None for at in range(CHUNK + 10)]
    assert found["units_billed"].to_list() == [None if at % 3 == 0 else 120_000 for at in range(CHUNK + 10)]
    everything = flat.run(frame((2, *ROW[1:]), (3, *ROW[1:])))
    assert everything.rows() == [(None, None, "VOICE_ONLY")] * 2


def test_the_agreements_parameters_are_constants() -> None:
    flat = Columns.of_rule(shipped_rule("flat_minutes", 1), "price_line")
    names = ["service", "direction", "band", "calls", "units_actual", "units_billed", "originating", "terminating"]
    lines = pl.DataFrame([(1, 0, 0, 1, 1, 60_000, 1, 2), (1, 1, 0, 1, 1, 60_000, 2, 1)], schema=names, orient="row")
    rates = {"rate_first": 60_000_000, "rate_second": 40_000_000}
    assert flat.run(lines, rates)["amount_micro"].to_list() == [60_000, 40_000]
    with pytest.raises(RuleRefused, match="constant rate_first"):
        flat.run(lines, {**rates, "rate_first": -1})


def test_a_frame_without_records_gives_none() -> None:
    found = Columns.of_rule(RULE, "rate_record").run(frame(ROW).clear())
    assert found.columns == ["band", "units_billed", REJECTION]
    assert found.height == 0


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (frame(ROW, (*ROW[:7], -1, 0)), "column duration_ms, row 2"),
        (frame(ROW, (*ROW[:7], None, 0)), "column duration_ms, row 2"),
        (frame(ROW, (4, *ROW[1:])), "column service, row 2"),
        (frame(ROW, (*ROW[:5], "86x", *ROW[6:])), "column b_number, row 2"),
        (frame(ROW, (*ROW[:5], "1" * 21, *ROW[6:])), "column b_number, row 2"),
        (frame(ROW, (*ROW[:5], "157\n", *ROW[6:])), "column b_number, row 2"),
        (frame(ROW).with_columns(pl.col("units").cast(pl.Float64)), "column units"),
        (frame(ROW).with_columns(pl.col("b_number").cast(pl.Int64)), "column b_number"),
        (frame(ROW).drop("local"), "column local"),
    ],
)  # fmt: skip
def test_a_frame_outside_the_declared_ranges_is_refused_with_column_and_row(spoilt: pl.DataFrame, words: str) -> None:
    with pytest.raises(RuleRefused, match=words) as refused:
        Columns.of_rule(RULE, "rate_record").run(spoilt)
    assert refused.value.code is RuleCode.ARGUMENT_OUT_OF_RANGE


def test_only_entry_points_run_over_columns_or_are_explained() -> None:
    with pytest.raises(RuleRefused) as refused:
        Columns.of_rule(RULE, "nobody")
    assert refused.value.code is RuleCode.NO_ENTRY_POINT
    with pytest.raises(RuleRefused) as refused:
        explain(RULE, "nobody")
    assert refused.value.code is RuleCode.NO_ENTRY_POINT
    with pytest.raises(RuleRefused) as refused:
        explain(RULE, "rate_record", 1)
    assert refused.value.code is RuleCode.ARGUMENT_OUT_OF_RANGE
