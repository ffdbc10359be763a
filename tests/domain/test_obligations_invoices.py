"""Invoices: what a signed period makes due, what it makes held, and to which unit it is rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import Direction, Flow
from abci_app.domain.obligations.queries import account
from abci_app.domain.obligations.schema import (
    Code,
    Hold,
    Invoice,
    InvoiceIssued,
    InvoiceLine,
    ObligationPosted,
    ObligationReleased,
    Origin,
    State,
)
from abci_app.domain.obligations.tables import COUNTERS, INVOICES, THE_COUNTERS, InvoiceKey
from abci_app.domain.periods.schema import Code as PeriodCode
from abci_app.domain.periods.schema import PeriodClosed, PeriodSigned, StatementStruck
from abci_app.kernel.approvals import ObjectKind
from tests.support.books import CHECKERS, MAKERS, TERMS, YUAN, month
from tests.support.chains import CMCC, CTCC, CUCC
from tests.support.filings import day, minutes, reconcile
from tests.support.money import (
    AGREE_BY,
    CONTEST,
    ELSEWHERE,
    FEN,
    IN,
    JANUARY,
    OUT,
    PAY_BY,
    Amounts,
    bill,
    invoice,
    is_closed,
    money_book,
    obligation,
    pay,
    record_due,
    sign_period,
)


def test_a_signed_period_is_invoiced_gross_in_each_direction() -> None:
    book = money_book()
    statement = sign_period(book, Amounts((60 * YUAN, 40 * YUAN)))
    issued, posted = book.send(MAKERS[CUCC], bill(OUT))
    assert issued == InvoiceIssued(*JANUARY, Direction(OUT), Invoice(statement, (InvoiceLine(0, 60 * YUAN, 0),), 1, 0))
    assert isinstance(posted, ObligationPosted)
    claim = posted.claim
    assert (posted.obligation, claim.origin) == (1, Origin(*JANUARY, OUT, 0))
    assert (claim.debtor, claim.creditor, claim.currency, claim.amount) == (CMCC, CUCC, 156, 60 * YUAN)
    assert (claim.due, claim.hold, claim.contest) == (PAY_BY, Hold.NONE, CONTEST)
    assert invoice(book, IN) == [2]
    assert obligation(book, 2).claim.debtor == CUCC
    assert account(book.state, CMCC, CUCC, 156).debits_pending == 60 * YUAN
    assert account(book.state, CMCC, CUCC, 156).credits_pending == 40 * YUAN


def test_where_the_receiver_pays_the_sender_invoices() -> None:
    book = money_book(replace(TERMS, flow=Flow.RECEIVER_PAYS))
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.refuses(MAKERS[CUCC], bill(OUT), Code.NOT_THE_CREDITOR)
    book.send(MAKERS[CMCC], bill(OUT))
    assert obligation(book, 1).claim.debtor == CUCC


def test_the_same_invoice_again_changes_nothing() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 40 * YUAN)))
    invoice(book, OUT)
    assert invoice(book, OUT) == []
    pay(book, 1, 60 * YUAN, b"A1")
    assert invoice(book, OUT) == []


@pytest.mark.parametrize("micro", [4_999, 5_000, 14_999, 15_000, 25_000, 1_004_999, 1_005_000, 7_777_777])
def test_each_line_is_rounded_half_up_to_the_fen(micro: int) -> None:
    """Expected by Python's decimal, ROUND_HALF_UP, on yuan with two digits."""
    wanted = int((Decimal(micro) / YUAN).quantize(Decimal("0.01"), ROUND_HALF_UP) * YUAN)
    book = money_book()
    sign_period(book, Amounts((micro, YUAN)))
    invoice(book, OUT)
    row = INVOICES.require(book.state, InvoiceKey(*JANUARY, OUT))
    assert row.lines == (InvoiceLine(0, wanted, 0),)


def test_the_undisputed_part_is_due_and_the_difference_held() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN + 4_000, 0), (3_000, 0)))
    book.refuses(MAKERS[CUCC], bill(OUT), Code.INVOICED_EARLY, at=AGREE_BY - 1)
    assert invoice(book, OUT, at=AGREE_BY) == [1, 2]
    due, held = obligation(book, 1), obligation(book, 2)
    assert (due.state, due.claim.amount) == (State.DUE, 60 * YUAN)
    assert (held.state, held.claim.hold) == (State.HELD, Hold.DISPUTED)
    assert due.claim.amount + held.claim.amount == 60 * YUAN + FEN, "the creditor's 60.007 is billed as 60.01"
    assert record_due(book, ObjectKind.OBLIGATION, 2, PAY_BY + 10 * CONTEST) == (), "no date frees a disputed part"


def test_a_period_with_a_held_difference_stays_signed() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0), (5 * YUAN, 0)))
    invoice(book, OUT, at=AGREE_BY)
    pay(book, 1, 60 * YUAN, b"A1")
    assert obligation(book, 1).state == State.PAID
    assert not is_closed(book)


def test_a_line_that_is_disputed_whole_posts_only_a_held_obligation() -> None:
    book = money_book()
    sign_period(book, Amounts((0, 0), (5 * YUAN, 0)))
    assert invoice(book, OUT, at=AGREE_BY) == [1]
    assert obligation(book, 1).state == State.HELD
    row = INVOICES.require(book.state, InvoiceKey(*JANUARY, OUT))
    assert (row.payable, row.disputed) == (0, 1)


def test_a_deemed_figure_is_held_until_it_could_be_contested() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)), deemed=True)
    invoice(book, OUT, at=AGREE_BY)
    claim = obligation(book, 1).claim
    assert (claim.hold, claim.held_until) == (Hold.DEEMED, AGREE_BY + CONTEST)
    assert record_due(book, ObjectKind.OBLIGATION, 1, AGREE_BY + CONTEST - 1) == ()
    assert record_due(book, ObjectKind.OBLIGATION, 1, AGREE_BY + CONTEST) == (ObligationReleased(1),)
    assert obligation(book, 1).state == State.DUE


def test_nobody_is_late_with_what_was_held_beyond_pay_by() -> None:
    book = money_book(replace(TERMS, contest=2 * CONTEST))
    sign_period(book, Amounts((60 * YUAN, 0)), deemed=True)
    sign_period(book, Amounts((60 * YUAN, 0)), ELSEWHERE)
    invoice(book, OUT, at=AGREE_BY)
    invoice(book, OUT, ELSEWHERE)
    assert [obligation(book, n).claim.due for n in (1, 2)] == [AGREE_BY + 2 * CONTEST, PAY_BY]


def test_a_deemed_figure_invoiced_after_its_hold_is_due_at_once() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)), deemed=True)
    invoice(book, OUT, at=AGREE_BY + CONTEST)
    assert obligation(book, 1).state == State.DUE


def test_an_invoice_records_that_silence_has_signed_the_period() -> None:
    """Nobody needs to advance the period first: its due facts stand before the invoice."""
    book = money_book()
    reconcile(book, minutes(1000, 500), minutes(1000, 500), at=day().cut_off)
    book.refuses(MAKERS[CUCC], bill(OUT), Code.PERIOD_NOT_SIGNED, at=AGREE_BY - 1)
    facts = book.send(MAKERS[CUCC], bill(OUT), AGREE_BY)
    assert [type(fact) for fact in facts] == [PeriodSigned, InvoiceIssued, ObligationPosted]
    assert obligation(book, 1).state == State.HELD


def test_a_silent_period_of_zeros_is_closed_not_invoiced() -> None:
    book = money_book()
    book.refuses(MAKERS[CUCC], bill(OUT), Code.NOTHING_TO_INVOICE, at=AGREE_BY)


def test_a_direction_that_owes_nothing_is_not_invoiced() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.refuses(MAKERS[CMCC], bill(IN), Code.NOTHING_TO_INVOICE)
    sign_period(book, Amounts((0, 0)), ELSEWHERE)
    assert is_closed(book, ELSEWHERE), "zeros close when they are signed"
    book.refuses(MAKERS[CUCC], bill(OUT, ELSEWHERE), Code.NOTHING_TO_INVOICE)


def test_amounts_that_round_to_nothing_are_invoiced_without_obligation_and_close() -> None:
    book = money_book()
    sign_period(book, Amounts((4_999, 4_999)))
    assert [type(fact) for fact in book.send(MAKERS[CUCC], bill(OUT))] == [InvoiceIssued]
    assert book.send(MAKERS[CMCC], bill(IN))[-1] == PeriodClosed(*JANUARY)


def test_invoices_are_refused_to_strangers_wrong_keys_and_unknown_periods() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 40 * YUAN)))
    book.refuses(MAKERS[CTCC], bill(OUT), Code.NOT_THE_CREDITOR)
    book.refuses(MAKERS[CMCC], bill(OUT), Code.NOT_THE_CREDITOR)
    book.refuses(CHECKERS[CUCC], bill(OUT), Code.WRONG_ROLE)
    book.refuses(MAKERS[CUCC], bill(OUT, JANUARY._replace(ordinal=9)), PeriodCode.PERIOD_NOT_FOUND)
    book.refuses(MAKERS[CUCC], bill(OUT, JANUARY._replace(pair=2)), PeriodCode.PAIR_NOT_FOUND)
    book.refuses(MAKERS[CUCC], bill(OUT, ELSEWHERE), Code.PERIOD_NOT_SIGNED)


def test_a_period_may_be_invoiced_in_the_block_that_signs_it() -> None:
    """Mojaloop project#2105: creating a settlement right after the close failed."""
    book = money_book()
    reconcile(book, minutes(1000, 500), minutes(1000, 500), at=day().cut_off)
    struck = next(fact for fact in book.facts if isinstance(fact, StatementStruck))
    book.write(PeriodSigned(*JANUARY, struck.document, False))
    assert invoice(book, OUT) == [1]


def test_an_account_takes_no_more_than_it_can_hold() -> None:
    book = money_book()
    most = 2**56
    for ordinal in (1, 2):
        sign_period(book, Amounts((most, 0)), JANUARY._replace(ordinal=ordinal))
    invoice(book, OUT)
    claim = replace(obligation(book, 1).claim, amount=2**62 - most - FEN)
    book.write(ObligationPosted(2, claim))
    book.refuses(MAKERS[CUCC], bill(OUT, JANUARY._replace(ordinal=2)), Code.ACCOUNT_FULL)


def test_numbers_end() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    invoice(book, OUT)
    counters = COUNTERS.require(book.state, THE_COUNTERS)
    COUNTERS.put(book.state, THE_COUNTERS, replace(counters, obligations=2**32 - 1))
    sign_period(book, Amounts((60 * YUAN, 0)), ELSEWHERE)
    book.refuses(MAKERS[CUCC], bill(OUT, ELSEWHERE), Code.NO_NUMBER_LEFT)


@pytest.mark.parametrize("billed", [PAY_BY - 1, PAY_BY, month(3).pay_by])
def test_an_invoice_is_dated_by_its_own_calendar_but_never_before_itself(billed: int) -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    invoice(book, OUT, at=billed)
    assert obligation(book, 1).claim.due == max(PAY_BY, billed)
