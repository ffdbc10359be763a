"""Proposals and votes: who may, when it is decided, what a vote may carry."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.governance.queries import QUERIES, BallotAt, effective_state
from abci_app.domain.governance.schema import (
    Code,
    ParametersSet,
    ProposalCarried,
    ProposalMade,
    ProposalRejected,
    ProposalState,
    Propose,
    SetParameters,
    SetThresholds,
    ThresholdsSet,
    VoteCast,
)
from abci_app.domain.governance.tables import BALLOTS, BallotKey
from abci_app.domain.members.schema import (
    AdmitOperator,
    ChangeMembership,
    Kind,
    Membership,
    MembershipChanged,
)
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.domain.rulebook.schema import RollBack, ScheduleVersion, SuspendRule, VersionScheduled
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Signature, Verdict
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.parameters import FIRST_PARAMETERS
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Seat, Share, Track
from abci_app.rules.bundle import bundle_hash
from settle.chain.keys import Signer, propose_keys
from tests.support.books import digest
from tests.support.chains import CHAIN, Network, signer
from tests.support.governing import FAST, RULE, SECOND, Council, document_of, edited, governor, members

REGULATOR = 5
SLOWER = replace(FAST, delay=50)


def test_a_vote_is_opened_with_the_seats_of_the_moment() -> None:
    council = Council()
    code, document, facts = council.propose(2, Track.CONSORTIUM, SetParameters(SLOWER))
    assert code == 0
    (made,) = facts
    assert isinstance(made, ProposalMade)
    assert (made.document, made.seats) == (document, tuple(Seat(number, 10) for number in (1, 2, 3, 4)))
    assert (made.until, made.height) == (council.network.time + FAST.voting, council.height)


def test_the_vote_that_decides_also_carries_out() -> None:
    council = Council()
    document, facts = council.carry(Track.CONSORTIUM, SetParameters(SLOWER), voters=[1, 3, 4])
    vote = Signature(4, Role.GOVERNANCE, governor(4).public, Verdict.APPROVE)
    assert facts == [VoteCast(document, vote), ProposalCarried(document), ParametersSet(SLOWER)]
    assert council.ballot(document).state == ProposalState.APPROVED
    assert council.vote(document, 2)[0] == Code.VOTING_OVER
    bundle = council.publish(SECOND)
    wish = ScheduleVersion(bundle, council.height + 20, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.TOO_SOON, "the new delay holds"
    assert council.rows() == council.refolded()


@pytest.mark.parametrize(("operators", "nays"), [(3, 1), (4, 2), (6, 2), (7, 3), (9, 3), (31, 11)])
def test_a_vote_that_can_no_longer_pass_is_over(operators: int, nays: int) -> None:
    council = Council(operators)
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    for operator in range(1, nays):
        assert council.vote(document, operator, Verdict.REFUSE)[1][1:] == []
    assert council.vote(document, nays, Verdict.REFUSE)[1][1:] == [ProposalRejected(document)]
    assert council.vote(document, operators)[0] == Code.VOTING_OVER
    assert council.rows() == council.refolded()


@pytest.mark.parametrize(("operators", "ayes"), [(3, 3), (4, 3), (6, 5), (7, 5), (9, 7), (31, 21)])
def test_the_chain_counts_to_over_two_thirds(operators: int, ayes: int) -> None:
    council = Council(operators)
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    for operator in range(1, ayes):
        assert len(council.vote(document, operator)[1]) == 1
    assert council.vote(document, ayes)[1][1:] == [ProposalCarried(document), ParametersSet(SLOWER)]


def test_silence_rejects_and_anyone_may_record_it() -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    advance = Advance(ObjectKind.PROPOSAL, BALLOTS.at(BallotKey(document)))
    assert council.send(signer(3, Role.MAKER), advance) == (0, [])
    council.block(after=FAST.voting)
    assert council.ballot(document).state == ProposalState.VOTING
    assert effective_state(council.ballot(document), council.network.time) == ProposalState.REJECTED
    assert council.vote(document, 1)[0] == Code.VOTING_OVER
    assert council.send(signer(3, Role.MAKER), advance) == (0, [ProposalRejected(document)])
    assert council.send(signer(3, Role.MAKER), advance) == (0, [])


def test_an_advance_names_a_proposal() -> None:
    council, by = Council(), signer(3, Role.MAKER)
    assert council.checked(by, Advance(ObjectKind.PROPOSAL, b"\x02\x02" + bytes(32))) == Code.NOT_A_PROPOSAL_KEY
    nobodys = Advance(ObjectKind.PROPOSAL, BALLOTS.at(BallotKey(bytes(32))))
    assert council.send(by, nobodys)[0] == Code.DOCUMENT_NOT_FOUND


def test_the_same_proposal_again_changes_nothing_and_another_of_its_serial_is_refused() -> None:
    council = Council()
    wish = council.proposal(1, Track.CONSORTIUM, SetParameters(SLOWER))
    assert council.send(governor(1), wish)[0] == 0
    assert council.send(governor(1), wish) == (0, [])
    assert council.send(governor(1), replace(wish, note=b"other"))[0] == Code.EXISTS_WITH_DIFFERENT_CONTENT
    assert council.send(governor(1), replace(wish, serial=3))[0] == Code.SERIAL_OUT_OF_TURN
    assert council.send(governor(2), wish)[0] == 0, "another operator's serials are its own"


# --- who may vote


def test_an_operator_votes_once_even_with_two_keys() -> None:
    council, second = Council(), signer(1, Role.GOVERNANCE, 1)
    council.change_keys(1, 1, [second], [])
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    assert council.vote(document, 1)[0] == 0
    assert council.vote(document, 1) == (0, []), "the same vote again"
    assert council.vote(document, 1, Verdict.REFUSE)[0] == Code.ALREADY_VOTED
    assert council.vote(document, second)[0] == Code.ALREADY_VOTED


def test_the_vote_of_a_key_revoked_before_the_count_is_not_counted() -> None:
    council, fresh = Council(), signer(1, Role.GOVERNANCE, 1)
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    council.vote(document, 1)
    council.change_keys(1, 1, [fresh], [governor(1).public])
    council.vote(document, 2)
    assert council.vote(document, 3)[1][1:] == [], "three signatures, two that count"
    assert council.vote(document, fresh)[1][1] == ProposalCarried(document)


@pytest.mark.parametrize(
    ("by", "role", "code"),
    [
        (signer(1, Role.CHECKER), Role.GOVERNANCE, Code.ROLE_NOT_THE_KEYS),
        (signer(1, Role.CHECKER), Role.CHECKER, Code.WRONG_ROLE),
        (governor(REGULATOR), Role.GOVERNANCE, Code.NO_SEAT),
    ],
)
def test_a_vote_takes_a_seat_and_its_key(by: Signer, role: Role, code: Code) -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    assert council.send(by, Approve(DocumentKind.PROPOSAL, document, role, Verdict.APPROVE))[0] == code


def test_a_vote_names_the_exact_proposal() -> None:
    """Other bytes or another height are another document: nobody's vote carries over."""
    council, bundle = Council(), bundle_hash(SECOND)
    council.publish(SECOND)
    height = council.height + 12
    _, document, _ = council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, height, True))
    for other in (ScheduleVersion(bundle, height + 1, True), ScheduleVersion(digest("other bytes"), height, True)):
        wish = replace(council.proposal(1, Track.CONSORTIUM, other), serial=1)
        assert document_of(1, wish) != document
        assert council.vote(document_of(1, wish), 2)[0] == Code.DOCUMENT_NOT_FOUND


def test_a_member_admitted_after_voting_started_has_no_vote_on_it() -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    keys = tuple(signer(6, role).grant for role in Role)
    proofs = tuple(signer(6, role).possession(CHAIN) for role in Role)
    new = AdmitOperator(6, b"NEW", b"", Kind.MOBILE, 156, (), keys, proofs)
    council.carry(Track.CONSORTIUM, new, by=2)
    assert council.vote(document, 6)[0] == Code.NO_SEAT
    assert council.propose(6, Track.CONSORTIUM, SetParameters(SLOWER))[0] == 0, "on later ones it has"


def test_a_suspended_member_neither_votes_nor_proposes_and_its_vote_is_not_counted() -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    council.vote(document, 4)
    out = ChangeMembership(4, Membership.SUSPENDED)
    _, facts = council.carry(Track.CONSORTIUM, out, voters=[1, 2, 3], by=2, concerned=4)
    assert facts[-1] == MembershipChanged(4, Membership.SUSPENDED)
    council.vote(document, 1)
    assert council.vote(document, 2)[1][1:] == [], "the suspended vote is not counted"
    assert council.vote(document, 3)[1][1] == ProposalCarried(document)
    assert council.propose(4, Track.CONSORTIUM, SetParameters(SLOWER))[0] == Code.NO_SEAT
    assert council.vote(document, 4)[0] == Code.NO_SEAT
    assert "not suspended" in council.log(), "its seat is among those expected"


# --- the one concerned


def test_the_one_concerned_has_no_vote() -> None:
    council = Council()
    out = ChangeMembership(3, Membership.SUSPENDED)
    both = (out, ChangeMembership(4, Membership.SUSPENDED))
    for messages, concerned in (((out,), 0), ((out,), 2), ((SetParameters(SLOWER),), 2), (both, 3)):
        wish = council.proposal(1, Track.CONSORTIUM, *messages, concerned=concerned)
        assert council.checked(governor(1), wish) == Code.CONCERNED_DIFFERS
    code, document, _ = council.propose(1, Track.CONSORTIUM, out, concerned=3)
    assert code == 0
    assert council.vote(document, 3, Verdict.REFUSE)[0] == Code.NO_SEAT


def test_alone_with_the_one_concerned_there_is_nobody_to_vote() -> None:
    council = Council(operators=1)
    out = ChangeMembership(1, Membership.SUSPENDED)
    assert council.propose(1, Track.CONSORTIUM, out, concerned=1)[0] == Code.NOBODY_MAY_VOTE


# --- what a vote may carry


KEYS = propose_keys(CHAIN, 1, [signer(1, Role.MAKER, 9)])


@pytest.mark.parametrize(
    ("track", "message", "changes", "code"),
    [
        (Track.CONSORTIUM, KEYS, {}, Code.NOT_GOVERNED),
        (Track.CONSORTIUM, Propose(1, Track.CONSORTIUM, 0, (), 0, b"", (b"x",), b""), {}, Code.NOT_GOVERNED),
        (Track.CONSORTIUM, SetThresholds(FIRST_THRESHOLDS), {}, Code.NOT_ON_THIS_TRACK),
        (Track.EMERGENCY, SetParameters(FAST), {}, Code.NOT_ON_THIS_TRACK),
        (Track.EMERGENCY, ScheduleVersion(bytes(32), 99, True), {}, Code.NOT_ON_THIS_TRACK),
        (Track.CONSORTIUM, SuspendRule(RULE), {}, Code.NOT_ON_THIS_TRACK),
        (Track.ROLLBACK, ScheduleVersion(bytes(32), 99, True), {}, Code.NOT_ON_THIS_TRACK),
        (Track.MANDATED, SuspendRule(RULE), {"order": bytes(32)}, Code.NOT_ON_THIS_TRACK),
        (Track.CONSORTIUM, SetParameters(FAST), {"agreement": 1}, Code.AGREEMENT_MISPLACED),
        (Track.CONSORTIUM, SetParameters(FAST), {"parties": (1,)}, Code.AGREEMENT_MISPLACED),
        (Track.AGREEMENT, RollBack(RULE, 1, 99), {"agreement": 1, "parties": (1, 1)}, Code.AGREEMENT_MISPLACED),
        (Track.AGREEMENT, RollBack(RULE, 1, 99), {"agreement": 0, "parties": (1, 2)}, Code.AGREEMENT_MISPLACED),
        (Track.CONSORTIUM, SetParameters(FAST), {"order": bytes(32)}, Code.ORDER_MISPLACED),
        (Track.MANDATED, ScheduleVersion(bytes(32), 99, True), {}, Code.ORDER_MISPLACED),
        (Track.MANDATED, ScheduleVersion(bytes(32), 99, True), {"order": b"1"}, Code.ORDER_MISPLACED),
        (Track.CONSORTIUM, SetParameters(replace(FAST, agreement_slots=(1, 1))), {}, Code.SLOT_NAMED_TWICE),
    ],
)
def test_a_proposal_that_no_state_would_accept_is_refused_at_the_door(
    track: Track, message: Value, changes: dict[str, object], code: Code
) -> None:
    council = Council()
    assert council.checked(governor(1), council.proposal(1, track, message, **changes)) == code


@pytest.mark.parametrize(
    "change",
    [
        {"consortium": Share(49, 100)},
        {"consortium": Share(1, 1)},
        {"constitution": Share(3, 5)},
        {"constitution": Share(6, 5)},
        {"emergency": Share(1, 5)},
        {"emergency": Share(2, 3)},
    ],
)
def test_thresholds_stay_within_bounds(change: dict[str, Share]) -> None:
    council = Council()
    wish = council.proposal(1, Track.CONSTITUTION, SetThresholds(replace(FIRST_THRESHOLDS, **change)))
    assert council.checked(governor(1), wish) == Code.THRESHOLDS_OUT_OF_BOUNDS


@pytest.mark.parametrize(("operators", "ayes"), [(4, 3), (5, 4), (6, 5), (7, 6), (12, 10)])
def test_the_constitution_takes_five_sixths_or_all_but_one(operators: int, ayes: int) -> None:
    council, stricter = Council(operators), replace(FIRST_THRESHOLDS, consortium=Share(3, 4))
    _, document, _ = council.propose(1, Track.CONSTITUTION, SetThresholds(stricter))
    for operator in range(1, ayes):
        assert len(council.vote(document, operator)[1]) == 1
    assert council.vote(document, ayes)[1][1:] == [ProposalCarried(document), ThresholdsSet(stricter)]


def test_new_thresholds_hold_for_the_next_vote() -> None:
    council = Council()
    council.carry(Track.CONSTITUTION, SetThresholds(replace(FIRST_THRESHOLDS, consortium=Share(3, 4))))
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    for operator in (1, 2, 3):
        assert council.vote(document, operator)[1][1:] == [], "three quarters are not over three quarters"
    assert council.vote(document, 4)[1][1] == ProposalCarried(document)


@pytest.mark.parametrize("message", [SetParameters(FAST), SetThresholds(FIRST_THRESHOLDS)])
def test_what_takes_a_vote_cannot_be_sent(message: Value) -> None:
    assert Council().send(governor(1), message) == (Code.ONLY_BY_PROPOSAL, [])


@pytest.mark.parametrize("by", [signer(1, Role.ADMIN), signer(1, Role.NODE), signer(1, Role.MAKER)])
def test_only_governance_keys_propose(by: Signer) -> None:
    council = Council()
    assert council.send(by, council.proposal(1, Track.CONSORTIUM, SetParameters(FAST)))[0] == Code.WRONG_ROLE


# --- the regulator's order


def order(council: Council, by: int, ahead: int, raw: bytes = SECOND) -> tuple[int, bytes, list[Value]]:
    wish = ScheduleVersion(bundle_hash(raw), council.height + ahead, True)
    return council.propose(by, Track.MANDATED, wish, order=digest("order 506"))


def test_an_order_of_the_regulator_is_scheduled_and_not_voted_down() -> None:
    council = Council()
    council.publish(SECOND, by=REGULATOR, signers=(REGULATOR, 2))
    code, document, facts = order(council, REGULATOR, FAST.notice + 1)
    assert code == 0
    assert [type(fact) for fact in facts] == [ProposalMade, ProposalCarried, VersionScheduled]
    assert council.ballot(document).proposal.order == digest("order 506")
    assert council.vote(document, 1, Verdict.REFUSE)[0] == Code.NO_SEAT
    assert council.ready(SECOND, 1, verdict=Verdict.REFUSE)[0] == 0, "a failing check is the one way to refuse"
    assert council.rows() == council.refolded()


def test_an_order_takes_a_regulator_notice_and_a_countersigned_bundle() -> None:
    council = Council()
    council.publish(SECOND, by=REGULATOR, signers=(REGULATOR, 2))
    assert order(council, 1, 30)[0] == Code.NOT_A_REGULATOR
    assert order(council, REGULATOR, FAST.notice)[0] == Code.TOO_SOON
    unsigned = edited(change_note=b"unsigned")
    council.publish(unsigned, by=REGULATOR, signers=(REGULATOR,))
    assert order(council, REGULATOR, 30, unsigned)[0] == RulebookCode.NOT_COUNTERSIGNED
    assert "another" in council.log()


def test_a_suspended_regulator_orders_nothing_and_is_told_why() -> None:
    council = Council()
    council.publish(SECOND, by=REGULATOR, signers=(REGULATOR, 2))
    out = ChangeMembership(REGULATOR, Membership.SUSPENDED)
    council.carry(Track.CONSORTIUM, out, voters=[1, 2, 3], concerned=REGULATOR)
    assert order(council, REGULATOR, 30)[0] == Code.NOT_A_REGULATOR
    assert "REGULATOR, SUSPENDED" in council.log()


def test_the_regulator_proposes_nothing_else() -> None:
    assert Council().propose(REGULATOR, Track.CONSORTIUM, SetParameters(FAST))[0] == Code.NO_SEAT


# --- looking


def test_what_anyone_may_ask_about_governance() -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(SLOWER))
    council.vote(document, 1)
    store, now = council.network.store, council.moment()
    (listed,) = QUERIES["/governance/proposals"](store, now, b"")  # type: ignore[misc]  # a tuple
    assert listed[:2] == (document, ProposalState.VOTING)
    asked = QUERIES["/governance/proposal"]
    row = council.ballot(document)
    assert asked(store, now, encode(document)) == BallotAt(ProposalState.VOTING, False, True, row)
    out = asked(store, now._replace(time=now.time + FAST.voting), encode(document))
    assert out == BallotAt(ProposalState.REJECTED, False, True, row), "whether or not anyone has recorded it"
    assert row.votes[0].operator == 1
    assert asked(store, now, encode(bytes(32))) is None
    assert [QUERIES["/governance/proposer"](store, now, encode(number)) for number in (1, 2)] == [1, 0]
    assert QUERIES["/governance/parameters"](store, now, b"") == FAST
    assert QUERIES["/governance/thresholds"](store, now, b"") == FIRST_THRESHOLDS
    assert council.network.ask("/governance/parameters", b"") == encode(FAST)


def test_what_genesis_does_not_set_has_a_first_value() -> None:
    assert Network(members()).ask("/governance/parameters", b"") == encode(FIRST_PARAMETERS)
