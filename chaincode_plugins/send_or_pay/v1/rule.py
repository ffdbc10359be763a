from abci_app.rules.stub import *

"""A commitment that is paid whether it is sent or not, and two tranches above it at their own prices.
Prices are in 10^-6 of the currency for one priced unit: a minute, a message, a gigabyte.
unit_size says how many units of the records make one: 60,000 milliseconds, 1, 1,000,000,000 bytes.
"""


def adjustment(
    units: Annotated[int, 0, 72_057_594_037_927_936],
    amount_micro: Annotated[int, 0, 4_611_686_018_427_387_904],
    unit_size: Annotated[int, 1, 1_073_741_824],
    committed: Annotated[int, 0, 10_000_000_000],
    price: Annotated[int, 0, 100_000_000],
    next_price: Annotated[int, 0, 100_000_000],
    last_from: Annotated[int, 0, 10_000_000_000],
    last_price: Annotated[int, 0, 100_000_000],
) -> tuple[Annotated[int, "adjustment_micro", -4_611_686_018_427_387_904, 4_611_686_018_427_387_904]]:
    """What is due under the deal less what was billed: above 0 a shortfall to pay, below 0 a discount.
    A part of a priced unit costs its part, rounded once.
    """
    if last_from < committed:
        reject("TRANCHE_INSIDE_COMMITMENT")
    whole = units // unit_size
    if whole > 10_000_000_000:
        reject("TOO_MANY_UNITS")
    due = committed * price
    if whole >= committed:
        part = units % unit_size
        in_next = max(min(whole, last_from) - committed, 0)
        in_last = max(whole - last_from, 0)
        part_price = last_price
        if whole < last_from:
            part_price = next_price
        due = due + in_next * next_price + in_last * last_price + mul_div(part, part_price, unit_size, HALF_UP)
    return Outcome(adjustment_micro=due - amount_micro)
