"""What each message costs: the one table. A message without an entry is a failing style test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from abci_app.application.governed import carried_messages
from abci_app.application.router import Message
from abci_app.domain.agreements.schema import MOST_LINES, ProposeAgreement
from abci_app.domain.governance.schema import Propose, SetParameters, SetThresholds
from abci_app.domain.members.schema import (
    AdmitOperator,
    AppointValidator,
    ChangeMembership,
    ProposeKeys,
    RegisterNodes,
    RemoveValidator,
)
from abci_app.domain.obligations.schema import (
    MOST_LATE,
    MOST_SPANS,
    ClaimInterest,
    ConfirmPayment,
    ContestPayment,
    IssueInvoice,
    NotifyPayment,
    ProposeRound,
    Rerate,
)
from abci_app.domain.periods.schema import AnchorUsage, Declare, Open
from abci_app.domain.rulebook.schema import (
    PublishBundle,
    RatifySuspension,
    ResumeRule,
    RollBack,
    ScheduleVersion,
    SuspendRule,
)
from abci_app.kernel.approvals import Advance, Approve, DocumentKind
from abci_app.kernel.commitments import multiplications_to_open, multiplications_to_verify
from abci_app.kernel.costs import (
    BUNDLE_BYTE,
    BUNDLE_CHECK,
    BUNDLE_VECTORS,
    ED25519,
    FACT,
    POINT_MULTIPLICATION,
    ROW_WRITE,
    RULE_CALL,
    RULE_STEPS,
    SIGNATURE,
    VOTES,
    bytes_cost,
)
from abci_app.rules.bundle import read_bundle
from abci_app.rules.interface import Slot


def _rows(facts: int, rows: int) -> int:
    return facts * FACT + rows * ROW_WRITE


_COUNTED = (DocumentKind.KEY_CHANGE, DocumentKind.PROPOSAL, DocumentKind.READINESS)


def _approve(message: Approve) -> int:
    """A signature may be the last, and move the bias of a unit pair; votes are counted, after a revocation again."""
    return _rows(4, 7) + (VOTES if message.kind in _COUNTED else 0)


def _advance(_: Advance) -> int:
    return _rows(9, 11)


def _propose_keys(message: ProposeKeys) -> int:
    """The keys are charged here and written when the change takes effect; each new one has signed."""
    keys = len(message.register) + len(message.revoke)
    return _rows(2, 2) + keys * _rows(1, 2) + len(message.register) * SIGNATURE


def _register_nodes(message: RegisterNodes) -> int:
    return _rows(0, 1) + (len(message.register) + len(message.retire)) * _rows(1, 2)


def _admit_operator(message: AdmitOperator) -> int:
    return _rows(1, 2) + len(message.units) * _rows(1, 1) + len(message.keys) * (_rows(1, 2) + SIGNATURE)


def _change_membership(_: ChangeMembership) -> int:
    """A removal revokes every key and retires every node that an operator may have."""
    return _rows(129, 258)


def _appoint_validator(_: AppointValidator) -> int:
    """Once for its form, once for its proof."""
    return 2 * ED25519 + _rows(2, 3)


def _setting(_: RemoveValidator | SetParameters | SetThresholds) -> int:
    return _rows(2, 3)


def _propose(message: Propose) -> int:
    """What it carries is charged here: tried when it is proposed, run when it is carried."""
    return _rows(3, 4) + 2 * sum(COSTS[type(inner)](inner) for inner in carried_messages(message.messages))


def _publish_bundle(message: PublishBundle) -> int:
    """The check at its caps, its bytes, and every vector at the static cost that the manifest names.

    A manifest that names less is refused before the first vector runs.
    """
    bundle = read_bundle(message.raw)
    steps = {each.entry: each.cost for each in bundle.manifest.costs}
    vectors = sum(RULE_CALL + steps.get(vector.entry, 0) // RULE_STEPS for vector in bundle.vectors)
    return _rows(2, 2) + BUNDLE_CHECK + len(message.raw) * BUNDLE_BYTE // 4 + vectors


def _schedule_version(_: ScheduleVersion) -> int:
    """With it may come a new rule; the outcomes that nodes sign are hashed, the bundle is not checked again."""
    return _rows(2, 4) + BUNDLE_VECTORS


def _change_rule(_: RollBack | SuspendRule | RatifySuspension | ResumeRule) -> int:
    """A rollback may retire several versions."""
    return _rows(16, 16)


def _propose_agreement(message: ProposeAgreement) -> int:
    """Rating is tried with every line, validation with every service and direction, tax with every service, all else
    once; the calendar is written in the end.
    """
    terms, lines = message.terms, message.terms.catalogue
    tried = {
        Slot.RATING: len(lines),
        Slot.VALIDATION: len({(line.service, line.direction) for line in lines}),
        Slot.INVOICE: len({line.service for line in lines}),
    }
    calls = len(terms.slots) + sum(tried.get(bound.slot, 0) for bound in terms.slots)
    return _rows(1, 4) + len(terms.calendar) * ROW_WRITE + calls * RULE_CALL


def _anchor_usage(_: AnchorUsage) -> int:
    return _rows(2, 4)


def _declare(message: Declare) -> int:
    return _rows(2, 3) + multiplications_to_verify(len(message.commitments)) * POINT_MULTIPLICATION


def _issue_invoice(_: IssueInvoice) -> int:
    """With it may come what has fallen due on the period. Of every line both parts are rounded and taxed by rule,
    by a second version where the first refuses.
    """
    return _rows(13, 22) + 8 * MOST_LINES * RULE_CALL


def _claim_interest(_: ClaimInterest) -> int:
    """With it may come what has fallen due on the obligation and its round. Every span is asked about twice: up to
    its end, and up to its beginning. One more call tells the time bar.
    """
    return _rows(6, 16 + MOST_LATE) + (2 * MOST_SPANS + 1) * RULE_CALL


def _rerate(_: Rerate) -> int:
    """Every line priced for both parties, and both amounts of it rounded and taxed; two notes."""
    return _rows(14, 24) + 6 * MOST_LINES * RULE_CALL


def _propose_round(message: ProposeRound) -> int:
    """An item is charged here for all that a round does to it: accepting, unwinding, settling, closing periods.

    That is sound because a pair of operators has one open round in a currency.
    """
    return _rows(2, 4) + len(message.obligations) * (2 * RULE_CALL + _rows(3, 10))


def _payment(_: NotifyPayment | ConfirmPayment | ContestPayment) -> int:
    """A payment may end a round, an obligation and a period; where it is late, the row of that goes one day too."""
    return _rows(5, 13)


def _open(message: Open) -> int:
    """Every commitment is made again, every line of both parties priced and judged."""
    lines = len(message.lines)
    return _rows(4, 6) + multiplications_to_open(2 * lines) * POINT_MULTIPLICATION + 3 * lines * RULE_CALL


COSTS: dict[type, Callable[[Any], int]] = {
    Approve: _approve,
    Advance: _advance,
    ProposeKeys: _propose_keys,
    RegisterNodes: _register_nodes,
    AdmitOperator: _admit_operator,
    ChangeMembership: _change_membership,
    AppointValidator: _appoint_validator,
    RemoveValidator: _setting,
    Propose: _propose,
    SetParameters: _setting,
    SetThresholds: _setting,
    PublishBundle: _publish_bundle,
    ScheduleVersion: _schedule_version,
    RollBack: _change_rule,
    SuspendRule: _change_rule,
    RatifySuspension: _change_rule,
    ResumeRule: _change_rule,
    ProposeAgreement: _propose_agreement,
    AnchorUsage: _anchor_usage,
    Declare: _declare,
    Open: _open,
    IssueInvoice: _issue_invoice,
    ProposeRound: _propose_round,
    NotifyPayment: _payment,
    ConfirmPayment: _payment,
    ContestPayment: _payment,
    ClaimInterest: _claim_interest,
    Rerate: _rerate,
}


def cost_of(messages: Sequence[Message], size: int) -> int:
    """The cost of a transaction of `size` bytes: signature, replay row, bytes, and its messages."""
    return SIGNATURE + ROW_WRITE + bytes_cost(size) + sum(COSTS[type(m)](m) for m in messages)
