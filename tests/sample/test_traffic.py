"""The truth looks like traffic: lengths, hours, weekdays, services and numbers as they were asked for."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log, sqrt
from statistics import NormalDist

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settle.agent.number_plan.plan import load_number_plan
from settle.sample.chance import draw, key
from settle.sample.curves import HOUR_SLOTS, MEAN_MS, MEDIAN_MS, WEEKDAYS, duration_ms, durations
from settle.sample.plan import SamplePlan, ServiceMix, month
from settle.sample.schedule import allocated, schedule
from settle.sample.subscribers import subscribers
from settle.sample.truth import truth_of

CALLS = 200_000


@pytest.fixture(scope="module")
def lengths() -> pl.Series:
    numbers = pl.select(n=pl.int_range(CALLS, dtype=pl.UInt64))
    return numbers.select(ms=duration_ms(draw(key(3, 1), pl.col("n"))))["ms"]


@pytest.fixture(scope="module")
def plan() -> SamplePlan:
    start, end = month(2014, 1)
    return SamplePlan(seed=11, records=100_000, usage_from=start, usage_to=end)


@pytest.fixture(scope="module")
def truth(plan: SamplePlan) -> pl.DataFrame:
    people = subscribers(plan)
    return pl.concat([truth_of(plan, people, chunk) for chunk in schedule(plan)])


def test_quantiles_are_those_of_the_log_normal_distribution() -> None:
    sigma = sqrt(2 * log(MEAN_MS / MEDIAN_MS))
    low = durations().low.to_list()
    for i in range(1, 1023):
        assert low[i] == pytest.approx(MEDIAN_MS * exp(sigma * NormalDist().inv_cdf(i / 1024)), abs=1)
    for j in range(1, 1024):
        share = 1 - (1024 - j) / 1024**2
        assert low[1023 + j] == pytest.approx(MEDIAN_MS * exp(sigma * NormalDist().inv_cdf(share)), rel=1e-6)


def test_calls_last_137_seconds_on_average_and_74_in_the_middle(lengths: pl.Series) -> None:
    assert lengths.mean() == pytest.approx(137_000, rel=0.01)
    assert lengths.median() == pytest.approx(74_000, rel=0.01)
    assert lengths.min() >= 1_000


@pytest.mark.parametrize(
    ("first", "following", "percent"), [(6, 6, 1.8), (30, 6, 3.3), (60, 1, 8.9), (60, 6, 10.0), (60, 60, 22.6)]
)
def test_increments_cost_what_was_measured_elsewhere(
    lengths: pl.Series, first: int, following: int, percent: float
) -> None:
    # measured on another 200,000 synthetic calls in whole seconds: shared research, "How much each fault costs"
    seconds = (lengths + 500) // 1000
    billed = first + ((seconds - first).clip(0) + following - 1) // following * following
    assert (billed.sum() / seconds.sum() - 1) * 100 == pytest.approx(percent, rel=0.03)


def test_one_second_more_on_every_call_is_0_73_percent(lengths: pl.Series) -> None:
    assert CALLS * 1000 / lengths.sum() * 100 == pytest.approx(0.73, abs=0.02)


def test_hours_and_weekdays_follow_their_weights(truth: pl.DataFrame) -> None:
    local = pl.from_epoch(truth["start_ms"] + 8 * 3_600_000, time_unit="ms")
    hours = local.dt.hour().value_counts().sort("start_ms")["count"].to_list()
    assert len(hours) == 24
    for counted, slots in zip(hours, HOUR_SLOTS, strict=True):
        assert counted == pytest.approx(truth.height * slots / sum(HOUR_SLOTS), rel=0.1, abs=60)
    fridays, sundays = ((local.dt.weekday() == day).sum() for day in (5, 7))  # January 2014: 5 Fridays, 4 Sundays
    assert (fridays / 5) / (sundays / 4) == pytest.approx(WEEKDAYS[4] / WEEKDAYS[6], rel=0.01)


def test_services_and_failures_come_in_the_shares_asked_for(plan: SamplePlan, truth: pl.DataFrame) -> None:
    mix = ServiceMix()
    for service, share in (("VOICE", mix.voice), ("SMS", mix.sms), ("MMS", mix.mms), ("DATA", mix.data)):
        of_service = truth.filter(service=service)
        assert of_service.height / truth.height == pytest.approx(share / 1000, abs=0.005)
    calls = truth.filter(service="VOICE")
    assert calls.filter(outcome="FAILED").height / calls.height == pytest.approx(mix.calls_failed / 1000, abs=0.01)
    messages = truth.filter(service="SMS")
    assert messages.filter(outcome="SUBMITTED").height / messages.height == pytest.approx(0.025, abs=0.005)
    assert plan.records == truth.height


def test_measures_fit_their_service(truth: pl.DataFrame) -> None:
    failed, voice = pl.col("outcome") == "FAILED", pl.col("service") == "VOICE"
    message = pl.col("service").is_in(["SMS", "MMS"])
    assert truth.filter(failed).select(pl.col("duration_ms", "units").sum()).row(0) == (0, 0)
    assert truth.filter(voice)["units"].sum() == 0
    assert truth.filter(message)["duration_ms"].sum() == 0
    assert truth.filter(message & ~failed)["units"].is_between(1, 2).all()
    assert truth.filter(voice & ~failed)["duration_ms"].min() >= 1_000
    assert set(truth.filter(failed & voice)["cause"].unique()) == {17, 19, 20, 34}
    assert truth.filter(service="DATA").select(pl.col("duration_ms", "units").min().gt(0)).row(0) == (True, True)


def test_calls_start_inside_the_usage_interval(plan: SamplePlan, truth: pl.DataFrame) -> None:
    assert truth["start_ms"].min() >= plan.usage_from * 1000
    assert truth["start_ms"].max() < plan.usage_to * 1000
    assert truth["call"].n_unique() == truth.height


def test_numbers_lie_in_real_ranges_of_their_holder(truth: pl.DataFrame) -> None:
    by_the_number_plan = load_number_plan().operators_of(truth["a_number"])
    assert by_the_number_plan.equals(truth["a_holder"], check_names=False)
    assert truth["a_number"].str.len_bytes().unique().to_list() == [13]
    assert truth["b_number"].str.starts_with("86157").any()  # the range with a price of its own


def test_a_number_is_served_by_one_operator(truth: pl.DataFrame) -> None:
    serving = pl.concat(
        [
            truth.select(number="a_number", serving="sender", holder="a_holder"),
            truth.select(number="b_number", serving="receiver", holder="b_holder"),
        ]
    ).unique()
    assert serving["number"].n_unique() == serving.height
    assert serving.filter(pl.col("holder") != pl.col("serving")).height / serving.height == pytest.approx(
        0.03, abs=0.003
    )


def test_the_portability_table_names_exactly_the_ported_numbers(plan: SamplePlan, truth: pl.DataFrame) -> None:
    people = subscribers(plan)
    table = people.ported()
    assert people.numbers.n_unique() == sum(people.served.values())
    ported = (
        truth.filter(pl.col("b_holder") != pl.col("receiver")).select(number="b_number", serving="receiver").unique()
    )
    assert ported.join(table, on=["number", "serving"]).height == ported.height
    assert table.filter(
        pl.col("number").is_in(truth.filter(b_holder=pl.col("receiver"))["b_number"].implode())
    ).is_empty()


@given(st.integers(0, 10**9), st.lists(st.integers(1, 10**6), min_size=1, max_size=50))
def test_allocation_is_exact_and_never_off_by_one(total: int, weights: list[int]) -> None:
    shares = allocated(total, weights)
    assert sum(shares) == total
    assert all(
        abs(share * sum(weights) - total * weight) < sum(weights) for share, weight in zip(shares, weights, strict=True)
    )


def test_no_file_holds_more_rows_than_asked_for(plan: SamplePlan) -> None:
    start, end = month(2013, 12)
    many = SamplePlan(seed=1, records=1_000_000, usage_from=start, usage_to=end, rows_per_file=1_000)
    chunks = list(schedule(many))
    assert max(chunk.events for chunk in chunks) <= 1_000
    assert sum(chunk.events for chunk in chunks) == 1_000_000
    numbers = sorted((span.start, span.events) for chunk in chunks for span in chunk.spans if span.events)
    assert all(a + n == b for (a, n), (b, _) in pairwise(numbers))
    assert [chunk.sequence for chunk in schedule(plan) if chunk.pair == ("CMCC", "CBN")] == [1, 2, 3, 4, 5]
