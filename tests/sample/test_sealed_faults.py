"""A drawn list of faults can be sealed before the demo and opened after it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settle.sample.errors import BadFault
from settle.sample.faults import SETTINGS, FaultList, LostRecords
from settle.sample.lines import truth_events
from settle.sample.plan import SamplePlan, domestic_operators, month
from settle.sample.sealed import Cause, canonical, draw_faults, opened, seal
from tests.sample.conftest import Sample

START, END = month(2014, 1)
PAIRS = SamplePlan(seed=0, records=0, usage_from=START, usage_to=END).pairs
NONCE = bytes(range(32))
Make = Callable[..., Sample]


@given(st.integers(0, 2**63 - 1), st.integers(0, 12))
def test_drawn_faults_fit_the_plan_and_hit_different_pairs_first(seed: int, count: int) -> None:
    drawn = draw_faults(seed, PAIRS, count)
    SamplePlan(seed=1, records=10, usage_from=START, usage_to=END, faults=drawn)
    sides = [(fault.operator, fault.peer) for fault in drawn.faults]
    assert len(sides) == len(set(sides)) == count
    assert len({frozenset(side) for side in sides}) == min(count, len(PAIRS))
    assert len({type(fault) for fault in drawn.faults}) == min(count, 11)  # all causes but the skewed clock
    assert draw_faults(seed, PAIRS, count) == drawn


def test_every_cause_can_be_drawn() -> None:
    assert len(PAIRS) == 6
    drawn = draw_faults(5, PAIRS, 12, causes=tuple(Cause))
    tags = {entry["cause"] for entry in msgspec.to_builtins(drawn)["faults"]}
    assert tags == {cause.value for cause in Cause}


def test_every_drawn_fault_of_the_records_hits_some(sampled: Make) -> None:
    drawn = draw_faults(5, PAIRS, 12, causes=tuple(Cause))
    sample = sampled(*drawn.faults, records=60_000, operators=domestic_operators(), days_per_file=7)
    truth = truth_events(sample.result.folder).collect()
    seen = 0
    for column in ("sender_hits", "receiver_hits"):
        for mask in truth[column].unique():
            seen |= mask
    wanted = sum(2**i for i, fault in enumerate(drawn.faults) if not isinstance(fault, SETTINGS))
    assert seen == wanted


def test_only_the_sealed_list_opens_the_seal() -> None:
    drawn = draw_faults(1, PAIRS, 3)
    sealed = seal(drawn, NONCE)
    assert opened(drawn, NONCE, sealed)
    assert not opened(draw_faults(2, PAIRS, 3), NONCE, sealed)
    assert not opened(FaultList(drawn.faults[::-1]), NONCE, sealed)
    assert not opened(drawn, NONCE[::-1], sealed)
    assert not opened(drawn, NONCE, "not a hash \u00e9")


def test_a_seal_is_a_plain_sha256_that_anyone_can_check() -> None:
    faults = FaultList((LostRecords(operator="CMCC", peer="CBN", share_ppm=7),))
    text = b'{"faults":[{"cause":"lost_records","share_ppm":7,"trunk":0,"operator":"CMCC","peer":"CBN"}]}'
    assert canonical(faults) == text
    assert seal(faults, NONCE) == sha256(b"settlement/sample/fault-list/1\0" + NONCE + text).hexdigest()


def test_a_list_reads_back_from_its_bytes() -> None:
    drawn = draw_faults(3, PAIRS, 12)
    assert msgspec.json.decode(canonical(drawn), type=FaultList) == drawn


@pytest.mark.parametrize(
    ("draw", "field"),
    [
        (lambda: draw_faults(1, PAIRS, 13), "count"),
        (lambda: draw_faults(1, PAIRS, -1), "count"),
        (lambda: draw_faults(1, PAIRS, 1, causes=()), "causes"),
        (lambda: draw_faults(1, PAIRS[:1], 1, causes=(Cause.WRONG_TRUNK_MAP,)), "causes"),
        (lambda: seal(FaultList(), b"short"), "nonce"),
    ],
)
def test_what_cannot_be_drawn_or_sealed_is_refused(draw: Callable[[], object], field: str) -> None:
    with pytest.raises(BadFault) as refused:
        draw()
    assert refused.value.field == field
    assert refused.value.next_step
