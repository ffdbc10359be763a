"""The agent's intake reads a sample: all of it without faults, and with each drawn fault another figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from settle.agent.intake.sort import Setting
from settle.agent.intake.stream import Stream
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.sample.faults import SETTINGS
from settle.sample.lines import truth_lines
from settle.sample.sealed import VISIBLE, Cause, draw_faults
from tests.sample.conftest import Sample

Make = Callable[..., Sample]
Minutes = Counter[tuple[str, str]]
SETTINGS_CAUSES = {fault.__struct_config__.tag for fault in SETTINGS}


def taken(sample: Sample, operator: str, home: Path) -> tuple[Minutes, Counter[str]]:
    """Started minutes by (sender, receiver), and what became of the records, as `operator`'s agent sees them."""
    setting = Setting(
        trunks=TrunkMap.load(sample.result.folder / operator / "trunks.toml"),
        plan=load_number_plan(),
        usage_from_ms=sample.plan.usage_from * 1000,
        usage_to_ms=sample.plan.usage_to * 1000,
    )
    minutes: Minutes = Counter()
    fates: Counter[str] = Counter()
    for file in (file for file in sample.result.files if file.control.operator == operator and not file.late):
        name = file.control.stream
        stream = Stream(home / name, operator=operator, name=name)
        receipt = stream.take(file.path, setting, now_ms=setting.usage_to_ms).receipt
        fates += Counter(settled=receipt.settled, duplicates=receipt.duplicates, rows=receipt.rows)
        fates += Counter(receipt.not_settled) + Counter(receipt.suspense)
        calls = stream.legs(receipt).filter(pl.col("service") == "VOICE")
        sums = calls.group_by("direction", "peer").agg(((pl.col("duration_ms") + 59_999) // 60_000).sum()).collect()
        for direction, peer, started in sums.iter_rows():
            minutes[(operator, peer) if direction == "OUT" else (peer, operator)] += started
    return minutes, fates


def test_without_faults_every_record_is_settled_or_failed_and_the_minutes_are_true(
    sampled: Make, tmp_path: Path
) -> None:
    sample = sampled()
    expected: Minutes = Counter()
    for line in truth_lines(sample.result.folder):
        if line.service == "VOICE":
            expected[line.sender, line.receiver] += line.units_started
    for operator in ("CMCC", "CUCC", "CTCC"):
        minutes, fates = taken(sample, operator, tmp_path / operator)
        assert minutes == Counter({pair: total for pair, total in expected.items() if operator in pair})
        assert set(fates) == {"settled", "FAILED", "rows"}
        assert fates["settled"] + fates["FAILED"] == fates["rows"]


@pytest.mark.parametrize("cause", [cause for cause in VISIBLE if cause.value not in SETTINGS_CAUSES])
def test_a_drawn_fault_moves_a_line_by_more_than_a_percent(sampled: Make, tmp_path: Path, cause: Cause) -> None:
    faults = draw_faults(4, (("CMCC", "CUCC"), ("CMCC", "CTCC"), ("CUCC", "CTCC")), 1, causes=(cause,))
    sample = sampled(*faults.faults, records=30_000, days_per_file=7)
    fault = faults.faults[0]
    right, _ = taken(sample, fault.peer, tmp_path / "right")
    wrong, _ = taken(sample, fault.operator, tmp_path / "wrong")
    both = ((fault.operator, fault.peer), (fault.peer, fault.operator))
    assert max(abs(wrong[pair] - right[pair]) / right[pair] for pair in both) > 0.01
