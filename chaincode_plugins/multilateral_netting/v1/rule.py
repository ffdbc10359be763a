from abci_app.rules.stub import *


def include(
    amount: Annotated[int, 0, 4_611_686_018_427_387_904],
    held: Annotated[int, 0, 1],
    overdue: Annotated[int, 0, 1],
) -> tuple[Annotated[int, "included", 0, 1]]:
    """Everything takes part but what is held by an open dispute and what is nothing; overdue or not."""
    if held == 1 or amount == 0:
        return Outcome(included=0)
    return Outcome(included=1)


def small_amount(
    net: Annotated[int, -4_611_686_018_427_387_904, 4_611_686_018_427_387_904],
    threshold: Annotated[int, 0, 4_611_686_018_427_387_904],
) -> tuple[Annotated[int, "small", 0, 1]]:
    """Whether an operator's net is too small for any payment. A net of nothing is settled, not small."""
    if net != 0 and abs(net) < threshold:
        return Outcome(small=1)
    return Outcome(small=0)


def leg(
    amount: Annotated[int, 0, 4_611_686_018_427_387_904],
    threshold: Annotated[int, 0, 4_611_686_018_427_387_904],
) -> tuple[Annotated[int, "paid", 0, 1]]:
    """Whether a leg is paid now; else payer and payee carry it to the next round as an obligation."""
    if amount < threshold or amount == 0:
        return Outcome(paid=0)
    return Outcome(paid=1)
