from abci_app.rules.stub import *

"""A flat test tariff: started minutes of every call, one rate per direction."""


def rate_record(
    service: Annotated[int, 1, 3],
    direction: Annotated[int, 0, 1],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    local: bool,
    duration_ms: Annotated[int, 0, 2_678_400_000],
    units: Annotated[int, 0, 1_000_000],
) -> tuple[
    Annotated[int, "band", 0, 0],
    Annotated[int, "units_billed", 0, 2_678_459_999],
]:
    """Whole started minutes, kept in milliseconds."""
    if service != 1:
        reject("VOICE_ONLY")
    return Outcome(band=0, units_billed=round_up_to(duration_ms, 60_000, 60_000))


def price_line(
    service: Annotated[int, 1, 3],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 0],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 72_057_594_037_927_936],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    rate_first: Annotated[int, 0, 1_000_000_000],
    rate_second: Annotated[int, 0, 1_000_000_000],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """The agreement gives the rates of its two directions in 10^-9 of its currency per 60,000 ms:
    rate_first where the first party's network sends, rate_second where the second's does.
    """
    if service != 1:
        reject("VOICE_ONLY")
    if direction == 0:
        return Outcome(amount_micro=mul_div(units_billed, rate_first, 60_000_000, HALF_UP))
    return Outcome(amount_micro=mul_div(units_billed, rate_second, 60_000_000, HALF_UP))
