"""Silence has an exit everywhere: what time does to a period when somebody does nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import CatalogueLine
from abci_app.domain.periods.queries import QUERIES, EffectivePeriod, PeriodQuery, period, statement_of
from abci_app.domain.periods.schema import (
    Code,
    FiguresDeclared,
    FiguresOpened,
    Flags,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    StatementStruck,
    Verdict,
)
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.kernel.encoding import encode
from tests.support.books import CHECKERS, INWARD, MAKERS, OUTWARD, TERMS, YUAN, Book, agree, both_parties, month
from tests.support.chains import CBN, CMCC, CUCC
from tests.support.filings import (
    JANUARY,
    Filing,
    advance,
    agreed_book,
    anchor,
    day,
    file,
    minutes,
    present_statement,
    reconcile,
    reissue,
    sign,
    statement_in,
)

FEBRUARY, MARCH = PeriodKey(1, 0, 2), PeriodKey(1, 0, 3)
OURS = minutes(100_000, 90_000)
ANYONE = MAKERS[CBN]
DEEMED, PROVISIONAL = Flags.DEEMED.value, Flags.PROVISIONAL.value


def declared_by(*operators: int) -> tuple[Book, dict[int, Filing]]:
    """A book in which some have declared right after cut-off."""
    book = agreed_book()
    filings = {operator: file(book, operator, OURS) for operator in (CMCC, CUCC)}
    for operator in operators:
        book.send(MAKERS[operator], filings[operator].declare, day().cut_off)
    return book, filings


def test_against_a_silent_partner_the_tightest_dates_leave_a_second_to_open() -> None:
    row = month(1)
    tightest = replace(row, declare_by=row.cut_off + 1, open_by=row.cut_off + 2, agree_by=row.cut_off + 3)
    book = Book()
    agree(book, replace(TERMS, calendar=(tightest,)))
    filing = file(book, CMCC, OURS)
    book.send(MAKERS[CMCC], filing.declare, tightest.cut_off)
    book.refuses(MAKERS[CMCC], filing.open, Code.OPENED_EARLY)
    struck = statement_in(book.send(MAKERS[CMCC], filing.open, tightest.declare_by)).statement
    assert struck.payable == tuple(line.amount for line in OURS), "its figures stand for both"
    assert struck.flags == DEEMED


def test_nothing_is_due_before_cut_off() -> None:
    book = agreed_book()
    assert book.send(ANYONE, advance(), day().cut_off - 1) == ()
    assert PERIODS.get(book.state, JANUARY) is None


def test_anyone_may_record_the_cut_off_and_twice_is_once() -> None:
    book = agreed_book()
    (cut,) = book.send(ANYONE, advance(), day().cut_off)
    assert isinstance(cut, PeriodCutOff)
    assert book.send(CHECKERS[CMCC], advance()) == ()
    assert period(book.state, JANUARY).height == cut.height


def test_where_nobody_declares_zeros_stand_and_the_period_closes() -> None:
    book = agreed_book()
    facts = book.send(ANYONE, advance(), day().declare_by)
    struck = statement_in(facts)
    assert [type(fact) for fact in facts] == [PeriodCutOff, StatementStruck]
    assert struck.statement.flags == DEEMED | PROVISIONAL
    assert (struck.statement.payable, struck.statement.provisional_from) == ((0, 0), 0)
    assert book.send(ANYONE, advance(), day().agree_by) == (
        PeriodSigned(*JANUARY, struck.document, True),
        PeriodClosed(*JANUARY),
    )


def test_where_nobody_declares_the_last_signed_months_settled_figures_stand() -> None:
    book = agreed_book()
    reconcile(book, OURS, minutes(99_500, 80_000))
    sign(book)
    struck = statement_in(book.send(ANYONE, advance(FEBRUARY), day(2).declare_by)).statement
    assert (struck.flags, struck.provisional_from) == (DEEMED | PROVISIONAL, 1)
    assert struck.payable == (5_970 * YUAN, 3_200 * YUAN), "what was settled, not what was claimed"
    assert struck.disputed == (0, 0)
    assert struck.revisions == (0, 0)


def test_provisional_figures_follow_their_line_into_another_catalogue() -> None:
    book = agreed_book()
    reconcile(book, OURS, OURS, PeriodKey(1, 0, 3))
    sign(book, key=PeriodKey(1, 0, 3))
    messages = CatalogueLine(1, 0, 0, 2, 2)
    agree(book, replace(TERMS, catalogue=(messages, INWARD, OUTWARD), calendar=(month(4),)), 1, 2)
    struck = statement_in(book.send(ANYONE, advance(PeriodKey(1, 0, 4)), day(4).declare_by)).statement
    assert [line.settled for line in struck.lines] == [0, 3_600 * YUAN, 6_000 * YUAN]


def test_a_later_month_is_no_source_for_an_earlier_one() -> None:
    book = agreed_book()
    reconcile(book, OURS, OURS, FEBRUARY)
    sign(book, key=FEBRUARY)
    struck = statement_in(book.send(ANYONE, advance(), day(2).cut_off)).statement
    assert (struck.payable, struck.provisional_from) == ((0, 0), 0)


@pytest.mark.parametrize("months", [(FEBRUARY, MARCH), (MARCH, FEBRUARY)])
def test_the_order_in_which_forgotten_months_are_recorded_makes_no_difference(months: tuple[PeriodKey, ...]) -> None:
    book = agreed_book()
    reconcile(book, OURS, OURS)
    sign(book)
    for key in months:
        book.send(ANYONE, advance(key), max(book.time, day(3).agree_by))
    for key in (FEBRUARY, MARCH):
        statement = statement_of(book.state, period(book.state, key))
        assert statement is not None
        assert statement.payable == (6_000 * YUAN, 3_600 * YUAN)


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("opened", [(CMCC,), (CMCC, CUCC)])
def test_a_month_that_time_has_signed_is_a_source_recorded_or_not(opened: tuple[int, ...], recorded: bool) -> None:
    book, filings = declared_by(CMCC, CUCC)
    for operator in opened:
        book.send(MAKERS[operator], filings[operator].open)
    if recorded:
        book.send(ANYONE, advance(), day(2).declare_by)
    struck = statement_in(book.send(ANYONE, advance(FEBRUARY), day(2).declare_by)).statement
    assert (struck.payable, struck.provisional_from) == ((6_000 * YUAN, 3_600 * YUAN), 1)


def test_a_month_that_is_not_signed_yet_is_no_source() -> None:
    book = Book()
    slow = replace(month(1), agree_by=month(2).declare_by + 1, pay_by=month(2).pay_by)
    agree(book, replace(TERMS, calendar=(slow, month(2))))
    reconcile(book, OURS, OURS)
    struck = statement_in(book.send(ANYONE, advance(FEBRUARY), day(2).declare_by)).statement
    assert (struck.payable, struck.provisional_from) == ((0, 0), 0)


def test_where_one_never_declares_the_others_opened_figures_stand_at_once() -> None:
    book, filings = declared_by(CMCC)
    assert book.send(ANYONE, advance(), day().declare_by) == (), "nothing is opened yet"
    opened, struck = book.send(MAKERS[CMCC], filings[CMCC].open, day().declare_by)
    assert isinstance(opened, FiguresOpened)
    assert isinstance(struck, StatementStruck)
    assert (struck.statement.flags, struck.statement.revisions) == (DEEMED, (1, 0))
    assert struck.statement.payable == (6_000 * YUAN, 3_600 * YUAN)
    assert all(line.first == line.second for line in struck.statement.lines)


def test_where_one_declares_and_never_opens_the_others_figures_stand_at_open_by() -> None:
    book, filings = declared_by(CMCC, CUCC)
    book.send(MAKERS[CUCC], filings[CUCC].open)
    assert book.send(ANYONE, advance(), day().open_by - 1) == ()
    struck = statement_in(book.send(ANYONE, advance(), day().open_by)).statement
    assert (struck.flags, struck.revisions) == (DEEMED, (0, 1))
    book.refuses(MAKERS[CMCC], filings[CMCC].open, Code.OPENED_LATE)


@pytest.mark.parametrize("declared", [(CMCC,), (CMCC, CUCC)])
def test_where_nobody_opens_the_figures_are_provisional(declared: tuple[int, ...]) -> None:
    book, _ = declared_by(*declared)
    assert book.send(ANYONE, advance(), day().open_by - 1) == ()
    struck = statement_in(book.send(ANYONE, advance(), day().open_by)).statement
    assert struck.flags == DEEMED | PROVISIONAL


def test_where_nobody_signs_the_statement_binds_at_agree_by() -> None:
    book = agreed_book()
    struck = statement_in(reconcile(book, OURS, OURS))
    sign(book, both_parties()[:3])
    assert book.send(ANYONE, advance(), day().agree_by - 1) == ()
    assert book.send(ANYONE, advance(), day().agree_by) == (PeriodSigned(*JANUARY, struck.document, True),)
    assert period(book.state, JANUARY).flags == DEEMED


def test_a_month_that_everybody_forgot_is_recorded_in_one_step() -> None:
    book = agreed_book()
    facts = book.send(ANYONE, advance(), day().agree_by + 10**6)
    assert [type(fact) for fact in facts] == [PeriodCutOff, StatementStruck, PeriodSigned, PeriodClosed]
    assert book.refolded() == book.state.writes


def test_what_is_due_comes_before_the_messages_own_facts() -> None:
    book, filings = declared_by()
    facts = book.send(MAKERS[CMCC], filings[CMCC].declare, day().cut_off)
    assert [type(fact) for fact in facts] == [PeriodCutOff, FiguresDeclared]


def test_a_statement_that_all_sign_is_no_longer_deemed() -> None:
    book, filings = declared_by(CMCC)
    book.send(MAKERS[CMCC], filings[CMCC].open, day().declare_by)
    assert period(book.state, JANUARY).flags == DEEMED
    assert sign(book)[-1] == PeriodSigned(*JANUARY, present_statement(book), False)
    assert period(book.state, JANUARY).flags == Flags.NONE


def test_silence_of_one_does_not_let_the_other_charge_above_the_rule() -> None:
    book = agreed_book()
    dear = (replace(OURS[0], amount=9_000 * YUAN), replace(OURS[1], amount=1))
    filing = file(book, CMCC, dear)
    book.send(MAKERS[CMCC], filing.declare, day().cut_off)
    struck = statement_in(book.send(MAKERS[CMCC], filing.open, day().declare_by)).statement
    assert [line.verdict for line in struck.lines] == [Verdict.MISPRICED, Verdict.MISPRICED]
    assert struck.payable == (6_000 * YUAN, 1)
    corrected = statement_in(reissue(book, CMCC, OURS)).statement
    assert (corrected.payable, corrected.revisions, corrected.flags) == ((6_000 * YUAN, 3_600 * YUAN), (2, 0), DEEMED)


def test_who_stayed_silent_cannot_come_back_by_a_re_issue() -> None:
    book, filings = declared_by(CMCC)
    book.send(MAKERS[CMCC], filings[CMCC].open, day().declare_by)
    book.refuses(MAKERS[CUCC], filings[CUCC].declare, Code.FILED_LATE)
    book.refuses(MAKERS[CUCC], file(book, CUCC, OURS, 2).declare, Code.REVISION_OUT_OF_TURN)
    book.refuses(MAKERS[CUCC], anchor(1, late=True), Code.LATE_NOT_ALLOWED)


@pytest.mark.parametrize("when", [day().cut_off - 1, *day()[1:]])
def test_the_effective_view_is_what_an_advance_would_record(when: int) -> None:
    book, filings = declared_by()
    if when > day().declare_by:
        book.send(MAKERS[CUCC], filings[CUCC].declare, day().cut_off)
        book.send(MAKERS[CUCC], filings[CUCC].open, day().declare_by)
    view = QUERIES["/effective/period"](book.state, book.moment(when), encode(PeriodQuery(*JANUARY)))
    book.send(ANYONE, advance(), when)
    row = period(book.state, JANUARY)
    recorded = EffectivePeriod(row.state, row.flags, row.declared, row.opened, statement_of(book.state, row))
    assert view == recorded


def test_a_period_that_is_in_no_calendar_has_no_effective_view() -> None:
    ask = QUERIES["/effective/period"]
    book = agreed_book()
    for key in ((1, 0, 9), (1, 2, 1), (7, 0, 1)):
        assert ask(book.state, book.moment(day().agree_by), encode(PeriodQuery(*key))) is None


def test_a_signed_month_is_never_edited() -> None:
    book = agreed_book()
    reconcile(book, OURS, minutes(100_000, 80_000))
    book.send(ANYONE, advance(), day().agree_by)
    assert period(book.state, JANUARY).state == PeriodState.SIGNED
    book.refuses(MAKERS[CUCC], file(book, CUCC, OURS, 2).declare, Code.PERIOD_ALREADY_SIGNED)
    book.refuses(MAKERS[CUCC], anchor(1, late=True), Code.PERIOD_ALREADY_SIGNED)
    assert book.send(ANYONE, advance(), day().agree_by + 10**7) == ()
