"""Set-off rounds: proposed, signed, paid, unwound; gross obligations live until the net is paid."""

from __future__ import annotations

from msgspec.structs import replace

from abci_app.domain.members.schema import KeyRevoked
from abci_app.domain.obligations.queries import account
from abci_app.domain.obligations.schema import (
    Code,
    ConfirmPayment,
    NettingRound,
    NotifyPayment,
    ObligationPosted,
    Origin,
    PaymentConfirmed,
    PaymentContested,
    ProposeRound,
    RoundAccepted,
    RoundItem,
    RoundLapsed,
    RoundProposed,
    RoundRefused,
    RoundSettled,
    RoundSigned,
    RoundState,
    RoundUnwound,
    State,
    round_hash,
)
from abci_app.domain.periods.schema import PeriodClosed
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.approvals import DocumentKind, ObjectKind, Verdict
from abci_app.rules.bundle import bundle_hash
from tests.support.books import CHECKERS, MAKERS, NETTING, TERMS, YUAN, Book, agree, approval, bundle
from tests.support.chains import CHAIN, CMCC, CUCC
from tests.support.money import (
    ELSEWHERE,
    JANUARY,
    OUT,
    Amounts,
    accept,
    bill,
    closed_by,
    contest,
    invoice,
    is_closed,
    left,
    money_book,
    obligation,
    owed,
    pay,
    propose,
    record_due,
    round_of,
    sign_period,
)

PAYER, PAYEE = CHECKERS[CMCC], CHECKERS[CUCC]
ROUND = DocumentKind.NETTING_ROUND


def accepted_round(*amounts: int) -> tuple[Book, RoundProposed, int]:
    """A book with an accepted round over such obligations; the number of its net."""
    book = money_book()
    proposed = propose(book, owed(book, *amounts))
    accept(book, proposed)
    return book, proposed, round_of(book, 1).net


def test_a_round_nets_gross_obligations_into_one() -> None:
    book = money_book()
    numbers = owed(book, 60 * YUAN, 20 * YUAN, -50 * YUAN)
    proposed = propose(book, numbers)
    items = (RoundItem(1, 60 * YUAN), RoundItem(2, 20 * YUAN), RoundItem(3, 50 * YUAN))
    rule, deadline = bundle_hash(bundle(NETTING)), book.time + 864_000
    terms = NettingRound(1, CMCC, CUCC, 156, items, deadline, rule, 80 * YUAN, 50 * YUAN, 30 * YUAN)
    assert proposed == RoundProposed(round_hash(CHAIN, terms), terms)
    signed, accepted, posted = accept(book, proposed)
    assert isinstance(signed, RoundSigned)
    assert accepted == RoundAccepted(proposed.document, 1, 4)
    assert isinstance(posted, ObligationPosted)
    claim = posted.claim
    assert (claim.debtor, claim.creditor, claim.amount, claim.due) == (CMCC, CUCC, 30 * YUAN, deadline)
    assert claim.origin == Origin(0, 0, 0, 0, 1)
    assert [obligation(book, number).state for number in numbers] == [State.NETTED] * 3
    row = account(book.state, CMCC, CUCC, 156)
    assert (row.debits_pending, row.credits_pending) == (30 * YUAN, 0)


def test_the_one_that_owes_more_pays_the_net() -> None:
    book, _, net = accepted_round(60 * YUAN, -80 * YUAN)
    claim = obligation(book, net).claim
    assert (claim.debtor, claim.creditor, claim.amount) == (CUCC, CMCC, 20 * YUAN)


def test_gross_obligations_are_final_when_the_net_is_paid() -> None:
    book, _, net = accepted_round(60 * YUAN, -50 * YUAN)
    assert not is_closed(book), "netted is not final"
    facts = pay(book, net, 10 * YUAN, b"N1")
    assert facts == (
        PaymentConfirmed(net, b"N1", 10 * YUAN, False),
        RoundSettled(1),
        PeriodClosed(*JANUARY),
        PeriodClosed(*ELSEWHERE),
    )


def test_a_round_that_cancels_out_is_settled_when_it_is_signed() -> None:
    """Mojaloop project#936: a window with amount 0 never settled. A threshold is no reason to wait either."""
    slots = (*TERMS.slots[:2], replace(TERMS.slots[2], parameters=(100 * YUAN,)))
    book = money_book(replace(TERMS, slots=slots))
    proposed = propose(book, owed(book, 60 * YUAN, -60 * YUAN))
    facts = accept(book, proposed)
    assert facts[1:] == (
        RoundAccepted(proposed.document, 1, 0),
        RoundSettled(1),
        PeriodClosed(*JANUARY),
        PeriodClosed(*ELSEWHERE),
    )
    assert account(book.state, CMCC, CUCC, 156).debits_pending == 0


def test_a_round_is_proposed_in_the_block_that_settles_the_one_before() -> None:
    """Mojaloop project#2105: creating a settlement right after a close failed."""
    book, _, net = accepted_round(60 * YUAN, -50 * YUAN)
    (other,) = owed(book, 5 * YUAN)
    message = ProposeRound(CMCC, CUCC, 156, (other,), book.time + 1000)
    book.refuses(MAKERS[CMCC], message, Code.ROUND_STILL_OPEN)
    pay(book, net, 10 * YUAN, b"N1")
    assert isinstance(book.send(MAKERS[CMCC], message)[-1], RoundProposed)


def test_an_unpaid_round_unwinds_at_its_deadline() -> None:
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    deadline = proposed.terms.deadline
    assert record_due(book, ObjectKind.NETTING_ROUND, 1, deadline - 1) == ()
    assert record_due(book, ObjectKind.NETTING_ROUND, 1, deadline) == (RoundUnwound(1, (0, 0)),)
    assert [obligation(book, n).state for n in (1, 2, net)] == [State.DUE, State.DUE, State.VOID]
    row = account(book.state, CMCC, CUCC, 156)
    assert (row.debits_pending, row.credits_pending) == (60 * YUAN, 50 * YUAN)
    book.refuses(PAYER, NotifyPayment(net, YUAN, b"N1"), Code.NOT_PAYABLE)
    pay(book, 1, 60 * YUAN, b"A1")
    assert is_closed(book)


def test_what_was_paid_of_a_net_is_taken_off_the_payers_oldest_obligations() -> None:
    book, proposed, net = accepted_round(10 * YUAN, -120 * YUAN, 140 * YUAN)
    pay(book, net, 20 * YUAN, b"N1")
    facts = record_due(book, ObjectKind.OBLIGATION, net, proposed.terms.deadline)
    assert facts == (RoundUnwound(1, (10 * YUAN, 0, 10 * YUAN)), PeriodClosed(*JANUARY))
    assert [obligation(book, n).state for n in (1, 2, 3)] == [State.PAID, State.DUE, State.PARTIAL]
    assert [left(book, n) for n in (1, 2, 3)] == [0, 120 * YUAN, 130 * YUAN]
    row = account(book.state, CMCC, CUCC, 156)
    assert (row.debits_pending, row.debits_posted) == (130 * YUAN, 20 * YUAN)


def test_any_message_about_an_item_first_records_that_its_round_has_unwound() -> None:
    book, proposed, _ = accepted_round(60 * YUAN, -50 * YUAN)
    notify = NotifyPayment(1, 60 * YUAN, b"A1")
    book.refuses(PAYER, notify, Code.NOT_PAYABLE)
    facts = book.send(PAYER, notify, proposed.terms.deadline)
    assert facts[0] == RoundUnwound(1, (0, 0))
    assert obligation(book, 1).state == State.NOTIFIED


def test_a_notice_that_waits_at_the_deadline_is_answered_before_the_round_unwinds() -> None:
    """Otherwise a payer in time would owe the gross beside a net that it has paid."""
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    book.send(PAYER, NotifyPayment(net, 10 * YUAN, b"N1"), proposed.terms.deadline - 1)
    assert record_due(book, ObjectKind.NETTING_ROUND, 1, proposed.terms.deadline) == ()
    answer_by = obligation(book, net).notice[0].answer_by
    facts = record_due(book, ObjectKind.NETTING_ROUND, 1, answer_by)
    assert facts[:2] == (PaymentConfirmed(net, b"N1", 10 * YUAN, True), RoundSettled(1))
    assert closed_by(facts) == [JANUARY, ELSEWHERE]


def test_a_notice_contested_after_the_deadline_unwinds_the_round_at_once() -> None:
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    book.send(PAYER, NotifyPayment(net, 10 * YUAN, b"N1"), proposed.terms.deadline - 1)
    book.time = proposed.terms.deadline + 1
    assert contest(book, net, b"N1") == (PaymentContested(net, b"N1", b"not on our account"), RoundUnwound(1, (0, 0)))


def test_a_part_that_the_payee_confirms_after_the_deadline_unwinds_the_rest_at_once() -> None:
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    book.send(PAYER, NotifyPayment(net, 4 * YUAN, b"N1"), proposed.terms.deadline - 1)
    confirm = ConfirmPayment(net, 4 * YUAN, b"N1")
    facts = book.send(PAYEE, confirm, proposed.terms.deadline + 1)
    assert facts == (PaymentConfirmed(net, b"N1", 4 * YUAN, False), RoundUnwound(1, (4 * YUAN, 0)))


def test_a_confirmation_sent_again_records_nothing_that_has_fallen_due() -> None:
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    pay(book, net, 4 * YUAN, b"N1")
    assert book.send(PAYEE, ConfirmPayment(net, 4 * YUAN, b"N1"), proposed.terms.deadline) == ()


def test_a_part_deemed_paid_after_the_deadline_unwinds_the_rest() -> None:
    book, proposed, net = accepted_round(60 * YUAN, -50 * YUAN)
    book.send(PAYER, NotifyPayment(net, 4 * YUAN, b"N1"), proposed.terms.deadline - 1)
    facts = record_due(book, ObjectKind.OBLIGATION, 1, obligation(book, net).notice[0].answer_by)
    assert facts == (PaymentConfirmed(net, b"N1", 4 * YUAN, True), RoundUnwound(1, (4 * YUAN, 0)))


def test_an_account_keeps_room_for_what_an_open_round_may_bring_back() -> None:
    book = money_book()
    owed(book, 60 * YUAN, -60 * YUAN)
    for number, like in ((3, 1), (4, 2)):
        book.write(ObligationPosted(number, replace(obligation(book, like).claim, amount=2**62 - 61 * YUAN)))
    proposed = propose(book, [1, 3, 4])
    accept(book, proposed)
    assert account(book.state, CMCC, CUCC, 156).debits_pending == 60 * YUAN
    key = JANUARY._replace(ordinal=2)
    sign_period(book, Amounts((2 * YUAN, 0)), key)
    book.refuses(MAKERS[CUCC], bill(OUT, key), Code.ACCOUNT_FULL)
    record_due(book, ObjectKind.NETTING_ROUND, 1, proposed.terms.deadline)
    assert account(book.state, CMCC, CUCC, 156).debits_pending == 2**62 - YUAN


def test_a_round_that_nobody_signs_lapses() -> None:
    book = money_book()
    proposed = propose(book, owed(book, 60 * YUAN, -50 * YUAN))
    by = CHECKERS[CMCC]
    book.send(by, approval(by, ROUND, proposed.document))
    other = CHECKERS[CUCC]
    deadline = proposed.terms.deadline
    book.refuses(other, approval(other, ROUND, proposed.document), Code.DOCUMENT_CLOSED, at=deadline)
    message = ProposeRound(CMCC, CUCC, 156, (1, 2), deadline + 1000)
    facts = book.send(MAKERS[CUCC], message, deadline)
    assert facts[0] == RoundLapsed(1)
    assert round_of(book, 1).state == RoundState.LAPSED
    assert round_of(book, 2).state == RoundState.PROPOSED


def test_one_refusal_ends_a_round_and_leaves_its_obligations_alone() -> None:
    book = money_book()
    proposed = propose(book, owed(book, 60 * YUAN, -50 * YUAN))
    by = CHECKERS[CUCC]
    facts = book.send(by, approval(by, ROUND, proposed.document, Verdict.REFUSE))
    assert facts[-1] == RoundRefused(proposed.document, 1)
    assert obligation(book, 1).state == State.DUE
    book.refuses(PAYER, approval(PAYER, ROUND, proposed.document), Code.DOCUMENT_CLOSED)
    assert propose(book, [1, 2], book.time + 5000).terms.round == 2


def test_the_same_proposal_or_signature_again_changes_nothing() -> None:
    book = money_book()
    owed(book, 60 * YUAN, -50 * YUAN)
    message = ProposeRound(CMCC, CUCC, 156, (1, 2), book.time + 1000)
    (proposed,) = book.send(MAKERS[CMCC], message)
    assert isinstance(proposed, RoundProposed)
    assert book.send(MAKERS[CUCC], message) == ()
    accept(book, proposed)
    assert book.send(MAKERS[CMCC], message) == ()
    assert book.send(PAYER, approval(PAYER, ROUND, proposed.document)) == ()


def test_what_is_left_of_a_partly_paid_obligation_may_be_set_off() -> None:
    book = money_book()
    numbers = owed(book, 60 * YUAN, -50 * YUAN)
    pay(book, 1, 15 * YUAN, b"A1")
    assert propose(book, numbers).terms.net == -5 * YUAN


def test_a_signed_round_is_refused_when_an_item_has_changed_meanwhile() -> None:
    book = money_book()
    proposed = propose(book, owed(book, 60 * YUAN, -50 * YUAN))
    book.send(PAYER, approval(PAYER, ROUND, proposed.document))
    book.send(PAYER, NotifyPayment(1, YUAN, b"A1"))
    book.refuses(PAYEE, approval(PAYEE, ROUND, proposed.document), Code.OBLIGATION_CHANGED)
    contest(book, 1, b"A1")
    book.send(PAYEE, approval(PAYEE, ROUND, proposed.document))
    assert round_of(book, 1).state == RoundState.ACCEPTED


def test_a_revoked_key_does_not_net() -> None:
    book = money_book()
    proposed = propose(book, owed(book, 60 * YUAN, -50 * YUAN))
    book.send(PAYER, approval(PAYER, ROUND, proposed.document))
    book.write(KeyRevoked(CMCC, PAYER.public))
    facts = book.send(PAYEE, approval(PAYEE, ROUND, proposed.document))
    assert [type(fact) for fact in facts] == [RoundSigned]


def test_a_partly_paid_item_revives_with_both_payments_counted() -> None:
    book = money_book()
    numbers = owed(book, 60 * YUAN, -40 * YUAN)
    pay(book, 1, 15 * YUAN, b"A1")
    proposed = propose(book, numbers)
    accept(book, proposed)
    pay(book, 3, 2 * YUAN, b"N1")
    record_due(book, ObjectKind.NETTING_ROUND, 1, proposed.terms.deadline)
    assert (obligation(book, 1).paid, left(book, 1)) == (17 * YUAN, 43 * YUAN)


def test_a_net_is_contestable_as_long_as_any_of_its_items() -> None:
    book = money_book()
    owed(book, 60 * YUAN)
    number = agree(book, replace(TERMS, contest=2 * TERMS.contest))
    key = PeriodKey(number, 0, 1)
    sign_period(book, Amounts((7 * YUAN, 0)), key)
    accept(book, propose(book, [1, *invoice(book, OUT, key)]))
    assert obligation(book, 3).claim.contest == 2 * TERMS.contest
