"""Two published tariffs by the clock on the wall, without the rule language: what `international_voice` has to find."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")
MUNICH_NUMBER, SHANGHAI_NUMBER = "4989123456", "862112345678"
MORNING, AFTERNOON, LEISURE, MOONLIGHT, NIGHT = 16, 17, 18, 19, 20
DAY, EVENING, SMALL_HOURS = 21, 22, 23
UNIT_MS = {MORNING: 11_500, AFTERNOON: 12_500, LEISURE: 20_000, MOONLIGHT: 25_000, NIGHT: 120_000}
"""Deutsche Telekom, distances, 1996: how long a unit of 0.12 lasts."""
SIX_SECONDS_MICRO = {DAY: 60_000, EVENING: 40_000, SMALL_HOURS: 30_000}
"""China Unicom 193, 2001: 10^-6 CNY for each 6 s."""


def telekom_1996(there: datetime) -> int:
    """The band of a call to Munich by Berlin's local time; holidays apart."""
    hour, weekend = there.hour, there.weekday() > 4
    if hour < 2 or hour >= 21:
        return MOONLIGHT
    if hour < 5:
        return NIGHT
    if weekend or hour < 9 or hour >= 18:
        return LEISURE
    return MORNING if hour < 12 else AFTERNOON


def unicom_2001(there: datetime) -> int:
    """The band of a call to Shanghai by local time there; holidays apart."""
    hour, weekend = there.hour, there.weekday() > 4
    if hour < 7 or hour >= 22:
        return SMALL_HOURS
    return EVENING if weekend or hour >= 20 else DAY


def billed(band: int, duration_ms: int) -> tuple[int, int]:
    """Milliseconds billed for a call, and its price in 10^-6."""
    unit, micro = (UNIT_MS[band], 120_000) if band in UNIT_MS else (6_000, SIX_SECONDS_MICRO[band])
    units = -(-duration_ms // unit)
    return units * unit, units * micro
