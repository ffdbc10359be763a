"""Prices and verdicts by the rules that were pinned at cut-off.

A rule that refuses a line, or answers what no rule may, is no reason to refuse the message: the line
then counts as mispriced or different, and nothing is payable of it above the lowest figure.
"""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce, binding, ends_of
from abci_app.domain.periods.queries import creditor_of, line_of, settled_before, statement_over, undisputed
from abci_app.domain.periods.schema import LineFigures, Period, Statement, StatementLine, Verdict
from abci_app.domain.periods.tables import FIGURES, FilingKey, PeriodKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import Context, RuleFunction
from abci_app.kernel.money import LARGEST
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader


def prices_of(at: Context, governing: TermsInForce, row: Period, lines: tuple[LineFigures, ...]) -> tuple[int, ...]:
    """What the pinned rating rule makes of opened units, in 10^-6 units; 0 where it has no price for them."""
    rating = binding(governing.terms, Slot.RATING)
    assert rating is not None, "every agreement binds a rating rule"
    price_line = at.rules(row.rating, "price_line")
    prices: list[int] = []
    for sort, line in zip(governing.terms.catalogue, lines, strict=True):
        units = (line.calls, line.units_actual, line.units_billed)
        ends = ends_of(governing.terms, sort.direction)
        answer = _call(price_line, sort.service, sort.direction, sort.band, *units, *ends, *rating.parameters)
        priced = len(answer) == 1 and 0 <= answer[0] <= LARGEST
        prices.append(answer[0] if priced else 0)
    return tuple(prices)


def judged(view: Reader, at: Context, key: PeriodKey, governing: TermsInForce, row: Period) -> Statement:
    """Every line of both parties' last opened figures. Lines agreed before stay as they are."""
    first, second = (FIGURES.require(view, FilingKey(*key, row.opened[party], party)) for party in (0, 1))
    judge_line = at.rules(row.tolerance, "judge_line")
    lines: list[StatementLine] = []
    for index in range(len(governing.terms.catalogue)):
        before = settled_before(view, row, index)
        if before is None:
            figures = (first.lines[index], second.lines[index])
            prices = (first.prices[index], second.prices[index])
            before = _judge(judge_line, governing, index, figures, prices)
        lines.append(before)
    return statement_over(governing, key, row, tuple(lines))


def _judge(
    judge_line: RuleFunction,
    governing: TermsInForce,
    index: int,
    figures: tuple[LineFigures, LineFigures],
    prices: tuple[int, int],
) -> StatementLine:
    if (figures[0].amount, figures[1].amount) != prices:
        return line_of(governing, index, figures, Verdict.MISPRICED, undisputed(figures, prices))
    terms = governing.terms
    tolerance = binding(terms, Slot.TOLERANCE)
    assert tolerance is not None, "every agreement binds a tolerance rule"
    owed_to = creditor_of(terms.flow, terms.catalogue[index].direction)
    creditor, debtor = figures[owed_to].amount, figures[1 - owed_to].amount
    answer = _call(judge_line, creditor, debtor, *tolerance.parameters)
    lower, upper = min(creditor, debtor), max(creditor, debtor)
    if len(answer) == 2 and answer[0] in (Verdict.EQUAL, Verdict.WITHIN) and lower <= answer[1] <= upper:
        return line_of(governing, index, figures, Verdict(answer[0]), answer[1])
    return line_of(governing, index, figures, Verdict.DIFFERENT, lower)


def _call(rule: RuleFunction, *arguments: int) -> tuple[int, ...]:
    """A rule's answer; empty where it refuses these arguments."""
    try:
        return rule(*arguments)
    except Rejected:
        return ()
