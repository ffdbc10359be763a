"""A month's money from the filings to the closed periods, and what users of peers reported."""

from __future__ import annotations

from abci_app.domain.obligations.queries import account
from abci_app.domain.obligations.schema import PaymentState, ProposeRound, State
from abci_app.domain.obligations.tables import OBLIGATIONS, PAYMENTS
from abci_app.domain.periods.tables import PeriodKey
from tests.support.books import MAKERS, TERMS, YUAN, Book
from tests.support.chains import CMCC, CUCC
from tests.support.filings import day, minutes, reconcile, sign
from tests.support.money import (
    ELSEWHERE,
    FEN,
    IN,
    JANUARY,
    OUT,
    Amounts,
    accept,
    closed_by,
    invoice,
    is_closed,
    left,
    money_book,
    obligation,
    pay,
    propose,
    round_of,
    sign_period,
)


def test_a_month_goes_from_filings_to_closed_without_waiting() -> None:
    """Filed, signed, invoiced, set off and paid in one second of header time."""
    book = money_book()
    reconcile(book, minutes(1000, 500), minutes(1000, 500), at=day().cut_off)
    sign(book)
    assert invoice(book, OUT) + invoice(book, IN) == [1, 2]
    assert [obligation(book, n).claim.amount for n in (1, 2)] == [60 * YUAN, 20 * YUAN], "1000 min at 0.06, 500 at 0.04"
    accept(book, propose(book, [1, 2]))
    assert closed_by(pay(book, 3, 40 * YUAN, b"20260131-1")) == [JANUARY]
    assert book.refolded() == book.state.writes


def test_a_difference_is_held_while_the_rest_of_the_month_is_paid() -> None:
    book = money_book()
    reconcile(book, minutes(1000, 500), minutes(1100, 500), at=day().cut_off)
    sign(book)
    assert invoice(book, OUT, at=day().agree_by) == [1, 2]
    assert invoice(book, IN) == [3]
    assert [left(book, n) for n in (1, 2, 3)] == [60 * YUAN, 6 * YUAN, 20 * YUAN]
    accept(book, propose(book, [1, 3]))
    pay(book, 4, 40 * YUAN, b"20260131-1")
    assert obligation(book, 2).state == State.HELD
    assert not is_closed(book)


def six_periods(book: Book, amounts: list[Amounts]) -> list[int]:
    numbers: list[int] = []
    keys = [PeriodKey(1, pair, ordinal) for ordinal in (1, 2, 3) for pair in (0, 1)]
    for key, each in zip(keys, amounts, strict=True):
        sign_period(book, each, key)
        numbers += invoice(book, OUT, key) + invoice(book, IN, key)
    return numbers


def test_not_one_fen_stays_behind_when_a_round_crosses_periods() -> None:
    """Mojaloop project#4375: closing a window under load left 1 USD in one position."""
    amounts = [Amounts((n * 10_007 * FEN // 100, n * 9_973 * FEN // 100)) for n in range(101, 107)]
    book = money_book()
    numbers = six_periods(book, amounts)
    assert len(numbers) == 12
    proposed = propose(book, numbers)
    accept(book, proposed)
    net = round_of(book, 1).net
    facts = pay(book, net, left(book, net), b"N1")
    assert len(closed_by(facts)) == 6
    for one, other in ((CMCC, CUCC), (CUCC, CMCC)):
        row = account(book.state, one, other, 156)
        assert (row.debits_pending, row.credits_pending) == (0, 0)
    assert account(book.state, CMCC, CUCC, 156).debits_posted == abs(proposed.terms.net)


def test_empty_periods_and_empty_nets_close() -> None:
    """Mojaloop project#936: a window with amount 0 never settled."""
    book = money_book()
    sign_period(book, Amounts((0, 0)))
    assert is_closed(book)
    sign_period(book, Amounts((30 * YUAN, 30 * YUAN)), ELSEWHERE)
    numbers = invoice(book, OUT, ELSEWHERE) + invoice(book, IN, ELSEWHERE)
    assert closed_by(accept(book, propose(book, numbers))) == [ELSEWHERE]


def test_invoices_go_on_while_a_round_is_open() -> None:
    """Mojaloop project#4445: closing took minutes and blocked clearing."""
    book = money_book()
    sign_period(book, Amounts((30 * YUAN, 10 * YUAN)))
    accept(book, propose(book, invoice(book, OUT) + invoice(book, IN)))
    sign_period(book, Amounts((30 * YUAN, 10 * YUAN)), ELSEWHERE)
    later = invoice(book, OUT, ELSEWHERE) + invoice(book, IN, ELSEWHERE)
    pay(book, later[0], 30 * YUAN, b"A1")
    assert left(book, round_of(book, 1).net) == 20 * YUAN


def test_closing_a_round_costs_the_same_whatever_is_owed_beside_it() -> None:
    """The facts of a settlement are of its own periods; nothing else is walked (Mojaloop project#4445)."""
    book = money_book()
    sign_period(book, Amounts((30 * YUAN, 10 * YUAN)))
    numbers = invoice(book, OUT) + invoice(book, IN)
    for ordinal in (2, 3):
        for pair in (0, 1):
            key = PeriodKey(1, pair, ordinal)
            sign_period(book, Amounts((30 * YUAN, 10 * YUAN)), key)
            invoice(book, OUT, key)
    accept(book, propose(book, numbers))
    assert len(pay(book, round_of(book, 1).net, 20 * YUAN, b"N1")) == 3, "confirmed, settled, closed"


def test_after_an_unwound_round_the_same_obligations_make_the_next() -> None:
    book = money_book()
    sign_period(book, Amounts((30 * YUAN, 10 * YUAN)))
    numbers = invoice(book, OUT) + invoice(book, IN)
    first = propose(book, numbers)
    accept(book, first)
    pay(book, round_of(book, 1).net, 5 * YUAN, b"N1")
    book.time = first.terms.deadline
    message = ProposeRound(CMCC, CUCC, TERMS.currency, tuple(numbers), book.time + 1000)
    facts = book.send(MAKERS[CUCC], message)
    assert len(facts) == 2, "unwound and proposed in one transaction"
    second = round_of(book, 2)
    assert second.terms.net == 15 * YUAN, "what was paid of the first round counts"
    arrived = [row.amount for _, row in PAYMENTS.rows(book.state) if row.state == PaymentState.CONFIRMED]
    assert sum(arrived) == 5 * YUAN
    assert len(list(OBLIGATIONS.rows(book.state))) == 3
