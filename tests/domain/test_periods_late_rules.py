"""A rule that was not in force at cut-off is pinned once it is, while a first declaration may still come."""

from __future__ import annotations

import pytest

from abci_app.domain.periods.schema import Code, PeriodCutOff, StatementStruck
from abci_app.domain.rulebook.schema import RuleSuspended
from abci_app.rules.bundle import bundle_hash
from tests.support.books import FLAT, MAKERS, PERCENT, USAGE, bundle
from tests.support.chains import CMCC
from tests.support.filings import FLAT_RATING, advance, agreed_book, day, file, minutes

SAME = minutes(100_000, 90_000)
OURS = MAKERS[CMCC]


@pytest.mark.parametrize("suspended", [FLAT, PERCENT])
def test_a_rule_suspended_over_the_cut_off_is_pinned_when_it_is_back(suspended: int) -> None:
    """Else a third of the power could choose the hour, and leave a month without figures."""
    book = agreed_book()
    book.write(RuleSuspended(suspended, book.height + 1, book.height + 4, USAGE))
    (cut,) = book.send(OURS, advance(), day().cut_off)
    assert isinstance(cut, PeriodCutOff)
    assert b"" in (cut.rating, cut.tolerance)
    book.refuses(OURS, file(book, CMCC, SAME).declare, Code.NO_RULE_IN_FORCE)
    assert book.send(OURS, advance()) == ()
    again, _ = book.send(OURS, file(book, CMCC, SAME).declare)
    assert isinstance(again, PeriodCutOff)
    assert (again.rating, again.tolerance) == (FLAT_RATING, bundle_hash(bundle(PERCENT)))
    assert again.rating == cut.rating or again.tolerance == cut.tolerance, "what held at cut-off holds"
    assert book.state.writes == book.refolded()


def test_a_rule_that_comes_after_declare_by_changes_nothing() -> None:
    book = agreed_book()
    book.write(RuleSuspended(FLAT, book.height + 1, book.height + 3, USAGE))
    book.send(OURS, advance(), day().cut_off)
    (struck,) = book.send(OURS, advance(), day().declare_by)
    assert isinstance(struck, StatementStruck)
    assert book.send(OURS, advance()) == ()
