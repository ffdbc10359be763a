"""The six agreements of a load run: between every two operators, the same terms but for parties and catalogue."""

from __future__ import annotations

from itertools import combinations

from abci_app.domain.agreements.schema import (
    CalendarRow,
    CatalogueLine,
    DataClass,
    Direction,
    Evidence,
    Flow,
    Profile,
    SlotBinding,
    Terms,
    UnitPair,
)
from abci_app.rules.interface import Slot
from settle.chain.consortium import CHINA, CNY
from settle.sample.load.consortium import RATING, SET_OFF, TOLERANCE, UNITS

PAIRS = tuple(combinations([member.number for member in CHINA], 2))
"""The parties of agreements 1, 2, 3, ..."""
STRADDLING, LATE = 1, 2
"""Periods that only faults name: usage across the change of rates of 2014, and a declare-by date that has passed."""
SETTLED = range(3, 15)
"""Periods past their cut-off and far from every other deadline: figures may be declared and opened at any time."""
OPEN = range(15, 27)
"""Periods far from their cut-off: usage may be anchored at any time."""
VOICE, SMS, MMS = 1, 2, 3
TOLERANCE_BPS = 100
DAY = 86_400
MONTH = 30 * DAY
_FAR = 10 * 365 * DAY
_CHANGE_OF_RATES = 1_388_505_600  # 2014-01-01 in UTC+8
_COUNTED = 1  # measure and event have one number here
_MOBILE = 1  # the only network with a number series of its own rate


def terms_of(first: int, second: int, genesis_time: int) -> Terms:
    """The agreement of two operators. Their numbers are also their networks' in the rating rule."""
    return Terms(
        evidence=Evidence.TWO_SIDED,
        first=first,
        second=second,
        networks=(first, second),
        pairs=tuple(UnitPair(unit, unit) for unit in range(UNITS)),
        currency=CNY,
        profile=Profile.MIIT,
        data_class=DataClass.PUBLIC,
        flow=Flow.CALLING_PARTY_PAYS,
        valid_from=0,
        valid_to=genesis_time + 2 * _FAR,
        calendar=_calendar(genesis_time),
        contest=10 * DAY,
        catalogue=(*_catalogue(Direction.FIRST_TO_SECOND, second), *_catalogue(Direction.SECOND_TO_FIRST, first)),
        slots=(
            SlotBinding(Slot.RATING, RATING, ()),
            SlotBinding(Slot.TOLERANCE, TOLERANCE, (TOLERANCE_BPS,)),
            SlotBinding(Slot.SET_OFF, SET_OFF, (0,)),
        ),
        set_off=True,
    )


def _calendar(genesis_time: int) -> tuple[CalendarRow, ...]:
    far = genesis_time + _FAR
    straddles = (_CHANGE_OF_RATES - MONTH // 2, _CHANGE_OF_RATES + MONTH // 2)
    after = (_CHANGE_OF_RATES + MONTH, _CHANGE_OF_RATES + 2 * MONTH)
    later = (far + DAY, far + 2 * DAY, far + 3 * DAY)  # open, agree, pay
    rows = [
        CalendarRow(STRADDLING, *straddles, genesis_time, far, *later),
        CalendarRow(LATE, *after, genesis_time - 1, genesis_time, *later),
    ]
    for ordinal in (*SETTLED, *OPEN):
        usage_from = genesis_time + (ordinal - OPEN.start) * MONTH
        cut_off = far - DAY if ordinal in OPEN else genesis_time
        rows.append(CalendarRow(ordinal, usage_from, usage_from + MONTH, cut_off, far, *later))
    return tuple(rows)


def _catalogue(direction: Direction, terminating: int) -> tuple[CatalogueLine, ...]:
    bands = (0, 1) if terminating == _MOBILE else (0,)
    voice = [CatalogueLine(VOICE, direction.value, band, _COUNTED, _COUNTED) for band in bands]
    return (*voice, *(CatalogueLine(service, direction.value, 0, _COUNTED, _COUNTED) for service in (SMS, MMS)))
