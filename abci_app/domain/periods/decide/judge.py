"""Prices and verdicts by the rules that were pinned at cut-off.

A rule that refuses a line, or answers what no rule may, is no reason to refuse the message: the line
then counts as mispriced or different, and nothing is payable of it above the lowest figure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from abci_app.domain.agreements.queries import TermsInForce, binding, ends_of
from abci_app.domain.periods.fold import within_bias
from abci_app.domain.periods.queries import (
    AGREED,
    bias_of,
    creditor_of,
    line_of,
    settled_before,
    shifts_of,
    statement_over,
    undisputed,
)
from abci_app.domain.periods.schema import (
    MOST_LINE_AMOUNT,
    BiasJudged,
    Fact,
    LineFigures,
    Period,
    StatementLine,
    StatementStruck,
    Verdict,
    statement_hash,
)
from abci_app.domain.periods.tables import FIGURES, FilingKey, PeriodKey
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import Context, RuleFunction
from abci_app.kernel.money import LARGEST
from abci_app.rules.interface import WITH_BIAS, Slot
from abci_app.state.overlay import Reader


def prices_of(at: Context, governing: TermsInForce, row: Period, lines: tuple[LineFigures, ...]) -> tuple[int, ...]:
    """What the pinned rating rule makes of opened units, in 10^-6 units; 0 where it has no price for them."""
    rating = binding(governing.terms, Slot.RATING)
    assert rating is not None, "every agreement binds a rating rule"
    price_line = at.rules.bound(row.rating, "price_line", rating.parameters)
    prices: list[int] = []
    for sort, line in zip(governing.terms.catalogue, lines, strict=True):
        units = (line.calls, line.units_actual, line.units_billed)
        ends = ends_of(governing.terms, sort.direction)
        answer = _call(price_line, sort.service, sort.direction, sort.band, *units, *ends)
        priced = len(answer) == 1 and 0 <= answer[0] <= LARGEST
        prices.append(answer[0] if priced else 0)
    return tuple(prices)


def judged(view: Reader, at: Context, key: PeriodKey, governing: TermsInForce, row: Period) -> tuple[Fact, ...]:
    """Every line of both parties' last opened figures. Lines agreed before stay as they are, and so does what they
    move the bias by.
    """
    first, second = (FIGURES.require(view, FilingKey(*key, row.opened[party], party)) for party in (0, 1))
    ask = _asking(at, governing, row)
    kept = settled_before(view, row)
    before = shifts_of(view, key, row) or (0,) * len(governing.terms.catalogue)
    shifts = [shift if index in kept else 0 for index, shift in enumerate(before)]
    running = list(bias_of(view, key.agreement, key.pair))  # of signed statements alone: a re-issue counts once
    for sort, shift in zip(governing.terms.catalogue, shifts, strict=True):
        running[sort.direction] += shift
    lines: list[StatementLine] = []
    for index, sort in enumerate(governing.terms.catalogue):
        line = kept.get(index)
        if line is None:
            figures = (first.lines[index], second.lines[index])
            prices = (first.prices[index], second.prices[index])
            bias = within_bias(running[sort.direction])
            line, shifts[index] = _judge(ask, governing, index, figures, prices, bias)
            running[sort.direction] += shifts[index]
        lines.append(line)
    return _struck(at, key, governing, row, tuple(lines), tuple(shifts))


def _struck(
    at: Context,
    key: PeriodKey,
    governing: TermsInForce,
    row: Period,
    lines: tuple[StatementLine, ...],
    shifts: tuple[int, ...],
) -> tuple[Fact, ...]:
    """The statement, and what it moves the bias by where the tolerance rule keeps one."""
    statement = statement_over(governing, key, row, lines)
    document = statement_hash(at.chain, statement)
    struck = StatementStruck(document, statement)
    if at.rules.interface(row.tolerance) != WITH_BIAS:
        return (struck,)
    moved = [0, 0]
    for sort, shift in zip(governing.terms.catalogue, shifts, strict=True):
        moved[sort.direction] += shift
    return (struck, BiasJudged(*key, document, shifts, (moved[0], moved[1])))


Asking: TypeAlias = Callable[[int, int, int], tuple[int, ...]]
"""The tolerance rule: creditor's and debtor's amount and the bias, to verdict, settled amount and the bias after."""


def _asking(at: Context, governing: TermsInForce, row: Period) -> Asking:
    bound = binding(governing.terms, Slot.TOLERANCE)
    assert bound is not None, "every agreement binds a tolerance rule"
    judge_line = at.rules.bound(row.tolerance, "judge_line", bound.parameters)
    if at.rules.interface(row.tolerance) == WITH_BIAS:
        return lambda creditor, debtor, bias: _call(judge_line, creditor, debtor, bias)
    return lambda creditor, debtor, bias: (*_call(judge_line, creditor, debtor), bias)


def _judge(
    ask: Asking,
    governing: TermsInForce,
    index: int,
    figures: tuple[LineFigures, LineFigures],
    prices: tuple[int, int],
    bias: int,
) -> tuple[StatementLine, int]:
    """A line, and what it moves the bias by. Only agreed lines move it, and by no more than a line can come to."""
    if (figures[0].amount, figures[1].amount) != prices:
        return line_of(governing, index, figures, Verdict.MISPRICED, undisputed(figures, prices)), 0
    terms = governing.terms
    owed_to = creditor_of(terms.flow, terms.catalogue[index].direction)
    creditor, debtor = figures[owed_to].amount, figures[1 - owed_to].amount
    answer = ask(creditor, debtor, bias)
    lower, upper = min(creditor, debtor), max(creditor, debtor)
    if len(answer) == 3 and answer[0] in AGREED and lower <= answer[1] <= upper:
        shift = answer[2] - bias
        if abs(shift) <= MOST_LINE_AMOUNT:
            return line_of(governing, index, figures, Verdict(answer[0]), answer[1]), shift
    return line_of(governing, index, figures, Verdict.DIFFERENT, lower), 0


def _call(rule: RuleFunction, *arguments: int) -> tuple[int, ...]:
    """A rule's answer; empty where it refuses these arguments."""
    try:
        return rule(*arguments)
    except Rejected:
        return ()
