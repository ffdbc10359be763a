"""An agreement that binds a validation rule is tried with it before anybody signs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import ProposeAgreement, SlotBinding, Terms
from abci_app.domain.rulebook.schema import BundleStored, RulePublished, RuleVersionActivated
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from settle.rules.build import shipped_bundle
from settle.rules.shipped import ShippedRule
from tests.support.books import CHECKERS, TERMS, USAGE, Book, agree
from tests.support.chains import CMCC

RULE = ShippedRule.FILE_VALIDATION
AGREED = (86_400_000, 10**12, 14_400, 5_184_000, 300, 0, 0, 0, 0)


def terms(*parameters: int) -> Terms:
    return replace(TERMS, slots=(*TERMS.slots, SlotBinding(Slot.VALIDATION, RULE, parameters)))


def book(effective_from: int = 0) -> Book:
    raw, found = shipped_bundle("file_validation", 1), Book()
    hashed = bundle_hash(raw)
    found.write(RulePublished(RULE, b"file_validation", Slot.VALIDATION), BundleStored(hashed, raw))
    found.write(RuleVersionActivated(RULE, 1, hashed, effective_from, 2**40, 0))
    return found


@pytest.mark.parametrize("parameters", [(), AGREED[:-1], (*AGREED, 0), (0, *AGREED[1:]), (*AGREED[:-1], 1_001)])
def test_parameters_that_the_rule_does_not_take_are_refused(parameters: tuple[int, ...]) -> None:
    book().refuses(CHECKERS[CMCC], ProposeAgreement(0, 1, terms(*parameters)), RuleCode.ARGUMENT_OUT_OF_RANGE)


def test_a_rule_may_refuse_an_empty_use_and_is_bound_all_the_same() -> None:
    """Its rejections are causes of suspense: `ranges_hold` and `calling_needed` decide about single uses."""
    assert agree(book(), terms(*AGREED)) == 1
    assert agree(book(), terms(*AGREED[:5], 1, 1, *AGREED[7:])) == 1


def test_a_rule_without_a_version_for_the_first_usage_is_not_tried() -> None:
    assert agree(book(effective_from=USAGE + 1), terms(1, 2)) == 1
