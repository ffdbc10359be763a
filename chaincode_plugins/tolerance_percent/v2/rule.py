from abci_app.rules.stub import *

FIGURE = IntEnum("FIGURE", ("LOWER", "CREDITOR", "DEBTOR", "MEAN"), start=0)


def judge_line(
    creditor: Annotated[int, 0, 2_305_843_009_213_693_952],
    debtor: Annotated[int, 0, 2_305_843_009_213_693_952],
    bias: Annotated[int, -2_305_843_009_213_693_952, 2_305_843_009_213_693_952],
    bps: Annotated[int, 0, 10_000],
    figure: Annotated[FIGURE, 0, 3],
    bias_limit: Annotated[int, 0, 2_305_843_009_213_693_952],
) -> tuple[
    Annotated[int, "verdict", 0, 2],
    Annotated[int, "settled", 0, 2_305_843_009_213_693_952],
    Annotated[int, "bias_after", -2_305_843_009_213_693_952, 2_305_843_009_213_693_952],
]:
    """0 equal, 1 within tolerance, 2 different.
    Within: the difference times 10,000 is at most bps times the creditor's figure, and the running sum
    of creditor less debtor stays inside bias_limit, or at least comes nearer to nothing.
    Only a line within tolerance moves the sum. The clamp changes no value: it shows the range.
    """
    lower = min(creditor, debtor)
    if creditor == debtor:
        return Outcome(verdict=0, settled=lower, bias_after=bias)
    if abs(creditor - debtor) > mul_div(creditor, bps, 10_000, FLOOR):
        return Outcome(verdict=2, settled=lower, bias_after=bias)
    after = bias + creditor - debtor
    if abs(after) > bias_limit and abs(after) >= abs(bias):
        return Outcome(verdict=2, settled=lower, bias_after=bias)
    settled = lower
    if figure == FIGURE.CREDITOR:
        settled = creditor
    elif figure == FIGURE.DEBTOR:
        settled = debtor
    elif figure == FIGURE.MEAN:
        settled = mul_div(creditor + debtor, 1, 2, HALF_EVEN)
    nearest = clamp(after, -2_305_843_009_213_693_952, 2_305_843_009_213_693_952)
    return Outcome(verdict=1, settled=settled, bias_after=nearest)
