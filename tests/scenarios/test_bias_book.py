"""Small differences of a unit pair add up, and past a limit they are no longer small: TOLERANCE/2.

Without a limit whoever is owed shades its figures by a little less than the tolerance, every month, for ever.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding, Terms
from abci_app.domain.periods.queries import QUERIES, PairOfUnits, bias_of
from abci_app.domain.periods.schema import (
    MOST_BIAS,
    MOST_LINE_AMOUNT,
    BiasJudged,
    LineShifts,
    PeriodSigned,
    RunningBias,
    StatementStruck,
    Verdict,
)
from abci_app.domain.periods.tables import BIAS, PERIODS, BiasKey, PeriodKey, basis_of, object_of
from abci_app.domain.rulebook.schema import FOR_EVER
from abci_app.kernel.approvals import DocumentKind
from abci_app.kernel.approvals import Verdict as Says
from abci_app.kernel.encoding import Value, encode
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from tests.support.books import CHECKERS, MAKERS, PERCENT, TERMS, TOLERANCE, YUAN, Book, agree, approval, month
from tests.support.chains import CUCC
from tests.support.filings import (
    Lines,
    advance,
    day,
    file,
    minutes,
    present_statement,
    reconcile,
    reissue,
    sign,
    statement_in,
)
from tests.support.slot_rules import BIASED, RULES, Answering, bundle_of, slot_rule_facts, version_facts, with_slots

JANUARY, FEBRUARY, MARCH = (PeriodKey(1, 0, ordinal) for ordinal in (1, 2, 3))
ELSEWHERE = PeriodKey(1, 1, 1)
LIMIT = YUAN // 2
TERMS_WITH_LIMIT = with_slots(SlotBinding(Slot.TOLERANCE, BIASED, (100, LIMIT)))
EXACT = minutes(1000, 500)
SHADED = minutes(1005, 500)  # CUCC, who is owed for the first direction, counts 0.30 yuan more
SHADE = 300_000


def limited_book(terms: Terms = TERMS_WITH_LIMIT) -> Book:
    book = Book()
    book.write(*slot_rule_facts())
    agree(book, terms)
    return book


def verdicts(facts: tuple[Value, ...]) -> list[Verdict]:
    return [line.verdict for line in statement_in(facts).statement.lines]


def judged(facts: tuple[Value, ...]) -> BiasJudged:
    (bias,) = [fact for fact in facts if isinstance(fact, BiasJudged)]
    return bias


def test_shading_is_settled_once_and_then_it_differs() -> None:
    book = limited_book()
    facts = reconcile(book, EXACT, SHADED, JANUARY)
    document = present_statement(book, JANUARY)
    assert verdicts(facts) == [Verdict.WITHIN, Verdict.EQUAL]
    assert judged(facts) == BiasJudged(*JANUARY, document, (SHADE, 0), (SHADE, 0))
    assert (object_of(judged(facts)), basis_of(judged(facts))) == (PERIODS.at(JANUARY), document)
    assert bias_of(book.state, 1, 0) == (0, 0), "nothing is signed yet"
    sign(book, key=JANUARY)
    assert bias_of(book.state, 1, 0) == (SHADE, 0)
    facts = reconcile(book, EXACT, SHADED, FEBRUARY)
    assert verdicts(facts) == [Verdict.DIFFERENT, Verdict.EQUAL], "0.60 together are more than 0.50"
    assert judged(facts).moved == (0, 0)
    assert book.refolded() == book.state.writes


def test_who_counts_less_the_next_month_makes_up_for_it() -> None:
    book = limited_book()
    for key, theirs in ((JANUARY, SHADED), (FEBRUARY, minutes(995, 500)), (MARCH, SHADED)):
        assert verdicts(reconcile(book, EXACT, theirs, key))[0] == Verdict.WITHIN
        sign(book, key=key)
    assert bias_of(book.state, 1, 0) == (SHADE, 0)


def test_directions_and_unit_pairs_are_counted_apart() -> None:
    """In the second direction CMCC is owed: its 510 minutes against 505 are 0.20 yuan in its own favour."""
    book = limited_book()
    reconcile(book, minutes(1000, 505), minutes(1005, 500), JANUARY)
    sign(book, key=JANUARY)
    reconcile(book, EXACT, SHADED, ELSEWHERE)
    sign(book, key=ELSEWHERE)
    assert bias_of(book.state, 1, 0) == (SHADE, 200_000)
    assert bias_of(book.state, 1, 1) == (SHADE, 0)
    asked = QUERIES["/periods/bias"](book.state, book.moment(), encode(PairOfUnits(1, 0)))
    assert asked == RunningBias((SHADE, 200_000))
    shifts = QUERIES["/periods/shifts"](book.state, book.moment(), encode(JANUARY))
    assert isinstance(shifts, LineShifts)
    assert shifts.lines == (SHADE, 200_000)


def test_a_re_issue_does_not_count_a_line_twice() -> None:
    """Line 0 is within on the first judgement and stays; line 1 differs and is filed again."""
    book = limited_book()
    assert verdicts(reconcile(book, EXACT, minutes(1005, 300), JANUARY)) == [Verdict.WITHIN, Verdict.DIFFERENT]
    first = present_statement(book, JANUARY)
    facts = reissue(book, CUCC, minutes(1005, 497), key=JANUARY)
    assert verdicts(facts) == [Verdict.WITHIN, Verdict.WITHIN]
    assert judged(facts) == BiasJudged(*JANUARY, present_statement(book, JANUARY), (SHADE, 120_000), (SHADE, 120_000))
    assert first != present_statement(book, JANUARY)
    sign(book, key=JANUARY)
    assert bias_of(book.state, 1, 0) == (SHADE, 120_000), "of the signed statement alone"


def test_the_lines_of_one_statement_add_up_while_it_is_judged() -> None:
    """Two lines of one direction, 0.30 too much on each: the second would pass the limit."""
    line = TERMS.catalogue[0]
    terms = replace(TERMS_WITH_LIMIT, catalogue=(line, replace(line, event=2), TERMS.catalogue[1]))
    book = limited_book(terms)
    (out, back), (more, _) = EXACT, SHADED
    assert verdicts(reconcile(book, (out, out, back), (more, more, back), JANUARY)) == [
        Verdict.WITHIN,
        Verdict.DIFFERENT,
        Verdict.EQUAL,
    ]


def test_silence_moves_the_bias_as_a_signature_does() -> None:
    book = limited_book()
    reconcile(book, EXACT, SHADED, JANUARY)
    refuser = CHECKERS[CUCC]
    refusal = approval(refuser, DocumentKind.STATEMENT, present_statement(book, JANUARY), Says.REFUSE)
    book.send(refuser, refusal)
    facts = book.send(MAKERS[4], advance(JANUARY), day().agree_by)
    assert [type(fact) for fact in facts] == [PeriodSigned]
    assert bias_of(book.state, 1, 0) == (SHADE, 0), "a refused statement binds at agree-by, and counts"


def test_figures_that_nobody_compared_move_nothing() -> None:
    book = limited_book()
    filing = file(book, CUCC, SHADED, key=JANUARY)
    book.send(MAKERS[CUCC], filing.declare, day().cut_off)
    facts = book.send(MAKERS[CUCC], filing.open, day().declare_by)
    assert verdicts(facts) == [Verdict.EQUAL, Verdict.EQUAL]
    assert not any(isinstance(fact, BiasJudged) for fact in facts)
    book.send(MAKERS[4], advance(JANUARY), day().agree_by)
    assert BIAS.get(book.state, BiasKey(1, 0)) is None


def test_a_rule_without_a_bias_keeps_none() -> None:
    book = limited_book(TERMS)
    facts = reconcile(book, EXACT, SHADED, JANUARY)
    assert [type(fact) for fact in facts[-1:]] == [StatementStruck]
    sign(book, key=JANUARY)
    assert bias_of(book.state, 1, 0) == (0, 0)


def test_the_version_of_cut_off_judges_so_a_rule_may_begin_to_keep_a_bias() -> None:
    """The percentage rule's second version, for usage from February on, takes a limit and keeps a bias."""
    assert SlotBinding(Slot.TOLERANCE, PERCENT, (TOLERANCE,)) in TERMS.slots
    book = limited_book(TERMS)
    text = RULES[BIASED].text.replace("    limit: Annotated[int, 0, 1_152_921_504_606_846_976],\n", "")
    kept = RULES[BIASED]._replace(text=text.replace("> limit", f"> {LIMIT}"))
    kept = kept._replace(vectors=(replace(kept.vectors[0], arguments=(1000, 995, 3, 100)),))
    raw = bundle_of(kept, 2, (month(2).usage_from, FOR_EVER), bundle_hash(b""))
    book.write(*version_facts(PERCENT, 2, raw))
    assert not [fact for fact in reconcile(book, EXACT, SHADED, JANUARY) if isinstance(fact, BiasJudged)]
    sign(book, key=JANUARY)
    assert judged(reconcile(book, EXACT, SHADED, FEBRUARY)).moved == (SHADE, 0), "what January settled is not counted"


@pytest.mark.parametrize(
    "answer",
    [
        (1, 60 * YUAN, MOST_LINE_AMOUNT + 1),
        (1, 60 * YUAN, -MOST_LINE_AMOUNT - 1),
        (1, 10**15, 0),
        (1, 60 * YUAN),
        (3, 60 * YUAN, 0),
        (),
    ],
)
def test_an_answer_that_no_rule_may_give_makes_the_line_differ_and_moves_nothing(answer: tuple[int, ...]) -> None:
    book = limited_book()
    book.rules = Answering(book.rules, "judge_line", lambda *_: answer)
    facts = reconcile(book, EXACT, SHADED, JANUARY)
    assert verdicts(facts)[0] == Verdict.DIFFERENT
    assert judged(facts).lines == (0, 0)


def test_a_bias_at_its_bound_stays_there() -> None:
    book = limited_book()
    BIAS.put(book.state, BiasKey(1, 0), RunningBias((MOST_BIAS, -MOST_BIAS)))
    asked: list[tuple[int, ...]] = []

    def listening(*given: int) -> tuple[int, ...]:
        asked.append(given)
        return 1, min(given[:2]), given[2] + (MOST_LINE_AMOUNT if given[2] > 0 else -MOST_LINE_AMOUNT)

    book.rules = Answering(book.rules, "judge_line", listening)
    facts = statement_facts(book)
    assert [given[2] for given in asked] == [MOST_BIAS, -MOST_BIAS]
    assert judged(facts).moved == (MOST_LINE_AMOUNT, -MOST_LINE_AMOUNT)
    book.write(PeriodSigned(*JANUARY, present_statement(book, JANUARY), False))
    assert bias_of(book.state, 1, 0) == (MOST_BIAS, -MOST_BIAS)


def statement_facts(book: Book) -> tuple[Value, ...]:
    """January judged, without asking what must always hold: the test has set a bias that nobody signed."""
    book.check = lambda: None  # type: ignore[method-assign]  # see above
    return reconcile(book, EXACT, SHADED, JANUARY)


def test_periods_that_are_open_together_are_judged_by_what_is_signed() -> None:
    """Both months are judged before either is signed: together they pass the limit by what was open at once, and the
    next judgement sees it.
    """
    book = limited_book()
    for key in (JANUARY, FEBRUARY):
        assert verdicts(reconcile(book, EXACT, SHADED, key))[0] == Verdict.WITHIN
    for key in (FEBRUARY, JANUARY):
        book.write(PeriodSigned(*key, present_statement(book, key), False))
    assert bias_of(book.state, 1, 0) == (2 * SHADE, 0)
    assert verdicts(reconcile(book, EXACT, SHADED, MARCH))[0] == Verdict.DIFFERENT


SHADES = st.lists(st.tuples(st.integers(990, 1010), st.integers(495, 505)), min_size=3, max_size=3)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SHADES)
def test_however_it_is_shaded_the_signed_bias_never_passes_the_limit(months: list[tuple[int, int]]) -> None:
    """Months signed one after the other; a line is agreed only where the running sum of differences allows it."""
    book, wanted = limited_book(), [0, 0]
    for key, counted in zip((JANUARY, FEBRUARY, MARCH), months, strict=True):
        theirs: Lines = minutes(*counted)
        statement = statement_in(reconcile(book, EXACT, theirs, key)).statement
        sign(book, key=key)
        creditors = theirs[0].amount, EXACT[1].amount
        differences = creditors[0] - EXACT[0].amount, creditors[1] - theirs[1].amount
        for direction, line in enumerate(statement.lines):
            difference = differences[direction]
            small = abs(difference) * 10_000 <= 100 * creditors[direction]
            agreed = not difference or (small and abs(wanted[direction] + difference) <= LIMIT)
            assert (line.verdict != Verdict.DIFFERENT) == agreed
            wanted[direction] += difference if agreed else 0
        assert bias_of(book.state, 1, 0) == tuple(wanted)
        assert max(map(abs, wanted)) <= LIMIT
