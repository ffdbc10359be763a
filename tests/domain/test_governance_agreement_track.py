"""One agreement's own rule: its parties decide, in the slots that the consortium leaves to them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    AgreementDocument,
    ProposeAgreement,
    SlotBinding,
    Terms,
    UnitPair,
    agreement_hash,
)
from abci_app.domain.governance.schema import Code, ProposalCarried, ProposalRejected
from abci_app.domain.members.schema import UnitRegistered
from abci_app.domain.rulebook.schema import (
    BundleStored,
    RollBack,
    RulePublished,
    RuleVersionActivated,
    ScheduleVersion,
    VersionRetired,
    VersionScheduled,
)
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import bundle_hash, read_bundle
from abci_app.rules.interface import Slot
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED
from tests.support.books import BEIJING, RATES, TERMS, TOLERANCE
from tests.support.chains import CHAIN, signer
from tests.support.governing import RULE, SECOND, Council, edited, governor, new_rule

TOLERANCE_RULE, OWN_RULE = 2, 3
PERCENT = build_bundle(SHIPPED / "tolerance_percent" / "v1")
AGREEMENT = 1
BETWEEN_THEM: Terms = replace(
    TERMS,
    pairs=(UnitPair(BEIJING, BEIJING),),
    slots=(SlotBinding(Slot.RATING, RULE, RATES), SlotBinding(Slot.TOLERANCE, TOLERANCE_RULE, (TOLERANCE,))),
    set_off=False,
)
OWN = new_rule("own_minutes", scope=AGREEMENT)
ON_TRACK = {"agreement": AGREEMENT, "parties": (1, 2)}


def agreed() -> Council:
    """Operators 1 and 2 of four have agreement number 1."""
    manifest = read_bundle(PERCENT).manifest
    further: list[Value] = [
        *(UnitRegistered(number, BEIJING, b"Beijing") for number in (1, 2)),
        RulePublished(TOLERANCE_RULE, manifest.name.encode(), manifest.slot),
        BundleStored(bundle_hash(PERCENT), PERCENT),
        RuleVersionActivated(
            TOLERANCE_RULE, 1, bundle_hash(PERCENT), manifest.effective_from, manifest.effective_to, 0
        ),
    ]
    council = Council(further=further)
    assert council.send(signer(1, Role.CHECKER), ProposeAgreement(0, 1, BETWEEN_THEM))[0] == 0, council.log()
    document = agreement_hash(CHAIN, AgreementDocument(0, 1, BETWEEN_THEM))
    for operator in (1, 2):
        for role in (Role.MAKER, Role.CHECKER):
            approval = Approve(DocumentKind.AGREEMENT, document, role, Verdict.APPROVE)
            assert council.send(signer(operator, role), approval)[0] == 0, council.log()
    return council


def test_both_parties_carry_a_rule_of_their_own_and_nobody_else_is_asked() -> None:
    council = agreed()
    bundle = council.publish(OWN)
    wish = ScheduleVersion(bundle, council.height + 12, True)
    code, document, _ = council.propose(1, Track.AGREEMENT, wish, **ON_TRACK)
    assert code == 0, council.log()
    assert council.vote(document, 3)[0] == Code.NO_SEAT
    assert council.vote(document, 1)[1][1:] == [], "one party alone is not enough"
    facts = council.vote(document, 2)[1]
    assert facts[1] == ProposalCarried(document)
    scheduled = facts[-1]
    assert isinstance(scheduled, VersionScheduled)
    assert scheduled.rule == OWN_RULE
    assert council.rows() == council.refolded()


def test_the_refusal_of_one_party_is_the_end() -> None:
    council = agreed()
    wish = ScheduleVersion(council.publish(OWN), council.height + 12, True)
    _, document, _ = council.propose(1, Track.AGREEMENT, wish, **ON_TRACK)
    assert council.vote(document, 2, Verdict.REFUSE)[1][1:] == [ProposalRejected(document)]


@pytest.mark.parametrize(
    ("by", "raw", "changes", "code"),
    [
        (3, OWN, {}, Code.NOT_A_PARTY),
        (1, OWN, {"agreement": 9}, Code.AGREEMENT_NOT_FOUND),
        (1, OWN, {"parties": (2, 1)}, Code.PARTIES_DIFFER),
        (1, OWN, {"parties": (1, 3)}, Code.PARTIES_DIFFER),
        (1, SECOND, {}, Code.SCOPE_DIFFERS),
        (1, new_rule("of_another", scope=2), {}, Code.SCOPE_DIFFERS),
    ],
)
def test_what_is_not_between_the_parties_is_refused(
    by: int, raw: bytes, changes: dict[str, object], code: Code
) -> None:
    council = agreed()
    wish = ScheduleVersion(council.publish(raw), council.height + 12, True)
    assert council.propose(by, Track.AGREEMENT, wish, **(ON_TRACK | changes))[0] == code


def test_a_slot_that_the_consortium_keeps_is_not_for_two() -> None:
    council = agreed()
    raw = edited(PERCENT, name="own_tolerance", sequence=1, previous=b"", scope=AGREEMENT)
    wish = ScheduleVersion(council.publish(raw), council.height + 12, True)
    assert council.propose(1, Track.AGREEMENT, wish, **ON_TRACK)[0] == Code.SLOT_NOT_ALLOWED


def test_the_consortium_does_not_vote_on_an_agreements_rule() -> None:
    council = agreed()
    wish = ScheduleVersion(council.publish(OWN), council.height + 12, True)
    assert council.propose(1, Track.CONSORTIUM, wish)[0] == Code.SCOPE_DIFFERS


def test_parties_roll_their_own_rule_back_and_no_other() -> None:
    council = agreed()
    height = council.height
    wish = RollBack(RULE, 1, height + 30)
    assert council.propose(1, Track.AGREEMENT, wish, **ON_TRACK)[0] == Code.SCOPE_DIFFERS
    for version, raw in enumerate((OWN, edited(OWN)), 1):
        at = council.height + 12
        council.publish(raw)
        council.carry(Track.AGREEMENT, ScheduleVersion(bundle_hash(raw), at, True), voters=[1, 2], **ON_TRACK)
        for operator in (1, 2, 3, 4):
            assert council.ready(raw, operator, version=version, rule=OWN_RULE)[0] == 0, council.log()
        council.empty(max(0, at - council.height))
    back = RollBack(OWN_RULE, 1, council.height + 9)
    assert council.propose(1, Track.ROLLBACK, back)[0] == Code.SCOPE_DIFFERS
    _, facts = council.carry(Track.AGREEMENT, back, voters=[1, 2], **ON_TRACK)
    assert facts[-1] == VersionRetired(OWN_RULE, 2, back.activation)
    assert governor(1).operator == 1
    assert council.rows() == council.refolded()
