from abci_app.rules.stub import *

"""Termination of international calls by a rate sheet of dial prefixes.
A band is one class of rate: every destination of it has one price, one pair of increments and one
minimum in each direction. So a line of the agreement is one class, and its price is exact.
"""

DESTINATIONS = Table(
    rows=10_000,
    key=1,
    prefix=Annotated[Digits, 1, 15],
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
) -> tuple[
    Annotated[int, "band", 0, 255],
    Annotated[int, "units_billed", 0, 2_685_600_000],
]:
    """The longest prefix of the called number gives the band; the band gives the increments.
    A call is billed the first increment, then whole next ones, and at least the minimum.
    """
    if service != 1:
        reject("VOICE_ONLY")
    destination = prefix_lookup(DESTINATIONS, b_number)
    if destination is None:
        reject("NO_DESTINATION")
    rate = lookup(RATES, direction, destination.band)
    if rate is None:
        reject("NO_RATE")
    if duration_ms == 0:
        return Outcome(band=destination.band, units_billed=0)
    billed = max(round_up_to(duration_ms, rate.first_ms, rate.next_ms), rate.minimum_ms)
    return Outcome(band=destination.band, units_billed=billed)


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
