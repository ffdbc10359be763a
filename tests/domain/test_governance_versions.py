"""What happens to a version that was carried: keys revoked before it runs, suspension, rollback."""

from __future__ import annotations

from fractions import Fraction

import pytest
from msgspec.structs import replace

from abci_app.domain.governance.schema import (
    MandateLost,
    ProposalCarried,
)
from abci_app.domain.rulebook.queries import (
    QUERIES,
    AtHeight,
    ReadinessAt,
    VersionAt,
    last_suspension,
    suspended_at,
)
from abci_app.domain.rulebook.schema import (
    NEVER,
    ActivationSet,
    Code,
    RatifySuspension,
    ResumeRule,
    RollBack,
    RuleSuspended,
    ScheduleVersion,
    SuspendRule,
    VersionInForce,
    VersionState,
    VersionWithdrawn,
)
from abci_app.domain.rulebook.tables import VERSIONS, VersionKey
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import encode
from abci_app.kernel.parameters import DAY
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.chain.keys import Signer
from tests.support.chains import signer
from tests.support.governing import (
    FAST,
    FIRST,
    RULE,
    SECOND,
    Council,
    edited,
    governor,
    readiness_of,
)

V1, V2 = VersionInForce(1, bundle_hash(FIRST)), VersionInForce(2, bundle_hash(SECOND))
THIRD = edited(SECOND, change_note=b"third")


# --- keys revoked between vote and activation


@pytest.mark.parametrize("nodes", [0, 4])
def test_a_version_loses_its_vote_with_the_keys_that_carried_it(nodes: int) -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=30)
    for operator in range(1, nodes + 1):
        council.ready(SECOND, operator)
    fresh = signer(3, Role.GOVERNANCE, 1)
    size = len(council.network.store.records)
    assert council.change_keys(3, 1, [fresh], [governor(3).public]) == 0
    kinds = [fact for fact in council.facts_since(size) if isinstance(fact, (MandateLost, VersionWithdrawn))]
    assert len(kinds) == 2
    assert council.height < height
    assert council.in_force(height + 1000) == V1
    assert council.state_of(2) == VersionState.REJECTED
    assert council.ready(SECOND, 4, verdict=Verdict.REFUSE)[0] in {0, Code.DOCUMENT_CLOSED}
    assert council.rows() == council.refolded()
    again = ScheduleVersion(bundle_hash(SECOND), council.height + 9, True)
    assert council.propose(1, Track.CONSORTIUM, again)[0] == 0, "the same sequence may be voted on again"


def test_keys_revoked_after_the_activation_change_nothing() -> None:
    council = Council()
    height = council.schedule(SECOND)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    council.empty(20)
    council.change_keys(3, 1, [], [governor(3).public])
    assert (council.in_force(height), council.in_force(council.height + 1)) == (V2, V2)


def test_the_readiness_of_a_revoked_node_key_does_not_count() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=40)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    for operator, expected in ((4, height + FAST.grace), (3, NEVER)):
        fresh = signer(operator, Role.NODE, 1)
        council.change_keys(operator, 1, [fresh], [signer(operator, Role.NODE).public])
        row = VERSIONS.require(council.network.store, VersionKey(RULE, 2))
        assert row.active_from == expected
    said = Approve(DocumentKind.READINESS, readiness_of(read_bundle(SECOND), SECOND), Role.NODE, Verdict.APPROVE)
    assert council.send(signer(3, Role.NODE, 1), said)[1][1:] == [ActivationSet(RULE, 2, height + FAST.grace)]
    assert council.rows() == council.refolded()


@pytest.mark.parametrize("operators", [3, 4, 5, 6, 7, 9, 12, 31])
def test_a_version_runs_after_the_grace_from_the_first_node_over_two_thirds_on(operators: int) -> None:
    council = Council(operators)
    height = council.schedule(SECOND, ahead=3 * operators + 12)
    for ready in range(1, operators + 1):
        council.ready(SECOND, ready)
        row = VERSIONS.require(council.network.store, VersionKey(RULE, 2))
        if ready == operators:
            assert row.active_from == height
        else:
            assert row.active_from == (height + FAST.grace if Fraction(ready, operators) > Fraction(2, 3) else NEVER)


@pytest.mark.parametrize(
    ("by", "role", "code"),
    [
        (signer(1, Role.MAKER), Role.NODE, Code.ROLE_NOT_THE_KEYS),
        (signer(1, Role.MAKER), Role.MAKER, Code.NOT_ASKED_TO_SIGN),
        (signer(5, Role.NODE), Role.NODE, Code.NOT_ASKED_TO_SIGN),  # the regulator does not validate
        (signer(1, Role.NODE, 1), Role.NODE, Code.ALREADY_SIGNED),
    ],
)
def test_readiness_is_said_once_by_each_node_with_its_key(by: Signer, role: Role, code: Code) -> None:
    council = Council()
    council.schedule(SECOND, ahead=30)
    council.ready(SECOND, 1)
    assert council.ready(SECOND, 1) == (0, [])
    council.change_keys(1, 1, [signer(1, Role.NODE, 1)], [])
    said = Approve(DocumentKind.READINESS, readiness_of(read_bundle(SECOND), SECOND), role, Verdict.APPROVE)
    assert council.send(by, said)[0] == code


# --- suspension


def test_a_third_and_one_stop_a_rule_and_it_lapses_unless_ratified() -> None:
    council = Council()
    document, facts = council.carry(Track.EMERGENCY, SuspendRule(RULE), voters=[1, 2])
    first = council.height + 1
    until = first + FAST.suspension
    assert facts[1:] == [ProposalCarried(document), RuleSuspended(RULE, first, until, council.network.time)]
    assert [council.in_force(height) for height in (first - 1, first, until - 1, until)] == [V1, None, None, V1]
    assert council.state_of(1, first) == VersionState.SUSPENDED
    assert council.state_of(1, until) == VersionState.ACTIVE
    assert council.propose(1, Track.EMERGENCY, SuspendRule(RULE))[0] == Code.ALREADY_SUSPENDED
    council.empty(FAST.suspension + 1)
    assert council.propose(1, Track.EMERGENCY, SuspendRule(RULE))[0] == Code.SUSPENDED_LATELY
    assert council.propose(1, Track.CONSORTIUM, RatifySuspension(RULE))[0] == Code.NOT_SUSPENDED
    council.block(after=30 * DAY)
    assert council.propose(1, Track.EMERGENCY, SuspendRule(RULE))[0] == 0
    assert council.rows() == council.refolded()


def test_a_ratified_suspension_lasts_until_the_rule_is_resumed() -> None:
    council = Council(parameters=replace(FAST, suspension=100))
    council.carry(Track.EMERGENCY, SuspendRule(RULE), voters=[3, 4])
    first = council.height + 1
    council.carry(Track.CONSORTIUM, RatifySuspension(RULE), voters=[1, 2, 3])
    assert council.in_force(first + 1_000_000) is None
    last = last_suspension(council.network.store, RULE)
    assert last is not None
    assert last[1].ratified
    assert council.carry(Track.CONSORTIUM, RatifySuspension(RULE), voters=[1, 2, 3])[1][2:] == [], "once is enough"
    council.carry(Track.CONSORTIUM, ResumeRule(RULE), voters=[2, 3, 4])
    resumed = council.height + 1
    assert [council.in_force(height) for height in (first - 1, first, resumed - 1, resumed)] == [V1, None, None, V1]
    assert council.propose(1, Track.CONSORTIUM, ResumeRule(RULE))[0] == Code.NOT_SUSPENDED
    assert council.rows() == council.refolded()


def test_a_suspension_does_not_fall_back_to_an_older_version() -> None:
    council = Council()
    height = council.schedule(SECOND)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    council.empty(20)
    council.carry(Track.EMERGENCY, SuspendRule(RULE), voters=[1, 2])
    assert council.height > height
    assert council.in_force(council.height + 1) is None
    assert suspended_at(council.network.store, RULE, council.height + 1)


# --- rollback


def test_a_rollback_returns_to_a_version_that_was_active() -> None:
    council = Council()
    switch = council.schedule(SECOND)
    for operator in (1, 2, 3, 4):
        council.ready(SECOND, operator)
    council.empty(20)
    back = council.height + 8
    council.carry(Track.ROLLBACK, RollBack(RULE, 1, back), voters=[1, 2, 3])
    assert [council.in_force(height) for height in (switch, back - 1, back)] == [V2, V2, V1]
    assert (council.state_of(2, back), council.state_of(1, back)) == (VersionState.RETIRED, VersionState.ACTIVE)
    assert council.propose(1, Track.ROLLBACK, RollBack(RULE, 1, back))[0] == Code.NOTHING_TO_ROLL_BACK
    bundle = council.publish(THIRD)
    assert council.propose(1, Track.CONSORTIUM, ScheduleVersion(bundle, council.height + 9, True))[0] == 0
    assert council.rows() == council.refolded()


def test_a_rollback_goes_to_versions_that_have_run_and_to_heights_to_come() -> None:
    council = Council()
    council.schedule(SECOND, ahead=60)
    wish, ahead = council.propose, council.height + 9
    assert wish(1, Track.ROLLBACK, RollBack(RULE, 2, ahead))[0] == Code.NOT_FORMERLY_ACTIVE
    assert wish(1, Track.ROLLBACK, RollBack(RULE, 7, ahead))[0] == Code.NOT_FORMERLY_ACTIVE
    assert wish(1, Track.ROLLBACK, RollBack(RULE + 1, 1, ahead))[0] == Code.RULE_NOT_FOUND
    assert wish(1, Track.ROLLBACK, RollBack(RULE, 1, council.height))[0] == Code.ACTIVATES_IN_THE_PAST
    assert wish(1, Track.ROLLBACK, RollBack(RULE, 1, ahead))[0] == 0, "a version that waits can be called off"


# --- looking


def test_what_anyone_may_ask_about_a_rules_life() -> None:
    council = Council()
    height = council.schedule(SECOND, ahead=30)
    store, document = council.network.store, readiness_of(read_bundle(SECOND), SECOND)
    rows = [VERSIONS.require(store, VersionKey(RULE, version)) for version in (1, 2)]
    asked = QUERIES["/rulebook/history"](store, council.moment(), encode(AtHeight(RULE, height)))
    assert asked == (VersionAt(1, VersionState.ACTIVE, rows[0]), VersionAt(2, VersionState.APPROVED, rows[1]))
    assert QUERIES["/rulebook/readiness"](store, council.moment(), encode(document)) == ReadinessAt(RULE, 2, rows[1])
    assert QUERIES["/rulebook/readiness"](store, council.moment(), encode(bytes(32))) is None
    assert QUERIES["/rulebook/waiting"](store, council.moment(), b"") == (ReadinessAt(RULE, 2, rows[1]),)
    assert QUERIES["/rulebook/waiting"](store, Moment(NEVER, 0), b"") == ()
    draft = QUERIES["/rulebook/draft"](store, council.moment(), encode(V2.bundle))
    assert QUERIES["/rulebook/drafts"](store, council.moment(), b"") == ((V2.bundle, draft),)
    council.carry(Track.EMERGENCY, SuspendRule(RULE), voters=[1, 2])
    first = council.height + 1
    (suspension,) = QUERIES["/rulebook/suspensions"](store, council.moment(), encode(RULE))  # type: ignore[misc]  # a tuple
    assert (suspension[0], suspension[1].until) == (first, first + FAST.suspension)
