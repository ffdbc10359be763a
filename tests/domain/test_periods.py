"""Every way in which a message about a period is refused, with the state unchanged."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from abci_app.domain.members.schema import KeyRegistered, KeyRevoked
from abci_app.domain.periods.queries import period
from abci_app.domain.periods.schema import (
    Code,
    ControlTotals,
    PeriodCutOff,
    StatementSigned,
    StatementStruck,
    StreamReference,
    Verdict,
)
from abci_app.domain.periods.tables import FIGURES, PERIODS, STREAMS, PeriodKey, StreamKey, basis_of, object_of
from abci_app.domain.rulebook.schema import FOR_EVER, RulePublished, RuleVersionActivated
from abci_app.kernel.approvals import (
    MOST_OF_ONE_PARTY,
    MOST_SIGNATURES,
    Advance,
    Approve,
    DocumentKind,
    ObjectKind,
    Signature,
)
from abci_app.kernel.approvals import Verdict as Says
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from settle.chain.keys import Signer
from tests.support.books import (
    CHECKERS,
    DAY,
    FLAT,
    MAKERS,
    TERMS,
    USAGE,
    Book,
    agree,
    approval,
    bundle,
    digest,
)
from tests.support.chains import CBN, CMCC, CTCC, CUCC, signer
from tests.support.filings import (
    FLAT_RATING,
    JANUARY,
    NOTHING,
    Lines,
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

SAME = minutes(100_000, 90_000)
OTHER = minutes(100_000, 80_000)
OURS, THEIRS = MAKERS[CMCC], MAKERS[CUCC]


def declared(*operators: int) -> Book:
    book = agreed_book()
    for operator in operators:
        book.send(MAKERS[operator], file(book, operator, SAME).declare, day().cut_off)
    return book


def reconciled(theirs: Lines = OTHER) -> Book:
    book = agreed_book()
    reconcile(book, SAME, theirs)
    return book


# anchors


@pytest.mark.parametrize("key", [PeriodKey(1, 0, 4), PeriodKey(2, 0, 1), PeriodKey(1, 0, 65_535)])
def test_a_period_in_no_calendar_is_not_found(key: PeriodKey) -> None:
    book = agreed_book()
    filing = file(book, CMCC, SAME, key=key)
    for message in (anchor(key=key), filing.declare, filing.open, advance(key)):
        book.refuses(OURS, message, Code.PERIOD_NOT_FOUND, day().cut_off)


def test_a_pair_that_the_agreement_does_not_have_is_not_found() -> None:
    book, key = agreed_book(), PeriodKey(1, 2, 1)
    for message in (anchor(key=key), advance(key)):
        book.refuses(OURS, message, Code.PAIR_NOT_FOUND)


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (MAKERS[CTCC], Code.NOT_A_PARTY),
        (CHECKERS[CMCC], Code.WRONG_ROLE),
        (signer(CMCC, Role.ADMIN), Code.WRONG_ROLE),
    ],
)
def test_only_a_partys_maker_anchors_declares_and_opens(by: Signer, code: Code) -> None:
    book = declared(CMCC, CUCC)
    filing = file(book, CMCC, SAME)
    for message in (anchor(), filing.declare, filing.open):
        book.refuses(by, message, code)


@pytest.mark.parametrize(
    ("message", "when", "code"),
    [
        (replace(anchor(1), root=digest("another file")), USAGE, Code.EXISTS_WITH_DIFFERENT_CONTENT),
        (replace(anchor(1), late=True), USAGE, Code.EXISTS_WITH_DIFFERENT_CONTENT),
        (anchor(2, late=True), day().cut_off - 1, Code.LATE_NOT_ALLOWED),
        (anchor(2), day().cut_off, Code.CUT_OFF_PASSED),
        (anchor(2, late=True), day().cut_off, Code.LATE_NOT_ALLOWED),  # nothing is judged yet
        (anchor(3), USAGE, Code.SEQUENCE_OUT_OF_TURN),
        (anchor(2, stream=1), USAGE, Code.SEQUENCE_OUT_OF_TURN),
        (anchor(2), day().agree_by, Code.PERIOD_ALREADY_SIGNED),
        (replace(anchor(2), totals=ControlTotals(0, 2**63 - 1, 0)), USAGE, Code.TOTALS_TOO_LARGE),
    ],
)
def test_an_anchor_out_of_place_is_refused(message: Value, when: int, code: Code) -> None:
    book = agreed_book()
    book.send(OURS, anchor(1), USAGE)
    book.refuses(OURS, message, code, when)


def test_a_late_file_needs_a_difference_that_is_still_to_be_corrected() -> None:
    book = reconciled(SAME)
    book.refuses(THEIRS, anchor(1, late=True), Code.LATE_NOT_ALLOWED)


# declarations


def test_streams_are_named_in_ascending_order() -> None:
    reference = StreamReference(1, 1, digest("root"))
    filing = file(agreed_book(), CMCC, SAME)
    for streams in ((reference, reference), (reference, replace(reference, stream=0))):
        agreed_book().refuses(OURS, replace(filing.declare, streams=streams), Code.STREAMS_NOT_ASCENDING)


@pytest.mark.parametrize(
    ("revision", "when", "code"),
    [
        (1, day().cut_off - 1, Code.BEFORE_CUT_OFF),
        (1, day().declare_by, Code.FILED_LATE),
        (2, day().cut_off, Code.REVISION_OUT_OF_TURN),
        (4, day().cut_off, Code.TOO_MANY_REVISIONS),
        (1, day().agree_by, Code.PERIOD_ALREADY_SIGNED),
    ],
)
def test_a_declaration_out_of_turn_is_refused(revision: int, when: int, code: Code) -> None:
    book = agreed_book()
    book.refuses(OURS, file(book, CMCC, SAME, revision).declare, code, when)


def test_a_revision_is_filed_once() -> None:
    book = declared(CMCC)
    book.refuses(OURS, file(book, CMCC, OTHER).declare, Code.EXISTS_WITH_DIFFERENT_CONTENT)


def test_a_re_issue_needs_a_difference_an_opened_filing_and_the_next_number() -> None:
    agreed, differing = reconciled(SAME), reconciled()
    agreed.refuses(OURS, file(agreed, CMCC, OTHER, 2).declare, Code.NOTHING_TO_CORRECT)
    differing.refuses(OURS, file(differing, CMCC, OTHER, 3).declare, Code.REVISION_OUT_OF_TURN)
    differing.send(OURS, file(differing, CMCC, SAME, 2).declare)
    differing.refuses(OURS, file(differing, CMCC, OTHER, 3).declare, Code.REVISION_OUT_OF_TURN)
    differing.refuses(OURS, file(differing, CMCC, OTHER, 2).declare, Code.EXISTS_WITH_DIFFERENT_CONTENT)


def test_a_party_files_three_times_at_most() -> None:
    book = reconciled()
    reissue(book, CMCC, minutes(100_000, 91_000), 2)
    reissue(book, CMCC, minutes(100_000, 92_000), 3)
    book.refuses(OURS, file(book, CMCC, OTHER, 4).declare, Code.TOO_MANY_REVISIONS)
    reissue(book, CUCC, minutes(100_000, 92_000), 2)


def test_figures_name_the_pinned_rating() -> None:
    book = agreed_book()
    filing = file(book, CMCC, SAME)
    book.refuses(OURS, replace(filing.declare, rating=digest("other")), Code.NOT_THE_PINNED_RATING, day().cut_off)


def test_rules_are_pinned_at_cut_off_and_later_versions_do_not_matter() -> None:
    book = agreed_book()
    book.send(OURS, advance(), day().cut_off)
    book.write(RuleVersionActivated(FLAT, 2, bundle_hash(bundle(FLAT)), USAGE + DAY, FOR_EVER, 0))
    book.send(OURS, file(book, CMCC, SAME).declare)
    assert period(book.state, JANUARY).rating == FLAT_RATING


def test_a_month_that_straddles_a_change_of_rating_cannot_be_declared_and_ends_provisional() -> None:
    book = agreed_book()
    book.write(RuleVersionActivated(FLAT, 2, bundle_hash(bundle(FLAT)), USAGE + DAY, FOR_EVER, 0))
    book.refuses(OURS, file(book, CMCC, SAME).declare, Code.STRADDLES_A_RULE_CHANGE, day().cut_off)
    cut, struck = book.send(OURS, advance(), day().declare_by)
    assert isinstance(cut, PeriodCutOff)
    assert cut.rating == b""
    assert isinstance(struck, StatementStruck)


@pytest.mark.parametrize("missing", [Slot.RATING, Slot.TOLERANCE])
def test_without_a_rule_in_force_nothing_can_be_declared(missing: Slot) -> None:
    book = Book()
    book.write(RulePublished(9, b"announced", missing))
    slots = tuple(replace(bound, rule=9) if bound.slot == missing else bound for bound in TERMS.slots)
    agree(book, replace(TERMS, slots=slots))
    book.refuses(OURS, file(book, CMCC, SAME).declare, Code.NO_RULE_IN_FORCE, day().cut_off)


def test_a_declaration_covers_all_that_its_party_has_anchored() -> None:
    book = agreed_book()
    book.send(OURS, anchor(1, stream=3), USAGE)
    early = file(book, CMCC, SAME).declare
    book.send(OURS, anchor(2, stream=3), USAGE)
    for declare in (early, replace(early, streams=())):
        book.refuses(OURS, declare, Code.STREAMS_DIFFER, day().cut_off)
    book.send(OURS, file(book, CMCC, SAME).declare)


def test_a_declaration_has_two_commitments_for_every_line() -> None:
    book = agreed_book()
    book.refuses(OURS, file(book, CMCC, (*SAME, NOTHING)).declare, Code.NOT_THE_CATALOGUE, day().cut_off)


def test_commitments_copied_from_the_other_party_are_refused() -> None:
    book = agreed_book()
    copied = file(book, CMCC, SAME).declare
    book.send(OURS, copied, day().cut_off)
    book.refuses(THEIRS, copied, Code.PROOF_NOT_VALID)
    forged = replace(file(book, CUCC, SAME).declare, commitments=copied.commitments)
    book.refuses(THEIRS, forged, Code.PROOF_NOT_VALID)


# openings


def test_nobody_opens_what_is_not_declared() -> None:
    book = declared(CUCC)
    book.refuses(OURS, file(book, CMCC, SAME).open, Code.NOT_DECLARED)
    done = reconciled()
    done.refuses(OURS, file(done, CMCC, SAME, 2).open, Code.NOT_DECLARED)


def test_nobody_opens_while_the_other_may_still_declare() -> None:
    book = declared(CMCC)
    book.refuses(OURS, file(book, CMCC, SAME).open, Code.OPENED_EARLY, day().declare_by - 1)


def test_nobody_opens_the_first_time_at_open_by_or_later() -> None:
    book = declared(CMCC, CUCC)
    filing = file(book, CMCC, SAME).open
    book.refuses(OURS, filing, Code.OPENED_LATE, day().open_by)
    book.refuses(OURS, filing, Code.PERIOD_ALREADY_SIGNED, day().agree_by)


def test_an_opening_shows_what_was_declared() -> None:
    book = declared(CUCC)
    filing = file(book, CMCC, SAME, shown=OTHER)
    book.send(OURS, filing.declare)
    book.refuses(OURS, replace(filing.open, lines=OTHER[:1]), Code.NOT_THE_CATALOGUE)
    book.refuses(OURS, replace(filing.open, lines=SAME), Code.DETAIL_DIFFERS)
    book.refuses(OURS, replace(filing.open, seed=digest("other")), Code.DETAIL_DIFFERS)
    book.refuses(OURS, filing.open, Code.COMMITMENT_DIFFERS)


def test_a_revision_is_opened_once() -> None:
    book = reconciled()
    other = replace(file(book, CMCC, SAME).open, lines=OTHER)
    book.refuses(OURS, other, Code.EXISTS_WITH_DIFFERENT_CONTENT)


# signatures


def test_only_a_statement_that_the_chain_has_struck_can_be_signed() -> None:
    book = reconciled()
    book.refuses(OURS, approval(OURS, DocumentKind.STATEMENT, digest("other")), Code.DOCUMENT_NOT_FOUND)


SECOND_MAKER = signer(CMCC, Role.MAKER, 1)


@pytest.mark.parametrize(
    ("by", "change", "code"),
    [
        (OURS, lambda message: replace(message, role=Role.CHECKER), Code.ROLE_NOT_THE_KEYS),
        (MAKERS[CBN], lambda message: message, Code.NOT_ASKED_TO_SIGN),
        (signer(CMCC, Role.NODE), lambda message: message, Code.NOT_ASKED_TO_SIGN),
        (OURS, lambda message: replace(message, verdict=Says.REFUSE), Code.ALREADY_SIGNED),
        (SECOND_MAKER, lambda message: message, Code.ALREADY_SIGNED),
    ],
)
def test_only_those_who_are_asked_sign_and_only_once(
    by: Signer, change: Callable[[Approve], Approve], code: Code
) -> None:
    book = reconciled()
    book.write(KeyRegistered(CMCC, 1, SECOND_MAKER.public, Role.MAKER))
    sign(book, (OURS,))
    book.refuses(by, change(approval(by, DocumentKind.STATEMENT, present_statement(book))), code)


def test_a_signed_or_refused_statement_is_closed() -> None:
    signed, refused = reconciled(), reconciled()
    sign(signed)
    late = approval(OURS, DocumentKind.STATEMENT, present_statement(signed), Says.REFUSE)
    signed.refuses(OURS, late, Code.DOCUMENT_CLOSED)
    document = present_statement(refused)
    refused.send(THEIRS, approval(THEIRS, DocumentKind.STATEMENT, document, Says.REFUSE))
    refused.refuses(OURS, approval(OURS, DocumentKind.STATEMENT, document), Code.DOCUMENT_CLOSED)
    open_ = reconciled()
    message = approval(OURS, DocumentKind.STATEMENT, present_statement(open_))
    open_.refuses(OURS, message, Code.DOCUMENT_CLOSED, day().agree_by)


def test_keys_rotated_while_a_statement_is_open_cannot_fill_its_row() -> None:
    book = reconciled()
    document = present_statement(book)
    for count in range(MOST_SIGNATURES):
        key = signer(CMCC, Role.MAKER, 100 + count)
        given = Signature(CMCC, Role.MAKER, key.public, Says.APPROVE)
        book.write(KeyRegistered(CMCC, 1, key.public, Role.MAKER), StatementSigned(*JANUARY, document, given))
        book.write(KeyRevoked(CMCC, key.public))
    book.refuses(OURS, approval(OURS, DocumentKind.STATEMENT, document), Code.TOO_MANY_SIGNATURES)


def test_a_party_that_wears_out_its_keys_cannot_keep_the_other_from_signing() -> None:
    book = reconciled()
    document = present_statement(book)
    for count in range(MOST_OF_ONE_PARTY):
        key = signer(CUCC, Role.MAKER, 100 + count)
        book.write(KeyRegistered(CUCC, 1, key.public, Role.MAKER))
        book.send(key, approval(key, DocumentKind.STATEMENT, document))
        book.write(KeyRevoked(CUCC, key.public))
    book.refuses(MAKERS[CUCC], approval(MAKERS[CUCC], DocumentKind.STATEMENT, document), Code.TOO_MANY_SIGNATURES)
    assert book.send(OURS, approval(OURS, DocumentKind.STATEMENT, document, Says.REFUSE))


# advances and the rest


@pytest.mark.parametrize("object_", [b"\x05", PERIODS.at(JANUARY) + b"\0", b"\x07" + PERIODS.at(JANUARY)[1:]])
def test_an_advance_names_a_period(object_: bytes) -> None:
    agreed_book().refuses(OURS, Advance(ObjectKind.PERIOD, object_), Code.NOT_A_PERIOD_KEY)


def test_every_fact_of_a_period_names_its_row_and_what_it_rests_on() -> None:
    book = agreed_book()
    book.send(OURS, anchor(1))
    reconcile(book, SAME, SAME)
    sign(book)
    facts = [fact for fact in book.facts if type(fact).__module__ == "abci_app.domain.periods.schema"]
    assert {object_of(fact) for fact in facts} == {PERIODS.at(JANUARY)}  # type: ignore[arg-type]  # chosen by module
    rests_on = {type(fact).__name__: basis_of(fact) for fact in facts}  # type: ignore[arg-type]  # chosen by module
    document = present_statement(book)
    assert rests_on == {
        "UsageAnchored": b"",
        "PeriodCutOff": FLAT_RATING,
        "FiguresDeclared": FLAT_RATING,
        "FiguresOpened": b"",
        "StatementStruck": document,
        "StatementSigned": document,
        "PeriodSigned": document,
    }


def test_the_largest_month_still_adds_up_to_an_amount() -> None:
    """64 lines of the largest amount, all disputed: the totals fit their bounds."""
    lines = tuple(replace(TERMS.catalogue[1], band=0, event=number) for number in range(64))
    book = Book()
    agree(book, replace(TERMS, catalogue=lines))
    largest = tuple(replace(NOTHING, amount=2**56) for _ in lines)
    struck = statement_in(reconcile(book, largest, tuple(NOTHING for _ in lines))).statement
    assert struck.disputed == (0, 2**62)
    assert {line.verdict for line in struck.lines} == {Verdict.MISPRICED}


def test_streams_and_figures_are_kept_by_party_and_revision() -> None:
    book = agreed_book()
    for by in (OURS, THEIRS):
        book.send(by, anchor(1), USAGE)
    reconcile(book, SAME, OTHER)
    reissue(book, CUCC, SAME)
    assert [(key.revision, key.party) for key, _ in FIGURES.rows(book.state)] == [(1, 0), (1, 1), (2, 1)]
    assert [key for key, _ in STREAMS.rows(book.state)] == [StreamKey(*JANUARY, 0, 0), StreamKey(*JANUARY, 1, 0)]
