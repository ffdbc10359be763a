"""What each message about governance means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.governance.decide.advance import advance, check_object
from abci_app.domain.governance.decide.propose import check_proposal, propose
from abci_app.domain.governance.decide.set_parameters import check_parameters, set_parameters
from abci_app.domain.governance.decide.set_thresholds import check_thresholds, set_thresholds
from abci_app.domain.governance.decide.vote import vote
from abci_app.domain.governance.schema import Fact, Propose, Routed, SetParameters, SetThresholds
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case Propose():
            check_proposal(message)
        case SetParameters():
            check_parameters(message)
        case SetThresholds():
            check_thresholds(message)
        case Advance():
            check_object(message)
        case Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case Propose():
            return propose(state, at, message)
        case SetParameters():
            return set_parameters(state, at, message)
        case SetThresholds():
            return set_thresholds(state, at, message)
        case Advance():
            return advance(state, at, message)
        case Approve():
            return vote(state, at, message)
        case _:
            assert_never(message)
