"""Interest on late payments: for which days, on what, by whom, how long after, and never twice."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.queries import QUERIES
from abci_app.domain.obligations.schema import (
    MOST_LATE,
    Arrears,
    ClaimInterest,
    Code,
    ConfirmPayment,
    Flags,
    Hold,
    InterestClaimed,
    InterestSpan,
    LatePayment,
    Note,
    NoteKind,
    NotifyPayment,
    ObligationPosted,
    Origin,
    PaidLate,
    PaymentConfirmed,
    State,
)
from abci_app.domain.obligations.tables import (
    ARREARS,
    COUNTERS,
    LATE_PAYMENTS,
    NOTES,
    THE_COUNTERS,
    ObligationKey,
    basis_of,
    object_of,
)
from abci_app.domain.periods.schema import PeriodClosed
from abci_app.domain.rulebook.schema import RulePublished
from abci_app.kernel.approvals import ObjectKind
from abci_app.kernel.encoding import encode
from abci_app.kernel.parameters import DAY
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from tests.support.books import CHECKERS, MAKERS, TERMS, YUAN, Book, month
from tests.support.chains import CMCC, CTCC, CUCC
from tests.support.money import (
    CONTEST,
    ELSEWHERE,
    FEN,
    IN,
    JANUARY,
    OUT,
    PAY_BY,
    Amounts,
    accept,
    contest,
    invoice,
    is_closed,
    money_book,
    obligation,
    pay,
    propose,
    record_due,
    round_of,
    sign_period,
)
from tests.support.slot_rules import (
    BARRED,
    INTEREST_BEARING,
    LATE,
    RULES,
    TAXED,
    Answering,
    bundle_of,
    slot_rule_facts,
    version_facts,
    with_slots,
)

RULE = bundle_hash(bundle_of(RULES[LATE]))
TERM = month(1).pay_by - month(1).agree_by
NINETY_DAYS = SlotBinding(Slot.DISPUTE, BARRED, (90,))
CLAIM = ClaimInterest(1)


def late_book(*bound: SlotBinding, amount: int = 60 * YUAN) -> Book:
    """Obligation 1: CMCC owes CUCC 60 yuan for January, at a thousandth a day when it is late."""
    book = money_book(with_slots(*(bound or (INTEREST_BEARING,))), slot_rule_facts())
    sign_period(book, Amounts((amount, 0)))
    invoice(book, OUT)
    return book


def claimed(book: Book, at: int | None = None, number: int = 1) -> tuple[InterestClaimed, ObligationPosted]:
    """The two facts of a claim by CUCC."""
    facts = book.send(MAKERS[CUCC], ClaimInterest(number), at)
    claim, posted = facts[-2:]
    assert isinstance(claim, InterestClaimed)
    assert isinstance(posted, ObligationPosted)
    return claim, posted


def test_what_is_overdue_bears_interest_for_every_whole_day() -> None:
    """60 yuan, a thousandth a day, ten days and some hours: 0.60 yuan."""
    book = late_book()
    at = PAY_BY + 10 * DAY + 5_000
    claim, posted = claimed(book, at)
    span = InterestSpan(60 * YUAN, PAY_BY, PAY_BY + 10 * DAY, 10, 600_000)
    assert claim == InterestClaimed(1, 2, RULE, (span,), 0, PAY_BY + 10 * DAY)
    owed = posted.claim
    assert (posted.obligation, owed.amount, owed.debtor, owed.creditor) == (2, 600_000, CMCC, CUCC)
    assert (owed.origin, owed.due, owed.hold) == (Origin(*JANUARY, OUT, 0), at + TERM, Hold.NONE)
    assert NOTES.require(book.state, ObligationKey(2)) == Note(NoteKind.INTEREST, 1, RULE)
    assert object_of(claim) == object_of(replace(posted, obligation=1))
    assert basis_of(claim) == RULE
    assert book.refolded() == book.state.writes


def test_a_day_is_claimed_once_however_often_it_is_asked_for() -> None:
    book = late_book()
    claimed(book, PAY_BY + 10 * DAY + 80_000)
    assert book.send(MAKERS[CUCC], CLAIM) == ()
    assert book.send(MAKERS[CUCC], CLAIM, PAY_BY + 11 * DAY - 1) == ()
    claim, posted = claimed(book, PAY_BY + 12 * DAY)
    assert [(span.owed_from, span.days) for span in claim.spans] == [(PAY_BY + 10 * DAY, 2)], (
        "no hour is lost or counted twice"
    )
    assert posted.claim.amount == 120_000


def test_all_claims_together_ask_for_what_one_at_the_end_would() -> None:
    """Three days of grace and a fine of 1 yuan, each once: nothing up to day 3, 1.24 on day 4, 0.06 a day after."""
    book = late_book()
    for days, wanted in ((3, 0), (4, 124), (5, 6), (10, 30)):
        book.rules = Answering(book.rules, "interest", lambda _, days: (0 if days <= 3 else 100 + 6 * days,))
        if wanted:
            assert claimed(book, PAY_BY + days * DAY)[1].claim.amount == wanted * FEN
        else:
            book.refuses(MAKERS[CUCC], CLAIM, Code.INTEREST_TOO_SMALL, at=PAY_BY + days * DAY)


def test_a_rule_that_asks_for_less_the_later_it_is_has_no_answer() -> None:
    book = late_book()
    claimed(book, PAY_BY + 5 * DAY)
    book.rules = Answering(book.rules, "interest", lambda _, days: (1000 // days,))
    book.refuses(MAKERS[CUCC], CLAIM, Code.NO_ANSWER_OF_A_RULE, at=PAY_BY + 9 * DAY)


def test_a_late_payment_bears_interest_until_its_notice_not_until_its_answer() -> None:
    book = late_book()
    book.send(CHECKERS[CMCC], NotifyPayment(1, 60 * YUAN, b"A1"), PAY_BY + 3 * DAY + 1)
    facts = book.send(CHECKERS[CUCC], ConfirmPayment(1, 60 * YUAN, b"A1"), PAY_BY + 8 * DAY)
    late = PaidLate(1, 60 * YUAN, PAY_BY, PAY_BY + 3 * DAY + 1)
    assert facts[:2] == (PaymentConfirmed(1, b"A1", 60 * YUAN, False), late)
    assert (basis_of(late), object_of(late)) == (b"", object_of(facts[0]))
    assert is_closed(book), "interest on a paid month is no reason to keep it open"
    claim, posted = claimed(book, PAY_BY + 30 * DAY)
    assert [(span.principal, span.days, span.interest) for span in claim.spans] == [(60 * YUAN, 3, 180_000)]
    assert book.send(MAKERS[CUCC], CLAIM, PAY_BY + 60 * DAY) == ()
    assert pay(book, posted.obligation, 180_000, b"I1")[-1] == PaymentConfirmed(2, b"I1", 180_000, False)
    assert obligation(book, 2).state == State.PAID


def test_a_payment_within_the_day_bears_nothing() -> None:
    book = late_book()
    book.time = PAY_BY + DAY - 1
    assert [type(fact) for fact in pay(book, 1, 60 * YUAN, b"A1")] == [PaymentConfirmed, PeriodClosed]
    assert ARREARS.get(book.state, ObligationKey(1)) is None
    book.refuses(MAKERS[CUCC], CLAIM, Code.NOT_LATE)


def test_part_payments_bear_their_own_days_and_the_rest_goes_on() -> None:
    """20 yuan four days late, 10 seven days late, 30 still open after ten: 0.08 + 0.07 + 0.30."""
    book = late_book()
    book.time = PAY_BY + 4 * DAY
    pay(book, 1, 20 * YUAN, b"A1")
    book.time = PAY_BY + 7 * DAY
    pay(book, 1, 10 * YUAN, b"A2")
    listed = QUERIES["/obligations/delays"](book.state, book.moment(PAY_BY + 10 * DAY), encode(1))
    assert listed == (
        LatePayment(20 * YUAN, PAY_BY, PAY_BY + 4 * DAY),
        LatePayment(10 * YUAN, PAY_BY, PAY_BY + 7 * DAY),
        LatePayment(30 * YUAN, PAY_BY, PAY_BY + 10 * DAY),
    )
    claim, posted = claimed(book, PAY_BY + 10 * DAY)
    assert [span.interest for span in claim.spans] == [80_000, 70_000, 300_000]
    assert posted.claim.amount == 450_000
    assert ARREARS.require(book.state, ObligationKey(1)) == Arrears(PAY_BY + 10 * DAY, 2, 2)
    assert not list(LATE_PAYMENTS.rows(book.state))
    book.time = PAY_BY + 11 * DAY
    pay(book, 1, 30 * YUAN, b"A3")
    claim, _ = claimed(book, PAY_BY + 20 * DAY)
    assert [(span.owed_from, span.days) for span in claim.spans] == [(PAY_BY + 10 * DAY, 1)]


def test_a_deemed_payment_counts_from_its_notice_too() -> None:
    book = late_book()
    book.send(CHECKERS[CMCC], NotifyPayment(1, 60 * YUAN, b"A1"), PAY_BY + 2 * DAY)
    book.refuses(MAKERS[CUCC], CLAIM, Code.NOTICE_PENDING, at=PAY_BY + 3 * DAY)
    facts = book.send(MAKERS[CUCC], CLAIM, PAY_BY + 2 * DAY + CONTEST)
    assert [type(fact) for fact in facts[:2]] == [PaymentConfirmed, PaidLate], "what is due comes first"
    assert obligation(book, 1).flags == Flags.DEEMED_PAID
    assert obligation(book, 2).claim.amount == 120_000


def test_a_payment_that_was_contested_counts_from_its_confirmation() -> None:
    book = late_book()
    book.send(CHECKERS[CMCC], NotifyPayment(1, 60 * YUAN, b"A1"), PAY_BY - DAY)
    contest(book, 1, b"A1")
    late = book.send(CHECKERS[CUCC], ConfirmPayment(1, 60 * YUAN, b"A1"), PAY_BY + 5 * DAY)[1]
    assert late == PaidLate(1, 60 * YUAN, PAY_BY, PAY_BY + 5 * DAY)


def test_without_an_invoice_rule_nothing_is_recorded_and_nothing_claimed() -> None:
    book = money_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    invoice(book, OUT)
    book.refuses(MAKERS[CUCC], CLAIM, Code.INTEREST_NOT_AGREED, at=PAY_BY + 9 * DAY)
    assert not any(isinstance(fact, PaidLate) for fact in pay(book, 1, 60 * YUAN, b"A1"))
    assert QUERIES["/obligations/delays"](book.state, book.moment(), encode(1)) == ()
    taxed = late_book(TAXED)
    taxed.refuses(MAKERS[CUCC], CLAIM, Code.INTEREST_NOT_AGREED, at=PAY_BY + 9 * DAY)
    assert QUERIES["/obligations/delays"](taxed.state, taxed.moment(), encode(1)) == ()


def test_claims_are_the_creditors_makers_alone() -> None:
    book = late_book()
    book.time = PAY_BY + 9 * DAY
    book.refuses(MAKERS[CMCC], CLAIM, Code.NOT_THE_PAYEE)
    book.refuses(MAKERS[CTCC], CLAIM, Code.NOT_THE_PAYEE)
    book.refuses(CHECKERS[CUCC], CLAIM, Code.WRONG_ROLE)
    book.refuses(MAKERS[CUCC], ClaimInterest(9), Code.OBLIGATION_NOT_FOUND)


@pytest.mark.parametrize("when", [PAY_BY, PAY_BY + DAY - 1])
def test_what_is_not_late_by_a_day_bears_nothing(when: int) -> None:
    late_book().refuses(MAKERS[CUCC], CLAIM, Code.NOT_LATE, at=when)


def test_what_is_held_is_not_late() -> None:
    book = money_book(with_slots(INTEREST_BEARING), slot_rule_facts())
    sign_period(book, Amounts((60 * YUAN, 0), (5 * YUAN, 0)))
    invoice(book, OUT, at=month(1).agree_by)
    book.refuses(MAKERS[CUCC], ClaimInterest(2), Code.NOT_LATE, at=PAY_BY + 99 * DAY)


def test_there_is_no_interest_on_interest() -> None:
    book = late_book()
    claimed(book, PAY_BY + 10 * DAY)
    when = obligation(book, 2).claim.due + 9 * DAY
    book.refuses(MAKERS[CUCC], ClaimInterest(2), Code.BEARS_NO_INTEREST, at=when)
    assert not any(isinstance(fact, PaidLate) for fact in pay(book, 2, 600_000, b"I1"))


def test_what_a_round_has_taken_bears_nothing_while_it_lasts_and_goes_on_when_it_unwinds() -> None:
    book = late_book()
    sign_period(book, Amounts((0, 20 * YUAN)), ELSEWHERE)
    invoice(book, IN, ELSEWHERE)
    proposed = propose(book, [1, 2], PAY_BY + 20 * DAY)
    accept(book, proposed)
    net = round_of(book, 1).net
    book.time = PAY_BY + 10 * DAY
    book.refuses(MAKERS[CUCC], CLAIM, Code.BEARS_NO_INTEREST)
    book.refuses(MAKERS[CUCC], ClaimInterest(net), Code.BEARS_NO_INTEREST)
    assert QUERIES["/obligations/delays"](book.state, book.moment(), encode(net)) == ()
    pay(book, net, 10 * YUAN, b"N1")
    record_due(book, ObjectKind.NETTING_ROUND, 1, PAY_BY + 20 * DAY)
    claim, _ = claimed(book)
    assert [(span.principal, span.days) for span in claim.spans] == [(50 * YUAN, 20)], "what the net has paid is paid"
    assert NOTES.require(book.state, ObligationKey(claim.note)).about == 1


def test_interest_may_be_set_off_as_any_other_obligation() -> None:
    book = late_book()
    claimed(book, PAY_BY + 10 * DAY)
    proposed = propose(book, [1, 2])
    assert proposed.terms.owed_by_first == 60_600_000


def test_a_claim_for_a_past_delay_is_raised_in_time_or_never() -> None:
    """Ninety days by the dispute rule, from the payment on; what is still open is never too old."""
    book = late_book(INTEREST_BEARING, NINETY_DAYS)
    book.time = PAY_BY + 5 * DAY
    pay(book, 1, 60 * YUAN, b"A1")
    book.refuses(MAKERS[CUCC], CLAIM, Code.TIME_BARRED, at=PAY_BY + 95 * DAY)
    claim, _ = claimed(book, PAY_BY + 95 * DAY - 1)
    assert claim.settled == 1
    still_open = late_book(INTEREST_BEARING, NINETY_DAYS)
    claim, _ = claimed(still_open, PAY_BY + 400 * DAY)
    assert [span.days for span in claim.spans] == [400]


def test_what_is_barred_is_passed_over_for_good() -> None:
    book = late_book(INTEREST_BEARING, NINETY_DAYS)
    for days, reference in ((5, b"A1"), (60, b"A2")):
        book.time = PAY_BY + days * DAY
        pay(book, 1, 30 * YUAN, reference)
    claim, posted = claimed(book, PAY_BY + 100 * DAY)
    assert [(span.principal, span.days) for span in claim.spans] == [(30 * YUAN, 60)]
    assert (claim.settled, posted.claim.amount) == (2, 1_800_000)
    assert not list(LATE_PAYMENTS.rows(book.state))


def test_many_late_payments_are_claimed_the_oldest_first_and_the_open_rest_last() -> None:
    book = late_book()
    for number in range(1, MOST_LATE + 3):
        book.time = PAY_BY + number * DAY
        pay(book, 1, YUAN, b"A%d" % number)
    claim, _ = claimed(book)
    assert [span.days for span in claim.spans] == list(range(1, MOST_LATE + 1))
    assert (claim.settled, claim.claimed_to) == (MOST_LATE, PAY_BY), "the rest waits for the next claim"
    claim, _ = claimed(book)
    assert [span.days for span in claim.spans] == [MOST_LATE + 1, MOST_LATE + 2, MOST_LATE + 2]
    assert book.send(MAKERS[CUCC], CLAIM) == ()


@pytest.mark.parametrize("answer", [-1, 2**62 // 10_000 + 1])
def test_no_interest_rule_can_mint(answer: int) -> None:
    book = late_book()
    book.rules = Answering(book.rules, "interest", lambda *_: (answer,))
    book.refuses(MAKERS[CUCC], CLAIM, Code.NO_ANSWER_OF_A_RULE, at=PAY_BY + 9 * DAY)


def test_a_time_bar_is_a_second_or_more() -> None:
    book = late_book(INTEREST_BEARING, replace(NINETY_DAYS, parameters=(0,)))
    book.time = PAY_BY + 5 * DAY
    pay(book, 1, 60 * YUAN, b"A1")
    book.refuses(MAKERS[CUCC], CLAIM, Code.NO_ANSWER_OF_A_RULE)


def test_less_than_a_fen_of_interest_is_not_worth_a_note() -> None:
    late_book(amount=3 * YUAN).refuses(MAKERS[CUCC], CLAIM, Code.INTEREST_TOO_SMALL, at=PAY_BY + DAY)


def test_what_the_rule_was_not_made_for_is_refused_with_its_code() -> None:
    late_book().refuses(MAKERS[CUCC], CLAIM, RuleCode.ARGUMENT_OUT_OF_RANGE, at=PAY_BY + 36_501 * DAY)


def test_a_rule_without_a_version_in_force_leaves_the_claim_for_later() -> None:
    empty = 301
    further = [*slot_rule_facts(), RulePublished(empty, b"ended", Slot.INVOICE)]
    ended = bundle_of(RULES[LATE]._replace(name="ended"), 1, (0, month(1).usage_from))
    book = money_book(
        with_slots(SlotBinding(Slot.INVOICE, empty, (3650,))), [*further, *version_facts(empty, 1, ended)]
    )
    sign_period(book, Amounts((60 * YUAN, 0)))
    invoice(book, OUT)
    book.refuses(MAKERS[CUCC], CLAIM, Code.NO_RULE_IN_FORCE, at=PAY_BY + 9 * DAY)


def test_an_account_and_the_numbers_have_room_for_the_note() -> None:
    book = late_book()
    claim = replace(obligation(book, 1).claim, amount=2**62 - 60 * YUAN - 100_000)
    book.write(ObligationPosted(2, claim))
    book.refuses(MAKERS[CUCC], CLAIM, Code.ACCOUNT_FULL, at=PAY_BY + 9 * DAY)
    full = late_book()
    COUNTERS.put(full.state, THE_COUNTERS, replace(COUNTERS.require(full.state, THE_COUNTERS), obligations=2**32 - 1))
    full.refuses(MAKERS[CUCC], CLAIM, Code.NO_NUMBER_LEFT, at=PAY_BY + 9 * DAY)


def test_notes_are_listed_for_both_operators() -> None:
    book = late_book()
    claimed(book, PAY_BY + 10 * DAY)
    note = Note(NoteKind.INTEREST, 1, RULE)
    for operator in (CMCC, CUCC):
        assert QUERIES["/obligations/notes"](book.state, book.moment(), encode(operator)) == ((2, note),)
    assert QUERIES["/obligations/note"](book.state, book.moment(), encode(2)) == note
    assert QUERIES["/obligations/note"](book.state, book.moment(), encode(1)) is None
    assert QUERIES["/obligations/delays"](book.state, book.moment(), encode(9)) is None
    assert TERMS.set_off, "notes go into rounds by their agreement's rule"
