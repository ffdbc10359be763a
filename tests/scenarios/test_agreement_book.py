"""The life of an agreement, told as messages in and facts out."""

from __future__ import annotations

from msgspec.structs import replace

from abci_app.domain.agreements.queries import QUERIES, VersionQuery, active_terms, effective_state
from abci_app.domain.agreements.schema import (
    AgreementActivated,
    AgreementDocument,
    AgreementProposed,
    AgreementRefused,
    AgreementSigned,
    Code,
    ProposeAgreement,
    Terms,
    UnitPair,
    VersionState,
    agreement_hash,
)
from abci_app.domain.agreements.tables import VERSIONS, VersionKey
from abci_app.domain.members.schema import KeyRegistered, KeyRevoked
from abci_app.kernel.approvals import DocumentKind, Signature, Verdict
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer
from tests.support.books import (
    BEIJING,
    CHECKERS,
    MAKERS,
    SHANGHAI,
    TERMS,
    Book,
    agree,
    approval,
    both_parties,
    month,
)
from tests.support.chains import CHAIN, CMCC, CUCC, signer

PROPOSAL = ProposeAgreement(0, 1, TERMS)
DOCUMENT = agreement_hash(CHAIN, AgreementDocument(0, 1, TERMS))
NEXT = replace(
    TERMS,
    pairs=(*TERMS.pairs, UnitPair(BEIJING, SHANGHAI)),
    calendar=(month(4), month(5)),
    catalogue=TERMS.catalogue[:1],
)


def signature(by: Signer, verdict: Verdict = Verdict.APPROVE) -> Signature:
    return Signature(by.operator, by.role, by.public, verdict)


def state_of(book: Book, version: int = 1) -> VersionState:
    return VERSIONS.require(book.state, VersionKey(1, version)).state


def hash_of(number: int, version: int, terms: Terms) -> bytes:
    return agreement_hash(CHAIN, AgreementDocument(number, version, terms))


def test_an_agreement_is_in_force_when_maker_and_checker_of_both_have_signed() -> None:
    book = Book()
    assert book.send(CHECKERS[CMCC], PROPOSAL) == (AgreementProposed(DOCUMENT, 1, 1, TERMS),)
    *most, last = both_parties()
    for by in most:
        facts = book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT))
        assert facts == (AgreementSigned(DOCUMENT, 1, 1, signature(by)),)
        assert active_terms(book.state, 1, 1) is None, "nothing is in the calendar before all have signed"
    assert book.send(last, approval(last, DocumentKind.AGREEMENT, DOCUMENT)) == (
        AgreementSigned(DOCUMENT, 1, 1, signature(last)),
        AgreementActivated(DOCUMENT, 1, 1),
    )
    assert active_terms(book.state, 1, 2) == (1, TERMS, month(2))
    assert active_terms(book.state, 1, 4) is None
    assert book.refolded() == book.state.writes


def test_numbers_count_up_and_other_terms_are_another_agreement() -> None:
    book = Book()
    assert agree(book) == 1
    assert agree(book, replace(TERMS, valid_to=TERMS.valid_to + 1)) == 2


def test_the_same_proposal_and_signature_again_change_nothing() -> None:
    book = Book()
    book.send(CHECKERS[CMCC], PROPOSAL)
    assert book.send(CHECKERS[CMCC], PROPOSAL) == ()
    assert book.send(CHECKERS[CUCC], PROPOSAL) == (), "the other party's checker means the same document"
    by = MAKERS[CUCC]
    book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT))
    assert book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT)) == ()
    agree(book)
    assert book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT)) == (), "also after it is in force"


def test_one_refusal_closes_a_version_and_the_same_terms_may_come_back_as_the_next() -> None:
    book, by = Book(), MAKERS[CUCC]
    book.send(CHECKERS[CMCC], PROPOSAL)
    facts = book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT, Verdict.REFUSE))
    assert facts == (
        AgreementSigned(DOCUMENT, 1, 1, signature(by, Verdict.REFUSE)),
        AgreementRefused(DOCUMENT, 1, 1),
    )
    other = CHECKERS[CUCC]
    book.refuses(other, approval(other, DocumentKind.AGREEMENT, DOCUMENT), Code.DOCUMENT_CLOSED)
    assert agree(book, TERMS, 1, 2) == 1
    assert active_terms(book.state, 1, 1) == (2, TERMS, month(1))


def test_a_further_version_goes_on_where_the_calendar_ends_and_may_add_pairs() -> None:
    book = Book()
    agree(book)
    agree(book, NEXT, 1, 2)
    assert active_terms(book.state, 1, 3) == (1, TERMS, month(3)), "a period keeps the version that brought it"
    assert active_terms(book.state, 1, 4) == (2, NEXT, month(4))
    assert (state_of(book), state_of(book, 2)) == (VersionState.ACTIVE, VersionState.ACTIVE)


def test_a_refused_version_leaves_no_gap_in_the_calendar() -> None:
    book, by = Book(), CHECKERS[CUCC]
    agree(book)
    book.send(CHECKERS[CMCC], ProposeAgreement(1, 2, NEXT))
    book.send(by, approval(by, DocumentKind.AGREEMENT, hash_of(1, 2, NEXT), Verdict.REFUSE))
    assert agree(book, replace(NEXT, catalogue=TERMS.catalogue), 1, 3) == 1
    assert active_terms(book.state, 1, 4) == (3, replace(NEXT, catalogue=TERMS.catalogue), month(4))


def test_validity_ends_without_anyone_acting() -> None:
    book = Book()
    agree(book)
    row = VERSIONS.require(book.state, VersionKey(1, 1))
    assert effective_state(row, TERMS.valid_to - 1) == VersionState.ACTIVE
    assert effective_state(row, TERMS.valid_to) == VersionState.EXPIRED
    effective = QUERIES["/effective/agreement"]
    assert effective(book.state, book.moment(TERMS.valid_to), encode(VersionQuery(1, 1))) == VersionState.EXPIRED
    assert active_terms(book.state, 1, 3) is not None, "its periods are settled to their end"


def test_a_signature_of_a_key_revoked_meanwhile_is_not_counted() -> None:
    book, lost, new = Book(), MAKERS[CMCC], signer(CMCC, Role.MAKER, 1)
    book.send(CHECKERS[CMCC], PROPOSAL)
    for by in (lost, CHECKERS[CMCC], MAKERS[CUCC]):
        book.send(by, approval(by, DocumentKind.AGREEMENT, DOCUMENT))
    book.write(KeyRegistered(CMCC, 1, new.public, Role.MAKER), KeyRevoked(CMCC, lost.public))
    last = CHECKERS[CUCC]
    book.send(last, approval(last, DocumentKind.AGREEMENT, DOCUMENT))
    assert state_of(book) == VersionState.PROPOSED, "still waits for a maker of CMCC"
    book.send(new, approval(new, DocumentKind.AGREEMENT, DOCUMENT))
    assert state_of(book) == VersionState.ACTIVE


def test_what_anyone_may_ask_about_agreements() -> None:
    book = Book()
    agree(book)
    asked = {path: question for path, question in QUERIES.items() if path != "/effective/agreement"}
    one = VersionQuery(1, 1)
    arguments = {"/agreements/version": encode(one), "/agreements/document": encode(DOCUMENT)}
    answers = {path: ask(book.state, book.moment(), arguments.get(path, encode(1))) for path, ask in asked.items()}
    assert answers["/agreements/agreements"] == ((1, answers["/agreements/agreement"]),)
    assert encode(answers["/agreements/document"]) == encode([1, 1])
    assert encode(answers["/agreements/calendar"]) == encode([[1, row] for row in TERMS.calendar])
    assert answers["/agreements/version"] == VERSIONS.require(book.state, VersionKey(1, 1))
