"""Payments: notified, confirmed, contested, deemed; nothing is paid twice and nothing is lost."""

from __future__ import annotations

from abci_app.domain.obligations.queries import account
from abci_app.domain.obligations.schema import (
    Code,
    ConfirmPayment,
    ContestPayment,
    Flags,
    Notice,
    NotifyPayment,
    ObligationReleased,
    PaymentConfirmed,
    PaymentContested,
    PaymentNotified,
    PaymentState,
    State,
)
from abci_app.domain.obligations.tables import PAYMENTS, payment_key
from abci_app.domain.periods.schema import PeriodClosed
from abci_app.kernel.approvals import ObjectKind
from tests.support.books import CHECKERS, MAKERS, YUAN, Book
from tests.support.chains import CMCC, CTCC, CUCC
from tests.support.money import (
    AGREE_BY,
    CONTEST,
    ELSEWHERE,
    IN,
    JANUARY,
    OUT,
    Amounts,
    closed_by,
    contest,
    invoice,
    is_closed,
    left,
    money_book,
    obligation,
    owed,
    pay,
    record_due,
    sign_period,
)

PAYER, PAYEE = CHECKERS[CMCC], CHECKERS[CUCC]


def one_owed(amount: int = 60 * YUAN) -> Book:
    """A book in which CMCC owes CUCC obligation 1, the only one of its period."""
    book = money_book()
    assert owed(book, amount) == [1]
    return book


def test_a_payment_is_final_when_the_payee_confirms_it() -> None:
    book = one_owed()
    notice = Notice(b"A1", 60 * YUAN, book.time + CONTEST)
    assert book.send(PAYER, NotifyPayment(1, 60 * YUAN, b"A1")) == (PaymentNotified(1, notice),)
    assert account(book.state, CMCC, CUCC, 156).debits_posted == 0
    assert book.send(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1")) == (
        PaymentConfirmed(1, b"A1", 60 * YUAN, False),
        PeriodClosed(*JANUARY),
    )
    assert obligation(book, 1).state == State.PAID
    row = account(book.state, CUCC, CMCC, 156)
    assert (row.credits_pending, row.credits_posted) == (0, 60 * YUAN)


def test_a_period_closes_with_the_last_of_its_obligations() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 40 * YUAN)))
    invoice(book, OUT)
    assert closed_by(pay(book, 1, 60 * YUAN, b"A1")) == [], "the other direction is not even invoiced"
    invoice(book, IN)
    assert closed_by(pay(book, 2, 40 * YUAN, b"B1")) == [JANUARY]


def test_an_obligation_may_be_paid_in_parts() -> None:
    book = one_owed()
    pay(book, 1, 20 * YUAN, b"A1")
    assert (obligation(book, 1).state, left(book, 1)) == (State.PARTIAL, 40 * YUAN)
    book.refuses(PAYER, NotifyPayment(1, 40 * YUAN + 1, b"A2"), Code.MORE_THAN_OWED)
    pay(book, 1, 40 * YUAN, b"A2")
    assert obligation(book, 1).state == State.PAID


def test_the_same_payment_again_is_never_a_second_one() -> None:
    book = one_owed()
    for _ in range(2):
        book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A1"))
    assert book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A1")) == ()
    book.send(PAYEE, ConfirmPayment(1, 20 * YUAN, b"A1"))
    assert book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A1")) == ()
    book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A2"))
    assert book.send(PAYEE, ConfirmPayment(1, 20 * YUAN, b"A1")) == (), "the first is confirmed, not the second"
    assert left(book, 1) == 40 * YUAN
    book.refuses(PAYER, NotifyPayment(1, 30 * YUAN, b"A1"), Code.EXISTS_WITH_DIFFERENT_CONTENT)


def test_references_that_differ_only_by_zero_bytes_are_two_payments() -> None:
    book = one_owed()
    pay(book, 1, 20 * YUAN, b"A")
    pay(book, 1, 20 * YUAN, b"A\0")
    assert left(book, 1) == 20 * YUAN


def test_a_contested_payment_is_owed_again() -> None:
    book = one_owed()
    pay(book, 1, 10 * YUAN, b"A0")
    book.send(PAYER, NotifyPayment(1, 50 * YUAN, b"A1"))
    assert contest(book, 1, b"A1") == (PaymentContested(1, b"A1", b"not on our account"),)
    assert (obligation(book, 1).state, left(book, 1)) == (State.PARTIAL, 50 * YUAN)
    assert contest(book, 1, b"A1") == ()
    book.refuses(PAYEE, ContestPayment(1, b"A1", b"other"), Code.EXISTS_WITH_DIFFERENT_CONTENT)
    pay(book, 1, 50 * YUAN, b"A2")
    assert obligation(book, 1).state == State.PAID


def test_a_contested_payment_that_turns_up_is_confirmed() -> None:
    book = one_owed()
    book.send(PAYER, NotifyPayment(1, 60 * YUAN, b"A1"))
    contest(book, 1, b"A1")
    assert obligation(book, 1).state == State.DUE
    book.send(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1"))
    assert obligation(book, 1).state == State.PAID


def test_a_contested_payment_cannot_turn_up_beside_what_was_paid_instead() -> None:
    book = one_owed()
    book.send(PAYER, NotifyPayment(1, 60 * YUAN, b"A1"))
    contest(book, 1, b"A1")
    book.send(PAYER, NotifyPayment(1, 30 * YUAN, b"A2"))
    book.refuses(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1"), Code.NOTICE_PENDING)
    book.send(PAYEE, ConfirmPayment(1, 30 * YUAN, b"A2"))
    book.refuses(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1"), Code.MORE_THAN_OWED)
    pay(book, 1, 30 * YUAN, b"A3")
    book.refuses(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1"), Code.NOT_PAYABLE)


def test_a_silent_payee_is_deemed_paid() -> None:
    book = one_owed()
    book.send(PAYER, NotifyPayment(1, 60 * YUAN, b"A1"))
    answer_by = obligation(book, 1).notice[0].answer_by
    assert record_due(book, ObjectKind.OBLIGATION, 1, answer_by - 1) == ()
    assert record_due(book, ObjectKind.OBLIGATION, 1, answer_by) == (
        PaymentConfirmed(1, b"A1", 60 * YUAN, True),
        PeriodClosed(*JANUARY),
    )
    row = obligation(book, 1)
    assert (row.state, row.flags) == (State.PAID, Flags.DEEMED_PAID)
    assert PAYMENTS.require(book.state, payment_key(1, b"A1")).state == PaymentState.DEEMED
    assert book.send(PAYEE, ConfirmPayment(1, 60 * YUAN, b"A1")) == ()


def test_a_payee_who_answers_too_late_records_that_it_was_silent() -> None:
    book = one_owed()
    book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A1"))
    late = book.time + CONTEST
    book.refuses(PAYEE, ContestPayment(1, b"A1", b"no"), Code.PAYMENT_ANSWERED, at=late)
    confirmed = book.send(PAYEE, ConfirmPayment(1, 20 * YUAN, b"A1"), late)
    assert confirmed == (PaymentConfirmed(1, b"A1", 20 * YUAN, True),)


def test_a_payer_goes_on_after_a_notice_that_nobody_answered() -> None:
    book = one_owed()
    book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A1"))
    book.refuses(PAYER, NotifyPayment(1, 20 * YUAN, b"A2"), Code.NOTICE_PENDING)
    facts = book.send(PAYER, NotifyPayment(1, 20 * YUAN, b"A2"), book.time + CONTEST)
    assert [type(fact) for fact in facts] == [PaymentConfirmed, PaymentNotified]


def test_what_is_held_is_not_paid() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0), (5 * YUAN, 0)))
    sign_period(book, Amounts((7 * YUAN, 0)), ELSEWHERE, deemed=True)
    invoice(book, OUT, at=AGREE_BY)
    invoice(book, OUT, ELSEWHERE)
    for number in (2, 3):
        book.refuses(PAYER, NotifyPayment(number, YUAN, b"A1"), Code.NOT_PAYABLE)
    facts = book.send(PAYER, NotifyPayment(3, 7 * YUAN, b"A1"), AGREE_BY + CONTEST)
    assert [type(fact) for fact in facts] == [ObligationReleased, PaymentNotified]


def test_payments_are_refused_to_strangers_and_wrong_keys() -> None:
    book = one_owed()
    notify = NotifyPayment(1, YUAN, b"A1")
    book.refuses(PAYER, NotifyPayment(9, YUAN, b"A1"), Code.OBLIGATION_NOT_FOUND)
    book.refuses(PAYEE, notify, Code.NOT_THE_PAYER)
    book.refuses(CHECKERS[CTCC], notify, Code.NOT_THE_PAYER)
    book.refuses(MAKERS[CMCC], notify, Code.WRONG_ROLE)
    book.send(PAYER, notify)
    for answer in (ConfirmPayment(1, YUAN, b"A1"), ContestPayment(1, b"A1", b"no")):
        book.refuses(PAYER, answer, Code.NOT_THE_PAYEE)
        book.refuses(MAKERS[CUCC], answer, Code.WRONG_ROLE)
    book.refuses(PAYEE, ConfirmPayment(1, YUAN, b"A2"), Code.PAYMENT_NOT_FOUND)
    book.refuses(PAYEE, ContestPayment(1, b"A2", b"no"), Code.PAYMENT_NOT_FOUND)
    book.refuses(PAYEE, ConfirmPayment(1, 2 * YUAN, b"A1"), Code.DIFFERENT_AMOUNT)
    book.send(PAYEE, ConfirmPayment(1, YUAN, b"A1"))
    book.refuses(PAYEE, ContestPayment(1, b"A1", b"no"), Code.PAYMENT_ANSWERED)
    assert not is_closed(book)


def test_a_paid_obligation_takes_no_further_payment() -> None:
    book = one_owed()
    pay(book, 1, 60 * YUAN, b"A1")
    book.refuses(PAYER, NotifyPayment(1, YUAN, b"A2"), Code.NOT_PAYABLE)
