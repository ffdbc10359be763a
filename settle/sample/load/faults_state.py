"""Transactions that CheckTx lets pass and the block refuses: who may not, what is not there, what comes too late."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    AgreementDocument,
    Direction,
    ProposeAgreement,
    Terms,
    UnitPair,
    agreement_hash,
)
from abci_app.domain.agreements.schema import Code as OfAgreements
from abci_app.domain.members.schema import Code as OfMembers
from abci_app.domain.obligations.schema import Code as OfObligations
from abci_app.domain.obligations.schema import IssueInvoice, NotifyPayment, ProposeRound
from abci_app.domain.periods.schema import Code as OfPeriods
from abci_app.domain.periods.schema import StreamReference
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from settle.chain.consortium import CNY
from settle.chain.keys import propose_keys
from settle.sample.load.agreements import LATE, MONTH, STRADDLING, terms_of
from settle.sample.load.consortium import SET_OFF, UNITS, Consortium, stranger
from settle.sample.load.fault import Fault, Stage
from settle.sample.load.faults_form import file_of
from settle.sample.load.filings import filed, settle_period
from settle.sample.load.mix import (
    ANCHORED,
    HALF_DECLARED,
    SIGNED,
    UNSIGNED,
    UNTOUCHED,
    key_change,
    lying_filings,
    unsigned_filings,
)
from settle.sample.load.pen import Pen

_Case = tuple[str, IntEnum, int, str, Value]
"""Name, code, operator, name of its key, message."""
_NOWHERE = bytes(range(32))
"""A hash of no document."""
_NO_NUMBER = 2**32 - 1
"""Of an obligation that no run comes to."""


def state_faults(of: Consortium, pen: Pen) -> Iterator[Fault]:
    """Every fault that shows when a transaction is executed over the state that the good ones left."""
    agreed = (*_members(of), *_agreements(of))
    settled = (*_anchors(), *_declarations(of), *_openings(of), *_statements(of), *_obligations())
    for name, code, operator, key, message in (*agreed, *settled):
        yield Fault(name, code, Stage.BLOCK, pen.sign(of.keys[operator][key], message))


def _approve(kind: DocumentKind, document: bytes, role: Role) -> Approve:
    return Approve(kind, document, role, Verdict.APPROVE)


def _members(of: Consortium) -> Iterator[_Case]:
    """The first operator has a key change open, number 1."""
    new = stranger(of.seed, 2)
    keys = of.keys[1]
    theirs = of.keys[2]["maker"].public
    admins = (keys["admin-1"].public, keys["admin-2"].public)
    for name, code, key, message in (
        ("key_change_by_a_maker", OfMembers.WRONG_ROLE, "maker", propose_keys(of.chain, 2, (new,))),
        (
            "key_change_with_other_content",
            OfMembers.EXISTS_WITH_DIFFERENT_CONTENT,
            "admin-1",
            propose_keys(of.chain, 1, (new,)),
        ),
        ("key_change_out_of_turn", OfMembers.SERIAL_OUT_OF_TURN, "admin-1", propose_keys(of.chain, 3, (new,))),
        ("key_already_known", OfMembers.KEY_ALREADY_KNOWN, "admin-1", propose_keys(of.chain, 2, (keys["maker"],))),
        ("key_of_another_operator", OfMembers.KEY_NOT_ACTIVE, "admin-1", propose_keys(of.chain, 2, (), (theirs,))),
        ("no_administrator_left", OfMembers.NO_ADMINISTRATOR_LEFT, "admin-1", propose_keys(of.chain, 2, (), admins)),
    ):
        yield name, code, 1, key, message
    # the second operator sends the first one's proposal as its own, to have the key before it
    yield "key_taken_from_another", OfMembers.POSSESSION_NOT_PROVEN, 2, "admin-1", key_change(of).message
    nothing = _approve(DocumentKind.KEY_CHANGE, _NOWHERE, Role.ADMIN)
    yield "key_change_not_there", OfMembers.DOCUMENT_NOT_FOUND, 1, "admin-1", nothing


def _agreements(of: Consortium) -> Iterator[_Case]:
    """Agreement 1, of operators 1 and 2, is in force in version 1."""
    terms = terms_of(1, 2, of.genesis_time)
    last = terms.calendar[-1]
    usage = (last.usage_to, last.usage_to + MONTH)
    continued = (replace(last, ordinal=last.ordinal + 1, usage_from=usage[0], usage_to=usage[1]),)

    def new(name: str, code: OfAgreements, operator: int, key: str, **changes: object) -> _Case:
        return name, code, operator, key, ProposeAgreement(0, 1, replace(terms, **changes))

    def further(name: str, code: OfAgreements, agreement: int, version: int, **changes: object) -> _Case:
        wanted: Terms = replace(terms, **{"calendar": continued, **changes})
        return name, code, 1, "checker", ProposeAgreement(agreement, version, wanted)

    other = {"valid_to": terms.valid_to - 1}  # so that it is not the agreement in force once more
    wrong_rule = (replace(terms.slots[0], rule=SET_OFF), *terms.slots[1:])
    no_rule = (replace(terms.slots[0], rule=99), *terms.slots[1:])
    yield new("agreement_of_others", OfAgreements.NOT_A_PARTY, 3, "checker", **other)
    yield new("agreement_by_a_maker", OfAgreements.WRONG_ROLE, 1, "maker", **other)
    yield new("agreement_with_nobody", OfAgreements.OPERATOR_NOT_FOUND, 1, "checker", second=99)
    yield new("unknown_unit", OfAgreements.UNIT_NOT_FOUND, 1, "checker", pairs=(UnitPair(0, UNITS),))
    yield new("unknown_rule", OfAgreements.RULE_NOT_FOUND, 1, "checker", slots=no_rule)
    yield new("rule_of_another_slot", OfAgreements.RULE_OF_ANOTHER_SLOT, 1, "checker", slots=wrong_rule)
    yield new("calendar_from_the_middle", OfAgreements.CALENDAR_NOT_CONTINUED, 1, "checker", calendar=continued)
    yield further("version_of_no_agreement", OfAgreements.AGREEMENT_NOT_FOUND, 99, 2)
    yield further("version_skipped", OfAgreements.VERSION_OUT_OF_TURN, 1, 3)
    yield further("version_with_other_parties", OfAgreements.PARTIES_CHANGED, 1, 2, second=3)
    yield further("version_in_other_money", OfAgreements.CURRENCY_CHANGED, 1, 2, currency=840)
    yield further("version_without_a_pair", OfAgreements.PAIRS_CHANGED, 1, 2, pairs=terms.pairs[1:])
    yield further("version_from_the_start", OfAgreements.CALENDAR_NOT_CONTINUED, 1, 2, calendar=terms.calendar)

    document = agreement_hash(of.chain, AgreementDocument(0, 1, terms))
    for name, code, operator, key, signed, role in (
        ("agreement_not_there", OfAgreements.DOCUMENT_NOT_FOUND, 1, "checker", _NOWHERE, Role.CHECKER),
        ("agreement_in_another_role", OfAgreements.ROLE_NOT_THE_KEYS, 1, "checker-2", document, Role.MAKER),
        ("agreement_signed_by_others", OfAgreements.NOT_ASKED_TO_SIGN, 3, "checker", document, Role.CHECKER),
        ("agreement_signed_after_all", OfAgreements.DOCUMENT_CLOSED, 1, "checker-2", document, Role.CHECKER),
    ):
        yield name, code, operator, key, _approve(DocumentKind.AGREEMENT, signed, role)


def _anchors() -> Iterator[_Case]:
    file = file_of()
    first = replace(file, stream=0)  # a good transaction anchored another file as this one
    settled = SIGNED._asdict()
    past = UNTOUCHED._asdict()
    yield from (
        ("file_of_no_period", OfPeriods.PERIOD_NOT_FOUND, 1, "agent-2", replace(file, ordinal=999)),
        ("file_of_no_agreement", OfPeriods.PERIOD_NOT_FOUND, 1, "agent-2", replace(file, agreement=99)),
        ("file_of_no_pair", OfPeriods.PAIR_NOT_FOUND, 1, "agent-2", replace(file, pair=UNITS)),
        ("file_of_others", OfPeriods.NOT_A_PARTY, 3, "agent-2", file),
        ("file_by_a_checker", OfPeriods.WRONG_ROLE, 1, "checker", file),
        ("file_with_other_content", OfPeriods.EXISTS_WITH_DIFFERENT_CONTENT, 1, "agent-2", first),
        ("file_out_of_turn", OfPeriods.SEQUENCE_OUT_OF_TURN, 1, "agent-2", file_of(7)),
        ("file_after_cut_off", OfPeriods.CUT_OFF_PASSED, 1, "agent-2", replace(file, **past)),
        ("late_file_before_cut_off", OfPeriods.LATE_NOT_ALLOWED, 1, "agent-2", replace(file, late=True)),
        ("late_file_of_nothing_judged", OfPeriods.LATE_NOT_ALLOWED, 1, "agent-2", replace(file, late=True, **past)),
        ("file_of_a_signed_period", OfPeriods.PERIOD_ALREADY_SIGNED, 1, "agent-2", replace(file, late=True, **settled)),
    )


def _declarations(of: Consortium) -> Iterator[_Case]:
    honest = settle_period(of, UNTOUCHED).filings[0].declare
    lines = settle_period(of, UNTOUCHED).filings[0].open.lines
    copied = settle_period(of, UNTOUCHED).filings[1].declare
    unsigned = unsigned_filings(of)[0].declare
    opened_later = replace(honest, ordinal=ANCHORED.ordinal, pair=ANCHORED.pair)
    straddling = filed(of, UNTOUCHED._replace(ordinal=STRADDLING), 0, lines).declare
    late = filed(of, UNTOUCHED._replace(ordinal=LATE), 0, lines).declare
    half = replace(honest, commitments=honest.commitments[:2])
    named = replace(honest, streams=(StreamReference(0, 1, bytes(32)),))
    for name, code, message in (
        ("figures_before_cut_off", OfPeriods.BEFORE_CUT_OFF, opened_later),
        ("figures_filed_late", OfPeriods.FILED_LATE, late),
        ("figures_across_a_rule_change", OfPeriods.STRADDLES_A_RULE_CHANGE, straddling),
        ("figures_by_another_rule", OfPeriods.NOT_THE_PINNED_RATING, replace(honest, rating=_NOWHERE)),
        ("figures_over_no_such_stream", OfPeriods.STREAMS_DIFFER, named),
        ("figures_of_half_the_lines", OfPeriods.NOT_THE_CATALOGUE, half),
        ("copied_commitments", OfPeriods.PROOF_NOT_VALID, copied),
        ("second_revision_first", OfPeriods.REVISION_OUT_OF_TURN, replace(honest, revision=2)),
        ("fourth_revision", OfPeriods.TOO_MANY_REVISIONS, replace(honest, revision=4)),
        ("nothing_to_correct", OfPeriods.NOTHING_TO_CORRECT, replace(unsigned, revision=2)),
        ("filed_twice", OfPeriods.EXISTS_WITH_DIFFERENT_CONTENT, replace(unsigned, detail=_NOWHERE)),
    ):
        yield name, code, 1, "agent-2", message


def _openings(of: Consortium) -> Iterator[_Case]:
    untouched = settle_period(of, UNTOUCHED).filings[0].open
    half = settle_period(of, HALF_DECLARED).filings[0].open
    honest, lying = lying_filings(of)
    shown = replace(honest.open.lines[0], calls=honest.open.lines[0].calls + 1)
    changed = replace(honest.open, lines=(shown, *honest.open.lines[1:]))
    for name, code, operator, message in (
        ("opened_without_declaring", OfPeriods.NOT_DECLARED, 1, untouched),
        ("opened_before_the_other_declared", OfPeriods.OPENED_EARLY, 1, half),
        ("opened_too_few_lines", OfPeriods.NOT_THE_CATALOGUE, 1, replace(honest.open, lines=honest.open.lines[1:])),
        ("opened_other_figures", OfPeriods.DETAIL_DIFFERS, 1, changed),
        ("committed_to_other_figures", OfPeriods.COMMITMENT_DIFFERS, 2, lying.open),
    ):
        yield name, code, operator, "agent-2", message


def _statements(of: Consortium) -> Iterator[_Case]:
    signed, unsigned = settle_period(of, SIGNED).statement, settle_period(of, UNSIGNED).statement
    for name, code, operator, key, document, role in (
        ("statement_not_there", OfPeriods.DOCUMENT_NOT_FOUND, 1, "checker", _NOWHERE, Role.CHECKER),
        ("statement_in_another_role", OfPeriods.ROLE_NOT_THE_KEYS, 1, "checker", unsigned, Role.MAKER),
        ("statement_signed_by_others", OfPeriods.NOT_ASKED_TO_SIGN, 3, "checker", unsigned, Role.CHECKER),
        ("statement_signed_after_all", OfPeriods.DOCUMENT_CLOSED, 1, "checker-2", signed, Role.CHECKER),
    ):
        yield name, code, operator, key, _approve(DocumentKind.STATEMENT, document, role)


def _obligations() -> Iterator[_Case]:
    outward, inward = (IssueInvoice(*UNSIGNED, way) for way in Direction)
    round_of = ProposeRound(1, 2, CNY, (_NO_NUMBER,), 2**40)
    paid = NotifyPayment(_NO_NUMBER, 1, b"no payment")
    nothing = _approve(DocumentKind.NETTING_ROUND, _NOWHERE, Role.CHECKER)
    yield from (
        ("invoice_of_an_unsigned_period", OfObligations.PERIOD_NOT_SIGNED, 2, "agent-2", outward),
        ("invoice_by_the_debtor", OfObligations.NOT_THE_CREDITOR, 2, "agent-2", inward),
        ("invoice_by_a_checker", OfObligations.WRONG_ROLE, 1, "checker", inward),
        ("payment_of_nothing", OfObligations.OBLIGATION_NOT_FOUND, 1, "checker", paid),
        ("round_of_others", OfObligations.NOT_AN_OPERATOR_OF_THE_ROUND, 3, "maker", round_of),
        ("round_with_a_past_deadline", OfObligations.DEADLINE_PASSED, 1, "maker", replace(round_of, deadline=0)),
        ("round_of_nothing", OfObligations.OBLIGATION_NOT_FOUND, 1, "maker", round_of),
        ("round_not_there", OfObligations.DOCUMENT_NOT_FOUND, 1, "checker", nothing),
    )
