"""Invoices by rule: which rule rounds and taxes them, what no rule may answer, and what the obligations come to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import CatalogueLine, SlotBinding
from abci_app.domain.obligations.queries import QUERIES, Billed, BilledInvoice
from abci_app.domain.obligations.schema import (
    Code,
    Invoice,
    InvoiceIssued,
    InvoiceLine,
    ObligationPosted,
    TaxLine,
    TaxStated,
)
from abci_app.domain.obligations.tables import TAXES, InvoiceKey, basis_of, object_of
from abci_app.domain.periods.schema import PeriodCutOff
from abci_app.domain.periods.tables import PERIODS
from abci_app.domain.rulebook.schema import FOR_EVER, RulePublished
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from tests.support.books import FLAT, MAKERS, TERMS, YUAN, Book, month
from tests.support.chains import CUCC
from tests.support.filings import day, minutes, reconcile, sign
from tests.support.money import (
    AGREE_BY,
    ELSEWHERE,
    FEN,
    IN,
    JANUARY,
    OUT,
    Amounts,
    bill,
    closed_by,
    invoice,
    money_book,
    obligation,
    pay,
    sign_period,
)
from tests.support.slot_rules import (
    INTEREST_BEARING,
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

TAX_RULE = bundle_hash(bundle_of(RULES[VAT]))
WHOLE_LINES = replace(
    TERMS, catalogue=(CatalogueLine(1, 0, 0, 1, 1), CatalogueLine(2, 0, 0, 2, 1), CatalogueLine(1, 0, 1, 1, 1))
)
"""Two lines of service 1 and one of service 2, all in one direction."""


def taxed_book(*bound: SlotBinding) -> Book:
    return money_book(with_slots(*(bound or (TAXED,))), slot_rule_facts())


def asked(book: Book, direction: int = OUT) -> BilledInvoice:
    answer = QUERIES["/obligations/billed"](book.state, book.moment(), encode((*JANUARY, direction)))
    assert isinstance(answer, BilledInvoice)
    return answer


def test_the_rule_rounds_each_line_and_taxes_each_service() -> None:
    """60.005 yuan down to 60.00 (parameter), 6 % of it is 3.60; half up it would have been 60.01."""
    book = taxed_book(replace(TAXED, parameters=(600, 1)))
    statement = sign_period(book, Amounts((60 * YUAN + 5_000, 0)))
    issued, taxed, posted = book.send(MAKERS[CUCC], bill(OUT))
    assert issued == InvoiceIssued(*JANUARY, OUT, Invoice(statement, (InvoiceLine(0, 60 * YUAN, 0),), 1, 0))
    assert taxed == TaxStated(*JANUARY, OUT, TAX_RULE, (TaxLine(1, 60 * YUAN, 36 * YUAN // 10, 0, 0),))
    assert isinstance(posted, ObligationPosted)
    assert posted.claim.amount == 63_600_000, "one gross obligation"
    assert object_of(taxed) == object_of(issued)
    assert basis_of(taxed) == TAX_RULE
    gross = Billed(60 * YUAN, 3_600_000, 63_600_000)
    assert asked(book) == BilledInvoice(issued.invoice, TAX_RULE, taxed.lines, gross, Billed(0, 0, 0))


def test_tax_is_on_the_sum_of_a_services_lines_not_on_each_line() -> None:
    """6 % of 0.10 is 0.01 (half up of 0.006), of 0.20 it is 0.01: two lines of a service are taxed once."""
    tariffs = version_facts(FLAT, 2, tariff(0, 1))  # knows more services and bands than the shipped one
    book = money_book(with_slots(TAXED, terms=WHOLE_LINES), [*slot_rule_facts(), *tariffs])
    sign_period(book, Amounts((100_000,) * 3, (0,) * 3))
    assert invoice(book, OUT) == [1]
    assert TAXES.require(book.state, InvoiceKey(*JANUARY, OUT)).lines == (
        TaxLine(1, 200_000, FEN, 0, 0),
        TaxLine(2, 100_000, FEN, 0, 0),
    )
    assert obligation(book, 1).claim.amount == 300_000 + 2 * FEN


def test_both_parts_together_are_the_creditors_invoice_with_its_tax() -> None:
    """Creditor's 60.00 + 40.00: 6.00 of tax in all, of which 3.60 on the payable part."""
    book = taxed_book()
    sign_period(book, Amounts((60 * YUAN, 0), (40 * YUAN, 0)))
    assert invoice(book, OUT, at=AGREE_BY) == [1, 2]
    assert [obligation(book, n).claim.amount for n in (1, 2)] == [63_600_000, 42_400_000]
    (line,) = asked(book).taxes
    assert line == TaxLine(1, 60 * YUAN, 3_600_000, 40 * YUAN, 2_400_000)


def test_without_a_rule_an_invoice_is_what_it_was() -> None:
    book = money_book(TERMS, slot_rule_facts())
    sign_period(book, Amounts((60 * YUAN + 5_000, 0)))
    assert [type(fact) for fact in book.send(MAKERS[CUCC], bill(OUT))] == [InvoiceIssued, ObligationPosted]
    assert asked(book).payable == Billed(60 * YUAN + FEN, 0, 60 * YUAN + FEN)
    assert asked(book).rule == b""
    assert QUERIES["/obligations/billed"](book.state, book.moment(), encode((*ELSEWHERE, OUT))) is None


def test_an_interest_rule_alone_taxes_nothing() -> None:
    book = taxed_book(INTEREST_BEARING)
    sign_period(book, Amounts((60 * YUAN, 0)))
    assert [type(fact) for fact in book.send(MAKERS[CUCC], bill(OUT))] == [InvoiceIssued, ObligationPosted]


def test_the_gross_is_paid_and_closes_the_period() -> None:
    book = taxed_book()
    reconcile(book, minutes(1000, 500), minutes(1000, 500), at=day().cut_off)
    sign(book)
    assert invoice(book, OUT) + invoice(book, IN) == [1, 2]
    pay(book, 1, 63_600_000, b"A1")
    assert closed_by(pay(book, 2, 21_200_000, b"A2")) == [JANUARY]
    assert book.refolded() == book.state.writes


@pytest.mark.parametrize(
    ("entry", "answer"),
    [
        ("rounded", 6_001),  # 60.00 yuan are 6,000 fen
        ("rounded", 5_999),
        ("rounded", -1),
        ("tax", 6_001),  # more than the amount
        ("tax", -1),
    ],
)
def test_no_invoice_rule_can_mint(entry: str, answer: int) -> None:
    book = taxed_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.rules = Answering(book.rules, entry, lambda *_: (answer,))
    book.refuses(MAKERS[CUCC], bill(OUT), Code.NO_ANSWER_OF_A_RULE)


def test_a_rule_that_makes_more_of_less_is_refused() -> None:
    """Both answers round the amount that was asked about; together they would leave less than nothing to dispute."""
    book = taxed_book()
    sign_period(book, Amounts((60 * YUAN + 4_000, 0), (4_000, 0)))
    answers = iter(((6_001,), (6_000,)))
    book.rules = Answering(book.rules, "rounded", lambda *_: next(answers))
    book.refuses(MAKERS[CUCC], bill(OUT), Code.NO_ANSWER_OF_A_RULE, at=AGREE_BY)


def test_a_rule_that_refuses_the_figures_refuses_the_invoice() -> None:
    """A version that came after the agreement was tried, and before the cut-off, taxes everything but service 1."""
    book = taxed_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.write(*version_facts(VAT, 2, vat_that_refuses_service_1()))
    book.refuses(MAKERS[CUCC], bill(OUT), RuleCode.REJECTED_BY_RULE)


def test_the_version_is_pinned_at_cut_off_and_a_later_one_taxes_later_months() -> None:
    """Nine instead of six percent, active from a height after January's cut-off, for all usage."""
    book = taxed_book()
    dearer = RULES[VAT]._replace(
        text=RULES[VAT].text.replace("net, rate,", "net, rate + 300,").replace("15_000", "14_000")
    )
    dearer = dearer._replace(vectors=(replace(dearer.vectors[0], results=(9,)), dearer.vectors[1]))
    late = book.height + 50
    book.write(*version_facts(VAT, 2, bundle_of(dearer, 2, previous=TAX_RULE), active_from=late))
    for key, height in ((JANUARY, late - 1), (ELSEWHERE, late)):
        book.write(PeriodCutOff(*key, height, b"", b""))
        sign_period(book, Amounts((60 * YUAN, 0)), key)
    book.height = late + 10
    invoice(book, OUT)
    invoice(book, OUT, ELSEWHERE)
    assert [obligation(book, n).claim.amount for n in (1, 2)] == [63_600_000, 65_400_000]
    assert PERIODS.require(book.state, JANUARY).height == late - 1


def test_where_no_version_was_in_force_at_cut_off_the_invoice_waits_for_one() -> None:
    empty = 301
    usage = (month(1).usage_from, FOR_EVER)
    terms = with_slots(SlotBinding(Slot.INVOICE, empty, (600, 0)))
    book = money_book(terms, [*slot_rule_facts(), RulePublished(empty, b"later", Slot.INVOICE)])
    raw = bundle_of(RULES[VAT]._replace(name="later"), 1, usage)
    book.write(*version_facts(empty, 1, raw, active_from=book.height + 100))
    sign_period(book, Amounts((60 * YUAN, 0)))
    book.refuses(MAKERS[CUCC], bill(OUT), Code.NO_RULE_IN_FORCE)
    book.height += 100
    invoice(book, OUT)
    assert obligation(book, 1).claim.amount == 63_600_000


def test_an_account_holds_the_gross() -> None:
    book = taxed_book()
    sign_period(book, Amounts((60 * YUAN, 0)))
    invoice(book, OUT)
    claim = replace(obligation(book, 1).claim, amount=2**62 - 63_600_000 - 62 * YUAN)
    book.write(ObligationPosted(2, claim))
    sign_period(book, Amounts((60 * YUAN, 0)), ELSEWHERE)
    book.refuses(MAKERS[CUCC], bill(OUT, ELSEWHERE), Code.ACCOUNT_FULL)
