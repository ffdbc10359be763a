"""The life of a rule version: published, countersigned, voted, ready, active."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from abci_app.domain.governance.schema import ProposalCarried, ProposalFailed, ProposalState, VoteCast
from abci_app.domain.rulebook.schema import (
    ActivationSet,
    BundleCountersigned,
    BundlePublished,
    BundleSigned,
    BundleStored,
    BundleWithdrawn,
    Code,
    PublishBundle,
    RatifySuspension,
    ReadinessSigned,
    ResumeRule,
    RollBack,
    RulePublished,
    RuleVersionActivated,
    ScheduleVersion,
    SuspendRule,
    VersionInForce,
    VersionScheduled,
    VersionState,
)
from abci_app.domain.rulebook.tables import VERSIONS, VersionKey
from abci_app.kernel.approvals import MOST_SIGNATURES, Approve, DocumentKind, Signature, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.parameters import DAY
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import bundle_hash, read_bundle, write_bundle
from abci_app.rules.codes import RuleCode
from abci_app.rules.interface import Slot
from settle.chain.keys import Signer
from tests.support.chains import GENESIS_TIME, signer
from tests.support.governing import (
    FAR,
    FAST,
    FIRST,
    RULE,
    SECOND,
    SECOND_LATER,
    Council,
    edited,
    governor,
    new_rule,
    readiness_of,
)

V1, V2 = VersionInForce(1, bundle_hash(FIRST)), VersionInForce(2, bundle_hash(SECOND))
V2_USAGE = read_bundle(SECOND).manifest.effective_from, read_bundle(SECOND).manifest.effective_to
THIRD = edited(SECOND, change_note=b"third")


def signature(operator: int, role: Role = Role.GOVERNANCE) -> Signature:
    return Signature(operator, role, signer(operator, role).public, Verdict.APPROVE)


def test_a_rule_goes_from_its_author_to_every_node() -> None:
    council, bundle = Council(), bundle_hash(SECOND)
    assert council.send(governor(1), PublishBundle(SECOND)) == (
        0,
        [BundleStored(bundle, SECOND), BundlePublished(bundle, 1)],
    )
    assert council.sign_bundle(SECOND, 1) == (0, [BundleSigned(bundle, signature(1))])
    assert council.sign_bundle(SECOND, 2) == (0, [BundleSigned(bundle, signature(2)), BundleCountersigned(bundle)])
    height = council.height + 9
    document, facts = council.carry(Track.CONSORTIUM, ScheduleVersion(bundle, height, True), voters=[1, 2, 3])
    ready = readiness_of(read_bundle(SECOND), SECOND)
    assert facts == [
        VoteCast(document, signature(3)),
        ProposalCarried(document),
        VersionScheduled(RULE, 2, bundle, *V2_USAGE, height, True, document, ready),
    ]
    assert council.state_of(2) == VersionState.APPROVED
    for operator in (1, 2):
        assert council.ready(SECOND, operator) == (0, [ReadinessSigned(RULE, 2, signature(operator, Role.NODE))])
    assert council.ready(SECOND, 3)[1][1:] == [ActivationSet(RULE, 2, height + FAST.grace)], "over two thirds"
    assert council.ready(SECOND, 4)[1][1:] == [ActivationSet(RULE, 2, height)], "all"
    assert council.height < height
    assert (council.in_force(height - 1), council.in_force(height)) == (V1, V2)
    assert council.state_of(2, height - 1) == VersionState.APPROVED
    assert (council.state_of(1, height), council.state_of(2, height)) == (VersionState.RETIRED, VersionState.ACTIVE)
    assert council.rows() == council.refolded()


def test_nothing_runs_when_the_height_comes() -> None:
    council = Council()
    height = council.schedule(SECOND)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    rows = council.rows()
    while council.height <= height:
        before = council.network.app_hash
        council.empty()
        assert council.network.app_hash == before
    assert council.rows() == rows
    assert council.in_force(council.height) == V2


@pytest.mark.parametrize("nodes", [0, 1, 2])
def test_without_two_thirds_of_the_nodes_a_version_never_runs(nodes: int) -> None:
    council = Council()
    height = council.schedule(SECOND)
    for operator in range(1, nodes + 1):
        council.ready(SECOND, operator)
    assert council.in_force(height + 10_000_000) == V1
    assert council.state_of(2, height + 10_000_000) == VersionState.APPROVED


def test_a_laggard_delays_a_version_by_the_grace_and_no_longer() -> None:
    council = Council()
    height = council.schedule(SECOND)
    for operator in (1, 2, 3):
        council.ready(SECOND, operator)
    assert council.in_force(height + FAST.grace - 1) == V1
    assert council.in_force(height + FAST.grace) == V2


def test_a_node_that_comes_late_makes_the_version_run_from_the_next_block() -> None:
    council = Council()
    height = council.schedule(SECOND)
    council.empty(20)
    for operator in (1, 2):
        council.ready(SECOND, operator)
    code, facts = council.ready(SECOND, 3)
    assert (code, facts[1:]) == (0, [ActivationSet(RULE, 2, council.height + 1)])
    assert council.height > height
    assert (council.in_force(council.height), council.in_force(council.height + 1)) == (V1, V2)
    assert council.ready(SECOND, 4)[1][1:] == [], "what runs already keeps its height"


def test_a_node_that_computes_otherwise_is_never_ready_and_the_others_go_on() -> None:
    council = Council()
    height = council.schedule(SECOND)
    bundle = read_bundle(SECOND)
    other = replace(bundle, vectors=(replace(bundle.vectors[0], source=b""), *bundle.vectors[1:]))
    assert readiness_of(other, SECOND) == readiness_of(bundle, SECOND), "the source of figures is no outcome"
    wrong = replace(bundle.vectors[0], results=tuple(1 + int(result) for result in bundle.vectors[0].results))
    tampered = replace(bundle, vectors=(wrong, *bundle.vectors[1:]))
    node = signer(4, Role.NODE)
    said = Approve(DocumentKind.READINESS, readiness_of(tampered, SECOND), Role.NODE, Verdict.APPROVE)
    assert council.send(node, said) == (Code.DOCUMENT_NOT_FOUND, [])
    refused = Signature(4, Role.NODE, node.public, Verdict.REFUSE)
    assert council.ready(SECOND, 4, verdict=Verdict.REFUSE) == (0, [ReadinessSigned(RULE, 2, refused)])
    for operator in (1, 2, 3):
        council.ready(SECOND, operator)
    assert council.in_force(height + FAST.grace) == V2
    assert council.ready(SECOND, 4)[0] == 0, "repaired, it may still say so"


def test_a_version_rates_only_the_usage_that_its_manifest_names() -> None:
    council = Council()
    height = council.schedule(SECOND_LATER, backdated=False)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND_LATER, operator)
    later = VersionInForce(2, bundle_hash(SECOND_LATER))
    assert (council.in_force(height, FAR - 1), council.in_force(height, FAR)) == (V1, later)
    assert (council.state_of(1, height), council.state_of(2, height)) == (VersionState.ACTIVE, VersionState.ACTIVE)


def test_a_new_name_becomes_a_new_rule() -> None:
    council, raw = Council(), new_rule()
    bundle, height = council.publish(raw), council.height + 12
    _, facts = council.carry(Track.CONSORTIUM, ScheduleVersion(bundle, height, True))
    assert facts[2] == RulePublished(RULE + 1, b"other_minutes", Slot.RATING)
    for operator in (1, 2, 3, 4):
        assert council.ready(raw, operator, version=1, rule=RULE + 1)[0] == 0
    assert council.in_force(height, rule=RULE + 1) == VersionInForce(1, bundle)
    assert council.rows() == council.refolded()


# --- what is refused when a bundle is published


def broken(**changes: object) -> bytes:
    return write_bundle(replace(read_bundle(SECOND), **changes))


def of_slot(slot: int) -> bytes:
    """The bundle with a slot's number that our own types do not let us write."""
    parts = msgspec.msgpack.decode(SECOND)
    parts[0][0] = slot
    return msgspec.msgpack.encode(parts)


@pytest.mark.parametrize(
    ("by", "raw", "code"),
    [
        (signer(1, Role.MAKER), SECOND, Code.WRONG_ROLE),
        (governor(1), edited(chain=b"\x01" * 32), Code.OTHER_CHAIN),
        (governor(1), edited(chain=b""), Code.OTHER_CHAIN),
        (governor(1), edited(sequence=1, previous=b""), Code.SEQUENCE_REUSED),
        (governor(1), edited(sequence=3), Code.SEQUENCE_OUT_OF_TURN),
        (governor(1), edited(name="unheard_of"), Code.SEQUENCE_OUT_OF_TURN),
        (governor(1), edited(previous=b"\x07" * 32), Code.NOT_THE_PREVIOUS),
        (governor(1), edited(slot=Slot.TOLERANCE), Code.SLOT_CHANGED),
        (governor(1), edited(scope=5), Code.SCOPE_CHANGED),
        (governor(1), of_slot(99), Code.UNKNOWN_SLOT),
        (governor(1), b"\x90", RuleCode.MALFORMED),
        (governor(1), SECOND + b"\x00", RuleCode.MALFORMED),
        (governor(1), edited(tree=b"\x00" * 32), RuleCode.BAD_MANIFEST),
        (governor(1), edited(effective_from=9, effective_to=9), RuleCode.BAD_MANIFEST),
        (governor(1), broken(vectors=()), RuleCode.NO_VECTORS),
    ],
)
def test_a_bundle_that_does_not_hold_is_refused_and_the_chain_goes_on(by: Signer, raw: bytes, code: int) -> None:
    council = Council()
    before = council.rows()
    wish = council.signed(by, [PublishBundle(raw)])
    (outcome,) = council.network.decide(council.network.propose(wish)).outcomes
    assert outcome.code == code, outcome.log
    assert council.rows() == before
    council.empty()
    assert council.send(governor(1), PublishBundle(SECOND))[0] == 0


def test_the_same_bundle_again_changes_nothing() -> None:
    council = Council()
    council.publish(SECOND)
    assert council.send(governor(3), PublishBundle(SECOND)) == (0, [])
    assert council.sign_bundle(SECOND, 2) == (0, [])


# --- signing a bundle


@pytest.mark.parametrize(
    ("by", "role", "code"),
    [
        (signer(2, Role.CHECKER), Role.GOVERNANCE, Code.ROLE_NOT_THE_KEYS),
        (signer(2, Role.CHECKER), Role.CHECKER, Code.NOT_ASKED_TO_SIGN),
        (signer(1, Role.GOVERNANCE, 7), Role.GOVERNANCE, Code.ALREADY_SIGNED),
    ],
)
def test_a_bundle_is_signed_once_by_each_and_with_the_right_key(by: Signer, role: Role, code: Code) -> None:
    council = Council()
    council.publish(SECOND, signers=[1, 3])
    second_key = signer(1, Role.GOVERNANCE, 7)
    council.change_keys(1, 1, [second_key], [])
    wish = Approve(DocumentKind.BUNDLE, bundle_hash(SECOND), role, Verdict.APPROVE)
    assert council.send(by, wish)[0] == code
    refusal = Approve(DocumentKind.BUNDLE, bundle_hash(SECOND), Role.GOVERNANCE, Verdict.REFUSE)
    assert council.send(governor(3), refusal)[0] == Code.ALREADY_SIGNED, "only its publisher takes it back"


def test_only_a_published_bundle_is_signed() -> None:
    assert Council().sign_bundle(SECOND, 1)[0] == Code.DOCUMENT_NOT_FOUND


@pytest.mark.parametrize("signers", [[2], [1, 2]])
def test_its_publisher_takes_a_bundle_back(signers: list[int]) -> None:
    council = Council()
    council.publish(SECOND, signers=signers)
    bundle = bundle_hash(SECOND)
    taken = Signature(1, Role.GOVERNANCE, governor(1).public, Verdict.REFUSE)
    assert council.sign_bundle(SECOND, 1, Verdict.REFUSE) == (0, [BundleSigned(bundle, taken), BundleWithdrawn(bundle)])
    assert council.sign_bundle(SECOND, 3)[0] == Code.DOCUMENT_CLOSED
    code, _, _ = council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, council.height + 12, True))
    assert code == Code.NOT_COUNTERSIGNED


def test_a_bundle_holds_at_most_32_signatures() -> None:
    council = Council(operators=MOST_SIGNATURES + 1)
    council.publish(SECOND, signers=range(1, MOST_SIGNATURES + 1))
    assert council.sign_bundle(SECOND, MOST_SIGNATURES + 1)[0] == Code.TOO_MANY_SIGNATURES


# --- what is refused when a version is proposed


@pytest.mark.parametrize("signers", [(), (1,), (2,), (2, 3)])
def test_a_bundle_without_its_countersignature_is_not_voted_on(signers: tuple[int, ...]) -> None:
    council = Council()
    bundle = council.publish(SECOND, signers=signers)
    code, _, _ = council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, council.height + 12, True))
    assert code == Code.NOT_COUNTERSIGNED


def test_a_countersignature_by_a_revoked_key_does_not_count() -> None:
    council = Council()
    bundle = council.publish(SECOND)
    fresh = signer(2, Role.GOVERNANCE, 1)
    council.change_keys(2, 1, [fresh], [governor(2).public])
    wish = ScheduleVersion(bundle, council.height + 12, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.NOT_COUNTERSIGNED
    again = Approve(DocumentKind.BUNDLE, bundle, Role.GOVERNANCE, Verdict.APPROVE)
    assert council.send(fresh, again)[0] == 0
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == 0


def test_an_unknown_bundle_is_not_voted_on() -> None:
    council = Council()
    wish = ScheduleVersion(bundle_hash(SECOND), council.height + 12, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.BUNDLE_NOT_FOUND


@pytest.mark.parametrize("behind", [0, 1])
def test_a_version_that_would_activate_in_the_past_is_refused(behind: int) -> None:
    council = Council()
    bundle = council.publish(SECOND)
    wish = ScheduleVersion(bundle, council.height + 1 - behind, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.ACTIVATES_IN_THE_PAST


def test_two_versions_of_a_rule_do_not_share_a_height() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=30)
    bundle = council.publish(THIRD)
    assert council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, height, True))[0] == Code.ACTIVATION_COLLIDES
    assert council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, height + 1, True))[0] == 0


def test_bytes_changed_after_the_vote_are_refused() -> None:
    council = Council()
    council.schedule(SECOND, ahead=30)
    changed = edited(change_note=b"second, with a better price")
    assert council.send(governor(1), PublishBundle(changed))[0] == Code.CHANGED_AFTER_THE_VOTE


def test_a_backdated_version_is_allowed_when_it_says_so() -> None:
    council = Council()
    past = edited(effective_from=GENESIS_TIME - 30 * DAY, effective_to=FAR)
    bundle = council.publish(past)
    wish = ScheduleVersion(bundle, council.height + 12, False)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.BACKDATED_WITHOUT_SAYING_SO
    _, facts = council.carry(Track.CONSORTIUM, replace(wish, backdated=True))
    assert isinstance(facts[-1], VersionScheduled)
    assert facts[-1].backdated


def test_the_second_of_two_carried_versions_fails_with_its_code_and_the_chain_goes_on() -> None:
    council = Council()
    rival = edited(change_note=b"rival")
    height = council.height + 40
    first, second = (
        council.propose(by, Track.CONSORTIUM, ScheduleVersion(council.publish(raw), height + by, True))[1]
        for by, raw in ((1, SECOND), (2, rival))
    )
    for document in (first, second):
        for operator in (1, 2, 3):
            code, facts = council.vote(document, operator)
            assert code == 0
    assert facts[1:] == [ProposalCarried(second), ProposalFailed(second, Code.CHANGED_AFTER_THE_VOTE)]
    ballot = council.ballot(second)
    assert (ballot.state, ballot.code) == (ProposalState.FAILED, Code.CHANGED_AFTER_THE_VOTE)
    council.empty()
    assert VERSIONS.get(council.network.store, VersionKey(RULE, 3)) is None
    assert council.rows() == council.refolded()


@pytest.mark.parametrize(
    "message",
    [
        ScheduleVersion(bundle_hash(SECOND), 99, True),
        RollBack(RULE, 1, 99),
        SuspendRule(RULE),
        RatifySuspension(RULE),
        ResumeRule(RULE),
    ],
)
def test_what_takes_a_vote_cannot_be_sent(message: Value) -> None:
    assert Council().send(governor(1), message) == (Code.ONLY_BY_PROPOSAL, [])


def test_numbers_end() -> None:
    last = 2**32 - 1
    extra = [RulePublished(last, b"the_last", Slot.RATING)]
    council = Council(further=extra)
    bundle = council.publish(new_rule())
    wish = ScheduleVersion(bundle, council.height + 12, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.NO_NUMBER_LEFT
    versions = [RuleVersionActivated(RULE, 2**16 - 1, bundle_hash(FIRST), *V2_USAGE, 0)]
    council = Council(further=versions)
    wish = ScheduleVersion(council.publish(SECOND), council.height + 12, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.NO_NUMBER_LEFT
