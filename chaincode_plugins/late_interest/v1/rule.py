from abci_app.rules.stub import *

YEAR = IntEnum("YEAR", ("DAYS_365", "DAYS_360"), start=0)


def interest(
    principal: Annotated[int, 0, 461_168_601_842_738],
    days: Annotated[int, 0, 36_525],
    rate_bps: Annotated[int, 0, 10_000],
    year: Annotated[YEAR, 0, 1],
    grace_days: Annotated[int, 0, 365],
    fine_bps: Annotated[int, 0, 10_000],
) -> tuple[Annotated[int, "interest", 0, 4_611_686_018_427_387_904]]:
    """Simple interest on what is paid late, and a fine that is due once; both in minor units.
    Nothing is due up to the grace days; after them interest counts from the due date.
    """
    if days <= grace_days:
        return Outcome(interest=0)
    basis = 365
    if year == YEAR.DAYS_360:
        basis = 360
    accrued = mul_div(principal, rate_bps * days, 10_000 * basis, HALF_UP)
    return Outcome(interest=accrued + mul_div(principal, fine_bps, 10_000, HALF_UP))
