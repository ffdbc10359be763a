"""Each injector changes what it says, where it says, and nothing else; the truth knows every hit."""

from __future__ import annotations

import json
from collections.abc import Callable

import polars as pl
import pytest

from settle.agent.intake.trunks import TrunkMap
from settle.agent.records import LOCAL
from settle.sample.faults import (
    ClockOffset,
    Copy,
    DuplicatedRecords,
    DurationJitter,
    Fault,
    LateFile,
    LostRecords,
    OldRateVersion,
    PeriodEdge,
    PortabilityMismatch,
    SlicedCalls,
    WrongIncrement,
    WrongTimeZone,
    WrongTrunkMap,
)
from settle.sample.plan import Form
from tests.sample.conftest import Sample

Make = Callable[..., Sample]
SIDE = {"operator": "CUCC", "peer": "CMCC"}
ANSWERED_CALL = (pl.col("service") == "VOICE") & (pl.col("outcome") == "ANSWERED")


def views(sample: Sample) -> tuple[pl.DataFrame, pl.DataFrame]:
    """CMCC's records, which are right, and CUCC's, in the truth's order."""
    return sample.records("CMCC", "CUCC"), sample.records("CUCC", "CMCC")


def hits(sample: Sample) -> pl.Series:
    """For each event of the pair, whether fault 0 hit CUCC's record."""
    truth = sample.pair_truth("CMCC", "CUCC")
    by_cucc = truth["sender_hits"].zip_with(truth["sender"] == "CUCC", truth["receiver_hits"])
    by_cmcc = truth["receiver_hits"].zip_with(truth["sender"] == "CUCC", truth["sender_hits"])
    assert by_cmcc.sum() == 0
    return by_cucc == 1


def differing(one: pl.DataFrame, other: pl.DataFrame) -> set[str]:
    return {name for name in one.columns if name[:5] != "trunk" and not one[name].equals(other[name])}


EVERY_FAULT = (
    ClockOffset(**SIDE, offset_ms=1_700),
    DurationJitter(**SIDE, low_ms=1_000, high_ms=1_000),
    LostRecords(**SIDE, share_ppm=50_000),
    DuplicatedRecords(**SIDE, share_ppm=50_000),
    SlicedCalls(**SIDE, slice_ms=60_000),
    WrongTrunkMap(**SIDE, trunk=2, maps_to="CTCC"),
    OldRateVersion(**SIDE, version=1),
    WrongTimeZone(**SIDE, shift_s=3_600),
    WrongIncrement(**SIDE, first_ms=6_000, next_ms=6_000),
    LateFile(**SIDE, sequence=2),
    PortabilityMismatch(**SIDE),
    PeriodEdge(**SIDE, window_s=86_400),
)


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: type(fault).__name__)
def test_a_fault_touches_one_side_of_one_pair_and_never_the_truth(sampled: Make, fault: Fault) -> None:
    right, wrong = sampled(records=1_500), sampled(fault, records=1_500)
    masks = ("sender_hits", "receiver_hits")
    assert wrong.truth().drop(masks).equals(right.truth().drop(masks))
    for operator, peer in ((a, b) for pair in right.plan.pairs for a, b in (pair, pair[::-1])):
        if (operator, peer) != ("CUCC", "CMCC"):
            assert wrong.records(operator, peer).equals(right.records(operator, peer))
    for operator in ("CMCC", "CTCC"):
        for name in ("trunks.toml", "settings.json"):
            files = [sample.result.folder / operator / name for sample in (right, wrong)]
            assert files[0].read_bytes() == files[1].read_bytes()
    listed = json.loads((wrong.result.folder / "truth" / "faults.json").read_bytes())["faults"]
    assert [(entry["operator"], entry["peer"]) for entry in listed] == [("CUCC", "CMCC")]


def test_a_clock_offset_moves_every_start_and_nothing_else(sampled: Make) -> None:
    sample = sampled(ClockOffset(**SIDE, offset_ms=-400, drift_ppm=10))
    right, wrong = views(sample)
    moved = wrong["start_ms"] - right["start_ms"]
    assert differing(right, wrong) == {"start_ms"}
    assert moved[0] == pytest.approx(-400, abs=50)
    assert moved[-1] == pytest.approx(-400 + 31 * 864, abs=100)  # 10 ppm gain 864 ms a day
    assert hits(sample).all()


def test_jitter_lengthens_answered_calls_within_its_bounds(sampled: Make) -> None:
    sample = sampled(DurationJitter(**SIDE, low_ms=-2_000, high_ms=3_000, share_ppm=500_000))
    right, wrong = views(sample)
    changed = wrong["duration_ms"] - right["duration_ms"]
    hit = hits(sample)
    assert differing(right, wrong) == {"duration_ms"}
    assert (changed.min(), changed.max()) >= (-2_000, 2_900)
    assert changed.max() <= 3_000
    assert changed.filter(hit).mean() == pytest.approx(500, abs=100)
    assert set(changed.filter(~hit)) == {0}
    calls = (right["service"] == "VOICE") & (right["outcome"] == "ANSWERED")
    assert not (hit & ~calls).any()
    assert hit.sum() / calls.sum() == pytest.approx(0.5, abs=0.03)


def test_one_second_on_every_call_is_0_73_percent_of_the_seconds(sampled: Make) -> None:
    right, wrong = views(sampled(DurationJitter(**SIDE, low_ms=1_000, high_ms=1_000), records=60_000))
    calls = right.filter(ANSWERED_CALL)
    added = wrong["duration_ms"].sum() - right["duration_ms"].sum()
    assert added == calls.height * 1_000
    assert added / calls["duration_ms"].sum() * 100 == pytest.approx(0.73, abs=0.04)


def test_a_thousandth_of_the_records_is_lost(sampled: Make) -> None:
    sample = sampled(LostRecords(**SIDE, share_ppm=1_000), records=200_000, rows_per_file=50_000)
    right, wrong = views(sample)
    hit = hits(sample)
    assert right.height - wrong.height == hit.sum()
    assert hit.mean() * 1_000 == pytest.approx(1, abs=0.25)
    assert wrong.drop("record_id", "trunk_in", "trunk_out").equals(
        right.filter(~hit).drop("record_id", "trunk_in", "trunk_out")
    )


def test_a_trunk_can_be_missing_altogether(sampled: Make) -> None:
    sample = sampled(LostRecords(**SIDE, share_ppm=1_000_000, trunk=3))
    right, wrong = views(sample)
    on_trunk = right.select(pl.any_horizontal(pl.col("trunk_in", "trunk_out") == "CMCC-CUCC-03")).to_series()
    assert on_trunk.equals(hits(sample), check_names=False)
    assert wrong["call_id"].equals(right.filter(~on_trunk)["call_id"])


@pytest.mark.parametrize("copy", list(Copy))
def test_duplicates_look_as_their_kind_says(sampled: Make, copy: Copy) -> None:
    sample = sampled(DuplicatedRecords(**SIDE, share_ppm=30_000, copy=copy), days_per_file=31)
    right, wrong = views(sample)
    originals, copies = wrong.head(right.height), wrong.tail(-right.height)
    assert differing(right, originals) == set()
    assert copies.height == hits(sample).sum() > 50
    model = originals.filter(hits(sample))
    assert (set(copies["record_id"]) <= set(originals["record_id"])) == (copy is Copy.SAME)
    assert wrong["record_id"].n_unique() == (right.height if copy is Copy.SAME else wrong.height)
    if copy is Copy.REWRITTEN:
        assert set(copies["call_id"]) == {""}
        assert copies["start_ms"].equals(model["start_ms"] // 1000 * 1000)
    else:
        assert copies.drop("record_id").equals(model.drop("record_id"))
    assert copies["duration_ms"].equals(model["duration_ms"])


def test_slices_of_a_long_call_follow_each_other_and_add_up(sampled: Make) -> None:
    sample = sampled(SlicedCalls(**SIDE, slice_ms=90_000))
    right, wrong = views(sample)
    long = right.filter(ANSWERED_CALL & (pl.col("duration_ms") > 90_000))
    assert hits(sample).sum() == long.height
    assert wrong.height - right.height == ((long["duration_ms"] - 1) // 90_000).sum()
    parts = wrong.group_by("call_id", maintain_order=True).agg(
        pl.col("start_ms").first(),
        pl.col("duration_ms").sum(),
        pl.col("units").sum(),
        end=(pl.col("start_ms") + pl.col("duration_ms")).last(),
        gaps=(pl.col("start_ms").diff().drop_nulls() != pl.col("duration_ms").slice(0, pl.len() - 1)).sum(),
    )
    assert parts.select("call_id", "start_ms", "duration_ms", "units").equals(
        right.select("call_id", "start_ms", "duration_ms", "units")
    )
    assert parts["gaps"].sum() == 0
    assert wrong.filter(ANSWERED_CALL)["duration_ms"].max() == 90_000
    assert wrong["record_id"].n_unique() == wrong.height


def test_a_wrong_trunk_map_leads_one_trunk_elsewhere(sampled: Make) -> None:
    sample = sampled(WrongTrunkMap(**SIDE, trunk=2, maps_to="CTCC"))
    rows = TrunkMap.load(sample.result.folder / "CUCC" / "trunks.toml").rows
    assert {row.trunk: row.peer for row in rows if row.trunk.startswith("CUCC-CMCC")} == {
        "CUCC-CMCC-01": "CMCC", "CUCC-CMCC-02": "CTCC", "CUCC-CMCC-03": "CMCC", "CUCC-CMCC-04": "CMCC",
    }  # fmt: skip
    right, wrong = views(sample)
    assert differing(right, wrong) == set()
    on_trunk = wrong.select(pl.any_horizontal(pl.col("trunk_in", "trunk_out") == "CUCC-CMCC-02")).to_series()
    assert on_trunk.equals(hits(sample), check_names=False)


def test_a_time_zone_shifts_all_times_and_a_missed_clock_change_those_after_it(sampled: Make) -> None:
    right, wrong = views(sampled(WrongTimeZone(**SIDE, shift_s=8 * 3600)))
    assert set(wrong["start_ms"] - right["start_ms"]) == {8 * 3_600_000}
    since_s = 12 * 86_400
    sample = sampled(WrongTimeZone(**SIDE, shift_s=-3600, since_s=since_s))
    right, wrong = views(sample)
    after = right["start_ms"] >= (sample.plan.usage_from + since_s) * 1000
    assert differing(right, wrong) == {"start_ms"}
    assert (wrong["start_ms"] - right["start_ms"]).equals(after.cast(pl.Int64) * -3_600_000, check_names=False)
    assert after.equals(hits(sample), check_names=False)


def test_late_files_are_whole_but_elsewhere(sampled: Make) -> None:
    sample = sampled(LateFile(**SIDE, sequence=2), days_per_file=12)
    right, wrong = views(sample)
    late = sample.records("CUCC", "CMCC", late=True)
    assert late.height == hits(sample).sum() > 0
    assert late["call_id"].equals(right.filter(hits(sample))["call_id"])
    assert wrong["call_id"].equals(right.filter(~hits(sample))["call_id"])
    paths = [file.path.parent.name for file in sample.result.files if file.control.stream == "CUCC-CMCC"]
    assert paths == ["records", "late", "late"]


def test_ported_numbers_are_booked_by_their_range(sampled: Make) -> None:
    sample = sampled(PortabilityMismatch(**SIDE), records=20_000)
    truth, (right, wrong) = sample.pair_truth("CMCC", "CUCC"), views(sample)
    far_holder = truth["b_holder"].zip_with(truth["sender"] == "CUCC", truth["a_holder"])
    trunk = wrong["trunk_out"].zip_with(truth["sender"] == "CUCC", wrong["trunk_in"])
    for holder, booked, number in zip(far_holder, trunk, truth["trunk"], strict=True):
        assert booked == (LOCAL if holder == "CUCC" else f"CUCC-{holder}-{number:02d}")
    assert (far_holder != "CMCC").equals(hits(sample), check_names=False)
    assert differing(right, wrong) == set()
    assert hits(sample).mean() == pytest.approx(0.03, abs=0.01)


def test_calls_at_the_edge_are_dated_into_the_next_period(sampled: Make) -> None:
    sample = sampled(PeriodEdge(**SIDE, window_s=86_400))
    right, wrong = views(sample)
    edge = sample.plan.usage_to * 1000
    moved = wrong["start_ms"] >= edge
    assert differing(right, wrong) == {"start_ms"}
    assert moved.equals(hits(sample), check_names=False)
    assert moved.equals(right["start_ms"] + right["duration_ms"] > edge - 86_400_000, check_names=False)
    assert moved.mean() == pytest.approx(1 / 31, abs=0.01)


def test_the_plain_edge_hits_only_calls_in_progress(sampled: Make) -> None:
    sample = sampled(PeriodEdge(**SIDE), records=200_000, rows_per_file=50_000)
    right, wrong = views(sample)
    edge = sample.plan.usage_to * 1000
    crossing = right.filter(pl.col("start_ms") + pl.col("duration_ms") > edge)
    assert hits(sample).sum() == crossing.height
    assert (wrong["start_ms"] >= edge).sum() == crossing.height
    assert crossing.height / right.height < 0.0005


def test_settings_leave_records_alone_and_are_told_to_the_agent(sampled: Make) -> None:
    old = OldRateVersion(**SIDE, version=1)
    increment = WrongIncrement(operator="CUCC", peer="CTCC", first_ms=30_000, next_ms=6_000)
    sample = sampled(old, increment)
    right, wrong = views(sample)
    assert differing(right, wrong) == set()
    assert not hits(sample).any()
    assert json.loads((sample.result.folder / "CUCC" / "settings.json").read_bytes()) == {
        "operator": "CUCC",
        "settings": [{"peer": "CMCC", "rule_version": 1}, {"peer": "CTCC", "first_ms": 30_000, "next_ms": 6_000}],
    }


def test_faults_on_one_side_add_up_and_keep_their_own_bit(sampled: Make) -> None:
    sample = sampled(
        WrongTimeZone(operator="CMCC", peer="CUCC", shift_s=3_600),
        ClockOffset(**SIDE, offset_ms=100),
        ClockOffset(**SIDE, offset_ms=23),
        LostRecords(**SIDE, share_ppm=100_000),
        form=Form.CSV,
    )
    truth = sample.pair_truth("CMCC", "CUCC")
    of_cucc = truth["sender_hits"].zip_with(truth["sender"] == "CUCC", truth["receiver_hits"])
    of_cmcc = truth["receiver_hits"].zip_with(truth["sender"] == "CUCC", truth["sender_hits"])
    assert set(of_cmcc) == {0b0001}
    assert set(of_cucc) == {0b0110, 0b1110}
    assert sample.records("CMCC", "CUCC")["start_ms"].equals(truth["start_ms"] + 3_600_000)
    assert sample.records("CUCC", "CMCC")["start_ms"].equals(truth.filter(of_cucc == 0b0110)["start_ms"] + 123)
