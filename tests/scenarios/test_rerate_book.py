"""A backdated version of the rating rule: what was signed stays, the difference is a note."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import Direction, Flow, SlotBinding, Terms
from abci_app.domain.obligations.queries import QUERIES
from abci_app.domain.obligations.schema import (
    Code,
    Hold,
    Note,
    NoteKind,
    ObligationPosted,
    ObligationReleased,
    Origin,
    PeriodRerated,
    Rerate,
    RerateLine,
    RerateNote,
    Rerating,
)
from abci_app.domain.obligations.tables import (
    COUNTERS,
    NOTES,
    RERATINGS,
    THE_COUNTERS,
    ObligationKey,
    basis_of,
    object_of,
)
from abci_app.domain.periods.queries import period
from abci_app.domain.periods.schema import Code as PeriodCode
from abci_app.domain.periods.tables import STATEMENTS, StatementKey
from abci_app.domain.rulebook.schema import FOR_EVER, RuleVersionActivated
from abci_app.kernel.approvals import ObjectKind
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from tests.support.books import CHECKERS, FLAT, MAKERS, TERMS, YUAN, Book, month
from tests.support.chains import CMCC, CTCC, CUCC
from tests.support.filings import FLAT_RATING, Lines, day, minutes, reconcile, sign
from tests.support.money import (
    CONTEST,
    ELSEWHERE,
    IN,
    JANUARY,
    OUT,
    PAY_BY,
    accept,
    closed_by,
    invoice,
    is_closed,
    left,
    money_book,
    obligation,
    pay,
    propose,
    record_due,
    round_of,
)
from tests.support.slot_rules import (
    BIASED,
    RULES,
    TAXED,
    VAT,
    Answering,
    bundle_of,
    slot_rule_facts,
    tariff,
    version_facts,
    with_slots,
)

TRAFFIC = minutes(1000, 500)  # 60 yuan out, 20 yuan in
IN_JANUARY = (month(1).usage_from, month(1).usage_to)
TEN_PERCENT_MORE, TEN_PERCENT_LESS = (tariff(surcharge, 1, IN_JANUARY) for surcharge in (1000, -1000))
DEARER, CHEAPER = bundle_hash(TEN_PERCENT_MORE), bundle_hash(TEN_PERCENT_LESS)
RERATE = Rerate(*JANUARY)
TERM = month(1).pay_by - month(1).agree_by


def signed_book(terms: Terms = TERMS, first: Lines = TRAFFIC, second: Lines = TRAFFIC) -> Book:
    """January and nothing else is signed."""
    book = money_book(terms, slot_rule_facts())
    reconcile(book, first, second, at=day().cut_off)
    sign(book)
    return book


def backdate(book: Book, raw: bytes = TEN_PERCENT_MORE, version: int = 2) -> None:
    """A version of the flat tariff for January's usage, active from the next block on."""
    book.write(*version_facts(FLAT, version, raw, active_from=book.height + 1))


def rerated(book: Book, by: int = CUCC, at: int | None = None) -> tuple[PeriodRerated, list[ObligationPosted]]:
    facts = book.send(MAKERS[by], RERATE, at)
    told = next(fact for fact in facts if isinstance(fact, PeriodRerated))
    return told, [fact for fact in facts if isinstance(fact, ObligationPosted)]


def test_ten_percent_more_is_a_debit_note_in_each_direction() -> None:
    book = signed_book()
    document = period(book.state, JANUARY).statement
    before = encode(STATEMENTS.require(book.state, StatementKey(document)))
    assert invoice(book, OUT) + invoice(book, IN) == [1, 2]
    backdate(book)
    told, posted = rerated(book)
    lines = (RerateLine(0, 60 * YUAN, 66 * YUAN), RerateLine(1, 20 * YUAN, 22 * YUAN))
    notes = (RerateNote(Direction(OUT), 6 * YUAN, 0, 3), RerateNote(Direction(IN), 2 * YUAN, 0, 4))
    assert told == PeriodRerated(*JANUARY, document, FLAT_RATING, DEARER, b"", lines, notes)
    assert [(p.claim.debtor, p.claim.creditor, p.claim.amount) for p in posted] == [
        (CMCC, CUCC, 6 * YUAN),
        (CUCC, CMCC, 2 * YUAN),
    ]
    assert (posted[0].claim.origin, posted[0].claim.hold) == (Origin(*JANUARY, OUT, 0), Hold.NONE)
    assert (posted[0].claim.due, posted[0].claim.contest) == (book.time + TERM, CONTEST)
    assert NOTES.require(book.state, ObligationKey(3)) == Note(NoteKind.DEBIT, 0, DEARER)
    assert (object_of(told), basis_of(told)) == (RERATINGS.at(JANUARY), DEARER)
    assert encode(STATEMENTS.require(book.state, StatementKey(document))) == before, "what was signed is never edited"
    assert QUERIES["/obligations/rerating"](book.state, book.moment(), encode(JANUARY)) == Rerating(DEARER, lines)
    assert book.refolded() == book.state.writes


def test_ten_percent_less_is_a_credit_note_owed_by_who_was_owed() -> None:
    book = signed_book()
    backdate(book, TEN_PERCENT_LESS)
    told, posted = rerated(book, by=CMCC)
    assert [(note.net, note.tax) for note in told.notes] == [(-6 * YUAN, 0), (-2 * YUAN, 0)]
    assert [(p.claim.debtor, p.claim.creditor, p.claim.amount) for p in posted] == [
        (CUCC, CMCC, 6 * YUAN),
        (CMCC, CUCC, 2 * YUAN),
    ]
    assert NOTES.require(book.state, ObligationKey(1)) == Note(NoteKind.CREDIT, 0, CHEAPER)


def test_a_version_re_rates_a_period_once() -> None:
    book = signed_book()
    book.refuses(MAKERS[CUCC], RERATE, Code.RATED_ALREADY)
    backdate(book)
    rerated(book)
    for by in (CUCC, CMCC):
        assert book.send(MAKERS[by], RERATE) == ()


def test_a_further_version_counts_from_what_the_last_one_made_of_it() -> None:
    """60, then 66, then 54: the second note takes 12 back, and the way back to 60 gives 6."""
    book = signed_book()
    backdate(book)
    rerated(book)
    backdate(book, TEN_PERCENT_LESS, 3)
    told, _ = rerated(book)
    assert (told.before, told.lines[0]) == (DEARER, RerateLine(0, 66 * YUAN, 54 * YUAN))
    assert [note.net for note in told.notes] == [-12 * YUAN, -4 * YUAN]
    book.write(RuleVersionActivated(FLAT, 4, FLAT_RATING, 0, FOR_EVER, book.height + 1))
    told, _ = rerated(book)
    assert [note.net for note in told.notes] == [6 * YUAN, 2 * YUAN]
    sums = {CMCC: 0, CUCC: 0}
    for number in range(1, 7):
        claim = obligation(book, number).claim
        sums[claim.debtor] += claim.amount
        sums[claim.creditor] -= claim.amount
    assert sums == {CMCC: 0, CUCC: 0}, "there and back again is nothing"


def test_a_closed_period_is_re_rated_too_and_stays_closed() -> None:
    book = signed_book()
    invoice(book, OUT)
    invoice(book, IN)
    pay(book, 1, 60 * YUAN, b"A1")
    assert closed_by(pay(book, 2, 20 * YUAN, b"A2")) == [JANUARY]
    backdate(book)
    rerated(book)
    assert is_closed(book)
    assert pay(book, 3, 6 * YUAN, b"A3")
    assert left(book, 4) == 2 * YUAN


def test_notes_go_into_a_round_with_the_rest() -> None:
    book = signed_book()
    invoice(book, OUT)
    invoice(book, IN)
    backdate(book)
    rerated(book)
    accept(book, propose(book, [1, 2, 3, 4]))
    assert left(book, round_of(book, 1).net) == 44 * YUAN, "66 less 22: what an invoice over the new figures asks for"


def test_tax_follows_the_net() -> None:
    """60 and 6 % are 63.60; 66 are 69.96: the note is 6.36."""
    book = signed_book(with_slots(TAXED))
    invoice(book, OUT)
    backdate(book)
    told, posted = rerated(book)
    assert told.invoice == bundle_hash(bundle_of(RULES[VAT]))
    assert (told.notes[0].net, told.notes[0].tax) == (6 * YUAN, 360_000)
    assert obligation(book, 1).claim.amount + posted[0].claim.amount == 69_960_000


def test_the_settled_figure_keeps_its_place_between_both() -> None:
    """Within tolerance the shipped rule settles the lower figure, the biased one the creditor's: so after re-rating."""
    ours, theirs = minutes(1000, 500), minutes(1005, 500)
    backwards = with_slots(SlotBinding(Slot.TOLERANCE, BIASED, (100, YUAN)))
    for terms, settled, after in ((TERMS, 60_000_000, 66_000_000), (backwards, 60_300_000, 66_330_000)):
        book = signed_book(terms, ours, theirs)
        backdate(book)
        assert rerated(book)[0].lines[0] == RerateLine(0, settled, after)


def test_lines_that_differ_wait_for_their_dispute() -> None:
    book = signed_book(second=minutes(2000, 500))
    backdate(book)
    told, _ = rerated(book)
    assert [line.line for line in told.lines] == [1]
    assert [(note.direction, note.net) for note in told.notes] == [(IN, 2 * YUAN)]


def test_a_difference_that_rounds_to_nothing_makes_no_note_but_is_done() -> None:
    book = signed_book(first=minutes(0, 0)[:1] + TRAFFIC[1:], second=minutes(0, 0)[:1] + TRAFFIC[1:])
    backdate(book, tariff(1, 1, IN_JANUARY))
    told, posted = rerated(book)
    assert [note.direction for note in told.notes] == []
    assert posted == []
    assert told.lines[1] == RerateLine(1, 20 * YUAN, 20_002_000)
    assert book.send(MAKERS[CUCC], RERATE) == ()


def test_what_silence_has_signed_is_recorded_first() -> None:
    book = money_book()
    reconcile(book, TRAFFIC, TRAFFIC, at=day().cut_off)
    backdate(book)
    book.refuses(MAKERS[CUCC], RERATE, Code.PERIOD_NOT_SIGNED)
    facts = book.send(MAKERS[CUCC], RERATE, month(1).agree_by)
    assert [type(fact).__name__ for fact in facts] == [
        "PeriodSigned",
        "PeriodRerated",
        "ObligationPosted",
        "ObligationPosted",
    ]


def test_notes_on_a_figure_that_silence_has_signed_are_held_as_long_as_the_figure() -> None:
    book = money_book()
    reconcile(book, TRAFFIC, TRAFFIC, at=day().cut_off)
    backdate(book)
    _, posted = rerated(book, at=month(1).agree_by)
    until = month(1).agree_by + CONTEST
    assert {(p.claim.hold, p.claim.held_until) for p in posted} == {(Hold.DEEMED, until)}
    assert record_due(book, ObjectKind.OBLIGATION, 1, until) == (ObligationReleased(1),)


def test_strangers_wrong_keys_and_unknown_periods_are_refused() -> None:
    book = signed_book()
    backdate(book)
    book.refuses(MAKERS[CTCC], RERATE, Code.NOT_A_PARTY)
    book.refuses(CHECKERS[CUCC], RERATE, Code.WRONG_ROLE)
    book.refuses(MAKERS[CUCC], Rerate(1, 0, 9), PeriodCode.PERIOD_NOT_FOUND)
    book.refuses(MAKERS[CUCC], Rerate(1, 2, 1), PeriodCode.PAIR_NOT_FOUND)
    book.refuses(MAKERS[CUCC], Rerate(*ELSEWHERE), Code.PERIOD_NOT_SIGNED)


def test_figures_that_are_nobodys_are_not_re_rated() -> None:
    book = money_book()
    backdate(book)
    book.refuses(MAKERS[CUCC], RERATE, Code.NOT_RERATED, at=month(1).agree_by)


@pytest.mark.parametrize(
    ("terms", "second"),
    [(replace(TERMS, flow=Flow.BILL_AND_KEEP), TRAFFIC), (TERMS, minutes(2000, 1000))],
    ids=["bill and keep", "nothing agreed"],
)
def test_where_no_agreed_money_is_there_is_nothing_to_re_rate(terms: Terms, second: Lines) -> None:
    book = signed_book(terms, second=second)
    backdate(book)
    book.refuses(MAKERS[CUCC], RERATE, Code.NOT_RERATED)


def test_one_version_has_to_rate_all_of_the_usage_now() -> None:
    book = signed_book()
    middle = (IN_JANUARY[0] + 86_400, IN_JANUARY[1])
    backdate(book, tariff(1000, 1, middle))
    book.refuses(MAKERS[CUCC], RERATE, Code.NO_RULE_IN_FORCE)


def test_a_price_that_no_rule_may_give_refuses_all() -> None:
    book = signed_book()
    backdate(book)
    book.rules = Answering(book.rules, "price_line", lambda *_: (2**56 + 1,))
    book.refuses(MAKERS[CUCC], RERATE, Code.NO_ANSWER_OF_A_RULE)


def test_accounts_and_numbers_have_room_for_both_notes() -> None:
    book = signed_book()
    invoice(book, OUT)
    claim = replace(obligation(book, 1).claim, amount=2**62 - 60 * YUAN - 5 * YUAN)
    book.write(ObligationPosted(2, claim))
    backdate(book)
    book.refuses(MAKERS[CUCC], RERATE, Code.ACCOUNT_FULL)
    full = signed_book()
    invoice(full, OUT)
    COUNTERS.put(full.state, THE_COUNTERS, replace(COUNTERS.require(full.state, THE_COUNTERS), obligations=2**32 - 1))
    backdate(full)
    full.refuses(MAKERS[CUCC], RERATE, Code.NO_NUMBER_LEFT)


def test_pinned_versions_go_on_rating_what_was_cut_off_before() -> None:
    """The period is declared, opened and judged by the version of its cut-off; only the re-rate asks for another."""
    book = money_book()
    reconcile(book, TRAFFIC, TRAFFIC, at=day().cut_off)
    backdate(book)
    sign(book)
    row = period(book.state, JANUARY)
    assert row.rating == FLAT_RATING
    assert invoice(book, OUT) == [1]
    assert obligation(book, 1).claim.amount == 60 * YUAN
    assert obligation(book, 1).claim.due == PAY_BY
