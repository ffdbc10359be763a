"""The expected figures are those that a plain count over both sides' records gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from settle.agent.records import LOCAL
from settle.sample.errors import BadSample
from settle.sample.lines import TruthLine, truth_lines
from tests.sample.conftest import Sample

Make = Callable[..., Sample]


def counted(sample: Sample, events: set[str], special: tuple[str, ...], *, by_the_sender: bool) -> list[TruthLine]:
    """The lines again, record by record in plain Python, from one side's own records."""
    calls, actual, started = Counter[tuple[object, ...]](), Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for operator, peer in ((a, b) for pair in sample.plan.pairs for a, b in (pair, pair[::-1])):
        for row in sample.records(operator, peer).iter_rows(named=True):
            outward = row["trunk_in"] == LOCAL
            if outward is not by_the_sender or row["outcome"] not in events:
                continue
            trunk = row["trunk_out"] if outward else row["trunk_in"]
            pair = (operator, peer) if outward else (peer, operator)
            bands = (row["a_number"].startswith(special), row["b_number"].startswith(special))
            key = (*pair, row["service"], trunk.endswith("-01"), *bands)
            voice = row["service"] == "VOICE"
            calls[key] += 1
            actual[key] += row["duration_ms"] if voice else row["units"]
            started[key] += -(-row["duration_ms"] // 60_000) if voice else row["units"]
    return [TruthLine._make((*key, calls[key], actual[key], started[key])) for key in sorted(calls)]


@pytest.mark.parametrize("by_the_sender", [True, False])
@pytest.mark.parametrize("event", ["DELIVERED", "SUBMITTED"])
def test_both_sides_count_the_expected_figures(sampled: Make, event: str, *, by_the_sender: bool) -> None:
    sample = sampled()
    special = ("86157", "86188")
    events = {"ANSWERED", "DELIVERED", event}
    found = truth_lines(sample.result.folder, special, event)
    assert list(found) == counted(sample, events, special, by_the_sender=by_the_sender)
    assert any(line.called_special for line in found)
    assert any(line.local for line in found)


def test_special_ranges_only_split_the_lines(sampled: Make) -> None:
    folder = sampled().result.folder
    for figure in ("calls", "units_actual", "units_started"):
        whole = sum(getattr(line, figure) for line in truth_lines(folder))
        assert whole == sum(getattr(line, figure) for line in truth_lines(folder, ("86157", "86188")))


def test_started_minutes_are_22_6_percent_more_than_actual(sampled: Make) -> None:
    voice = [line for line in truth_lines(sampled(records=100_000).result.folder) if line.service == "VOICE"]
    started, actual = sum(line.units_started for line in voice), sum(line.units_actual for line in voice)
    assert (started * 60_000 / actual - 1) * 100 == pytest.approx(22.6, abs=0.6)


def test_a_folder_without_truth_has_no_figures(tmp_path: Path) -> None:
    with pytest.raises(BadSample, match="expected a generated sample"):
        truth_lines(tmp_path)


def test_an_unknown_event_is_refused(sampled: Make) -> None:
    with pytest.raises(BadSample, match="DELIVERED or SUBMITTED"):
        truth_lines(sampled(records=10).result.folder, event="READ")
