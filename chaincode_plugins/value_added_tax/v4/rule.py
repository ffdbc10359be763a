from abci_app.rules.stub import *

"""Value added tax on telecommunications services in China. The version says when, its table how much.
Services: 1 voice, 2 SMS, 3 MMS, 4 data, 5 bandwidth between networks. Money is in minor units.
"""

TREATMENT = IntEnum("TREATMENT", ("STANDARD", "ZERO_RATED", "EXEMPT", "REVERSE_CHARGE"), start=0)

RATES = Table(
    rows=16,
    key=1,
    service=Annotated[int, 0, 255],
    bps=Annotated[int, 0, 10_000],
)


def tax(
    service: Annotated[int, 0, 255],
    net: Annotated[int, -461_168_601_842_738, 461_168_601_842_738],
    treatment: Annotated[TREATMENT, 0, 3],
) -> tuple[Annotated[int, "tax", -461_168_601_842_738, 461_168_601_842_738]]:
    """The tax on a net amount; on a credit note the same with its sign. Only a standard supply bears it."""
    rate = lookup(RATES, service)
    if rate is None:
        reject("NO_RATE")
    if treatment != TREATMENT.STANDARD:
        return Outcome(tax=0)
    return Outcome(tax=mul_div(net, rate.bps, 10_000, HALF_UP))


def rounded(
    amount_micro: Annotated[int, -4_611_686_018_427_387_904, 4_611_686_018_427_387_904],
    minor_micro: Annotated[int, 1, 1_000_000],
    treatment: Annotated[TREATMENT, 0, 3],
) -> tuple[Annotated[int, "minor", -4_611_686_018_427_387_904, 4_611_686_018_427_387_904]]:
    """A line's amount in minor units; minor_micro is one of them in 10^-6 of the currency's unit."""
    return Outcome(minor=mul_div(amount_micro, 1, minor_micro, HALF_UP))
