"""What anyone may ask about money, and what anyone may record."""

from __future__ import annotations

import pytest

from abci_app.domain.obligations.queries import QUERIES, NetPosition
from abci_app.domain.obligations.schema import (
    Account,
    Code,
    Fact,
    Invoice,
    NotifyPayment,
    Obligation,
    Payment,
    PaymentState,
    Round,
    RoundAccepted,
    RoundState,
    State,
)
from abci_app.domain.obligations.tables import OBLIGATIONS, ROUNDS, ObligationKey, RoundKey, basis_of, object_of
from abci_app.kernel.approvals import Advance, ObjectKind
from abci_app.kernel.encoding import Malformed, encode
from tests.support.books import CHECKERS, MAKERS, YUAN, Book
from tests.support.chains import CMCC, CTCC, CUCC
from tests.support.money import (
    AGREE_BY,
    CONTEST,
    OUT,
    Amounts,
    accept,
    invoice,
    money_book,
    owed,
    pay,
    propose,
    sign_period,
)


def ask(book: Book, path: str, *arguments: int, at: int | None = None) -> object:
    """The answer as clients decode it, before encoding."""
    data = encode(arguments[0] if len(arguments) == 1 else arguments)
    answer = QUERIES[path](book.state, book.moment(at), data)
    encode(answer)
    return answer


def netted_book() -> Book:
    """Obligations 1 (CMCC, 60) and 2 (CUCC, 50) netted in round 1 as 3, of which 4 are paid."""
    book = money_book()
    accept(book, propose(book, owed(book, 60 * YUAN, -50 * YUAN)))
    pay(book, 3, 4 * YUAN, b"N1")
    return book


def test_an_operators_obligations_are_listed_with_whatever_side_it_is_on() -> None:
    book = netted_book()
    listed = ask(book, "/obligations/of_operator", CUCC)
    assert isinstance(listed, tuple)
    assert [number for number, _ in listed] == [1, 2, 3]
    assert ask(book, "/obligations/of_operator", CTCC) == ()


def test_rows_are_found_by_number() -> None:
    book = netted_book()
    found = ask(book, "/obligations/obligation", 3)
    assert isinstance(found, Obligation)
    assert found.state == State.PARTIAL
    assert ask(book, "/obligations/obligation", 9) is None
    one = ask(book, "/obligations/round", 1)
    assert isinstance(one, Round)
    assert ask(book, "/obligations/rounds", 0) == ((1, one),)
    assert isinstance(ask(book, "/obligations/invoice", 1, 0, 1, OUT), Invoice)
    assert ask(book, "/obligations/payments", 3) == ((b"N1", Payment(4 * YUAN, PaymentState.CONFIRMED, b"")),)


def test_accounts_and_the_net_position_show_both_sides() -> None:
    book = netted_book()
    assert ask(book, "/obligations/accounts", CMCC) == ((CUCC, 156, Account(6 * YUAN, 4 * YUAN, 0, 0)),)
    assert ask(book, "/obligations/net_position", CUCC, CMCC, 156) == NetPosition(0, 6 * YUAN, -6 * YUAN, 0, 4 * YUAN)
    assert ask(book, "/obligations/net_position", CUCC, CTCC, 156) == NetPosition(0, 0, 0, 0, 0)


def test_an_obligation_is_overdue_without_anyone_acting() -> None:
    book = money_book()
    owed(book, 60 * YUAN)
    due = OBLIGATIONS.require(book.state, ObligationKey(1)).claim.due
    for at, state in ((due - 1, State.DUE), (due, State.OVERDUE)):
        found = ask(book, "/effective/obligation", 1, at=at)
        assert isinstance(found, Obligation)
        assert found.state == state
    assert ask(book, "/effective/obligation", 9) is None


def test_the_effective_row_is_what_advance_would_leave() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)), deemed=True)
    invoice(book, OUT, at=AGREE_BY)
    found = ask(book, "/effective/obligation", 1, at=AGREE_BY + CONTEST - 1)
    assert isinstance(found, Obligation)
    assert found.state == State.HELD
    found = ask(book, "/effective/obligation", 1, at=AGREE_BY + CONTEST)
    assert isinstance(found, Obligation)
    assert found.state == State.OVERDUE, "released and due in the same second: agree-by plus contest is pay-by here"


def test_an_effective_round_has_unwound_at_its_deadline() -> None:
    book = netted_book()
    deadline = ROUNDS.require(book.state, RoundKey(1)).terms.deadline
    found = ask(book, "/effective/round", 1, at=deadline)
    assert isinstance(found, Round)
    assert found.state == RoundState.UNWOUND
    item = ask(book, "/effective/obligation", 1, at=deadline)
    assert isinstance(item, Obligation)
    assert (item.state, item.paid) == (State.PARTIAL, 4 * YUAN)
    assert ask(book, "/effective/round", 2) is None


def test_status_has_one_owner() -> None:
    """Mojaloop project#4321: window and settlement showed contradictory states."""
    book = netted_book()
    pay(book, 3, 6 * YUAN, b"N2")
    one = ask(book, "/effective/round", 1)
    assert isinstance(one, Round)
    assert one.state == RoundState.SETTLED
    for number in (1, 2):
        item = ask(book, "/effective/obligation", number)
        assert isinstance(item, Obligation)
        assert (item.state, item.round) == (State.NETTED, 1), "how it ends is the round's to say"


def test_advance_names_an_object_of_its_kind() -> None:
    book = netted_book()
    obligation, round_ = OBLIGATIONS.at(ObligationKey(1)), ROUNDS.at(RoundKey(1))
    for kind, key in ((ObjectKind.OBLIGATION, round_), (ObjectKind.NETTING_ROUND, obligation)):
        book.refuses(MAKERS[CTCC], Advance(kind, key), Code.NOT_AN_OBJECT_KEY)
    book.refuses(MAKERS[CTCC], Advance(ObjectKind.OBLIGATION, obligation + b"\0"), Code.NOT_AN_OBJECT_KEY)
    unknown = OBLIGATIONS.at(ObligationKey(9))
    book.refuses(MAKERS[CTCC], Advance(ObjectKind.OBLIGATION, unknown), Code.OBLIGATION_NOT_FOUND)
    unknown = ROUNDS.at(RoundKey(9))
    book.refuses(MAKERS[CTCC], Advance(ObjectKind.NETTING_ROUND, unknown), Code.ROUND_NOT_FOUND)
    assert book.send(MAKERS[CTCC], Advance(ObjectKind.NETTING_ROUND, round_)) == ()


def test_every_fact_names_its_row_and_its_document() -> None:
    book = netted_book()
    book.send(CHECKERS[CMCC], NotifyPayment(3, YUAN, b"N2"))
    own = [fact for fact in book.facts if isinstance(fact, Fact)]
    assert all(book.state.get(object_of(fact)) for fact in own)
    document = ROUNDS.require(book.state, RoundKey(1)).document
    assert [basis_of(fact) for fact in own if isinstance(fact, RoundAccepted)] == [document]


@pytest.mark.parametrize("path", sorted(set(QUERIES) - {"/obligations/rounds"}))
def test_unreadable_arguments_are_refused(path: str) -> None:
    book = money_book()
    with pytest.raises(Malformed):
        QUERIES[path](book.state, book.moment(), b"\xc1")
