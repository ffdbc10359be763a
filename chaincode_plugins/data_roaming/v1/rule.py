from abci_app.rules.stub import *

"""Data that the subscribers of one network use in the other, priced by volume in graduated tiers."""

TIERS = Table(
    rows=64,
    key=2,
    plan=Annotated[int, 1, 65_535],
    above=Annotated[int, 0, 1_000_000_000],
    micro=Annotated[int, 0, 1_000_000_000],
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
    first_bytes: Annotated[int, 0, 1_000_000_000],
    next_bytes: Annotated[int, 1, 1_000_000_000],
) -> tuple[
    Annotated[int, "band", 0, 0],
    Annotated[int, "units_billed", 0, 9_007_201_254_740_992],
]:
    """Bytes of one session: the first increment, then whole next ones."""
    if service != 4:
        reject("DATA_ONLY")
    return Outcome(band=0, units_billed=round_up_to(units, first_bytes, next_bytes))


def price_line(
    service: Annotated[int, 0, 255],
    direction: Annotated[int, 0, 1],
    band: Annotated[int, 0, 255],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 9_223_372_036_854_775_807],
    originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255],
    first_bytes: Annotated[int, 0, 1_000_000_000],
    next_bytes: Annotated[int, 1, 1_000_000_000],
    unit_bytes: Annotated[int, 1_000_000, 1_099_511_627_776],
    plan_first: Annotated[int, 1, 65_535],
    plan_second: Annotated[int, 1, 65_535],
) -> tuple[Annotated[int, "amount_micro", 0, 4_611_686_018_427_387_904]]:
    """Each part of the line's volume costs the price of the tier that it lies in.
    Tiers begin at whole units and prices are whole 10^-6 per unit, so only the begun unit is rounded.
    The limits of `amount` are never met; they show the checker how far it can go.
    """
    if service != 4:
        reject("DATA_ONLY")
    plan = plan_first
    if direction == 1:
        plan = plan_second
    lowest = lookup(TIERS, plan, 0)
    if lowest is None:
        reject("NO_RATE")
    volume = units_billed // unit_bytes
    if volume > 1_000_000_000:
        reject("TOO_MUCH_DATA")
    amount = 0
    start = 0
    price = lowest.micro
    for tier in TIERS:
        if tier.plan == plan and tier.above <= volume:
            amount = clamp(amount + (tier.above - start) * price, 0, 1_000_000_000_000_000_000)
            start = tier.above
            price = tier.micro
    amount = clamp(amount + (volume - start) * price, 0, 1_000_000_000_000_000_000)
    begun = mul_div(units_billed % unit_bytes, price, unit_bytes, HALF_UP)
    return Outcome(amount_micro=amount + begun)
