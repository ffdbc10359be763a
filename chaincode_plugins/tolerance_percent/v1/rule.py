from abci_app.rules.stub import *


def judge_line(
    creditor: Annotated[int, 0, 4_611_686_018_427_387_904],
    debtor: Annotated[int, 0, 4_611_686_018_427_387_904],
    bps: Annotated[int, 0, 10_000],
) -> tuple[
    Annotated[int, "verdict", 0, 2],
    Annotated[int, "settled", 0, 4_611_686_018_427_387_904],
]:
    """0 equal, 1 within tolerance, 2 different. The lower figure is settled.
    Within: the difference times 10,000 is at most bps times the creditor's figure.
    Both sides are whole numbers, so comparing with the floor of the quotient says the same.
    """
    lower = min(creditor, debtor)
    if creditor == debtor:
        return Outcome(verdict=0, settled=lower)
    if abs(creditor - debtor) <= mul_div(creditor, bps, 10_000, FLOOR):
        return Outcome(verdict=1, settled=lower)
    return Outcome(verdict=2, settled=lower)
