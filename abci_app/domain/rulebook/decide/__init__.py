"""What each message about rules means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.rulebook.decide.publish_bundle import check_bundle, publish_bundle
from abci_app.domain.rulebook.decide.ratify_suspension import ratify_suspension
from abci_app.domain.rulebook.decide.resume_rule import resume_rule
from abci_app.domain.rulebook.decide.roll_back import roll_back
from abci_app.domain.rulebook.decide.schedule_version import schedule_version
from abci_app.domain.rulebook.decide.sign_bundle import sign_bundle
from abci_app.domain.rulebook.decide.sign_readiness import sign_readiness
from abci_app.domain.rulebook.decide.suspend_rule import suspend_rule
from abci_app.domain.rulebook.schema import (
    Fact,
    PublishBundle,
    RatifySuspension,
    ResumeRule,
    RollBack,
    Routed,
    ScheduleVersion,
    SuspendRule,
)
from abci_app.kernel.approvals import Approve, DocumentKind
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case PublishBundle():
            check_bundle(message)
        case ScheduleVersion() | RollBack() | SuspendRule() | RatifySuspension() | ResumeRule() | Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case PublishBundle():
            return publish_bundle(state, at, message)
        case ScheduleVersion():
            return schedule_version(state, at, message)
        case RollBack():
            return roll_back(state, at, message)
        case SuspendRule():
            return suspend_rule(state, at, message)
        case RatifySuspension():
            return ratify_suspension(state, at, message)
        case ResumeRule():
            return resume_rule(state, at, message)
        case Approve():
            sign = sign_bundle if message.kind == DocumentKind.BUNDLE else sign_readiness
            return sign(state, at, message)
        case _:
            assert_never(message)
