from abci_app.rules.stub import *

"""IP interconnect by the rate that is left when the highest samples of a month are dropped.
The host sorts the 5-minute samples of each direction; this rule says how many to drop, how the two
highest of the rest become one rate, and what a rate costs.
"""


def dropped(
    samples: Annotated[int, 0, 1_000_000],
    drop_bps: Annotated[int, 0, 9_999],
) -> tuple[Annotated[int, "dropped", 0, 1_000_000]]:
    """A share of the samples in 10^-4, in whole samples; a begun one is kept."""
    return Outcome(dropped=mul_div(samples, drop_bps, 10_000, FLOOR))


def combined(
    first: Annotated[int, 0, 1_000_000_000_000_000],
    second: Annotated[int, 0, 1_000_000_000_000_000],
    method: Annotated[int, 1, 2],
) -> tuple[Annotated[int, "rate", 0, 1_000_000_000_000_000]]:
    """Bits per second. Method 1: the arithmetic mean of both directions; 2: the higher of them."""
    if method == 1:
        return Outcome(rate=mul_div(first + second, 1, 2, HALF_UP))
    return Outcome(rate=max(first, second))


def price_line(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 255],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 9_223_372_036_854_775_807],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    drop_bps: Annotated[int, 0, 9_999],
    method: Annotated[int, 1, 2],
    rate_first: Annotated[int, 0, 1_000_000_000_000],
    rate_second: Annotated[int, 0, 1_000_000_000_000],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """A line is one month; `units_billed` is its rate in bits per second.
    Prices are the agreement's, in 10^-6 of its currency per 10^9 bits per second and month:
    `rate_first` where the first party pays (direction 0), `rate_second` where the second does.
    """
    if service != 5:
        reject("CAPACITY_ONLY")
    if units_billed > 1_000_000_000_000_000:
        reject("TOO_FAST")
    price = rate_first
    if direction == 1:
        price = rate_second
    return Outcome(amount_micro=mul_div(units_billed, price, 1_000_000_000, HALF_UP))
