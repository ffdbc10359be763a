"""Any sequence of messages, by anyone, in any order and at any time, keeps the ledger whole.

`Book.send` checks after each accepted message that debits equal credits, pending and posted, that every
account is exactly what obligations and payments add up to, and that obligations and rounds are whole.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abci_app.domain.obligations.queries import PAYABLE, last_round
from abci_app.domain.obligations.schema import (
    ClaimInterest,
    ConfirmPayment,
    ContestPayment,
    Fact,
    NotifyPayment,
    ObligationPosted,
    PaymentConfirmed,
    ProposeRound,
    Rerate,
    RoundSettled,
    RoundUnwound,
)
from abci_app.domain.obligations.tables import OBLIGATIONS, ROUNDS, ObligationKey, RoundKey
from abci_app.domain.periods.schema import PeriodCutOff
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer
from tests.support.books import CHECKERS, FLAT, MAKERS, YUAN, Book, month
from tests.support.chains import CMCC, CUCC
from tests.support.filings import FLAT_RATING
from tests.support.money import (
    IN,
    JANUARY,
    OUT,
    Amounts,
    accept,
    bill,
    invoice,
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
from tests.support.slot_rules import INTEREST_BEARING, TAXED, slot_rule_facts, tariff, version_facts, with_slots

KEYS = [PeriodKey(1, pair, ordinal) for ordinal in (1, 2) for pair in (0, 1)]
AMOUNTS = (0, 4_999, 5_001, YUAN, 7 * YUAN + 4_999, 30 * YUAN)
Pick = Callable[[int, int], int]
"""A whole number between two, both included."""
QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def send(book: Book, by: Signer, message: Value) -> tuple[Value, ...]:
    """The facts of an accepted message; nothing of a refused one, and nothing changed."""
    before = dict(book.state.writes)
    try:
        return book.send(by, message)
    except Rejected:
        assert book.state.writes == before
        return ()


def anything(pick: Pick, book: Book) -> tuple[Signer, Value]:
    """A message that could make sense, mostly by a signer that may send it."""
    number = pick(1, 10)
    row = OBLIGATIONS.get(book.state, ObligationKey(number))
    claim = None if row is None else row.claim
    either = CMCC if pick(0, 1) else CUCC
    payer, payee = (either, either) if claim is None or not pick(0, 9) else (claim.debtor, claim.creditor)
    open_now = YUAN if row is None else row.claim.amount - row.paid
    amount = max(1, (open_now, open_now // 2, open_now + 1)[pick(0, 2)])
    reference = b"R%d" % pick(0, 9)
    if row is not None and row.notice and pick(0, 9):
        amount, reference = row.notice[0].amount, row.notice[0].bank_reference
    match pick(0, 14):
        case 0:
            return MAKERS[either], bill(pick(0, 1), KEYS[pick(0, 3)])
        case 1 | 2:
            due = [key.obligation for key, one in OBLIGATIONS.rows(book.state) if one.state in PAYABLE]
            wanted = [each for each in due if pick(0, 2)] or [number]
            return MAKERS[either], ProposeRound(CMCC, CUCC, 156, tuple(wanted), book.time + pick(1, 1_000_000))
        case 3 | 4 | 5:
            last = last_round(book.state, CMCC, CUCC, 156)
            verdict = Verdict.APPROVE if pick(0, 19) else Verdict.REFUSE
            document = bytes(32) if last is None else last.document
            return CHECKERS[either], Approve(DocumentKind.NETTING_ROUND, document, Role.CHECKER, verdict)
        case 6 | 7:
            return CHECKERS[payer], NotifyPayment(number, amount, reference)
        case 8 | 9:
            return CHECKERS[payee], ConfirmPayment(number, amount, reference)
        case 10:
            return CHECKERS[payee], ContestPayment(number, reference, b"no")
        case 11 | 12:
            return MAKERS[payee], ClaimInterest(number)
        case 13:
            return MAKERS[either], Rerate(*KEYS[pick(0, 3)])
        case _:
            if pick(0, 1):
                return MAKERS[either], Advance(ObjectKind.OBLIGATION, OBLIGATIONS.at(ObligationKey(number)))
            return MAKERS[either], Advance(ObjectKind.NETTING_ROUND, ROUNDS.at(RoundKey(pick(1, 4))))


def live(pick: Pick, steps: int) -> Book:
    """Two months of two unit pairs, taxed and invoiced as far as they may be, then `steps` messages.

    After half of them a backdated tariff is in force.
    """
    book = money_book(with_slots(TAXED, INTEREST_BEARING), slot_rule_facts())
    for key in KEYS:
        settled = (AMOUNTS[pick(0, 5)], AMOUNTS[pick(0, 5)])
        book.write(PeriodCutOff(*key, book.height, FLAT_RATING, bytes(32)))
        sign_period(book, Amounts(settled, (0 if pick(0, 2) else YUAN, 0)), key, deemed=not pick(0, 2))
    book.time = month(1).agree_by
    for key in KEYS:
        send(book, MAKERS[CUCC], bill(OUT, key))
        send(book, MAKERS[CMCC], bill(IN, key))
    for step in range(steps):
        if step == steps // 2:
            book.write(*version_facts(FLAT, 2, tariff(1000, 1), active_from=book.height + 1))
        book.time += (0, 0, 0, 1, 3_600, 86_400, 86_400, 900_000)[pick(0, 7)]
        send(book, *anything(pick, book))
    return book


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(st.data())
def test_any_messages_keep_the_ledger_whole(data: st.DataObject) -> None:
    book = live(lambda low, high: data.draw(st.integers(low, high)), data.draw(st.integers(5, 50)))
    assert book.refolded() == book.state.writes, "the facts alone give the state"
    confirmed = [(f.obligation, f.bank_reference) for f in book.facts if isinstance(f, PaymentConfirmed)]
    assert len(set(confirmed)) == len(confirmed), "no payment counts twice"
    owed_in_all = sum(f.claim.amount for f in book.facts if isinstance(f, ObligationPosted) if not f.claim.origin.round)
    paid_in_all = sum(f.amount for f in book.facts if isinstance(f, PaymentConfirmed))
    assert paid_in_all <= owed_in_all, "nobody pays more than was ever invoiced"


POSITIVE = st.integers(1, 10**12).map(lambda fen: fen * 10_000)
SIGNED = st.tuples(POSITIVE, st.booleans()).map(lambda pair: pair[0] if pair[1] else -pair[0])


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(st.lists(SIGNED, min_size=1, max_size=6), st.integers(0, 99))
def test_unwinding_restores_the_gross_less_what_was_paid(amounts: list[int], percent: int) -> None:
    book = money_book()
    numbers = owed(book, *amounts)
    proposed = propose(book, numbers)
    accept(book, proposed)
    net = round_of(book, 1).net
    if not net:
        assert sum(amounts) == 0
        return
    claim = obligation(book, net).claim
    paid = claim.amount * percent // 100
    if paid:
        pay(book, net, paid, b"N1")
    (unwound, *_) = record_due(book, ObjectKind.NETTING_ROUND, 1, proposed.terms.deadline)
    assert isinstance(unwound, RoundUnwound)
    assert sum(unwound.shares) == paid
    open_now = {CMCC: 0, CUCC: 0}
    for number in numbers:
        open_now[obligation(book, number).claim.debtor] += left(book, number)
    gross = {CMCC: sum(a for a in amounts if a > 0), CUCC: -sum(a for a in amounts if a < 0)}
    gross[claim.debtor] -= paid
    assert open_now == gross
    assert book.refolded() == book.state.writes


@settings(max_examples=25, deadline=None, suppress_health_check=QUIET)
@given(st.lists(SIGNED, min_size=1, max_size=6))
def test_a_settled_round_leaves_nothing_pending(amounts: list[int]) -> None:
    book = money_book()
    proposed = propose(book, owed(book, *amounts))
    facts = accept(book, proposed)
    net = round_of(book, 1).net
    if net:
        assert left(book, net) == abs(sum(amounts))
        facts = pay(book, net, left(book, net), b"N1")
    assert any(isinstance(fact, RoundSettled) for fact in facts)
    assert not any(left(book, number) for number in [net] if number)


@settings(max_examples=60, deadline=None, suppress_health_check=QUIET)
@given(st.integers(0, 2**50), st.integers(0, 2**50))
def test_both_parts_of_an_invoice_are_the_creditors_figure_within_half_a_fen(settled: int, disputed: int) -> None:
    book = money_book()
    sign_period(book, Amounts((settled, 0), (disputed, 0)))
    if not settled and not disputed:
        return
    posted = invoice(book, OUT, JANUARY, at=book.time + 5_000_000)
    billed = sum(obligation(book, number).claim.amount for number in posted)
    assert billed % 10_000 == 0
    assert abs(billed - settled - disputed) <= 5_000


def test_such_messages_reach_every_fact() -> None:
    """A property over refusals alone would prove nothing."""
    reached: set[type] = set()
    for seed in range(60):
        book = live(Random(seed).randint, 60)
        reached |= {type(fact) for fact in book.facts}
    assert set(get_args(Fact)) <= reached
