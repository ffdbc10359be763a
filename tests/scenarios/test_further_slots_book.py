"""A month under an agreement that fills every slot the chain calls: filed, taxed, paid late, re-rated, set off."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.queries import account
from abci_app.domain.obligations.schema import ClaimInterest, InterestClaimed, ObligationPosted, Rerate
from abci_app.domain.obligations.tables import NOTES, debits_equal_credits
from abci_app.domain.periods.queries import bias_of
from abci_app.kernel.encoding import Value
from abci_app.kernel.parameters import DAY
from abci_app.rules.interface import Slot
from tests.support.books import FLAT, MAKERS, YUAN, Book, month
from tests.support.chains import CMCC, CUCC
from tests.support.filings import day, minutes, reconcile, sign
from tests.support.money import (
    FEN,
    IN,
    JANUARY,
    OUT,
    PAY_BY,
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
from tests.support.slot_rules import (
    BARRED,
    BIASED,
    INTEREST_BEARING,
    TAXED,
    slot_rule_facts,
    tariff,
    version_facts,
    with_slots,
)

ALL_SLOTS = with_slots(
    SlotBinding(Slot.TOLERANCE, BIASED, (100, YUAN)), SlotBinding(Slot.DISPUTE, BARRED, (90,)), TAXED, INTEREST_BEARING
)


def yuan(amount: str | Decimal) -> int:
    """An amount rounded half up to the fen by Python's decimal, in 10^-6 yuan."""
    return int(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP) * YUAN)


def posted(facts: tuple[Value, ...]) -> list[int]:
    return [fact.obligation for fact in facts if isinstance(fact, ObligationPosted)]


def test_a_month_goes_through_every_slot_that_the_chain_calls() -> None:
    book = money_book(ALL_SLOTS, slot_rule_facts())
    reconcile(book, minutes(1000, 500), minutes(1005, 500), at=day().cut_off)
    sign(book)
    assert bias_of(book.state, 1, 0) == (300_000, 0)

    outward, inward = invoice(book, OUT) + invoice(book, IN)
    assert left(book, outward) == yuan(Decimal("60.30") * Decimal("1.06"))
    assert left(book, inward) == yuan(Decimal("20.00") * Decimal("1.06"))

    book.time = PAY_BY + 4 * DAY
    pay(book, outward, 20 * YUAN, b"A1")
    facts = book.send(MAKERS[CUCC], ClaimInterest(outward), PAY_BY + 9 * DAY)
    (interest,) = posted(facts)
    assert left(book, interest) == yuan(Decimal(20) * 4 / 1000) + yuan(Decimal("43.92") * 9 / 1000)

    january = (month(1).usage_from, month(1).usage_to)
    book.write(*version_facts(FLAT, 2, tariff(1000, 1, january), active_from=book.height + 1))
    debit, other = posted(book.send(MAKERS[CMCC], Rerate(*JANUARY)))
    assert left(book, debit) == yuan("6.03") + yuan(Decimal("66.33") * 6 / 100) - yuan(Decimal("60.30") * 6 / 100)
    assert left(book, other) == yuan(Decimal("2.00") * Decimal("1.06"))
    assert not is_closed(book)

    everything = [outward, inward, interest, debit, other]
    owed = sum(left(book, n) * (1 if obligation(book, n).claim.debtor == CMCC else -1) for n in everything)
    accept(book, propose(book, everything))
    net = round_of(book, 1).net
    assert left(book, net) == owed
    assert closed_by(pay(book, net, owed, b"N1")) == [JANUARY]
    row = account(book.state, CMCC, CUCC, 156)
    assert (row.debits_pending, row.credits_pending, row.debits_posted) == (0, 0, 20 * YUAN + owed)
    assert debits_equal_credits(book.state)
    assert [number.obligation for number, _ in NOTES.rows(book.state)] == [interest, debit, other]
    assert book.refolded() == book.state.writes


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(st.integers(1, 10**13), st.integers(0, 10**13), st.integers(0, 10_000))
def test_both_parts_of_a_taxed_invoice_are_the_creditors_figure_taxed_once(
    settled: int, disputed: int, bps: int
) -> None:
    """By Python's decimal: the creditor's line rounded to the fen, and the tax on it; at most 100 %, a rule's bound."""
    book = money_book(with_slots(replace(TAXED, parameters=(bps, 0))), slot_rule_facts())
    sign_period(book, Amounts((settled, 0), (disputed, 0)))
    numbers = invoice(book, OUT, at=book.time + 5_000_000)
    net = yuan(Decimal(settled + disputed) / YUAN)
    tax = yuan(Decimal(net) / YUAN * bps / 10_000)
    amounts = [obligation(book, number).claim.amount for number in numbers]
    assert sum(amounts) == net + tax
    assert all(amount % FEN == 0 for amount in amounts)


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(10**6, 10**12))
def test_however_often_it_is_claimed_interest_adds_up_to_one_claim_at_the_end(steps: list[int], fen: int) -> None:
    often, once = (money_book(with_slots(INTEREST_BEARING), slot_rule_facts()) for _ in range(2))
    for book in (often, once):
        sign_period(book, Amounts((fen * FEN, 0)))
        invoice(book, OUT)
    at = PAY_BY
    for days in steps:
        at += days * DAY
        often.send(MAKERS[CUCC], ClaimInterest(1), at)
    once.send(MAKERS[CUCC], ClaimInterest(1), at)
    assert asked(often) == asked(once) == yuan(Decimal(fen) / 100 * sum(steps) / 1000)


def asked(book: Book) -> int:
    return sum(span.interest for fact in book.facts if isinstance(fact, InterestClaimed) for span in fact.spans)
