"""A maker opens declared figures; the last opening judges all lines."""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce
from abci_app.domain.periods.decide.common import find, require_maker, require_unsigned
from abci_app.domain.periods.decide.judge import judged, prices_of
from abci_app.domain.periods.fold import fold
from abci_app.domain.periods.queries import due_facts, has_difference, one_sided, period, present, statement_of
from abci_app.domain.periods.schema import (
    Code,
    Committed,
    Fact,
    FiguresOpened,
    Open,
    Period,
    PeriodState,
    StatementStruck,
    detail_hash,
    statement_hash,
)
from abci_app.domain.periods.tables import DECLARATIONS, FIGURES, FilingKey, PeriodKey
from abci_app.kernel.codes import reject
from abci_app.kernel.commitments import blinding, opens
from abci_app.kernel.context import Context
from abci_app.state.overlay import Overlay, Reader


def open_figures(state: Reader, at: Context, message: Open) -> tuple[Fact, ...]:
    """A party shows the figures behind its commitments. Prices are kept beside them, whatever they are."""
    key = PeriodKey(message.agreement, message.pair, message.ordinal)
    governing = find(state, key)

    # WHO
    party = require_maker(at, governing.terms)

    # WHETHER
    filing = FilingKey(*key, message.revision, party)
    before = FIGURES.get(state, filing)
    if before is not None:
        if (before.seed, before.lines) == (message.seed, message.lines):
            return ()
        expected = f"the figures opened as revision {message.revision}"
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=expected, actual="other figures")
    due, view, row = present(state, at.chain, key, governing, at.time, at.height)
    require_unsigned(row)
    if row.declared[party] != message.revision:
        reject(Code.NOT_DECLARED, expected=f"revision {row.declared[party]}", actual=message.revision)
    _check_turn(view, row, governing, party, message.revision, at.time)

    # HOW MUCH
    _check_openings(state, filing, governing, message)
    prices = prices_of(at, governing, row, message.lines)

    # WHAT FOLLOWS
    opened = FiguresOpened(*key, party, message.revision, message.seed, message.lines, prices)
    fold(view, opened)
    return (*due, opened, *_picture(view, at, key, governing))


def _check_turn(view: Reader, row: Period, governing: TermsInForce, party: int, revision: int, time: int) -> None:
    """Nobody opens while the other may still file the first revision; a re-issue opens while a line differs."""
    if revision > 1:
        statement = statement_of(view, row)
        if statement is None or not has_difference(statement):
            reject(Code.NOTHING_TO_CORRECT, expected="a line that differs", actual=row.state.name)
        return
    if time >= governing.row.open_by:
        reject(Code.OPENED_LATE, expected=f"before {governing.row.open_by}", actual=time)
    if not row.declared[1 - party] and time < governing.row.declare_by:
        reject(Code.OPENED_EARLY, expected=f"both declared, or from {governing.row.declare_by} on", actual=time)


def _check_openings(state: Reader, filing: FilingKey, governing: TermsInForce, message: Open) -> None:
    """Seed and figures give the detail hash and every commitment of the declaration."""
    declaration = DECLARATIONS.require(state, filing)
    wanted = len(governing.terms.catalogue)
    if len(message.lines) != wanted:
        reject(Code.NOT_THE_CATALOGUE, expected=f"{wanted} lines", actual=len(message.lines))
    detail = detail_hash(message.seed, message.lines)
    if detail != declaration.detail:
        reject(Code.DETAIL_DIFFERS, expected=declaration.detail.hex(), actual=detail.hex())
    for index, line in enumerate(message.lines):
        for measure, value in ((Committed.UNITS_BILLED, line.units_billed), (Committed.AMOUNT, line.amount)):
            commitment = declaration.commitments[2 * index + measure]
            if not opens(commitment, value, blinding(message.seed, index, measure)):
                reject(Code.COMMITMENT_DIFFERS, expected=commitment.hex(), actual=f"line {index}, {measure.name}")


def _picture(view: Overlay, at: Context, key: PeriodKey, governing: TermsInForce) -> tuple[Fact, ...]:
    """The statement, where this opening completes the picture: both have opened, or the other can no longer."""
    row = period(view, key)
    if all(row.opened):
        return judged(view, at, key, governing, row)
    if row.state == PeriodState.RECONCILED:
        statement = one_sided(view, key, governing, row, 0 if row.opened[0] else 1)
        return (StatementStruck(statement_hash(at.chain, statement), statement),)
    return due_facts(view, at.chain, key, governing, at.time, at.height)
