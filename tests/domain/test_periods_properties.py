"""Whatever is sent in whatever order at whatever time, a period keeps its promises."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.domain.periods.queries import period
from abci_app.domain.periods.schema import (
    LAST_REVISION,
    FiguresDeclared,
    FiguresOpened,
    PeriodSigned,
    StatementStruck,
    Verdict,
)
from abci_app.kernel.approvals import DocumentKind
from abci_app.kernel.approvals import Verdict as Says
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import Value
from settle.chain.keys import Signer
from tests.support.books import CHECKERS, MAKERS, Book, approval
from tests.support.chains import CBN, CMCC, CUCC
from tests.support.filings import JANUARY, Filing, Lines, advance, agreed_book, anchor, day, file, minutes

AGREED = (Verdict.EQUAL, Verdict.WITHIN)
FIGURES = tuple(
    minutes(outward, inward) for outward in (0, 100_000, 100_500, 120_000) for inward in (0, 90_000, 90_500)
)
MOMENTS = tuple(moment + shift for moment in day()[1:] for shift in (-1, 0))


@dataclass(frozen=True)
class Act:
    """One thing that somebody tries."""

    kind: str
    operator: int
    revision: int
    figures: int
    wait: int  # how many named moments pass before it


ACTS = st.builds(
    Act,
    st.sampled_from(["declare", "open", "declare", "open", "anchor", "sign", "refuse", "advance"]),
    st.sampled_from([CMCC, CUCC]),
    st.integers(1, LAST_REVISION),
    st.integers(0, len(FIGURES) - 1),
    st.sampled_from([0, 0, 0, 0, 1]),
)


def played(acts: list[Act], lead: int) -> Book:
    """A book in which all acts were tried, refused or not. Openings show what was declared last."""
    book, moment = agreed_book(), lead
    filings: dict[tuple[int, int], Filing] = {}
    files = {CMCC: 0, CUCC: 0}
    for act in acts:
        moment = min(moment + act.wait, len(MOMENTS) - 1)
        place = (act.operator, act.revision)
        if act.kind == "declare" and place not in filings:
            filings[place] = file(book, act.operator, FIGURES[act.figures], act.revision)
        for by, message in _messages(book, act, filings.get(place), files[act.operator] + 1):
            before = dict(book.state.writes)
            try:
                files[act.operator] += bool(book.send(by, message, MOMENTS[moment])) and act.kind == "anchor"
            except Rejected:
                assert book.state.writes == before
                if act.kind == "declare":
                    filings.pop(place, None)
    return book


def _messages(book: Book, act: Act, filing: Filing | None, number: int) -> list[tuple[Signer, Value]]:
    maker, checker = MAKERS[act.operator], CHECKERS[act.operator]
    document = period(book.state, JANUARY).statement or bytes(32)
    says = Says.REFUSE if act.kind == "refuse" else Says.APPROVE
    if act.kind in {"declare", "open"}:
        if filing is None:
            return []
        return [(maker, filing.declare if act.kind == "declare" else filing.open)]
    if act.kind == "anchor":
        return [(maker, anchor(number, late=act.revision > 1))]
    if act.kind == "advance":
        return [(MAKERS[CBN], advance())]
    return [(by, approval(by, DocumentKind.STATEMENT, document, says)) for by in (maker, checker)]


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTS, max_size=24), st.integers(0, 3))
def test_state_is_the_fold_of_all_facts_and_refusals_leave_no_trace(acts: list[Act], lead: int) -> None:
    book = played(acts, lead)
    assert book.refolded() == book.state.writes


@dataclass(frozen=True)
class Plan:
    """When a party tries to declare and to open, as indices of `MOMENTS`."""

    declares: int
    opens: int


PLANS = st.builds(Plan, st.integers(0, len(MOMENTS) - 1), st.integers(0, len(MOMENTS) - 1))


@settings(max_examples=200, deadline=None)
@given(PLANS, PLANS, st.permutations(range(4)))
def test_nobody_files_for_the_first_time_after_seeing_the_others_figures(
    ours: Plan, theirs: Plan, order: list[int]
) -> None:
    book = agreed_book()
    tries: list[tuple[int, int, Signer, Value]] = []
    for index, (operator, plan) in enumerate(((CMCC, ours), (CUCC, theirs))):
        filing, by = file(book, operator, FIGURES[4]), MAKERS[operator]
        tries.append((plan.declares, order[2 * index], by, filing.declare))
        tries.append((plan.opens, order[2 * index + 1], by, filing.open))
    for moment, _, by, message in sorted(tries, key=lambda one: one[:2]):
        with suppress(Rejected):
            book.send(by, message, MOMENTS[moment])
    seen: set[int] = set()
    for fact in book.facts:
        if isinstance(fact, FiguresOpened):
            seen.add(fact.party)
        if isinstance(fact, FiguresDeclared):
            assert not seen, "somebody's figures were already open"


ROUNDS = st.lists(st.tuples(st.sampled_from([CMCC, CUCC]), st.sampled_from(FIGURES)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FIGURES), st.sampled_from(FIGURES), ROUNDS)
def test_a_re_issue_never_changes_a_line_that_is_agreed(
    first: Lines, second: Lines, rounds: list[tuple[int, Lines]]
) -> None:
    book = agreed_book()
    plan = [(CMCC, first), (CUCC, second)]
    filings = [(operator, file(book, operator, lines)) for operator, lines in plan]
    for operator, filing in filings:
        book.send(MAKERS[operator], filing.declare, day().cut_off)
    for operator, filing in filings:
        book.send(MAKERS[operator], filing.open)
    for operator, lines in rounds:
        revision = period(book.state, JANUARY).opened[0 if operator == CMCC else 1] + 1
        filing = file(book, operator, lines, revision)
        try:
            book.send(MAKERS[operator], filing.declare)
            book.send(MAKERS[operator], filing.open)
        except Rejected:
            continue
    statements = [fact.statement for fact in book.facts if isinstance(fact, StatementStruck)]
    for before, after in pairwise(statements):
        for old, new in zip(before.lines, after.lines, strict=True):
            assert old.verdict not in AGREED or old == new
        assert before.revisions != after.revisions, "every statement stands for other filings"


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=24), st.integers(0, 3))
def test_after_agree_by_one_advance_binds_every_period_once(acts: list[Act], lead: int) -> None:
    book = played(acts, lead)
    book.send(MAKERS[CBN], advance(), day().agree_by)
    assert book.send(MAKERS[CBN], advance(), day().agree_by + 1) == ()
    assert sum(isinstance(fact, PeriodSigned) for fact in book.facts) == 1


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FIGURES), st.sampled_from(FIGURES))
def test_nothing_payable_lies_above_the_lower_figure(first: Lines, second: Lines) -> None:
    book = agreed_book()
    for operator, lines in ((CMCC, first), (CUCC, second)):
        book.send(MAKERS[operator], file(book, operator, lines).declare, day().cut_off)
    for operator, lines in ((CMCC, first), (CUCC, second)):
        book.send(MAKERS[operator], file(book, operator, lines).open)
    (struck,) = [fact.statement for fact in book.facts if isinstance(fact, StatementStruck)]
    for line in struck.lines:
        assert line.settled == min(line.first.amount, line.second.amount)
        assert line.disputed >= 0
