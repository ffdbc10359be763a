"""The agreements of the demonstration: each pair of operators, its periods, minutes of deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import NamedTuple

from abci_app.domain.agreements.schema import (
    CalendarRow,
    CatalogueLine,
    DataClass,
    Evidence,
    Flow,
    Profile,
    SlotBinding,
    Terms,
    UnitPair,
)
from abci_app.rules.interface import Slot
from settle.chain.consortium import CNY, Member
from settle.rules.shipped import ShippedRule
from settle.sample.plan import DAY, month

USAGE_FROM, USAGE_TO = month(2014, 1)
"""The first month of MIIT order 2013 no. 506, in UTC+8."""
OLD_YEAR = USAGE_FROM - DAY, USAGE_FROM
"""The last day before the order."""
_BEIJING = 8 * 3600  # seconds ahead of UTC
SIP_USAGE = (1_795_534_200, 1_795_537_800)
"""2026-11-24, 15:30 to 16:30 UTC: when the switches ran."""
CHINA_MOBILE = 1
VOICE, SMS, MMS = 1, 2, 3
ORDINARY, SERIES_157_188 = 0, 1
DURATION, MESSAGES = 1, 2  # measures
ANSWERED, DELIVERED = 1, 1  # events
CONTEST = 8  # seconds
DEADLINES = (22, 50, 62, 80, 140)
"""Seconds from the agreement to cut-off, declare-by, open-by, agree-by and pay-by: a real month has weeks."""
DEADLINES_WITH_AN_ORDER = (38, 64, 74, 90, 150)
"""The same where a rule changes before the cut-off."""

LINE_NAMES = {(VOICE, 0): "voice", (VOICE, 1): "voice to 157/188", (SMS, 0): "SMS", (MMS, 0): "MMS"}


class Clock(NamedTuple):
    """The chain's time, the stretch of every span of time, and the spans."""

    now: int
    pace: float
    deadlines: tuple[int, ...] = DEADLINES


def catalogue(first: Member, second: Member) -> tuple[CatalogueLine, ...]:
    """The lines of both directions; only China Mobile's numbers 157 and 188 have a price of their own."""
    sorts = (
        (VOICE, ORDINARY, DURATION, ANSWERED),
        (VOICE, SERIES_157_188, DURATION, ANSWERED),
        (SMS, ORDINARY, MESSAGES, DELIVERED),
        (MMS, ORDINARY, MESSAGES, DELIVERED),
    )
    return tuple(
        CatalogueLine(service, direction, band, measure, event)
        for direction, receiver in enumerate((second, first))
        for service, band, measure, event in sorts
        if band == ORDINARY or receiver.number == CHINA_MOBILE
    )


def pairs(members: tuple[Member, ...]) -> list[tuple[Member, Member]]:
    """Every two operators once, the lower number first."""
    return list(combinations(members, 2))


def over_the_new_year(first: Member, second: Member, now: int, pace: float) -> Terms:
    """The old year's last day and the generated month under the law's tariff: the agreement names the rule, no version.

    Two honest counts are equal to the last unit: no tolerance. A member's number is also its network's class in
    the rating rule (1 China Mobile, 2 China Unicom, 3 China Telecom, 4 another).
    """
    rating = SlotBinding(Slot.RATING, ShippedRule.DOMESTIC_INTERCONNECT, ())
    usage = OLD_YEAR, (USAGE_FROM, USAGE_TO)
    clock = Clock(now, pace, DEADLINES_WITH_AN_ORDER)
    return _terms(first, second, usage, catalogue(first, second), rating, 0, clock)


def period_name(terms: Terms, ordinal: int) -> str:
    """The month of a period's usage, in UTC+8."""
    row = next(row for row in terms.calendar if row.ordinal == ordinal)
    return datetime.fromtimestamp(row.usage_from + _BEIJING, UTC).strftime("%Y-%m")


def of_the_hour(first: Member, second: Member, now: int, pace: float) -> Terms:
    """The switches' hour: started minutes at 0.06 CNY, 0.04 towards China Mobile, one per cent of tolerance."""
    rates = tuple(40_000_000 if receiver.number == CHINA_MOBILE else 60_000_000 for receiver in (second, first))
    rating = SlotBinding(Slot.RATING, ShippedRule.FLAT_MINUTES, rates)
    lines = tuple(CatalogueLine(VOICE, direction, ORDINARY, DURATION, ANSWERED) for direction in (0, 1))
    return _terms(first, second, (SIP_USAGE,), lines, rating, 100, Clock(now, pace))


def _terms(
    first: Member,
    second: Member,
    usage: Sequence[tuple[int, int]],
    lines: tuple[CatalogueLine, ...],
    rating: SlotBinding,
    tolerance_bps: int,
    clock: Clock,
) -> Terms:
    """Periods of usage with the same deadlines."""
    dates = [clock.now + round(clock.pace * seconds) for seconds in clock.deadlines]
    return Terms(
        evidence=Evidence.TWO_SIDED,
        first=first.number,
        second=second.number,
        networks=(first.number, second.number),
        pairs=(UnitPair(0, 0),),
        currency=CNY,
        profile=Profile.MIIT,
        data_class=DataClass.PUBLIC,
        flow=Flow.CALLING_PARTY_PAYS,
        valid_from=usage[0][0],
        valid_to=usage[-1][1],
        calendar=tuple(CalendarRow(ordinal, *each, *dates) for ordinal, each in enumerate(usage, start=1)),
        contest=round(clock.pace * CONTEST),
        catalogue=lines,
        slots=(
            rating,
            SlotBinding(Slot.TOLERANCE, ShippedRule.TOLERANCE_PERCENT, (tolerance_bps,)),
            SlotBinding(Slot.SET_OFF, ShippedRule.SET_OFF, (0,)),
        ),
        set_off=True,
    )
