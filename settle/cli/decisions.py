"""What a fact of members, governance or the rulebook says, in a sentence for people."""

from __future__ import annotations

from collections.abc import Callable

from abci_app.domain.governance.schema import (
    MandateLost,
    ParametersSet,
    ProposalCarried,
    ProposalFailed,
    ProposalMade,
    ProposalRejected,
    SetParameters,
    SetThresholds,
    ThresholdsSet,
    VoteCast,
)
from abci_app.domain.members.schema import (
    KeyRegistered,
    KeyRevoked,
    MembershipChanged,
    NodeRegistered,
    NodeRetired,
    OperatorAdmitted,
    UnitRegistered,
    ValidatorAdded,
    ValidatorAppointed,
    ValidatorRemoved,
    ValidatorSuspended,
)
from abci_app.domain.rulebook.schema import (
    NEVER,
    ActivationSet,
    BundleCountersigned,
    BundlePublished,
    BundleSigned,
    BundleStored,
    BundleWithdrawn,
    ReadinessSigned,
    RulePublished,
    RuleResumed,
    RuleSuspended,
    RuleVersionActivated,
    SuspensionRatified,
    VersionRetired,
    VersionScheduled,
    VersionWithdrawn,
)
from abci_app.kernel.approvals import Signature, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from settle.cli.carried import carried, said
from settle.cli.plain import iso, short, text

Code = Callable[[int], str]
"""An operator's code, from its number."""


def vote_said(signature: Signature, code: Code) -> str:
    """Who signs, and how."""
    verb = "approves" if signature.verdict == Verdict.APPROVE else "refuses"
    return f"{Role(signature.role).name.lower()} of {code(signature.operator)} {verb}"


def decision_said(fact: Value, code: Code) -> str:
    """The sentence; empty for a fact of another module."""
    return _of_votes(fact, code) or _of_bundles(fact, code) or _of_versions(fact, code) or _of_members(fact, code)


def _of_votes(fact: Value, code: Code) -> str:
    match fact:
        case ProposalMade():
            what = "; ".join(said(message) for message in carried(fact.proposal))
            named = f"{code(fact.proposal.proposer)}/{fact.proposal.serial}, {fact.proposal.track.name}"
            return f"proposal {named}, {len(fact.seats)} votes until {iso(fact.until)}: {what}"
        case VoteCast():
            return vote_said(fact.vote, code)
        case ProposalCarried():
            return f"proposal {short(fact.document)} is carried"
        case ProposalRejected():
            return f"proposal {short(fact.document)} is rejected"
        case ProposalFailed():
            return f"proposal {short(fact.document)} was carried and could not take effect: code {fact.code}"
        case MandateLost():
            return f"proposal {short(fact.document)} has lost the votes that had carried it"
        case ParametersSet():
            return said(SetParameters(fact.parameters))
        case ThresholdsSet():
            return said(SetThresholds(fact.thresholds))
        case _:
            return ""


def _of_bundles(fact: Value, code: Code) -> str:
    match fact:
        case BundleStored():
            return f"bundle {short(fact.bundle)}, {len(fact.raw):,} bytes"
        case BundlePublished():
            return f"bundle {short(fact.bundle)} published by {code(fact.publisher)}"
        case BundleSigned():
            return vote_said(fact.signature, code)
        case BundleCountersigned():
            return f"bundle {short(fact.bundle)} may be voted on"
        case BundleWithdrawn():
            return f"bundle {short(fact.bundle)} is taken back"
        case _:
            return ""


def _of_versions(fact: Value, code: Code) -> str:
    match fact:
        case RulePublished():
            return f"rule {fact.rule}, {text(fact.name)}, for {fact.slot.name}"
        case RuleVersionActivated():
            usage = f"{iso(fact.usage_from)} to {iso(fact.usage_to)}"
            return f"rule {fact.rule} version {fact.version}, bundle {short(fact.bundle)}, for usage {usage}"
        case VersionScheduled():
            named = f"rule {fact.rule} version {fact.version}, bundle {short(fact.bundle)}"
            return f"{named}, waits for height {fact.activation} and for the nodes"
        case ReadinessSigned():
            able = "is READY" if fact.signature.verdict == Verdict.APPROVE else "cannot run it"
            return f"rule {fact.rule} version {fact.version}: node of {code(fact.signature.operator)} {able}"
        case ActivationSet():
            runs = "too few nodes are ready" if fact.active_from == NEVER else f"runs from height {fact.active_from}"
            return f"rule {fact.rule} version {fact.version}: {runs}"
        case VersionWithdrawn():
            return f"rule {fact.rule} version {fact.version} is withdrawn with its vote"
        case VersionRetired():
            return f"rule {fact.rule} version {fact.version} rates nothing from height {fact.active_to}"
        case RuleSuspended():
            return f"rule {fact.rule} is suspended from height {fact.suspended_from} to {fact.until}"
        case SuspensionRatified():
            return f"rule {fact.rule} stays suspended until it is resumed"
        case RuleResumed():
            return f"rule {fact.rule} is in force again from height {fact.until}"
        case _:
            return ""


def _of_members(fact: Value, code: Code) -> str:
    match fact:
        case OperatorAdmitted():
            return f"operator {fact.operator}, {text(fact.code)}, {text(fact.name)}, {fact.kind.name.lower()}"
        case UnitRegistered():
            return f"unit {fact.unit} of {code(fact.operator)}, {text(fact.name)}"
        case KeyRegistered():
            return f"{fact.role.name.lower()} key {short(fact.key)} of {code(fact.operator)}"
        case KeyRevoked():
            return f"key {short(fact.key)} of {code(fact.operator)} is revoked"
        case MembershipChanged():
            return f"{code(fact.operator)} is {fact.membership.name.lower()}"
        case ValidatorAppointed() | ValidatorAdded():
            return f"validator {short(fact.public)} of {code(fact.operator)} has power {fact.power}"
        case ValidatorRemoved():
            return f"validator {short(fact.public)} of {code(fact.operator)} has no power any more"
        case ValidatorSuspended():
            caught = f"signed two different things at height {fact.fault_height}"
            return f"validator {short(fact.public)} of {code(fact.operator)} {caught} and has no power any more"
        case NodeRegistered():
            return f"node {fact.node.hex()} of {code(fact.operator)} may connect"
        case NodeRetired():
            return f"node {fact.node.hex()} of {code(fact.operator)} may not connect any more"
        case _:
            return ""
