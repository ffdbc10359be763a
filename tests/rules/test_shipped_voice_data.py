"""Every shipped rule gives its vectors on every back end; voice, messages, data, capacity and files in particular."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.rules.bundle import MOST_BUNDLE_BYTES, LoadedRule, Vector, load_bundle, read_bundle
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Cell
from abci_app.rules.tree import entry_points
from settle.rules.arguments import Outcome, outcome
from settle.rules.build import build_bundle, shipped_bundle, shipped_rule
from settle.rules.columns import Columns, frame_of
from settle.rules.evaluate import Evaluator
from settle.rules.explain import explain_program
from settle.rules.plugin import SHIPPED
from tests.support.wall_clocks import (
    BERLIN,
    LEISURE,
    MORNING,
    MUNICH_NUMBER,
    NIGHT,
    SHANGHAI,
    SHANGHAI_NUMBER,
    telekom_1996,
    unicom_2001,
)

FOLDERS = sorted(SHIPPED.glob("*/v*"))
OURS = ("international_voice", "sms_mms", "data_roaming", "ip_interconnect_95", "file_validation")
VOICE, SMS, MMS, DATA, CAPACITY = 1, 2, 3, 4, 5
GB = 10**9


@cache
def loaded(folder: Path) -> tuple[LoadedRule, tuple[Vector, ...]]:
    raw = build_bundle(folder)
    return load_bundle(raw), read_bundle(raw).vectors


@cache
def rule(name: str) -> LoadedRule:
    return shipped_rule(name, 1)


def expected(vector: Vector) -> Outcome:
    return vector.rejection or vector.results


def told(name: str, entry: str, *arguments: Cell) -> Outcome:
    return outcome(rule(name).call, entry, *arguments)


# all shipped rules


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_every_vector_holds_when_it_is_evaluated_node_by_node(folder: Path) -> None:
    shipped, vectors = loaded(folder)
    functions = {function.name: function for function in entry_points(shipped.program)}
    evaluator = Evaluator(shipped.program, shipped.tables)
    for vector in vectors:
        assert outcome(evaluator.run, functions[vector.entry], vector.arguments) == expected(vector), vector
        why = explain_program(shipped.program, shipped.tables, vector.entry, *vector.arguments)
        assert (why.rejection or why.results) == expected(vector), vector


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_every_vector_holds_in_columns_all_at_once_and_each_alone(folder: Path) -> None:
    shipped, vectors = loaded(folder)
    for function in entry_points(shipped.program):
        chosen = [vector for vector in vectors if vector.entry == function.name]
        columns = Columns.of_rule(shipped, function.name)
        for together in (chosen, *([vector] for vector in chosen)):
            rows = columns.run(frame_of(function.parameters, [vector.arguments for vector in together])).rows()
            assert [row[-1] or row[:-1] for row in rows] == [expected(vector) for vector in together]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}/{folder.name}")
def test_the_agreement_gives_all_parameters_by_the_entry_that_names_them_all(folder: Path) -> None:
    """An agreement lists them once, in the order of one entry: what another wants, that one has."""
    shipped, _ = loaded(folder)
    whole = {Slot.RATING: "price_line", Slot.VALIDATION: "validate_record"}.get(shipped.manifest.slot)
    if whole is not None:
        named = [one.name for one in shipped.agreement_parameters(whole)]
        for entry in shipped.functions:
            assert {one.name for one in shipped.agreement_parameters(entry)} <= set(named)


# the five


@pytest.mark.parametrize("name", OURS)
def test_every_code_of_rejection_and_every_entry_has_a_vector(name: str) -> None:
    text = (SHIPPED / name / "v1" / "rule.py").read_text()
    in_text = {part.partition('"')[0] for part in text.split('reject("')[1:]}
    _, vectors = loaded(SHIPPED / name / "v1")
    assert {vector.rejection for vector in vectors if vector.rejection} == in_text
    readme = (SHIPPED / name / "v1" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{code}`" in readme for code in in_text)


@pytest.mark.parametrize("name", OURS)
def test_a_bundle_is_small_beside_its_limit(name: str) -> None:
    assert len(shipped_bundle(name, 1)) * 16 < MOST_BUNDLE_BYTES


NOON = int(datetime(2026, 1, 14, 12, tzinfo=UTC).timestamp())


def called(number: str, ms: int, instant: int, direction: int = 0) -> Outcome:
    arguments = (VOICE, direction, 1, 2, "", number, False, ms, 0, instant)
    return told("international_voice", "rate_record", *arguments)


CALLS = st.lists(st.integers(1, 90_000), min_size=1, max_size=50)


@given(CALLS)
def test_a_line_of_calls_costs_what_its_calls_cost_to_the_rounding(durations: list[int]) -> None:
    """30/6 at 0.006 a minute: whole 6 s cost 0.0006, so even the calls are exact."""
    billed = [called("49301", ms, NOON) for ms in durations]
    each = [told("international_voice", "price_line", VOICE, 0, 5, 1, 0, units, 1, 2) for _, units in billed]
    total = sum(int(units) for _, units in billed)
    line = told("international_voice", "price_line", VOICE, 0, 5, len(durations), sum(durations), total, 1, 2)
    assert line == (sum(int(amount) for (amount,) in each),)


def test_the_vendors_page_that_prints_0_04765_is_wrong() -> None:
    """46labs wiki: 205 s in 6/6 at 0.00137 an increment are 35 increments."""
    _, billed = called("12125550100", 205_000, NOON)
    assert int(billed) // 6_000 == 35
    assert told("international_voice", "price_line", VOICE, 0, 1, 1, 205_000, billed, 1, 2) == (47_950,)


ZONES = {"CLOCK_OF_FIRST": SHANGHAI, "CLOCK_OF_SECOND": BERLIN}


@pytest.mark.parametrize("name", ZONES)
def test_a_clock_is_the_tz_databases(name: str) -> None:
    """Hour by hour over all that the table has; the last row says that it ends."""
    rows = rule("international_voice").tables[name].rows
    instants = range(int(rows[0][0]), 1_924_992_000, 3600)  # 2031-01-01
    offsets = [datetime.fromtimestamp(one, ZONES[name]).utcoffset() for one in instants]
    changed = [(one, at) for one, at, before in zip(instants, offsets, [None, *offsets], strict=False) if at != before]
    assert [(one, at // timedelta(seconds=1)) for one, at in changed if at is not None] == [
        row for row in rows if row[1] != 86_400
    ]


@given(st.integers(int(datetime(2027, 1, 2, tzinfo=UTC).timestamp()), 1_924_992_000))
def test_the_band_is_the_sellers_wall_clocks(instant: int) -> None:
    """From 2027 on, for which the example has no special days."""
    there, here = (datetime.fromtimestamp(instant, zone) for zone in (BERLIN, SHANGHAI))
    assert called(MUNICH_NUMBER, 0, instant) == (telekom_1996(there), 0)
    assert called(SHANGHAI_NUMBER, 0, instant, direction=1) == (unicom_2001(here), 0)


@pytest.mark.parametrize("night", [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)])
def test_every_minute_of_a_night_in_which_the_clocks_change_has_the_band_of_the_wall(night: datetime) -> None:
    found = []
    for minute in range(24 * 60):
        instant = int(night.timestamp()) + 60 * minute
        there = datetime.fromtimestamp(instant, BERLIN)
        found.append(called(MUNICH_NUMBER, 0, instant))
        assert found[-1] == (telekom_1996(there), 0)
    spring = night.month == 3
    assert found.count((NIGHT, 0)) == (2 if spring else 4) * 60


def test_a_class_without_time_bands_has_one_row_and_every_class_has_a_band_at_any_minute() -> None:
    times = rule("international_voice").tables["TIMES"].rows
    assert {row[:2] for row in times} == {row[:2] for row in times if row[2] == 0}


def test_a_call_over_a_boundary_is_wholly_in_the_band_of_its_start() -> None:
    """Splitting it would be another rule: two lines, and increments of two prices."""
    nine = int(datetime(2026, 1, 14, 9, tzinfo=BERLIN).timestamp())
    assert called(MUNICH_NUMBER, 7_200_000, nine - 1) == (LEISURE, 7_200_000)
    assert called(MUNICH_NUMBER, 7_200_000, nine) == (MORNING, 7_210_500)


def test_an_agreement_whose_catalogue_counts_another_event_than_its_parameter_has_no_price() -> None:
    """A proposal tries every line with no traffic, so this refuses the agreement."""
    rates = (10_000_000, 10_000_000, 50_000_000, 50_000_000)
    for event, band, answer in ((1, 1, (0,)), (2, 2, (0,)), (1, 2, "OTHER_EVENT"), (2, 1, "OTHER_EVENT")):
        assert told("sms_mms", "price_line", SMS, 0, band, 0, 0, 0, 1, 2, event, *rates) == answer


TIERS = {1: [(0, "0.10"), (100, "0.08"), (1000, "0.05")], 2026: [(0, "1.10")]}


def graduated(volume: int, plan: int) -> int:
    """The definition of graduated tiers, in decimals: the price of the tier that each byte lies in."""
    tiers, total = TIERS[plan], Decimal(0)
    for at, (above, price) in enumerate(tiers):
        end = tiers[at + 1][0] * GB if at + 1 < len(tiers) else volume
        total += Decimal(max(0, min(volume, end) - above * GB)) / GB * Decimal(price)
    return int((total * 10**6).to_integral_value(ROUND_HALF_UP))


@given(st.one_of(st.integers(0, 3_000 * GB), st.integers(0, 10**17)), st.sampled_from(sorted(TIERS)))
def test_each_byte_costs_the_price_of_its_tier(volume: int, plan: int) -> None:
    arguments = (DATA, 1, 0, 1, volume, volume, 1, 2, 1_000, 1_000, GB, 2022, plan)
    assert told("data_roaming", "price_line", *arguments) == (graduated(volume, plan),)


@given(st.integers(0, 3_000 * GB), st.integers(0, 10 * GB))
def test_more_data_never_costs_less(volume: int, more: int) -> None:
    """Which a price for the whole volume by its highest tier does not keep."""
    small, large = (
        told("data_roaming", "price_line", DATA, 0, 0, 1, used, used, 1, 2, 1, 1, GB, 1, 1)
        for used in (volume, volume + more)
    )
    assert isinstance(small, tuple), "a price, not a refusal"
    assert small <= large


def test_200_megabit_at_the_ceiling_cost_16000_a_month() -> None:
    (rate,) = told("ip_interconnect_95", "combined", 300 * 10**6, 100 * 10**6, 1)
    assert told("ip_interconnect_95", "price_line", CAPACITY, 0, 0, 2, rate, rate, 1, 2, 500, 1, 80_000_000_000, 0) == (
        16_000_000_000,
    )


AGREED = (86_400_000, 10**12, 14_400, 5_184_000, 300, 0, 0, 0, 0)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_a_record_is_late_taken_or_refused_and_never_breaks_the_rule(duration: int, units: int, age: int) -> None:
    answer = told("file_validation", "validate_record", VOICE, 0, "861", "862", duration, units, age, *AGREED)
    reasons = [
        (duration < 0, "NEGATIVE_DURATION"),
        (duration > AGREED[0], "ABSURD_DURATION"),
        (units < 0, "NEGATIVE_UNITS"),
        (units > AGREED[1], "ABSURD_UNITS"),
        (age > AGREED[3], "TOO_OLD"),
        (age < -AGREED[4], "FROM_THE_FUTURE"),
    ]
    assert answer == next((code for holds, code in reasons if holds), (int(age > AGREED[2]),))
