"""What one member, or a third of the power, must not get out of the rules that everybody votes by."""

from __future__ import annotations

from time import process_time

import pytest
from msgspec.structs import replace

from abci_app.application.costs import COSTS
from abci_app.application.genesis import GenesisFault
from abci_app.application.interface import Misbehaviour
from abci_app.domain.governance.schema import Code, ProposalState, SetParameters, SetThresholds
from abci_app.domain.members.schema import ChangeMembership, Kind, Membership, OperatorAdmitted, RemoveValidator
from abci_app.domain.members.schema import Code as MembersCode
from abci_app.domain.rulebook.queries import AtHeight
from abci_app.domain.rulebook.schema import (
    NEVER,
    BundlePublished,
    PublishBundle,
    RollBack,
    RuleVersion,
    ScheduleVersion,
    VersionScheduled,
    VersionState,
)
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.domain.rulebook.tables import VERSIONS, VersionKey
from abci_app.kernel.approvals import MOST_OF_ONE_NODE, MOST_OF_ONE_PARTY, MOST_VOTES, DocumentKind, Signature, Verdict
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Share, Track
from abci_app.rules.bundle import MOST_AUTHORS, bundle_hash, manifest_in, read_bundle, vectors_of, write_bundle
from abci_app.rules.codes import RuleCode
from tests.support.chains import signer
from tests.support.governing import (
    FAST,
    FIRST,
    RULE,
    SECOND,
    Council,
    address_of,
    appointment,
    edited,
    governor,
    new_rule,
    validator,
)

# --- a proposal whose messages change who counts


@pytest.mark.parametrize("change", [RemoveValidator(validator(4).public), appointment(4, 77)])
def test_a_version_and_a_change_of_validators_may_stand_in_one_proposal(change: Value) -> None:
    """The version waits, and the change counts again what waits: the proposal itself must not be lost over it."""
    council = Council()
    bundle = council.publish(SECOND)
    wish = ScheduleVersion(bundle, council.height + 20, True), change
    document, facts = council.carry(Track.CONSORTIUM, *wish)
    assert council.ballot(document).state == ProposalState.APPROVED
    assert any(isinstance(fact, VersionScheduled) for fact in facts)
    assert council.rows() == council.refolded()


def test_who_has_no_vote_on_its_membership_keeps_it_on_everything_else() -> None:
    council = Council()
    out, back = ChangeMembership(4, Membership.SUSPENDED), ChangeMembership(4, Membership.ACTIVE)
    bundle = council.publish(SECOND)
    height = council.height + 20
    for rider in (SetParameters(FAST), ScheduleVersion(bundle, height, True), RemoveValidator(validator(3).public)):
        code, *_ = council.propose(1, Track.CONSORTIUM, out, rider, back, concerned=4)
        assert code == Code.NOT_ABOUT_THE_CONCERNED, council.log()


def test_a_member_may_lose_its_validator_and_its_membership_at_once() -> None:
    council = Council()
    wish = RemoveValidator(validator(4).public), ChangeMembership(4, Membership.REMOVED)
    document, _ = council.carry(Track.CONSORTIUM, *wish, concerned=4)
    assert council.ballot(document).state == ProposalState.APPROVED


def test_who_changes_a_key_undoes_no_vote_that_was_carried_before_thresholds_rose() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=60)
    higher = replace(FIRST_THRESHOLDS, consortium=Share(9, 10), constitution=Share(9, 10))
    document, _ = council.carry(Track.CONSTITUTION, SetThresholds(higher))
    assert council.ballot(document).state == ProposalState.APPROVED
    assert council.change_keys(4, 1, [signer(4, Role.MAKER, 5)], [signer(4, Role.MAKER).public]) == 0
    assert council.state_of(2) == VersionState.APPROVED
    assert council.change_keys(3, 1, [], [governor(3).public]) == 0
    assert council.state_of(2, height) == VersionState.REJECTED, "but a vote that is gone counts by what holds now"


def test_who_changes_a_key_moves_no_height_that_was_given_before_the_grace_changed() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=60)
    for operator in (1, 2, 3):
        council.ready(SECOND, operator)
    council.carry(Track.CONSORTIUM, SetParameters(replace(FAST, grace=1_000_000)))
    assert council.change_keys(4, 1, [signer(4, Role.MAKER, 5)], [signer(4, Role.MAKER).public]) == 0
    assert council.state_of(2, height + FAST.grace) == VersionState.ACTIVE


def test_a_version_that_is_rolled_back_before_any_node_was_ready_is_not_waited_for() -> None:
    council = Council()
    council.schedule(SECOND)
    council.carry(Track.ROLLBACK, RollBack(RULE, 1, council.height + 10))
    assert council.network.ask("/rulebook/waiting", b"") != encode(())
    council.empty(10)
    assert council.network.ask("/rulebook/waiting", b"") == encode(())


# --- votes always have power behind them


def test_the_last_validator_of_a_seat_stays_though_a_suspended_member_has_one() -> None:
    council = Council(operators=2)
    council.carry(Track.CONSORTIUM, ChangeMembership(2, Membership.SUSPENDED), concerned=2, voters=[1])
    code, *_ = council.propose(1, Track.CONSORTIUM, RemoveValidator(validator(1).public))
    assert code == MembersCode.LAST_VALIDATOR
    assert council.block(evidence=(Misbehaviour(address_of(1), 3),))[1] == []
    document, _ = council.carry(Track.CONSORTIUM, SetParameters(FAST), voters=[1])
    assert council.ballot(document).state == ProposalState.APPROVED


def test_the_last_seat_with_power_is_not_suspended_though_a_regulator_validates() -> None:
    council = Council(operators=2)
    council.carry(Track.CONSORTIUM, appointment(3, 77))
    council.empty(100)
    council.carry(Track.CONSORTIUM, RemoveValidator(validator(1).public))
    out = ChangeMembership(2, Membership.SUSPENDED)
    assert council.propose(1, Track.CONSORTIUM, out, concerned=2)[0] == MembersCode.LAST_MEMBER


def test_genesis_admits_no_more_seats_than_a_vote_can_hold() -> None:
    with pytest.raises(GenesisFault, match="at most 256"):
        Council(further=[OperatorAdmitted(257, b"OP257", b"", Kind.MOBILE, 156)])


# --- rows that one member could fill with keys that it revokes


def test_one_operator_does_not_fill_the_votes_of_all() -> None:
    council = Council()
    _, document, _ = council.propose(1, Track.CONSORTIUM, SetParameters(FAST))
    places = MOST_VOTES // council.operators
    for turn in range(places):
        old, new = (governor(4) if n == 0 else signer(4, Role.GOVERNANCE, n) for n in (turn, turn + 1))
        assert council.vote(document, old)[0] == 0
        assert council.change_keys(4, turn + 1, [new], [old.public]) == 0
    assert council.vote(document, signer(4, Role.GOVERNANCE, places))[0] == Code.TOO_MANY_VOTES
    for operator in (1, 2, 3):
        assert council.vote(document, operator)[0] == 0
    assert council.ballot(document).state == ProposalState.APPROVED


def test_one_operator_does_not_fill_a_readiness() -> None:
    council = Council()
    council.schedule(SECOND, ahead=200)
    row = VERSIONS.require(council.network.store, VersionKey(RULE, 2))
    spent = tuple(Signature(4, Role.NODE, n.to_bytes(33, "big"), Verdict.REFUSE) for n in range(MOST_OF_ONE_NODE))
    council.put(VERSIONS.at(VersionKey(RULE, 2)), encode(replace(row, ready=spent)))
    assert council.ready(SECOND, 4)[0] == RulebookCode.TOO_MANY_SIGNATURES
    for operator in (1, 2, 3):
        assert council.ready(SECOND, operator)[0] == 0
    assert council.in_force(council.height + 10_000) is not None


def test_one_operator_does_not_fill_the_signatures_of_a_bundle() -> None:
    council = Council()
    assert council.send(governor(1), PublishBundle(SECOND))[0] == 0
    for turn in range(MOST_OF_ONE_PARTY):
        old, new = (governor(4) if n == 0 else signer(4, Role.GOVERNANCE, n) for n in (turn, turn + 1))
        wish = replace(council.ballot_paper(bundle_hash(SECOND)), kind=DocumentKind.BUNDLE)
        assert council.send(old, wish)[0] == 0, council.log()
        assert council.change_keys(4, turn + 1, [new], [old.public]) == 0
    last = signer(4, Role.GOVERNANCE, MOST_OF_ONE_PARTY)
    assert council.send(last, wish)[0] == RulebookCode.TOO_MANY_SIGNATURES
    assert council.sign_bundle(SECOND, 1)[0] == 0


def test_a_bundle_that_somebody_else_published_first_and_withdrew_can_still_be_published() -> None:
    council, bundle = Council(), bundle_hash(SECOND)
    assert council.send(governor(4), PublishBundle(SECOND))[0] == 0
    assert council.sign_bundle(SECOND, 4, Verdict.REFUSE)[0] == 0
    assert council.send(governor(4), PublishBundle(SECOND)) == (0, []), "who took it back does not get it back"
    assert council.send(governor(1), PublishBundle(SECOND)) == (0, [BundlePublished(bundle, 1)])
    for operator in (1, 2):
        assert council.sign_bundle(SECOND, operator)[0] == 0
    document, _ = council.carry(Track.CONSORTIUM, ScheduleVersion(bundle, council.height + 20, True))
    assert council.ballot(document).state == ProposalState.APPROVED
    assert council.rows() == council.refolded()


# --- what costs more than it says


def test_a_bundle_has_no_more_values_than_can_be_looked_at_in_time() -> None:
    council = Council()
    for raw in (edited(authors=(b"",) * (MOST_AUTHORS + 1)), edited(authors=(b"",) * 100_000)):
        assert council.checked(governor(1), PublishBundle(raw)) == RuleCode.MALFORMED


def test_what_is_stored_is_read_again_only_in_part() -> None:
    for raw in (FIRST, SECOND):
        assert manifest_in(raw) == read_bundle(raw).manifest
        assert vectors_of(raw) == read_bundle(raw).vectors


def test_a_proposal_of_eight_bundles_takes_no_longer_than_it_costs() -> None:
    """Microseconds against units, with room for a slow machine; before, it took two hundred times its cost."""
    council = Council()
    raws = [new_rule(f"rule_{number}") for number in range(8)]
    full = [read_bundle(raw) for raw in raws]
    raws = [write_bundle(replace(bundle, vectors=(bundle.vectors * 50)[:800])) for bundle in full]
    for raw in raws:
        council.publish(raw)
    wish = council.proposal(1, Track.CONSORTIUM, *[ScheduleVersion(bundle_hash(raw), 900, True) for raw in raws])
    raw = council.signed(governor(1), [wish])
    began = process_time()
    council.network.ask("/simulate", raw)
    assert (process_time() - began) * 1e6 < 2 * COSTS[type(wish)](wish)


def test_the_history_of_a_rule_of_many_versions_is_told_at_once() -> None:
    council = Council()
    for version in range(2, 302):
        row = RuleVersion(bundle_hash(FIRST), 10 * version, 10**9, 1, 1, NEVER, False, bytes(32), False, ())
        council.put(VERSIONS.at(VersionKey(RULE, version)), encode(row))
    council.network.store._sorted = None
    began = process_time()
    council.network.ask("/rulebook/history", encode(AtHeight(RULE, 5)))
    assert process_time() - began < 1
