from abci_app.rules.stub import *

"""Termination of international calls by a rate sheet of dial prefixes and times of the week.
A band is one class of rate: a class of destinations at its times. Every call of it has one price,
one pair of increments and one minimum in each direction, so a line is priced exactly.
Each party sells by its own clock and calendar: direction 0 by the second's, 1 by the first's.
"""

DESTINATIONS = Table(
    rows=10_000,
    key=1,
    prefix=Annotated[Digits, 1, 15],
    destination=Annotated[int, 0, 255],
)

TIMES = Table(
    rows=4_096,
    key=3,
    direction=Annotated[int, 0, 1],
    destination=Annotated[int, 0, 255],
    minute=Annotated[int, 0, 10_079],
    band=Annotated[int, 0, 255],
)

RATES = Table(
    rows=512,
    key=2,
    direction=Annotated[int, 0, 1],
    band=Annotated[int, 0, 255],
    nano=Annotated[int, 0, 100_000_000_000],
    first_ms=Annotated[int, 0, 3_600_000],
    next_ms=Annotated[int, 1, 3_600_000],
    minimum_ms=Annotated[int, 0, 3_600_000],
    setup_micro=Annotated[int, 0, 1_000_000],
)

CLOCK_OF_FIRST = Table(
    rows=256,
    key=1,
    since=Annotated[Timestamp, 0, 4_102_444_800],
    offset=Annotated[Seconds, -43_200, 86_400],
)

CLOCK_OF_SECOND = Table(
    rows=256,
    key=1,
    since=Annotated[Timestamp, 0, 4_102_444_800],
    offset=Annotated[Seconds, -43_200, 86_400],
)

SPECIAL_DAYS = Table(
    rows=1_024,
    key=2,
    direction=Annotated[int, 0, 1],
    day=Annotated[int, 0, 47_482],
    counts_as=Annotated[int, 0, 6],
)


def local_instant(
    direction: Annotated[int, 0, 1],
    instant: Annotated[Timestamp, 0, 4_102_444_800],
) -> Annotated[Timestamp, -43_200, 4_102_531_200]:
    """By the seller's clock. An offset of 86,400 stands for the time after which the clock is not known."""
    if direction == 0:
        second = tier_of(CLOCK_OF_SECOND, instant)
        if second is None or second.offset == 86_400:
            reject("NO_OFFSET")
        return local_time(instant, CLOCK_OF_SECOND)
    first = tier_of(CLOCK_OF_FIRST, instant)
    if first is None or first.offset == 86_400:
        reject("NO_OFFSET")
    return local_time(instant, CLOCK_OF_FIRST)


def minute_of_week(
    direction: Annotated[int, 0, 1],
    local: Annotated[Timestamp, -43_200, 4_102_531_200],
) -> Annotated[int, 0, 10_079]:
    """From Monday 00:00. A holiday counts as the day that its table says. 1970-01-01 was a Thursday."""
    day = local // 86_400
    minute = int(local % 86_400) // 60
    special = lookup(SPECIAL_DAYS, direction, day)
    if special is not None:
        return special.counts_as * 1440 + minute
    return (day + 3) % 7 * 1440 + minute


def rate_record(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    local: bool,
    duration_ms: Annotated[int, 0, 2_678_400_000],
    units: Annotated[int, 0, 9_007_199_254_740_992],
    instant: Annotated[Timestamp, 0, 4_102_444_800],
) -> tuple[
    Annotated[int, "band", 0, 255],
    Annotated[int, "units_billed", 0, 2_685_600_000],
]:
    """The longest prefix of the called number and the minute of the week in which the call is answered
    give the band, for the whole call. It is billed the first increment, then whole next ones, and at
    least the minimum.
    """
    if service != 1:
        reject("VOICE_ONLY")
    called = prefix_lookup(DESTINATIONS, b_number)
    if called is None:
        reject("NO_DESTINATION")
    minute = minute_of_week(direction, local_instant(direction, instant))
    time = band_at(TIMES, direction, called.destination, minute)
    if time is None:
        reject("NO_RATE")
    rate = lookup(RATES, direction, time.band)
    if rate is None:
        reject("NO_RATE")
    if duration_ms == 0:
        return Outcome(band=time.band, units_billed=0)
    billed = max(round_up_to(duration_ms, rate.first_ms, rate.next_ms), rate.minimum_ms)
    return Outcome(band=time.band, units_billed=billed)


def price_line(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 255],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 9_223_372_036_854_775_807],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """Rates are in 10^-9 of the currency's unit per 60,000 ms, set-up fees in 10^-6 per call.
    The fees are exact, so the line is rounded once.
    """
    if service != 1:
        reject("VOICE_ONLY")
    rate = lookup(RATES, direction, band)
    if rate is None:
        reject("NO_RATE")
    if calls > 1_000_000_000_000:
        reject("TOO_MANY_CALLS")
    if units_billed > 1_000_000_000_000_000:
        reject("TOO_LONG")
    usage = mul_div(units_billed, rate.nano, 60_000_000, HALF_UP)
    return Outcome(amount_micro=usage + calls * rate.setup_micro)
