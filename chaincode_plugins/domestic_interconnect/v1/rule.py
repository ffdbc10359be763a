from abci_app.rules.stub import *

"""Settlement between China's mobile networks before 2014-01-01 (UTC+8): the caller's network pays.
Networks: 1 China Mobile, 2 China Unicom, 3 China Telecom, 4 another mobile network.
Services: 1 voice, 2 SMS, 3 MMS.
"""

SERIES = Table(
    rows=16,
    key=1,
    prefix=Annotated[Digits, 1, 8],
)

RATES = Table(
    rows=64,
    key=4,
    service=Annotated[int, 1, 3],
    originating=Annotated[int, 1, 4],
    terminating=Annotated[int, 1, 4],
    band=Annotated[int, 0, 2],
    nano=Annotated[int, 0, 1_000_000_000],
)


def rate_record(
    service: Annotated[int, 1, 3],
    direction: Annotated[int, 0, 1],
    originating: Annotated[int, 1, 4],
    terminating: Annotated[int, 1, 4],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    local: bool,
    duration_ms: Annotated[int, 0, 2_678_400_000],
    units: Annotated[int, 0, 1_000_000],
) -> tuple[
    Annotated[int, "band", 0, 2],
    Annotated[int, "units_billed", 0, 2_678_459_999],
]:
    """Calls are billed in whole started minutes, kept in milliseconds; messages one each.
    Band 1 is a call to a number of China Mobile's series 157 and 188.
    Band 2 is a call by a number of these series inside its local network.
    """
    if service != 1:
        return Outcome(band=0, units_billed=units)
    billed = round_up_to(duration_ms, 60_000, 60_000)
    if terminating == 1:
        called = prefix_lookup(SERIES, b_number)
        if called is not None:
            return Outcome(band=1, units_billed=billed)
    if originating == 1 and local:
        calling = prefix_lookup(SERIES, a_number)
        if calling is not None:
            return Outcome(band=2, units_billed=billed)
    return Outcome(band=0, units_billed=billed)


def price_line(
    service: Annotated[int, 1, 3],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 2],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 72_057_594_037_927_936],
    originating: Annotated[int, 1, 4],
    terminating: Annotated[int, 1, 4],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """Voice rates are per 60,000 ms, message rates per message, both in 10^-9 CNY."""
    rate = lookup(RATES, service, originating, terminating, band)
    if rate is None:
        reject("NO_RATE")
    if service == 1:
        return Outcome(amount_micro=mul_div(units_billed, rate.nano, 60_000_000, HALF_UP))
    if units_billed > 1_000_000_000_000:
        reject("TOO_MANY_MESSAGES")
    return Outcome(amount_micro=mul_div(units_billed, rate.nano, 1000, HALF_UP))
