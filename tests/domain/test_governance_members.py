"""Members and validators by vote: admitted, suspended, removed; one change of validators at a time."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.application.interface import Misbehaviour, ValidatorPower
from abci_app.domain.governance.schema import Code as GovernanceCode
from abci_app.domain.governance.schema import ProposalCarried, ProposalFailed
from abci_app.domain.members.schema import (
    MOST_NODES_PER_CHANGE,
    AdmitOperator,
    AppointValidator,
    ChangeMembership,
    Code,
    KeyGrant,
    KeyRegistered,
    KeyRevoked,
    Kind,
    Membership,
    MembershipChanged,
    NamedUnit,
    NodeRegistered,
    NodeRetired,
    OperatorAdmitted,
    RegisterNodes,
    RemoveValidator,
    UnitRegistered,
    ValidatorAdded,
    ValidatorAppointed,
    ValidatorRemoved,
    ValidatorSuspended,
    possession,
)
from abci_app.domain.members.tables import OPERATORS, VALIDATORS, OperatorKey, ValidatorKey
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.kernel.approvals import Verdict
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from tests.support.chains import CHAIN, signer
from tests.support.governing import SECOND, Council, address_of, appointment, governor, validator

NEW = 6
UNITS = NamedUnit(1, b"north"), NamedUnit(2, b"south")
GAP = 100


def admission(number: int, which: int = 0) -> AdmitOperator:
    """A fixed network with two units and a key for every role, each with its proof."""
    signers = [signer(number, role, which) for role in Role]
    keys, proofs = tuple(key.grant for key in signers), tuple(key.possession(CHAIN) for key in signers)
    return AdmitOperator(number, b"NEW", b"New", Kind.FIXED, 156, UNITS, keys, proofs)


ADMISSION = admission(NEW)
KEYS, PROOFS = ADMISSION.keys, ADMISSION.proofs


def test_a_new_member_comes_with_units_and_keys_and_gets_a_validator() -> None:
    council = Council()
    document, facts = council.carry(Track.CONSORTIUM, ADMISSION)
    assert facts[1:] == [
        ProposalCarried(document),
        OperatorAdmitted(NEW, b"NEW", b"New", Kind.FIXED, 156),
        UnitRegistered(NEW, 1, b"north"),
        UnitRegistered(NEW, 2, b"south"),
        *(KeyRegistered(NEW, 1, grant.key, grant.role) for grant in KEYS),
    ]
    _, facts = council.carry(Track.CONSORTIUM, appointment(NEW, 77))
    public = validator(77).public
    assert facts[-1] == ValidatorAdded(NEW, public, 10, council.height)
    assert council.results[-1].validators == (ValidatorPower(public, 10),)
    assert all(result.validators == () for result in council.results[:-1])
    assert council.rows() == council.refolded()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (replace(ADMISSION, operator=5), Code.NUMBER_OUT_OF_TURN),
        (replace(ADMISSION, operator=7), Code.NUMBER_OUT_OF_TURN),
        (replace(ADMISSION, code=b"OP2"), Code.CODE_TAKEN),
        (
            replace(ADMISSION, keys=(*KEYS, governor(1).grant), proofs=(*PROOFS, governor(1).possession(CHAIN))),
            Code.KEY_ALREADY_KNOWN,
        ),
        (replace(ADMISSION, proofs=PROOFS[::-1]), Code.POSSESSION_NOT_PROVEN),
        (replace(ADMISSION, proofs=(*PROOFS[:-1], bytes(64))), Code.POSSESSION_NOT_PROVEN),
        (
            replace(ADMISSION, proofs=tuple(signer(NEW, role).possession(bytes(32)) for role in Role)),
            Code.POSSESSION_NOT_PROVEN,
        ),
        (appointment(9, 77), Code.OPERATOR_NOT_FOUND),
        (appointment(1, 1), Code.VALIDATOR_ALREADY_KNOWN),
        (replace(appointment(1, 77), operator=2), Code.POSSESSION_NOT_PROVEN),
        (replace(appointment(1, 77), public=validator(78).public), Code.POSSESSION_NOT_PROVEN),
        (replace(appointment(1, 77), proof=bytes(64)), Code.POSSESSION_NOT_PROVEN),
        (RemoveValidator(validator(77).public), Code.VALIDATOR_NOT_ACTIVE),
    ],
)
def test_a_change_that_does_not_fit_is_not_voted_on(message: Value, code: Code) -> None:
    council = Council()
    before = council.rows()
    assert council.propose(1, Track.CONSORTIUM, message)[0] == code
    assert council.rows() == before


def test_a_proof_for_another_chain_proves_nothing() -> None:
    pair = validator(77)
    elsewhere = AppointValidator(1, pair.public, pair.sign(possession(bytes(32), 1, pair.public)))
    here = replace(elsewhere, proof=pair.sign(possession(CHAIN, 1, pair.public)))
    council = Council()
    assert council.propose(1, Track.CONSORTIUM, elsewhere)[0] == Code.POSSESSION_NOT_PROVEN
    assert council.propose(1, Track.CONSORTIUM, here)[0] == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (replace(ADMISSION, keys=(), proofs=()), Code.NO_ADMINISTRATOR_LEFT),
        (replace(ADMISSION, keys=KEYS[:1], proofs=PROOFS[:1]), Code.NO_ADMINISTRATOR_LEFT),
        (replace(ADMISSION, proofs=PROOFS[:-1]), Code.PROOFS_DO_NOT_MATCH),
        (replace(ADMISSION, keys=(*KEYS, KEYS[0])), Code.KEY_NAMED_TWICE),
        (replace(ADMISSION, keys=(*KEYS, KeyGrant(1, b"\x05" * 33, Role.MAKER))), Code.NOT_A_KEY),
        (replace(ADMISSION, units=(NamedUnit(1, b"a"), NamedUnit(1, b"b"))), Code.UNIT_NAMED_TWICE),
        (AppointValidator(1, b"\x01" + bytes(31), bytes(64)), Code.SMALL_ORDER_KEY),
        (AppointValidator(1, b"\xff" * 32, bytes(64)), Code.SMALL_ORDER_KEY),
    ],
)
def test_a_form_that_no_state_would_accept_is_refused_at_the_door(message: Value, code: Code) -> None:
    council = Council()
    assert council.checked(governor(1), council.proposal(1, Track.CONSORTIUM, message)) == code


def test_an_auditor_needs_no_key_to_vote_with() -> None:
    auditor = replace(ADMISSION, kind=Kind.AUDITOR, keys=KEYS[:1], proofs=PROOFS[:1])
    assert Council().propose(1, Track.CONSORTIUM, auditor)[0] == 0


@pytest.mark.parametrize(
    "message", [ADMISSION, ChangeMembership(2, Membership.REMOVED), appointment(1, 77), RemoveValidator(bytes(32))]
)
def test_what_takes_a_vote_cannot_be_sent(message: Value) -> None:
    assert Council().send(governor(1), message) == (Code.ONLY_BY_PROPOSAL, [])


# --- validators


def test_validators_change_once_in_a_hundred_blocks() -> None:
    council = Council()
    council.carry(Track.CONSORTIUM, appointment(1, 77))
    changed = council.height
    wish = RemoveValidator(validator(2).public)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.VALIDATORS_CHANGED_LATELY
    assert council.propose(1, Track.CONSORTIUM, appointment(1, 78))[0] == Code.VALIDATORS_CHANGED_LATELY
    council.empty(changed + GAP - council.height - 2)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.VALIDATORS_CHANGED_LATELY
    _, facts = council.carry(Track.CONSORTIUM, wish)
    assert facts[-1] == ValidatorRemoved(2, validator(2).public, council.height)
    assert council.results[-1].validators == (ValidatorPower(validator(2).public, 0),)
    council.empty(GAP)
    back = appointment(2, 2)
    assert council.propose(1, Track.CONSORTIUM, back)[0] == Code.VALIDATOR_ALREADY_KNOWN, "a key never comes back"
    assert council.rows() == council.refolded()


def test_of_two_changes_voted_at_once_the_second_fails_and_the_chain_goes_on() -> None:
    council = Council()
    documents = [council.propose(by, Track.CONSORTIUM, appointment(by, 70 + by))[1] for by in (1, 2)]
    for document in documents:
        for operator in (1, 2, 3):
            _, facts = council.vote(document, operator)
    assert facts[1:] == [ProposalCarried(documents[1]), ProposalFailed(documents[1], Code.VALIDATORS_CHANGED_LATELY)]
    assert council.results[-1].validators == ()


def test_messages_of_a_proposal_take_effect_together_or_not_at_all() -> None:
    council = Council()
    rival = replace(admission(NEW, 1), code=b"RIVAL")
    two = council.propose(1, Track.CONSORTIUM, ADMISSION, appointment(NEW, 77))[1]
    council.carry(Track.CONSORTIUM, rival, by=2)
    for operator in (1, 2, 3):
        _, facts = council.vote(two, operator)
    assert facts[-1] == ProposalFailed(two, Code.NUMBER_OUT_OF_TURN)
    assert VALIDATORS.get(council.network.store, ValidatorKey(validator(77).public)) is None


def test_the_last_validator_stays() -> None:
    council = Council(operators=1)
    assert council.propose(1, Track.CONSORTIUM, RemoveValidator(validator(1).public))[0] == Code.LAST_VALIDATOR


def test_a_hundred_validators_are_enough() -> None:
    more = [ValidatorAppointed(1, which.to_bytes(32, "big"), 10) for which in range(1000, 1096)]
    council = Council(further=more)
    assert council.propose(1, Track.CONSORTIUM, appointment(1, 77))[0] == Code.TOO_MANY_VALIDATORS


# --- membership


def test_removal_takes_keys_and_nodes_for_ever() -> None:
    council = Council()
    council.send(signer(4, Role.ADMIN), RegisterNodes((b"\x04" * 20,), ()))
    council.carry(Track.CONSORTIUM, RemoveValidator(validator(4).public))
    out = ChangeMembership(4, Membership.REMOVED)
    document, facts = council.carry(Track.CONSORTIUM, out, voters=[1, 2, 3], concerned=4)
    assert facts[1:3] == [ProposalCarried(document), MembershipChanged(4, Membership.REMOVED)]
    revoked = {fact.key for fact in facts if isinstance(fact, KeyRevoked)}
    assert revoked == {signer(4, role).public for role in Role}
    assert facts[-1] == NodeRetired(4, b"\x04" * 20)
    row = OPERATORS.require(council.network.store, OperatorKey(4))
    assert (row.keys, row.nodes, row.membership) == (0, 0, Membership.REMOVED)
    back = ChangeMembership(4, Membership.ACTIVE)
    assert council.propose(1, Track.CONSORTIUM, back, concerned=4)[0] == Code.NOT_AN_ACTIVE_MEMBER
    assert council.propose(1, Track.CONSORTIUM, appointment(4, 77))[0] == Code.NOT_AN_ACTIVE_MEMBER
    assert council.rows() == council.refolded()


def test_who_validates_is_removed_only_after_its_validators() -> None:
    wish = ChangeMembership(4, Membership.REMOVED)
    assert Council().propose(1, Track.CONSORTIUM, wish, concerned=4)[0] == Code.STILL_VALIDATES


def test_a_suspended_member_comes_back() -> None:
    council = Council()
    out, back = ChangeMembership(4, Membership.SUSPENDED), ChangeMembership(4, Membership.ACTIVE)
    assert council.propose(1, Track.CONSORTIUM, back, concerned=4)[0] == Code.MEMBERSHIP_UNCHANGED
    council.carry(Track.CONSORTIUM, out, voters=[1, 2, 3], concerned=4)
    assert council.sign_bundle(SECOND, 1)[0] == RulebookCode.DOCUMENT_NOT_FOUND, "nothing published yet"
    council.publish(SECOND, signers=[1])
    assert council.sign_bundle(SECOND, 4)[0] == RulebookCode.NOT_ASKED_TO_SIGN
    _, facts = council.carry(Track.CONSORTIUM, back, voters=[1, 2, 3], concerned=4)
    assert facts[-1] == MembershipChanged(4, Membership.ACTIVE)
    assert council.sign_bundle(SECOND, 4)[0] == 0


def test_an_unknown_member_has_no_membership() -> None:
    wish = ChangeMembership(9, Membership.SUSPENDED)
    assert Council().propose(1, Track.CONSORTIUM, wish, concerned=9)[0] == Code.OPERATOR_NOT_FOUND


def test_the_last_member_that_votes_and_validates_stays() -> None:
    council = Council(operators=2)
    documents = [
        council.propose(by, Track.CONSORTIUM, ChangeMembership(2, Membership.SUSPENDED), concerned=2)[1]
        for by in (1, 2)
    ]
    wish = ChangeMembership(1, Membership.SUSPENDED)
    last = council.propose(2, Track.CONSORTIUM, wish, concerned=1)[1]
    assert council.vote(documents[0], 1)[1][-1] == MembershipChanged(2, Membership.SUSPENDED)
    assert council.vote(last, 2)[0] == GovernanceCode.NO_SEAT, "a suspended member votes nobody out"
    assert council.vote(documents[1], 1)[1][-1] == ProposalFailed(documents[1], Code.MEMBERSHIP_UNCHANGED)
    council.carry(Track.CONSORTIUM, admission(4), voters=[1])
    code = council.send(governor(4), council.proposal(4, Track.CONSORTIUM, wish, concerned=1))[0]
    assert code == Code.LAST_MEMBER, "nobody else validates"


# --- nodes and peers


def test_an_operator_registers_and_retires_its_nodes() -> None:
    council, admin = Council(), signer(1, Role.ADMIN)
    one, two = b"\x01" * 20, b"\x02" * 20
    assert council.send(admin, RegisterNodes((one, two), ())) == (0, [NodeRegistered(1, one), NodeRegistered(1, two)])
    assert council.send(admin, RegisterNodes((one,), ())) == (0, []), "the same content again"
    assert council.send(admin, RegisterNodes((), (two,))) == (0, [NodeRetired(1, two)])
    other = signer(2, Role.ADMIN)
    assert council.send(other, RegisterNodes((one,), ()))[0] == Code.NODE_ALREADY_KNOWN
    assert council.send(other, RegisterNodes((), (one,)))[0] == Code.NODE_NOT_KNOWN
    assert council.send(other, RegisterNodes((), (two,)))[0] == Code.NODE_NOT_KNOWN
    assert council.send(signer(1, Role.NODE), RegisterNodes((two,), ()))[0] == Code.WRONG_ROLE
    assert council.checked(admin, RegisterNodes((), ())) == Code.NOTHING_TO_CHANGE
    assert council.checked(admin, RegisterNodes((one,), (one,))) == Code.NODE_NAMED_TWICE
    assert council.network.ask("/members/nodes", b"") == encode(((one, [1]),))
    assert council.rows() == council.refolded()


def test_an_operator_has_at_most_64_nodes() -> None:
    council, admin = Council(), signer(1, Role.ADMIN)
    for batch in range(5):
        nodes = tuple((batch * MOST_NODES_PER_CHANGE + n).to_bytes(20, "big") for n in range(MOST_NODES_PER_CHANGE))
        code, _ = council.send(admin, RegisterNodes(nodes, ()))
    assert code == Code.TOO_MANY_NODES


# --- evidence


def test_who_signs_two_blocks_loses_its_power_by_rule() -> None:
    council, public = Council(), validator(3).public
    fault = Misbehaviour(address_of(3), 7)
    _, facts = council.block(evidence=(fault,))
    assert facts == [ValidatorSuspended(3, public, 7)]
    assert council.results[-1].validators == (ValidatorPower(public, 0),)
    assert council.block(evidence=(fault,))[1] == [], "the same evidence again"
    assert council.results[-1].validators == ()
    assert council.propose(1, Track.CONSORTIUM, appointment(3, 3))[0] == Code.VALIDATOR_ALREADY_KNOWN
    assert council.rows() == council.refolded()


def test_a_suspended_validator_is_not_waited_for() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=30)
    for operator in (1, 2, 4):
        council.ready(SECOND, operator)
    assert council.in_force(height) != council.in_force(height + 10)
    council.block(evidence=(Misbehaviour(address_of(3), 7),))
    assert council.in_force(height) == council.in_force(height + 10), "all that validate are ready"


def test_a_chain_keeps_its_last_validator_whatever_the_evidence() -> None:
    council = Council(operators=2)
    evidence = tuple(Misbehaviour(address_of(number), 7) for number in (1, 2))
    _, facts = council.block(evidence=evidence)
    assert facts == [ValidatorSuspended(1, validator(1).public, 7)]


def test_evidence_about_a_stranger_changes_nothing() -> None:
    council = Council()
    before = council.network.app_hash
    council.block(evidence=(Misbehaviour(bytes(20), 7),))
    assert council.network.app_hash == before


def test_a_suspension_of_a_member_is_voted_by_the_others_against_its_will() -> None:
    council = Council()
    out = ChangeMembership(4, Membership.SUSPENDED)
    _, document, _ = council.propose(1, Track.CONSORTIUM, out, concerned=4)
    assert council.vote(document, 1)[1][1:] == []
    assert council.vote(document, 2)[1][1:] == []
    assert council.vote(document, 3, Verdict.APPROVE)[1][-1] == MembershipChanged(4, Membership.SUSPENDED)
