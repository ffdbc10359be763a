"""From legs to lines: what the rule says of each leg, summed exactly."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.domain.periods.schema import LineFigures
from abci_app.rules.bundle import load_bundle
from abci_app.rules.codes import RejectedByRule
from settle.agent.intake.sort import IN, OUT, sort_records, with_records
from settle.agent.records import Outcome, Service
from settle.agent.summarise import (
    OUT_OF_RANGE,
    LineKey,
    LineNotInCatalogue,
    Numbering,
    Quantities,
    Rating,
    Summary,
    on_catalogue,
    price_lines,
    summarise,
)
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED
from tests.agent.intake_world import FROM_MS, OWN, PEER, THIRD, frame, record, setting, with_rows

VOICE, SMS, OUTWARD, INWARD = 1, 2, 1, 2
MOBILE, TELECOM = 7, 8
NUMBERING = Numbering(
    own=OWN,
    services={Service.VOICE: VOICE, Service.SMS: SMS, Service.MMS: 3, Service.DATA: 4},
    directions={OUT: OUTWARD, IN: INWARD},
    networks={OWN: MOBILE, PEER: 9, THIRD: TELECOM},
)
CATALOGUE = [LineKey(s, d, b) for s in (VOICE, SMS) for d in (OUTWARD, INWARD) for b in (0, 1)]


def minutes_rule(
    service: int, direction: int, originating: int, terminating: int, a: str, b: str, local: bool, ms: int, units: int
) -> tuple[int, int]:
    """Started minutes; calls to and from 157 numbers are band 1. Calls to 999 are refused."""
    assert (originating == MOBILE) == (direction == OUTWARD) == (terminating != MOBILE)
    assert isinstance(local, bool)
    if b.startswith("86999"):
        raise RejectedByRule("NO_TARIFF")
    return int("86157" in (a[:5], b[:5])), units if service == SMS else (ms + 59_999) // 60_000


def price_rule(*arguments: int) -> tuple[int, ...]:
    """0.06 a unit billed, 0.03 inward."""
    return (arguments[5] * (60_000 if arguments[1] == OUTWARD else 30_000),)


RATING = Rating(minutes_rule, price_rule)


def legs(*records: dict[str, object]) -> pl.LazyFrame:
    rows = with_rows(frame(*records))
    return with_records(sort_records(rows, setting()).legs, rows.lazy())


def summary(*records: dict[str, object], numbering: Numbering = NUMBERING) -> Summary:
    return summarise(legs(*records), RATING, numbering)


def sms(number: int, **changed: object) -> dict[str, object]:
    return record(number, **{"service": "SMS", "duration_ms": 0, "units": 1, "outcome": "DELIVERED", **changed})


def test_legs_become_lines_by_service_direction_and_band() -> None:
    found = summary(
        record(1, duration_ms=60_000),
        record(2, duration_ms=60_001),
        record(3, b_number="8615700000000"),
        record(4, trunk_in="T-T", trunk_out="LOCAL"),
        sms(5),
    )
    assert found.lines == {
        LineKey(VOICE, OUTWARD, 0): Quantities(2, 120_001, 3),
        LineKey(VOICE, OUTWARD, 1): Quantities(1, 61_000, 2),
        LineKey(VOICE, INWARD, 0): Quantities(1, 61_000, 2),
        LineKey(SMS, OUTWARD, 0): Quantities(1, 1, 1),
    }


def test_only_the_event_that_the_agreement_counts_is_usage() -> None:
    both = sms(1), sms(2, outcome="SUBMITTED")
    assert (summary(*both).lines[LineKey(SMS, OUTWARD, 0)].calls, summary(*both).uncounted) == (1, 1)
    submitted = Numbering(
        NUMBERING.own,
        NUMBERING.services,
        NUMBERING.directions,
        NUMBERING.networks,
        {**NUMBERING.counted, Service.SMS: frozenset({Outcome.DELIVERED, Outcome.SUBMITTED})},
    )
    assert summary(*both, numbering=submitted).lines[LineKey(SMS, OUTWARD, 0)].calls == 2


def test_legs_that_the_rule_refuses_are_named_with_its_code() -> None:
    found = summary(record(1), record(2, b_number="8699912345"), record(3, b_number="8699912345"))
    assert sorted(found.rejected.rows()) == [(2, "NO_TARIFF"), (3, "NO_TARIFF")]
    assert found.lines == {LineKey(VOICE, OUTWARD, 0): Quantities(1, 61_000, 2)}


def test_a_rule_that_asks_for_it_is_told_the_second_of_the_answer() -> None:
    """Legs that differ in nothing else are told apart by it, refusals included."""

    def by_the_second(*arguments: int) -> tuple[int, int]:
        if arguments[-1] % 4 == 3:
            raise RejectedByRule("NO_TARIFF")
        return arguments[-1] % 2, 1

    rating = Rating(by_the_second, price_rule, {"instant": (FROM_MS // 1000 + 1, FROM_MS // 1000 + 4)})
    starts = [0, 1_000, 1_999, 2_000, 3_999, 4_000, 5_000]
    found = summarise(legs(*(record(1, call_id=f"C{ms}", start_ms=FROM_MS + ms) for ms in starts)), rating, NUMBERING)
    assert FROM_MS % 4_000 == 0
    assert found.lines == {
        LineKey(VOICE, OUTWARD, 0): Quantities(2, 122_000, 2),
        LineKey(VOICE, OUTWARD, 1): Quantities(2, 122_000, 2),
    }
    assert sorted(found.rejected.rows()) == [(1, OUT_OF_RANGE), (5, "NO_TARIFF"), (7, OUT_OF_RANGE)]


_CALLS = st.lists(
    st.tuples(
        st.sampled_from(["86139", "86157"]), st.sampled_from([1, 60_000, 60_001, 61_000]), st.booleans(), st.booleans()
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(calls=_CALLS)
def test_rating_distinct_legs_once_equals_rating_each_leg(calls: list[tuple[str, int, bool, bool]]) -> None:
    records = [
        record(
            number,
            b_number=f"{head}{number % 3:06d}",
            duration_ms=duration,
            trunk_out="T-T" if outward else "LOCAL",
            trunk_in="LOCAL" if outward else "T-U",
            service="VOICE" if voice else "DATA",
            units=0 if voice else duration,
        )
        for number, (head, duration, outward, voice) in enumerate(calls)
    ]
    expected: dict[LineKey, list[int]] = {}
    for one, (_, duration, outward, voice) in zip(records, calls, strict=True):
        service, direction = (VOICE if voice else 4), (OUTWARD if outward else INWARD)
        networks = (MOBILE, TELECOM) if outward else (9, MOBILE)
        band, billed = minutes_rule(
            service, direction, *networks, str(one["a_number"]), str(one["b_number"]), outward, duration, 0
        )
        line = expected.setdefault(LineKey(service, direction, band), [0, 0, 0])
        for place, value in enumerate((1, duration, billed)):
            line[place] += value
    assert summary(*records).lines == {key: Quantities(*sums) for key, sums in expected.items()}


def test_every_row_of_the_catalogue_is_declared_zeros_included() -> None:
    figures = on_catalogue(summary(record(1)), CATALOGUE)
    assert figures == [Quantities(1, 61_000, 2), *[Quantities(0, 0, 0)] * 7]
    assert on_catalogue(summary(), CATALOGUE) == [Quantities(0, 0, 0)] * 8


def test_a_line_outside_the_catalogue_is_an_error_not_a_loss() -> None:
    with pytest.raises(LineNotInCatalogue, match="band=0"):
        on_catalogue(summary(record(1)), CATALOGUE[1:])


def test_lines_are_priced_with_the_ends_of_their_direction() -> None:
    asked = []

    def price(*arguments: int) -> tuple[int, ...]:
        asked.append(arguments)
        return price_rule(*arguments)

    there, back = record(1), record(2, trunk_in="T-U", trunk_out="LOCAL", duration_ms=1)
    priced = price_lines(summary(there, back), CATALOGUE[:3], Rating(minutes_rule, price), NUMBERING, PEER)
    assert priced == (LineFigures(1, 61_000, 2, 120_000), LineFigures(0, 0, 0, 0), LineFigures(1, 1, 1, 30_000))
    assert asked[0] == (VOICE, OUTWARD, 0, 1, 61_000, 2, MOBILE, 9)
    assert asked[2] == (VOICE, INWARD, 0, 1, 1, 1, 9, MOBILE)


MIIT = Rating.of(load_bundle(build_bundle(SHIPPED / "domestic_interconnect" / "v2")), {})
CHINA = Numbering(
    own="CMCC",
    services={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 9},
    directions={OUT: 0, IN: 1},
    networks={"CMCC": 1, "CUCC": 2, "CTCC": 3},
)


def test_the_shipped_rule_of_2014_rates_and_prices_legs_as_the_order_says() -> None:
    """MIIT 2013-506: China Mobile pays 0.06 a minute, receives 0.04, and 0.06 for its 157 and 188; SMS 0.01."""
    found = summarise(
        legs(
            record(1, duration_ms=60_001),
            record(2, trunk_in="T-U", trunk_out="LOCAL", b_number="8613900000000"),
            record(3, trunk_in="T-U", trunk_out="LOCAL", b_number="8615700000000"),
            sms(4),
        ),
        MIIT,
        CHINA,
    )
    catalogue = [LineKey(1, 0, 0), LineKey(1, 1, 0), LineKey(1, 1, 1), LineKey(2, 0, 0)]
    amounts = [line.amount for line in price_lines(found, catalogue, MIIT, CHINA, PEER)]
    assert amounts == [120_000, 80_000, 120_000, 10_000]


def test_what_the_rule_was_not_proved_for_never_reaches_it() -> None:
    data = record(2, service="DATA", units=5)
    bulk = sms(3, units=1_000_001)
    found = summarise(legs(record(1), data, bulk), MIIT, CHINA)
    assert sorted(found.rejected.rows()) == [(2, OUT_OF_RANGE), (3, OUT_OF_RANGE)]
    assert [key.service for key in found.lines] == [1]
