"""The settled rate of a month: what is dropped, how two directions meet, and what happens to gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.rules.bundle import LoadedRule
from settle.agent.percentile import SAMPLE_SECONDS, Gap, Month, Sample, SamplesUnusable, settled_rate
from settle.rules.build import shipped_rule

MEAN, HIGHER = 1, 2
MBIT = 10**6
BEIJING = timezone(timedelta(hours=8))


@cache
def rule() -> LoadedRule:
    return shipped_rule("ip_interconnect_95", 1)


def agreed(method: int = MEAN, drop_bps: int = 500) -> dict[str, int]:
    return {"drop_bps": drop_bps, "method": method, "rate_first": 80_000_000_000, "rate_second": 0}


def month(year: int, number: int) -> Month:
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=BEIJING)
    return Month(int(datetime(year, number, 1, tzinfo=BEIJING).timestamp()), int(following.timestamp()))


APRIL = month(2026, 4)  # 30 days


def samples(rates: list[int], at: Month = APRIL) -> list[Sample]:
    return [Sample(at.usage_from + n * SAMPLE_SECONDS, rate) for n, rate in enumerate(rates)]


FLAT = samples([100 * MBIT] * APRIL.slots)


def test_a_month_goes_from_the_first_midnight_to_the_last_where_the_links_are() -> None:
    assert datetime.fromtimestamp(APRIL.usage_from, UTC).isoformat() == "2026-03-31T16:00:00+00:00"
    assert [month(2026, number).slots for number in (2, 4, 5, 12)] == [8_064, 8_640, 8_928, 8_928]


def test_of_the_8640_samples_of_30_days_the_432_highest_are_dropped() -> None:
    """torchbyte.com and docs.swiftfederation.com: 8,640 samples, 432 dropped, the 433rd is billed."""
    rising = samples([rate * MBIT for rate in range(1, 8_641)])
    found = settled_rate(rising, rising, APRIL, rule(), agreed())
    assert found.first == found.second == (8_640, 432, 8_640 * MBIT, 8_208 * MBIT, ())
    assert found.rate == 8_208 * MBIT


def test_bursts_of_36_hours_are_free_and_the_next_five_minutes_are_not() -> None:
    """docs.swiftfederation.com: the dropped samples of 30 days are 36 hours."""
    for burst, left in ((432, 100 * MBIT), (433, 1_000 * MBIT)):
        bursts = samples([1_000 * MBIT] * burst + [100 * MBIT] * (APRIL.slots - burst))
        assert settled_rate(bursts, FLAT, APRIL, rule(), agreed(HIGHER)).rate == left


def test_the_exchange_points_take_the_mean_of_both_directions() -> None:
    """MII 2006 no. 648, article 8."""
    wide = samples([300 * MBIT] * APRIL.slots)
    assert settled_rate(wide, FLAT, APRIL, rule(), agreed(MEAN)).rate == 200 * MBIT
    assert settled_rate(wide, FLAT, APRIL, rule(), agreed(HIGHER)).rate == 300 * MBIT


def test_the_rate_is_priced_a_month() -> None:
    """At most CNY 80,000 per Gbit/s and month: 200 Mbit/s cost 16,000."""
    wide = samples([300 * MBIT] * APRIL.slots)
    rate = settled_rate(wide, FLAT, APRIL, rule(), agreed()).rate
    assert rule().call("price_line", 5, 0, 0, 2, rate, rate, 1, 2, *agreed().values()) == (16_000_000_000,)


def test_gaps_are_told_and_never_filled() -> None:
    part = [*FLAT[2:100], *FLAT[103:-1]]
    found = settled_rate(part, FLAT, APRIL, rule(), agreed())
    start, end = APRIL
    assert found.first.gaps == (
        Gap(start, start + 2 * SAMPLE_SECONDS),
        Gap(start + 100 * SAMPLE_SECONDS, start + 103 * SAMPLE_SECONDS),
        Gap(end - SAMPLE_SECONDS, end),
    )
    assert (found.first.samples, found.first.dropped, found.second.gaps) == (8_634, 431, ())
    assert found.gaps == 6
    assert found.first.samples + found.gaps == APRIL.slots


def test_a_gap_is_no_sample_of_zero() -> None:
    """Filled with zeros the month would give one burst sample more for free."""
    bursts = [1_000 * MBIT] * 432 + [100 * MBIT] * (APRIL.slots - 432)
    lacking = samples(bursts)[:-20]
    assert settled_rate(samples(bursts), FLAT, APRIL, rule(), agreed(HIGHER)).rate == 100 * MBIT
    assert settled_rate(lacking, FLAT, APRIL, rule(), agreed(HIGHER)).rate == 1_000 * MBIT


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ([], "samples first to second that are left"),
        ([*FLAT, FLAT[7]], "one sample for a time"),
        ([*FLAT, FLAT[7]._replace(bits_per_second=7)], "one sample for a time"),
        ([Sample(APRIL.usage_from - SAMPLE_SECONDS, 1)], "samples that start in"),
        ([Sample(APRIL.usage_to, 1)], "samples that start in"),
        ([Sample(APRIL.usage_from + 1, 1)], "samples every 300 s"),
        ([Sample(APRIL.usage_from, -1)], "rates of 0 or more"),
    ],
)
def test_samples_that_give_no_rate_are_refused(spoilt: list[Sample], words: str) -> None:
    with pytest.raises(SamplesUnusable, match=words):
        settled_rate(spoilt, FLAT, APRIL, rule(), agreed())


def test_one_direction_alone_gives_no_rate() -> None:
    with pytest.raises(SamplesUnusable, match="second to first"):
        settled_rate(FLAT, [], APRIL, rule(), agreed())


@pytest.mark.parametrize("span", [Month(0, 0), Month(0, 301), Month(300, 0)])
def test_a_month_of_begun_samples_is_refused(span: Month) -> None:
    with pytest.raises(SamplesUnusable, match="a month of whole 300 s"):
        settled_rate([], [], span, rule(), agreed())


@given(
    st.lists(st.integers(0, 10**15), min_size=1, max_size=200),
    st.lists(st.integers(0, 10**15), min_size=1, max_size=200),
    st.integers(0, 9_999),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_size_matters(first: list[int], second: list[int], drop_bps: int, chance: Random) -> None:
    day = Month(0, 288 * SAMPLE_SECONDS)
    ones, others = samples(first, day), samples(second, day)
    found = settled_rate(ones, others, day, rule(), agreed(MEAN, drop_bps))
    chance.shuffle(ones)
    assert settled_rate(ones, others, day, rule(), agreed(MEAN, drop_bps)) == found
    for rates, one in ((first, found.first), (second, found.second)):
        assert one.dropped == len(rates) * drop_bps // 10_000
        assert sum(rate > one.highest_left for rate in rates) <= one.dropped
        assert sum(rate >= one.highest_left for rate in rates) > one.dropped
    assert 2 * found.rate - (found.first.highest_left + found.second.highest_left) in (0, 1)
