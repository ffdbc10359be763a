"""A month between two operators, told as messages in and facts out."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import Flow
from abci_app.domain.members.schema import KeyRegistered, KeyRevoked
from abci_app.domain.periods.queries import QUERIES, PairOfUnits, PeriodQuery, period, statement_of
from abci_app.domain.periods.schema import (
    NO_ROOT,
    Code,
    ControlTotals,
    FiguresDeclared,
    FiguresOpened,
    Flags,
    LineFigures,
    PeriodClosed,
    PeriodCutOff,
    PeriodSigned,
    PeriodState,
    Statement,
    StatementLine,
    StatementRefused,
    StatementSigned,
    StatementStruck,
    UsageAnchored,
    Verdict,
    running_root,
    statement_hash,
)
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.approvals import DocumentKind, Signature
from abci_app.kernel.approvals import Verdict as Says
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import bundle_hash
from tests.support.books import CHECKERS, MAKERS, PERCENT, TERMS, YUAN, Book, agree, approval, both_parties, bundle
from tests.support.chains import CHAIN, CMCC, CUCC, signer
from tests.support.filings import (
    FLAT_RATING,
    JANUARY,
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
from tests.support.slot_rules import Answering

PERCENT_HASH = bundle_hash(bundle(PERCENT))
SAME = minutes(100_000, 90_000)  # 6,000 yuan out, 3,600 yuan in


def test_a_month_is_agreed_unaided() -> None:
    book, moments = agreed_book(), day()
    file_one = anchor(1)
    running = running_root(NO_ROOT, file_one.root, file_one.totals)
    assert book.send(MAKERS[CMCC], file_one, moments.usage) == (
        UsageAnchored(*JANUARY, 0, 0, 1, file_one.root, file_one.totals, False, running, file_one.totals),
    )
    ours, theirs = file(book, CMCC, SAME), file(book, CUCC, SAME)
    assert book.send(MAKERS[CMCC], ours.declare, moments.cut_off) == (
        PeriodCutOff(*JANUARY, book.height, FLAT_RATING, PERCENT_HASH),
        FiguresDeclared(
            *JANUARY, 0, 1, FLAT_RATING, ours.declare.streams, ours.declare.detail, ours.declare.commitments
        ),
    )
    assert [reference.root for reference in ours.declare.streams] == [running]
    (declared,) = book.send(MAKERS[CUCC], theirs.declare)
    assert isinstance(declared, FiguresDeclared)
    assert period(book.state, JANUARY).state == PeriodState.DECLARED
    prices = (6_000 * YUAN, 3_600 * YUAN)
    assert book.send(MAKERS[CUCC], theirs.open) == (FiguresOpened(*JANUARY, 1, 1, theirs.open.seed, SAME, prices),)
    lines = tuple(StatementLine(line, line, Verdict.EQUAL, line.amount, 0) for line in SAME)
    statement = Statement(1, 1, 0, 1, (1, 1), 0, 0, FLAT_RATING, PERCENT_HASH, lines, prices, (0, 0))
    document = statement_hash(CHAIN, statement)
    assert book.send(MAKERS[CMCC], ours.open) == (
        FiguresOpened(*JANUARY, 0, 1, ours.open.seed, SAME, prices),
        StatementStruck(document, statement),
    )
    *most, last = both_parties()
    for by in most:
        signature = Signature(by.operator, by.role, by.public, Says.APPROVE)
        facts = book.send(by, approval(by, DocumentKind.STATEMENT, document))
        assert facts == (StatementSigned(*JANUARY, document, signature),)
    facts = book.send(last, approval(last, DocumentKind.STATEMENT, document))
    assert facts[1:] == (PeriodSigned(*JANUARY, document, False),)
    assert period(book.state, JANUARY).flags == Flags.NONE
    assert book.refolded() == book.state.writes


def test_small_differences_settle_at_the_rules_figure_and_large_ones_at_the_lower() -> None:
    struck = statement_in(reconcile(agreed_book(), SAME, minutes(99_500, 80_000))).statement
    assert [line.verdict for line in struck.lines] == [Verdict.WITHIN, Verdict.DIFFERENT]
    # Outward CUCC is creditor with 5,970 yuan; inward CMCC is, with 3,600 against 3,200.
    assert struck.payable == (5_970 * YUAN, 3_200 * YUAN)
    assert struck.disputed == (0, 400 * YUAN)


def test_a_difference_in_the_creditors_disfavour_is_not_disputed_money() -> None:
    struck = statement_in(reconcile(agreed_book(), minutes(0, 80_000), minutes(0, 90_000))).statement
    assert struck.lines[1].verdict == Verdict.DIFFERENT
    assert (struck.payable, struck.disputed) == ((0, 3_200 * YUAN), (0, 0)), "the creditor itself counts no more"


@pytest.mark.parametrize(
    ("flow", "disputed", "payable"),
    [
        (Flow.CALLING_PARTY_PAYS, (0, 0), (5_000 * YUAN, 0)),  # CUCC is creditor and counts less
        (Flow.RECEIVER_PAYS, (1_000 * YUAN, 0), (5_000 * YUAN, 0)),  # CMCC is creditor and counts more
        (Flow.BILL_AND_KEEP, (0, 0), (0, 0)),
    ],
)
def test_the_flow_says_who_is_creditor(flow: Flow, disputed: tuple[int, int], payable: tuple[int, int]) -> None:
    book = Book()
    agree(book, replace(TERMS, flow=flow))
    first = (*minutes(100_000, 0)[:1], *minutes(0, 0)[1:])
    second = (replace(first[0], units_billed=first[0].units_billed * 5 // 6, amount=5_000 * YUAN), first[1])
    struck = statement_in(reconcile(book, first, second)).statement
    assert struck.lines[0].verdict == Verdict.DIFFERENT
    assert (struck.payable, struck.disputed) == (payable, disputed)


def test_bill_and_keep_compares_owes_nothing_and_closes_when_signed() -> None:
    book = Book()
    agree(book, replace(TERMS, flow=Flow.BILL_AND_KEEP))
    reconcile(book, SAME, SAME)
    assert sign(book)[-1] == PeriodClosed(*JANUARY)


def test_an_empty_month_closes_at_the_last_signature() -> None:
    book = agreed_book()
    reconcile(book, minutes(0, 0), minutes(0, 0))
    document = present_statement(book)
    assert sign(book)[1:] == (PeriodSigned(*JANUARY, document, False), PeriodClosed(*JANUARY))
    assert period(book.state, JANUARY).state == PeriodState.CLOSED


def test_a_re_issue_corrects_a_difference_and_voids_earlier_signatures() -> None:
    book = agreed_book()
    reconcile(book, SAME, minutes(100_000, 80_000))
    old, maker = present_statement(book), MAKERS[CMCC]
    book.send(maker, approval(maker, DocumentKind.STATEMENT, old))
    struck = statement_in(reissue(book, CUCC, minutes(100_000, 90_000)))
    assert struck.statement.revisions == (1, 2)
    assert [line.verdict for line in struck.statement.lines] == [Verdict.EQUAL, Verdict.EQUAL]
    row = period(book.state, JANUARY)
    assert (row.statement, row.signatures) == (struck.document, ())
    checker = CHECKERS[CMCC]
    book.refuses(checker, approval(checker, DocumentKind.STATEMENT, old), Code.STATEMENT_SUPERSEDED)
    assert sign(book)[-1] == PeriodSigned(*JANUARY, struck.document, False)
    assert book.refolded() == book.state.writes


def test_a_re_issue_leaves_agreed_lines_as_they_are() -> None:
    book = agreed_book()
    before = statement_in(reconcile(book, SAME, minutes(99_500, 80_000))).statement
    after = statement_in(reissue(book, CUCC, minutes(1, 90_000))).statement
    assert after.lines[0] == before.lines[0]
    assert after.lines[1].verdict == Verdict.EQUAL


def test_both_may_re_issue_and_the_others_last_figures_stand() -> None:
    book = agreed_book()
    reconcile(book, SAME, minutes(100_000, 80_000))
    ours, theirs = file(book, CMCC, minutes(100_000, 85_000), 2), file(book, CUCC, minutes(100_000, 85_000), 2)
    book.send(MAKERS[CMCC], ours.declare)
    book.send(MAKERS[CUCC], theirs.declare)
    half = statement_in(book.send(MAKERS[CMCC], ours.open)).statement
    assert (half.revisions, half.lines[1].verdict) == ((2, 1), Verdict.DIFFERENT)
    whole = statement_in(book.send(MAKERS[CUCC], theirs.open)).statement
    assert (whole.revisions, whole.lines[1].verdict) == ((2, 2), Verdict.EQUAL)


def test_a_re_issue_that_has_nothing_left_to_correct_cannot_void_signatures() -> None:
    book = agreed_book()
    reconcile(book, SAME, minutes(100_000, 80_000))
    pending = file(book, CMCC, minutes(100_000, 85_000), 2)
    book.send(MAKERS[CMCC], pending.declare)
    reissue(book, CUCC, SAME)
    book.refuses(MAKERS[CMCC], pending.open, Code.NOTHING_TO_CORRECT)


def test_late_files_are_anchored_before_a_re_issue_and_covered_by_it() -> None:
    book = agreed_book()
    book.send(MAKERS[CUCC], anchor(1))
    reconcile(book, SAME, minutes(100_000, 80_000))
    late = anchor(2, late=True)
    (anchored,) = book.send(MAKERS[CUCC], late)
    assert isinstance(anchored, UsageAnchored)
    assert anchored.sums == ControlTotals(300, 12_000_000, 0)
    filing = file(book, CUCC, SAME, 2)
    assert filing.declare.streams[0].sequence == 2
    book.send(MAKERS[CUCC], filing.declare)
    book.refuses(MAKERS[CUCC], anchor(3, late=True), Code.LATE_NOT_ALLOWED)
    book.refuses(MAKERS[CMCC], anchor(1), Code.CUT_OFF_PASSED)


def test_an_amount_that_the_rule_does_not_give_is_mispriced_and_payable_at_most_at_the_price() -> None:
    dear = (replace(SAME[0], amount=7_000 * YUAN), SAME[1])
    book = agreed_book()
    struck = statement_in(reconcile(book, dear, dear)).statement
    assert struck.lines[0] == StatementLine(dear[0], dear[0], Verdict.MISPRICED, 6_000 * YUAN, 1_000 * YUAN)
    assert (struck.payable, struck.disputed) == ((6_000 * YUAN, 3_600 * YUAN), (1_000 * YUAN, 0))
    corrected = statement_in(reissue(book, CMCC, SAME)).statement
    assert corrected.lines[0].verdict == Verdict.MISPRICED, "the other's figure is still wrong"
    assert statement_in(reissue(book, CUCC, SAME)).statement.lines[0].verdict == Verdict.EQUAL


def test_figures_that_the_rule_does_not_take_have_no_price_and_block_nobody() -> None:
    absurd = LineFigures(1, 1, 2**60, 5 * YUAN)  # more milliseconds than the rule's declared range
    struck = statement_in(reconcile(agreed_book(), (absurd, SAME[1]), SAME)).statement
    assert struck.lines[0] == StatementLine(absurd, SAME[0], Verdict.MISPRICED, 0, 6_000 * YUAN)


@pytest.mark.parametrize("answer", [(1, 10**15), (1, 0), (7, 3_200 * YUAN), (1,), ()])
def test_a_tolerance_rule_cannot_mint(answer: tuple[int, ...]) -> None:
    book = agreed_book()
    book.rules = Answering(book.rules, "judge_line", lambda *_: answer)
    struck = statement_in(reconcile(book, SAME, minutes(100_000, 80_000))).statement
    assert struck.lines[1].verdict == Verdict.DIFFERENT
    assert struck.payable[1] == 3_200 * YUAN


def test_a_refused_statement_binds_at_agree_by_all_the_same_and_says_so() -> None:
    book, checker = agreed_book(), CHECKERS[CUCC]
    reconcile(book, SAME, minutes(100_000, 80_000))
    document = present_statement(book)
    facts = book.send(checker, approval(checker, DocumentKind.STATEMENT, document, Says.REFUSE))
    assert facts[1:] == (StatementRefused(*JANUARY, document),)
    maker = MAKERS[CMCC]
    book.refuses(maker, approval(maker, DocumentKind.STATEMENT, document), Code.DOCUMENT_CLOSED)
    assert book.send(maker, advance(), day().agree_by) == (PeriodSigned(*JANUARY, document, True),)
    assert period(book.state, JANUARY).flags == Flags.REFUSED | Flags.DEEMED


def test_a_re_issue_after_a_refusal_makes_a_statement_that_can_be_signed() -> None:
    book, checker = agreed_book(), CHECKERS[CUCC]
    reconcile(book, SAME, minutes(100_000, 80_000))
    book.send(checker, approval(checker, DocumentKind.STATEMENT, present_statement(book), Says.REFUSE))
    reissue(book, CUCC, SAME)
    assert period(book.state, JANUARY).flags == Flags.NONE
    assert isinstance(sign(book)[-1], PeriodSigned)


def test_a_key_rotates_in_an_open_period_without_harm_and_its_old_signature_is_not_counted() -> None:
    book, old, new = agreed_book(), MAKERS[CMCC], signer(CMCC, Role.MAKER, 1)
    reconcile(book, SAME, SAME)
    sign(book, (old,))
    book.write(KeyRegistered(CMCC, 1, new.public, Role.MAKER), KeyRevoked(CMCC, old.public))
    sign(book, (CHECKERS[CMCC], MAKERS[CUCC], CHECKERS[CUCC]))
    assert period(book.state, JANUARY).state == PeriodState.RECONCILED
    assert isinstance(sign(book, (new,))[-1], PeriodSigned)


def test_unit_pairs_and_months_are_settled_apart() -> None:
    book = agreed_book()
    other_pair, next_month = PeriodKey(1, 1, 1), PeriodKey(1, 0, 2)
    for key, lines in ((JANUARY, SAME), (other_pair, minutes(7, 0)), (next_month, minutes(0, 9))):
        reconcile(book, lines, lines, key)
        sign(book, key=key)
    statements = [statement_of(book.state, period(book.state, key)) for key in (JANUARY, other_pair, next_month)]
    assert [one.payable for one in statements if one is not None] == [
        (6_000 * YUAN, 3_600 * YUAN),
        (420_000, 0),
        (0, 360_000),
    ]


def test_the_same_message_again_changes_nothing() -> None:
    book = agreed_book()
    book.send(MAKERS[CMCC], anchor(1))
    book.send(MAKERS[CMCC], anchor(2))
    ours, theirs = file(book, CMCC, SAME), file(book, CUCC, SAME)
    book.send(MAKERS[CMCC], ours.declare, day().cut_off)
    book.send(MAKERS[CUCC], theirs.declare)
    book.send(MAKERS[CMCC], ours.open)
    book.send(MAKERS[CUCC], theirs.open)
    sign(book, both_parties()[:1])
    again = approval(MAKERS[CMCC], DocumentKind.STATEMENT, present_statement(book))
    for message in (anchor(1), anchor(2), ours.declare, ours.open, again):
        assert book.send(MAKERS[CMCC], message) == ()
        assert book.send(MAKERS[CMCC], message, day().agree_by + 1) == (), "also when all is over"


def test_what_anyone_may_ask_about_periods() -> None:
    book = agreed_book()
    book.send(MAKERS[CMCC], anchor(1))
    reconcile(book, SAME, SAME)
    document = present_statement(book)
    asked = {
        "/periods/periods": encode(1),
        "/periods/statement": encode(document),
        "/periods/bias": encode(PairOfUnits(1, 0)),
    }
    which = encode(PeriodQuery(*JANUARY))
    answers = {path: ask(book.state, book.moment(), asked.get(path, which)) for path, ask in QUERIES.items()}
    row = period(book.state, JANUARY)
    assert answers["/periods/period"] == row
    assert answers["/periods/periods"] == ((0, 1, row),)
    assert answers["/periods/statement"] == statement_of(book.state, row)
    counts = {path: len(answer) for path, answer in answers.items() if isinstance(answer, tuple)}
    assert counts == {
        "/periods/periods": 1,
        "/periods/streams": 1,
        "/periods/anchors": 1,
        "/periods/declarations": 2,
        "/periods/figures": 2,
    }
    assert all(encode(answer) for answer in answers.values())
