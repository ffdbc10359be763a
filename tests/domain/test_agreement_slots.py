"""Which rules an agreement may bind to which slot, and that they are tried before anybody signs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.queries import binding, binding_for, bindings, bundle_for
from abci_app.domain.agreements.schema import (
    MOST_BINDINGS,
    AgreementProposed,
    CatalogueLine,
    Code,
    ProposeAgreement,
    SlotBinding,
    Terms,
)
from abci_app.domain.rulebook.schema import RulePublished
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import bundle_hash, read_bundle, write_bundle
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from tests.support.books import CHECKERS, RATES, TERMS, USAGE, Book, agree, month
from tests.support.chains import CMCC
from tests.support.slot_rules import (
    BARRED,
    BIASED,
    INTEREST_BEARING,
    RULES,
    TAXED,
    VAT,
    bundle_of,
    slot_rule_facts,
    tariff,
    version_facts,
    with_slots,
)

UNPUBLISHED, EMPTY, OWN = 201, 202, 203
BIAS = SlotBinding(Slot.TOLERANCE, BIASED, (100, 1_000_000))


def slot_book() -> Book:
    book = Book()
    book.write(*slot_rule_facts(), RulePublished(EMPTY, b"without a version", Slot.INVOICE))
    return book


def test_the_bytes_of_a_binding_are_what_they_were() -> None:
    """A format pin: documents with these bytes are hashed and signed."""
    assert encode(SlotBinding(Slot.RATING, 4, (60, 40))).hex() == "930104923c28"


def test_tax_and_interest_may_be_two_rules_of_one_slot() -> None:
    book, terms = slot_book(), with_slots(TAXED, INTEREST_BEARING)
    assert agree(book, terms) == 1
    assert bindings(terms, Slot.INVOICE) == (TAXED, INTEREST_BEARING)
    assert binding(terms, Slot.VALIDATION) is None
    for interface, bound in ((1, TAXED), (2, INTEREST_BEARING)):
        assert binding_for(book.state, book.rules.interface, terms, Slot.INVOICE, interface) == bound


def test_the_order_in_which_they_are_bound_does_not_matter() -> None:
    book, terms = slot_book(), with_slots(INTEREST_BEARING, TAXED)
    agree(book, terms)
    assert binding_for(book.state, book.rules.interface, terms, Slot.INVOICE, 1) == TAXED
    assert binding_for(book.state, book.rules.interface, TERMS, Slot.INVOICE, 1) is None


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (with_slots(TAXED, TAXED), Code.SLOT_BOUND_TWICE),
        (with_slots(TAXED, replace(TAXED, parameters=(900, 0))), Code.SLOT_BOUND_TWICE),  # who is asked for tax?
        (with_slots(TAXED, INTEREST_BEARING, TAXED), Code.SLOT_BOUND_TWICE),
        (with_slots(BIAS, BIAS), Code.SLOT_BOUND_TWICE),
        (replace(TERMS, slots=(*TERMS.slots, BIAS)), Code.SLOT_BOUND_TWICE),  # both would judge a line
        (with_slots(replace(INTEREST_BEARING, parameters=(1,)), INTEREST_BEARING), Code.SLOT_BOUND_TWICE),
        (with_slots(replace(TAXED, parameters=(600,))), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(replace(TAXED, parameters=(600, 0, 1))), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(replace(TAXED, parameters=(600, 2))), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(replace(INTEREST_BEARING, parameters=())), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(replace(BIAS, parameters=(100,))), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(SlotBinding(Slot.DISPUTE, BARRED, (-1,))), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (with_slots(SlotBinding(Slot.INVOICE, BARRED, (90,))), Code.RULE_OF_ANOTHER_SLOT),
        (with_slots(SlotBinding(Slot.INVOICE, UNPUBLISHED, ())), Code.RULE_NOT_FOUND),
        (with_slots(TAXED, terms=replace(TERMS, catalogue=(CatalogueLine(3, 0, 0, 1, 1),))), RuleCode.REJECTED_BY_RULE),
    ],
)
def test_rules_that_do_not_go_together_or_do_not_take_the_terms_are_refused(terms: Terms, code: object) -> None:
    slot_book().refuses(CHECKERS[CMCC], ProposeAgreement(0, 1, terms), code)


def test_a_rule_of_one_agreement_serves_no_other() -> None:
    """Its parties may change its versions between themselves, on the agreement's track."""
    book, bundle = slot_book(), read_bundle(bundle_of(RULES[VAT]))
    own = write_bundle(replace(bundle, manifest=replace(bundle.manifest, scope=1)))
    book.write(RulePublished(OWN, b"of agreement 1", Slot.INVOICE), *version_facts(OWN, 1, own))
    terms = with_slots(replace(TAXED, rule=OWN))
    book.refuses(CHECKERS[CMCC], ProposeAgreement(0, 1, terms), Code.RULE_OF_ANOTHER_AGREEMENT)
    assert agree(book) == 1
    further = replace(terms, calendar=(replace(month(4), ordinal=4),))
    (proposed,) = book.send(CHECKERS[CMCC], ProposeAgreement(1, 2, further))
    assert isinstance(proposed, AgreementProposed)


def test_every_slot_of_a_full_agreement_is_tried() -> None:
    assert agree(slot_book(), with_slots(TAXED, INTEREST_BEARING, BIAS, SlotBinding(Slot.DISPUTE, BARRED, (90,)))) == 1
    assert len(Slot) + 1 <= MOST_BINDINGS


def test_a_rule_without_a_version_yet_is_not_tried_and_fills_no_interface() -> None:
    book, terms = slot_book(), with_slots(SlotBinding(Slot.INVOICE, EMPTY, ()), TAXED)
    agree(book, terms)
    assert binding_for(book.state, book.rules.interface, terms, Slot.INVOICE, 1) == TAXED


def test_the_version_is_the_usages_as_of_the_first_height_that_knows_one() -> None:
    """Bi-temporal: what held at cut-off holds for the period; only where nothing did does a later height count."""
    book = slot_book()
    old, new = bundle_of(RULES[VAT]), bundle_of(RULES[VAT], 2, (USAGE + 100, 2**40), bundle_hash(bundle_of(RULES[VAT])))
    book.write(*version_facts(VAT, 2, new, active_from=50))
    before, after = bundle_hash(old), bundle_hash(new)

    def found(usage: int, *heights: int) -> bytes:
        return bundle_for(book.state, book.rules, TAXED, 1, usage, *heights)

    assert found(USAGE, 49, 51) == before, "earlier usage keeps its version whenever it is asked"
    assert found(USAGE + 100, 49, 51) == before, "pinned before the new one was active"
    assert found(USAGE + 100, 50) == after
    assert bundle_for(book.state, book.rules, TAXED, 2, USAGE, 51) == b"", "a version of another interface is no answer"
    empty = SlotBinding(Slot.INVOICE, EMPTY, ())
    assert bundle_for(book.state, book.rules, empty, 1, USAGE, 49, 60) == b""
    book.write(*version_facts(EMPTY, 1, bundle_of(RULES[VAT]._replace(name="other")), active_from=60))
    assert bundle_for(book.state, book.rules, empty, 1, USAGE, 49, 59) == b""
    assert bundle_for(book.state, book.rules, empty, 1, USAGE, 49, 60)


def test_parameters_are_bound_by_name_so_entry_points_need_not_take_all_of_them() -> None:
    """`tax` takes (rate, down), `rounded` only (down): each gets its own."""
    book = slot_book()
    rule = bundle_hash(bundle_of(RULES[VAT]))
    assert book.rules.bound(rule, "tax", (600, 1))(1, 1000) == (60,)
    assert book.rules.bound(rule, "rounded", (600, 1))(19_999, 10_000) == (1,)
    assert book.rules.bound(rule, "rounded", (600, 0))(19_999, 10_000) == (2,)


def test_a_tariffs_first_entry_point_may_leave_parameters_to_the_second() -> None:
    book = Book()
    raw = tariff(0, 1)
    book.write(*version_facts(1, 9, raw))
    price = book.rules.bound(bundle_hash(raw), "price_line", RATES)
    assert price(1, 0, 0, 1, 60_000, 60_000, 1, 2) == (60_000,)
