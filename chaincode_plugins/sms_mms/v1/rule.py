from abci_app.rules.stub import *

"""Messages between two networks, priced by service and direction.
Services: 2 SMS, 3 MMS. Events, which are the bands: 1 delivered, 2 submitted.
"""


def rate_record(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    local: bool,
    duration_ms: Annotated[int, 0, 2_678_400_000],
    units: Annotated[int, 0, 1_000_000],
    event: Annotated[int, 1, 2],
) -> tuple[
    Annotated[int, "band", 1, 2],
    Annotated[int, "units_billed", 0, 1_000_000],
]:
    """Every message counts once; parts of a long one are messages. The band is the agreed event."""
    if service < 2 or service > 3:
        reject("MESSAGES_ONLY")
    return Outcome(band=event, units_billed=units)


def price_line(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 255],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 9_223_372_036_854_775_807],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    event: Annotated[int, 1, 2],
    sms_first: Annotated[int, 0, 10_000_000_000],
    sms_second: Annotated[int, 0, 10_000_000_000],
    mms_first: Annotated[int, 0, 10_000_000_000],
    mms_second: Annotated[int, 0, 10_000_000_000],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """Rates are the agreement's, in 10^-9 of its currency per message: `first` where the first party's
    network sends, `second` where the second's does.
    """
    if service < 2 or service > 3:
        reject("MESSAGES_ONLY")
    if band != event:
        reject("OTHER_EVENT")
    if units_billed > 100_000_000_000:
        reject("TOO_MANY_MESSAGES")
    rate = mms_second
    if service == 2 and direction == 0:
        rate = sms_first
    elif service == 2:
        rate = sms_second
    elif direction == 0:
        rate = mms_first
    return Outcome(amount_micro=mul_div(units_billed, rate, 1000, HALF_UP))
