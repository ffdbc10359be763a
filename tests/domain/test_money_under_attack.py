"""What a hostile debtor, two operators that collude, or a bad rule that was voted in may try with money."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import CatalogueLine
from abci_app.domain.obligations.queries import delays
from abci_app.domain.obligations.schema import (
    MOST_LATE,
    Code,
    InterestClaimed,
    ObligationPosted,
    PaidLate,
    PeriodRerated,
    Rerate,
)
from abci_app.domain.obligations.tables import LATE_PAYMENTS, NOTES, TAXES, InvoiceKey
from abci_app.domain.periods.schema import MOST_LINE_AMOUNT, PeriodCutOff
from abci_app.kernel.parameters import DAY
from abci_app.rules.bundle import bundle_hash, load_bundle
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.state.overlay import Reader
from tests.domain.test_interest import CLAIM, NINETY_DAYS, late_book
from tests.support.books import FLAT, MAKERS, TERMS, YUAN, Book
from tests.support.chains import CUCC
from tests.support.filings import FLAT_RATING
from tests.support.money import FEN, JANUARY, OUT, PAY_BY, Amounts, bill, invoice, money_book, pay, sign_period
from tests.support.slot_rules import (
    INTEREST_BEARING,
    LATE,
    RULES,
    TAXED,
    VAT,
    Answering,
    bundle_of,
    slot_rule_facts,
    tariff,
    vat_that_refuses_service_1,
    version_facts,
    with_slots,
)


def pay_crumbs(book: Book, number: int, amount: int = 1) -> None:
    """So many payments a day late, each of a millionth of a yuan if nothing else is said."""
    book.time = PAY_BY + DAY
    for each in range(number):
        pay(book, 1, amount, b"crumb %d" % each)


def test_crumbs_that_bear_nothing_do_not_stand_before_the_rest() -> None:
    """As many late payments as one claim takes, all of next to nothing, and one more: the rest bears its days."""
    book = late_book()
    pay_crumbs(book, MOST_LATE + 1)
    (passed,) = book.send(MAKERS[CUCC], CLAIM, PAY_BY + 10 * DAY)
    assert isinstance(passed, InterestClaimed)
    assert (passed.note, passed.settled, passed.claimed_to) == (0, MOST_LATE, PAY_BY), "nothing is asked for these"
    claim, posted = book.send(MAKERS[CUCC], CLAIM)
    assert isinstance(claim, InterestClaimed)
    assert isinstance(posted, ObligationPosted)
    assert [span.days for span in claim.spans] == [1, 10]
    assert posted.claim.amount == 60 * FEN, "59.99 yuan, a thousandth a day, ten days"
    assert [key.obligation for key, _ in NOTES.rows(book.state)] == [claim.note]
    assert not list(LATE_PAYMENTS.rows(book.state))
    assert book.refolded() == book.state.writes


def test_what_is_barred_does_not_stand_before_the_rest_either() -> None:
    book = late_book(INTEREST_BEARING, NINETY_DAYS)
    pay_crumbs(book, MOST_LATE + 1, YUAN)
    (passed,) = book.send(MAKERS[CUCC], CLAIM, PAY_BY + 200 * DAY)
    assert isinstance(passed, InterestClaimed)
    assert (passed.spans, passed.note, passed.settled) == ((), 0, MOST_LATE)
    claim = book.send(MAKERS[CUCC], CLAIM)[0]
    assert isinstance(claim, InterestClaimed)
    assert [(span.principal, span.days) for span in claim.spans] == [(43 * YUAN, 200)]
    assert claim.settled == MOST_LATE + 1


class Counting:
    """A state that counts what is read of it by key."""

    def __init__(self, state: Reader) -> None:
        self._state = state
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        self.reads += 1
        return self._state.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return self._state.scan(prefix)


def test_a_claim_reads_no_more_late_payments_than_it_takes() -> None:
    """Thousands of crumbs cost their payer thousands of messages, but no claim more than it is charged for."""
    book = late_book()
    book.write(*(PaidLate(1, YUAN, PAY_BY, PAY_BY + DAY) for _ in range(1_000)))
    counting = Counting(book.state)
    found = delays(counting, 1, PAY_BY + 10 * DAY)
    assert (len(found.late), found.is_all, found.still_open) == (MOST_LATE, False, None)
    assert counting.reads < MOST_LATE + 10


def test_a_re_rate_whose_net_no_amount_holds_is_refused_whatever_its_tax() -> None:
    """64 lines of the largest amount, each rounded up, are no amount any more; a tax that falls brings the sum back."""
    lines = tuple(CatalogueLine(1, 0, 0, measure, 1) for measure in range(64))
    tariffs = version_facts(FLAT, 2, tariff(0, 1), active_from=0)
    book = money_book(with_slots(TAXED, terms=replace(TERMS, catalogue=lines)), [*slot_rule_facts(), *tariffs])
    book.write(PeriodCutOff(*JANUARY, book.height, FLAT_RATING, b"t" * 32))
    sign_period(book, Amounts((10 * FEN, *(0,) * 63), (0,) * 64))
    rules = Answering(book.rules, "price_line", lambda *_: (MOST_LINE_AMOUNT,))
    book.rules = Answering(rules, "tax", lambda _, net: (net if net == 10 else 0,))
    book.refuses(MAKERS[CUCC], Rerate(*JANUARY), Code.ACCOUNT_FULL)


@pytest.mark.parametrize(
    ("number", "entry"),
    [(VAT, "tax"), (LATE, "interest")],
)
def test_a_rule_that_costs_more_than_a_call_is_charged_is_no_rule_of_the_chain(number: int, entry: str) -> None:
    """Loops that the checker allows, 3 ms long: an invoice would ask 256 times, a block would take a minute."""
    rule = RULES[number]
    head, body = rule.text.split(f"def {entry}(", 1)
    marker = "    return Outcome("
    loops = "    s = 0\n    for i in range(60):\n        for j in range(60):\n"
    slow = f"{loops}            s = s + mul_div(i, j, 7, HALF_EVEN)\n"
    at = body.rindex(marker) if entry == "interest" else body.index(marker)
    text = f"{head}def {entry}({body[:at]}{slow}{body[at:]}"
    with pytest.raises(RuleRefused) as refused:
        load_bundle(bundle_of(rule._replace(text=text)))
    assert refused.value.code is RuleCode.TOO_COSTLY


def test_who_bills_after_the_due_date_earns_no_interest_for_the_days_before() -> None:
    """Nobody can pay what was not billed yet."""
    book = money_book(with_slots(INTEREST_BEARING), slot_rule_facts())
    sign_period(book, Amounts((60 * YUAN, 0)))
    posted = book.send(MAKERS[CUCC], bill(OUT), PAY_BY + 300 * DAY)[-1]
    assert isinstance(posted, ObligationPosted)
    assert posted.claim.due == PAY_BY + 300 * DAY
    book.refuses(MAKERS[CUCC], CLAIM, Code.NOT_LATE, at=PAY_BY + 301 * DAY - 1)


def test_a_version_that_refuses_a_month_is_corrected_by_a_vote() -> None:
    """Version 2 taxes everything but service 1, and was in force at cut-off: else January would never be billed."""
    book = money_book(with_slots(TAXED), slot_rule_facts())
    raw = vat_that_refuses_service_1()
    book.write(*version_facts(VAT, 2, raw), PeriodCutOff(*JANUARY, book.height, FLAT_RATING, b"t" * 32))
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.refuses(MAKERS[CUCC], bill(OUT), RuleCode.REJECTED_BY_RULE)
    good = bundle_of(RULES[VAT], 3, previous=bundle_hash(raw))
    book.write(*version_facts(VAT, 3, good, active_from=book.height + 10))
    book.refuses(MAKERS[CUCC], bill(OUT), RuleCode.REJECTED_BY_RULE)
    book.height += 10
    assert invoice(book, OUT) == [1]
    assert TAXES.require(book.state, InvoiceKey(*JANUARY, OUT)).rule == bundle_hash(good)
    book.write(*version_facts(FLAT, 2, tariff(1000, 1), active_from=book.height))
    (note,) = (fact for fact in book.send(MAKERS[CUCC], Rerate(*JANUARY)) if isinstance(fact, PeriodRerated))
    assert note.invoice == bundle_hash(good), "what is re-rated follows its invoice"
