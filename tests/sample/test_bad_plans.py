"""A plan that cannot be generated says what was expected, what came and what to do."""

from __future__ import annotations

import pytest

from settle.sample.errors import BadFault, BadPlan, BadSample
from settle.sample.faults import (
    ClockOffset,
    DurationJitter,
    Fault,
    FaultList,
    LateFile,
    LostRecords,
    SlicedCalls,
    WrongTrunkMap,
)
from settle.sample.plan import SampleOperator, SamplePlan, ServiceMix, domestic_operators, month

START, END = month(2014, 1)
GOOD: dict[str, object] = {"seed": 1, "records": 10, "usage_from": START, "usage_to": END}


def operator(code: str = "AAAA", ranges: tuple[str, ...] = ("130",), **changes: int) -> SampleOperator:
    return SampleOperator(code=code, ranges=ranges, **{"weight": 1} | changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"records": True}, "records"),
        ({"records": -1}, "records"),
        ({"records": 10**9 + 1}, "records"),
        ({"usage_to": START}, "usage"),
        ({"usage_to": END - 1}, "usage"),
        ({"usage_to": START + 401 * 86_400}, "usage"),
        ({"usage_from": START + 3600, "usage_to": END + 3600}, "usage"),
        ({"utc_offset_s": 0}, "usage"),
        ({"trunks": 0}, "trunks"),
        ({"label": "/../x"}, "label"),
        ({"label": "x" * 17}, "label"),
        ({"local_trunks": 5}, "local_trunks"),
        ({"ported_permille": 1001}, "ported_permille"),
        ({"rows_per_file": 99}, "rows_per_file"),
        ({"days_per_file": 32}, "days_per_file"),
        ({"operators": domestic_operators()[:1]}, "operators"),
        ({"operators": domestic_operators() + domestic_operators()[:1]}, "operators"),
        ({"operators": (operator("AAAA", ("130",)), operator("BBBB", ("1301",)))}, "ranges"),
        ({"operators": (operator("AAAA"), operator("BBBB"))}, "ranges"),
        (
            {"operators": tuple(operator(f"OP{n}", (f"{130 + n}",), subscribers=2**20) for n in range(10))},
            "subscribers of the largest operator",
        ),
    ],
)
def test_a_plan_that_describes_no_traffic_is_refused(changes: dict[str, object], field: str) -> None:
    with pytest.raises(BadPlan) as refused:
        SamplePlan(**GOOD | changes)
    assert refused.value.field == field
    assert "expected" in str(refused.value)
    assert refused.value.next_step in str(refused.value)


@pytest.mark.parametrize(
    ("code", "ranges", "changes"),
    [
        ("LOCAL", ("130",), {}),
        ("a", ("130",), {}),
        ("A/../B", ("130",), {}),
        ("AAAA", (), {}),
        ("AAAA", ("13",), {}),
        ("AAAA", ("86130",), {}),
        ("AAAA", ("130",), {"weight": 0}),
        ("AAAA", ("130",), {"subscribers": 1}),
    ],
)
def test_an_operator_that_cannot_be_is_refused(code: str, ranges: tuple[str, ...], changes: dict[str, int]) -> None:
    with pytest.raises(BadPlan):
        operator(code, ranges, **changes)


@pytest.mark.parametrize(
    "mix", [{"voice": 701}, {"voice": -1, "sms": 921}, {"messages_failed": 600, "messages_undelivered": 500}]
)
def test_shares_that_do_not_add_up_are_refused(mix: dict[str, int]) -> None:
    with pytest.raises(BadPlan):
        ServiceMix(**mix)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LostRecords(operator="CMCC", peer="CMCC", share_ppm=1),
        lambda: LostRecords(operator="CMCC", peer="CUCC", share_ppm=0),
        lambda: LostRecords(operator="CMCC", peer="CUCC", share_ppm=1_000_001),
        lambda: SlicedCalls(operator="CMCC", peer="CUCC", slice_ms=0),
        lambda: DurationJitter(operator="CMCC", peer="CUCC", low_ms=5, high_ms=4),
        lambda: WrongTrunkMap(operator="CMCC", peer="CUCC", trunk=1, maps_to="CUCC"),
        lambda: FaultList((ClockOffset(operator="CMCC", peer="CUCC", offset_ms=1),) * 63),
    ],
)
def test_a_fault_that_cannot_be_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(BadFault):
        make()


@pytest.mark.parametrize(
    "fault",
    [
        ClockOffset(operator="CMCC", peer="XXXX", offset_ms=1),
        WrongTrunkMap(operator="CMCC", peer="CUCC", trunk=1, maps_to="XXXX"),
        WrongTrunkMap(operator="CMCC", peer="CUCC", trunk=5, maps_to="CBN"),
        LostRecords(operator="CMCC", peer="CUCC", share_ppm=1, trunk=5),
        LateFile(operator="CMCC", peer="CUCC", sequence=6),
    ],
)
def test_a_fault_outside_the_plan_is_refused(fault: Fault) -> None:
    with pytest.raises(BadFault, match="expected"):
        SamplePlan(**GOOD | {"faults": FaultList((fault,))})


@pytest.mark.parametrize(("year", "number"), [(2014, 0), (2014, 13), (0, 1)])
def test_a_month_that_is_none_is_refused(year: int, number: int) -> None:
    with pytest.raises(BadSample, match="month"):
        month(year, number)


def test_a_month_is_that_of_local_time() -> None:
    # 2014-01-01 00:00 and 2014-02-01 00:00 in China are 16:00 UTC of the days before
    assert (START, END) == (1388505600, 1391184000)
    assert month(2013, 12)[1] == START
    assert month(2014, 1, utc_offset_s=0) == (START + 8 * 3600, END + 8 * 3600)
