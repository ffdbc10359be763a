"""Every way in which a proposal or a signature of an agreement is refused, with the state unchanged."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    LATEST,
    AgreementDocument,
    AgreementRefused,
    AgreementSigned,
    CatalogueLine,
    Code,
    Counter,
    DataClass,
    Evidence,
    Flow,
    ProposeAgreement,
    SlotBinding,
    Terms,
    UnitPair,
    agreement_hash,
)
from abci_app.domain.agreements.tables import COUNTER, THE_COUNTER, basis_of, object_of
from abci_app.domain.members.schema import KeyRegistered, KeyRevoked
from abci_app.kernel.approvals import MOST_OF_ONE_PARTY, MOST_SIGNATURES, Approve, DocumentKind, Signature, Verdict
from abci_app.kernel.roles import Role
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from settle.chain.keys import Signer
from tests.support.books import (
    CHECKERS,
    FLAT,
    MAKERS,
    PERCENT,
    RATES,
    TARIFF,
    TERMS,
    TOLERANCE,
    USAGE,
    Book,
    agree,
    approval,
    both_parties,
    month,
)
from tests.support.chains import CBN, CHAIN, CMCC, CTCC, CUCC, signer

RATING = SlotBinding(Slot.RATING, FLAT, RATES)
PERCENTAGE = SlotBinding(Slot.TOLERANCE, PERCENT, (TOLERANCE,))
DOCUMENT = agreement_hash(CHAIN, AgreementDocument(0, 1, TERMS))
SECOND = replace(TERMS, calendar=(month(4),))


def changed(**fields: object) -> Terms:
    return replace(TERMS, **fields)


def first_month(**fields: object) -> Terms:
    return changed(calendar=(replace(month(1), **fields), month(2)))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (changed(evidence=Evidence.ONE_SIDED), Code.NOT_SERVED_YET),
        (changed(data_class=DataClass.CONFIDENTIAL), Code.NOT_SERVED_YET),
        (changed(second=CMCC), Code.SAME_PARTY),
        (changed(currency=398), Code.CURRENCY_NOT_LISTED),
        (changed(valid_to=USAGE), Code.VALIDITY_OUT_OF_ORDER),
        (changed(pairs=(UnitPair(11, 11), UnitPair(11, 11))), Code.PAIR_NAMED_TWICE),
        (first_month(usage_from=month(1).usage_to), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(declare_by=month(1).open_by + 1), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(usage_to=month(1).usage_from), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(cut_off=month(1).declare_by), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(declare_by=month(1).open_by), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(open_by=month(1).agree_by), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(pay_by=month(1).agree_by - 1), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(usage_to=month(2).usage_from + 1), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(ordinal=3), Code.CALENDAR_OUT_OF_ORDER),
        (first_month(pay_by=LATEST), Code.CALENDAR_OUT_OF_ORDER),
        (changed(contest=0), Code.CONTEST_TOO_SHORT),
        (changed(catalogue=TERMS.catalogue * 2), Code.LINE_NAMED_TWICE),
        (changed(catalogue=(CatalogueLine(1, 2, 0, 1, 1),)), Code.NO_SUCH_DIRECTION),
        (changed(slots=(*TERMS.slots, PERCENTAGE)), Code.SLOT_BOUND_TWICE),
        (changed(slots=(RATING,)), Code.SLOT_NOT_BOUND),
        (changed(slots=(PERCENTAGE,)), Code.SLOT_NOT_BOUND),
        (changed(slots=(RATING, PERCENTAGE)), Code.SLOT_NOT_BOUND),
        (changed(calendar=(month(2), month(3))), Code.CALENDAR_NOT_CONTINUED),
        (changed(second=9), Code.OPERATOR_NOT_FOUND),
        (changed(pairs=(UnitPair(11, 99),)), Code.UNIT_NOT_FOUND),
        (changed(slots=(SlotBinding(Slot.RATING, 99, ()), PERCENTAGE), set_off=False), Code.RULE_NOT_FOUND),
        (changed(slots=(SlotBinding(Slot.RATING, PERCENT, ()), PERCENTAGE), set_off=False), Code.RULE_OF_ANOTHER_SLOT),
        (changed(slots=(SlotBinding(Slot.RATING, FLAT, ()), *TERMS.slots[1:])), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (
            changed(slots=(RATING, SlotBinding(Slot.TOLERANCE, PERCENT, (10_001,))), set_off=False),
            RuleCode.ARGUMENT_OUT_OF_RANGE,
        ),
        (
            changed(slots=(SlotBinding(Slot.RATING, TARIFF, ()), PERCENTAGE), set_off=False, networks=(2, 2)),
            RuleCode.REJECTED_BY_RULE,  # the public tariff has no rate for traffic inside one network
        ),
    ],
)
def test_terms_that_cannot_be_are_refused(terms: Terms, code: object) -> None:
    Book().refuses(CHECKERS[CMCC], ProposeAgreement(0, 1, terms), code)


def test_dates_one_second_apart_are_enough_and_payment_may_be_due_when_agreement_is() -> None:
    row = month(1)
    dates = {"declare_by": row.cut_off + 1, "open_by": row.cut_off + 2, "agree_by": row.cut_off + 3}
    assert agree(Book(), changed(calendar=(replace(row, **dates, pay_by=row.cut_off + 3),))) == 1


def test_set_off_needs_no_rule_where_it_is_not_agreed() -> None:
    assert agree(Book(), changed(slots=(RATING, PERCENTAGE), set_off=False)) == 1


def test_bill_and_keep_and_receiver_pays_are_served() -> None:
    for flow in (Flow.BILL_AND_KEEP, Flow.RECEIVER_PAYS):
        assert agree(Book(), changed(flow=flow)) == 1


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (CHECKERS[CTCC], Code.NOT_A_PARTY),
        (MAKERS[CMCC], Code.WRONG_ROLE),  # an agent may hold a maker's key
        (signer(CUCC, Role.ADMIN), Code.WRONG_ROLE),
    ],
)
def test_only_a_partys_checker_proposes(by: Signer, code: Code) -> None:
    Book().refuses(by, ProposeAgreement(0, 1, TERMS), code)


@pytest.mark.parametrize(
    ("number", "version", "terms", "code"),
    [
        (0, 2, SECOND, Code.VERSION_OUT_OF_TURN),
        (1, 1, SECOND, Code.VERSION_OUT_OF_TURN),
        (2, 2, SECOND, Code.AGREEMENT_NOT_FOUND),
        (1, 3, SECOND, Code.VERSION_OUT_OF_TURN),
        (1, 2, replace(SECOND, second=CTCC), Code.PARTIES_CHANGED),
        (1, 2, replace(SECOND, first=CUCC, second=CMCC), Code.PARTIES_CHANGED),
        (1, 2, replace(SECOND, currency=840), Code.CURRENCY_CHANGED),
        (1, 2, replace(SECOND, pairs=TERMS.pairs[::-1]), Code.PAIRS_CHANGED),
        (1, 2, replace(SECOND, pairs=TERMS.pairs[:1]), Code.PAIRS_CHANGED),
        (1, 2, TERMS, Code.CALENDAR_NOT_CONTINUED),
        (1, 2, replace(SECOND, calendar=(month(5),)), Code.CALENDAR_NOT_CONTINUED),
        (1, 2, replace(SECOND, calendar=(replace(month(4), usage_from=USAGE),)), Code.CALENDAR_NOT_CONTINUED),
    ],
)
def test_a_further_version_that_does_not_go_on_is_refused(number: int, version: int, terms: Terms, code: Code) -> None:
    book = Book()
    agree(book)
    book.refuses(CHECKERS[CMCC], ProposeAgreement(number, version, terms), code)


def test_a_version_is_proposed_once_and_one_at_a_time() -> None:
    book = Book()
    agree(book)
    book.send(CHECKERS[CMCC], ProposeAgreement(1, 2, SECOND))
    other = replace(SECOND, contest=1)
    book.refuses(CHECKERS[CUCC], ProposeAgreement(1, 2, other), Code.EXISTS_WITH_DIFFERENT_CONTENT)
    book.refuses(CHECKERS[CUCC], ProposeAgreement(1, 3, other), Code.VERSION_STILL_OPEN)


def test_numbers_run_out_with_a_code() -> None:
    book = Book()
    COUNTER.put(book.state, THE_COUNTER, Counter(2**32 - 1))
    book.refuses(CHECKERS[CMCC], ProposeAgreement(0, 1, TERMS), Code.NO_NUMBER_LEFT)


def signs(by: Signer, verdict: Verdict = Verdict.APPROVE) -> Approve:
    return approval(by, DocumentKind.AGREEMENT, DOCUMENT, verdict)


SECOND_MAKER = signer(CMCC, Role.MAKER, 1)
UNKNOWN = Approve(DocumentKind.AGREEMENT, bytes(32), Role.MAKER, Verdict.APPROVE)


@pytest.mark.parametrize(
    ("by", "message", "code"),
    [
        (MAKERS[CMCC], UNKNOWN, Code.DOCUMENT_NOT_FOUND),
        (MAKERS[CMCC], replace(signs(MAKERS[CMCC]), role=Role.CHECKER), Code.ROLE_NOT_THE_KEYS),
        (CHECKERS[CBN], signs(CHECKERS[CBN]), Code.NOT_ASKED_TO_SIGN),
        (signer(CMCC, Role.ADMIN), signs(signer(CMCC, Role.ADMIN)), Code.NOT_ASKED_TO_SIGN),
        (MAKERS[CMCC], signs(MAKERS[CMCC], Verdict.REFUSE), Code.ALREADY_SIGNED),
        (SECOND_MAKER, signs(SECOND_MAKER), Code.ALREADY_SIGNED),
    ],
)
def test_only_those_who_are_asked_sign_and_only_once(by: Signer, message: Approve, code: Code) -> None:
    book = Book()
    book.write(KeyRegistered(CMCC, 1, SECOND_MAKER.public, Role.MAKER))
    book.send(CHECKERS[CMCC], ProposeAgreement(0, 1, TERMS))
    book.send(MAKERS[CMCC], signs(MAKERS[CMCC]))
    book.refuses(by, message, code)


def test_a_second_maker_may_still_refuse_what_the_first_approved() -> None:
    book = Book()
    book.write(KeyRegistered(CMCC, 1, SECOND_MAKER.public, Role.MAKER))
    book.send(CHECKERS[CMCC], ProposeAgreement(0, 1, TERMS))
    book.send(MAKERS[CMCC], signs(MAKERS[CMCC]))
    book.send(SECOND_MAKER, signs(SECOND_MAKER, Verdict.REFUSE))
    book.refuses(CHECKERS[CUCC], signs(CHECKERS[CUCC]), Code.DOCUMENT_CLOSED)


def test_keys_rotated_while_a_document_is_open_cannot_fill_its_row() -> None:
    book = Book()
    book.send(CHECKERS[CMCC], ProposeAgreement(0, 1, TERMS))
    for count in range(MOST_SIGNATURES):
        key = signer(CMCC, Role.MAKER, 100 + count)
        given = Signature(CMCC, Role.MAKER, key.public, Verdict.APPROVE)
        book.write(KeyRegistered(CMCC, 1, key.public, Role.MAKER), AgreementSigned(DOCUMENT, 1, 1, given))
        book.write(KeyRevoked(CMCC, key.public))
    book.refuses(MAKERS[CMCC], signs(MAKERS[CMCC]), Code.TOO_MANY_SIGNATURES)


def test_a_party_that_wears_out_its_keys_cannot_keep_the_other_from_answering() -> None:
    book = Book()
    book.send(CHECKERS[CMCC], ProposeAgreement(0, 1, TERMS))
    for count in range(MOST_OF_ONE_PARTY):
        key = signer(CMCC, Role.MAKER, 100 + count)
        book.write(KeyRegistered(CMCC, 1, key.public, Role.MAKER))
        book.send(key, signs(key))
        book.write(KeyRevoked(CMCC, key.public))
    book.refuses(MAKERS[CMCC], signs(MAKERS[CMCC]), Code.TOO_MANY_SIGNATURES)
    for count in range(MOST_OF_ONE_PARTY - 1):
        key = signer(CUCC, Role.MAKER, 200 + count)
        book.write(KeyRegistered(CUCC, 1, key.public, Role.MAKER))
        book.send(key, signs(key))
        book.write(KeyRevoked(CUCC, key.public))
    refused = book.send(CHECKERS[CUCC], signs(CHECKERS[CUCC], Verdict.REFUSE))
    assert refused[-1] == AgreementRefused(DOCUMENT, 1, 1), "or no further version could ever be proposed"


def test_facts_are_about_the_version_and_rest_on_its_document() -> None:
    book = Book()
    agree(book)
    facts = [fact for fact in book.facts if type(fact).__module__ == "abci_app.domain.agreements.schema"]
    assert len(facts) == 2 + len(both_parties())
    assert {basis_of(fact) for fact in facts} == {DOCUMENT}  # type: ignore[arg-type]  # chosen by module
    assert len({object_of(fact) for fact in facts}) == 1  # type: ignore[arg-type]  # chosen by module
