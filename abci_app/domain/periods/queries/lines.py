"""What statement lines come to, and what they add up to."""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce
from abci_app.domain.agreements.schema import Flow
from abci_app.domain.periods.queries.stored import AGREED, creditor_of, statement_of
from abci_app.domain.periods.schema import Flags, LineFigures, Period, Statement, StatementLine, Verdict
from abci_app.domain.periods.tables import PeriodKey
from abci_app.state.overlay import Reader


def line_of(
    governing: TermsInForce, index: int, figures: tuple[LineFigures, LineFigures], verdict: Verdict, settled: int
) -> StatementLine:
    """A statement line. Bill and keep settles nothing, whatever the figures are."""
    first, second = figures
    terms = governing.terms
    if terms.flow == Flow.BILL_AND_KEEP:
        return StatementLine(first, second, verdict, 0, 0)
    creditor = figures[creditor_of(terms.flow, terms.catalogue[index].direction)]
    disputed = 0 if verdict in AGREED else creditor.amount - settled
    return StatementLine(first, second, verdict, settled, disputed)


def undisputed(figures: tuple[LineFigures, LineFigures], prices: tuple[int, int]) -> int:
    """What is payable of a line that is not agreed: no party's figure and no price of the rule lies below it."""
    return min(figures[0].amount, figures[1].amount, *prices)


def statement_over(
    governing: TermsInForce,
    key: PeriodKey,
    row: Period,
    lines: tuple[StatementLine, ...],
    flags: Flags = Flags.NONE,
    provisional_from: int = 0,
) -> Statement:
    """The statement that lines add up to, per direction of traffic."""
    payable, disputed = [0, 0], [0, 0]
    for line, sort in zip(lines, governing.terms.catalogue, strict=True):
        payable[sort.direction] += line.settled
        disputed[sort.direction] += line.disputed
    return Statement(
        key.agreement,
        governing.version,
        key.pair,
        key.ordinal,
        row.opened,
        flags.value,
        provisional_from,
        row.rating,
        row.tolerance,
        lines,
        (payable[0], payable[1]),
        (disputed[0], disputed[1]),
    )


def settled_before(state: Reader, row: Period) -> dict[int, StatementLine]:
    """The agreed lines of the present statement by their index: a re-issue leaves them as they are."""
    statement = statement_of(state, row)
    lines = () if statement is None else statement.lines
    return {index: line for index, line in enumerate(lines) if line.verdict in AGREED}
