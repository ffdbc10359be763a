"""Two switches see the same truth: their records, files, control totals and reference data."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from settle.agent.intake.control import Totals, load_sidecar
from settle.agent.intake.trunks import TrunkMap
from settle.agent.records import LOCAL, SCHEMA, well_formed
from settle.sample.errors import FolderInUse
from settle.sample.generate import generate
from settle.sample.plan import Form, SamplePlan, domestic_operators, month
from settle.sample.schedule import schedule
from settle.sample.subscribers import subscribers
from settle.sample.truth import truth_of
from settle.sample.views import records_of, view_of
from tests.sample.conftest import Sample

SETTLED = ("call_id", "service", "a_number", "b_number", "start_ms", "duration_ms", "units", "outcome", "cause")
START, END = month(2013, 12)
TWO_OPERATORS = SamplePlan(
    seed=0, records=0, usage_from=START, usage_to=END, days_per_file=31,
    operators=tuple(replace(operator, subscribers=500) for operator in domestic_operators()[2:]),
)  # fmt: skip
Make = Callable[..., Sample]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1), events=st.integers(0, 500), ported=st.integers(0, 1000), trunks=st.integers(1, 9)
)
def test_without_faults_both_sides_say_the_same(seed: int, events: int, ported: int, trunks: int) -> None:
    plan = replace(TWO_OPERATORS, seed=seed, records=events, ported_permille=ported, trunks=trunks)
    people = subscribers(plan)
    for chunk in schedule(plan):
        truth = truth_of(plan, people, chunk)
        one, other = (
            records_of(view_of(truth, operator, peer), chunk.sequence)
            for operator, peer in (chunk.pair, chunk.pair[::-1])
        )
        assert one.select(SETTLED).equals(other.select(SETTLED))
        assert one.select(pl.col("trunk_out") == LOCAL).equals(other.select(trunk_out=pl.col("trunk_in") == LOCAL))


def test_the_sender_sees_a_call_leave_and_the_receiver_sees_it_come(sampled: Make) -> None:
    sample = sampled()
    truth = sample.pair_truth("CMCC", "CUCC")
    sent = (truth["sender"] == "CMCC").to_list()
    for operator, peer, sender in (("CMCC", "CUCC", sent), ("CUCC", "CMCC", [not out for out in sent])):
        records = sample.records(operator, peer)
        trunks = pl.select(pl.format("{}-{}-0{}", pl.lit(operator), pl.lit(peer), truth["trunk"])).to_series().to_list()
        assert records["trunk_out"].to_list() == [t if out else LOCAL for t, out in zip(trunks, sender, strict=True)]
        assert records["trunk_in"].to_list() == [LOCAL if out else t for t, out in zip(trunks, sender, strict=True)]


@pytest.mark.parametrize("form", list(Form))
def test_records_have_the_canonical_form_and_true_control_totals(sampled: Make, form: Form) -> None:
    sample = sampled(form=form)
    assert sample.result.events == 6_000
    assert sample.result.records == 12_000
    for operator, peer in (("CMCC", "CUCC"), ("CTCC", "CUCC")):
        records = sample.records(operator, peer)
        assert dict(records.schema) == SCHEMA
        assert records.select(well_formed().all()).item()
        assert records["record_id"].n_unique() == records.height
    for file in sample.result.files:
        control = load_sidecar(file.path)
        assert control == file.control
        assert control.sha256 == sha256(file.path.read_bytes()).hexdigest()
        read = pl.read_parquet(file.path) if form is Form.PARQUET else pl.read_csv(file.path)
        assert Totals.of(read) == Totals(control.records, control.duration_ms, control.units)
        assert file.path.name.startswith(f"{control.stream}-{control.sequence:04d}.")


def test_a_label_gives_the_same_rows_to_streams_of_another_name(sampled: Make) -> None:
    plain, labelled = sampled(), sampled(label="-2013")
    for one, other in zip(plain.result.files, labelled.result.files, strict=True):
        assert other.control.stream == f"{one.control.stream}-2013"
        assert other.path.name.startswith(f"{other.control.stream}-{one.control.sequence:04d}.")
        assert other.control.sha256 == one.control.sha256


def test_csv_and_parquet_hold_the_same_records(sampled: Make) -> None:
    assert sampled(form=Form.CSV).records("CUCC", "CTCC").equals(sampled().records("CUCC", "CTCC"))


def test_the_agent_reads_every_trunk_of_the_records_in_the_trunk_map(sampled: Make) -> None:
    sample = sampled()
    for operator, peers in (("CMCC", ("CUCC", "CTCC")), ("CTCC", ("CMCC", "CUCC"))):
        rows = TrunkMap.load(sample.result.folder / operator / "trunks.toml").rows
        leads_to = {row.trunk: row.peer for row in rows}
        for peer in peers:
            records = sample.records(operator, peer)
            seen = set(records["trunk_in"]) | set(records["trunk_out"])
            assert {leads_to[trunk] for trunk in seen - {LOCAL}} == {peer}
        assert sum(row.local for row in rows) == 2  # one trunk of each of the two pairs


def test_an_empty_period_is_files_without_records(sampled: Make) -> None:
    sample = sampled(records=0)
    assert sample.result.records == 0
    assert len(sample.result.files) == 3 * 2 * 2
    assert dict(sample.records("CMCC", "CUCC").schema) == SCHEMA


def test_progress_reaches_the_end(january: SamplePlan, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    generate(january, tmp_path / "sample", lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (6_000, 6_000)


def test_the_plan_reads_back_from_the_sample(sampled: Make) -> None:
    sample = sampled()
    written = (sample.result.folder / "truth" / "plan.json").read_bytes()
    assert msgspec.json.decode(written, type=SamplePlan) == sample.plan


def test_a_folder_with_content_is_left_alone(january: SamplePlan, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FolderInUse, match="expected a new or empty folder"):
        generate(january, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
