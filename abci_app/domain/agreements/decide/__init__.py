"""What each message about agreements means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.agreements.decide.approve import approve
from abci_app.domain.agreements.decide.propose_agreement import check_terms, propose_agreement
from abci_app.domain.agreements.schema import Fact, ProposeAgreement, Routed
from abci_app.kernel.approvals import Approve
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case ProposeAgreement():
            check_terms(message)
        case Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case ProposeAgreement():
            return propose_agreement(state, at, message)
        case Approve():
            return approve(state, at, message)
        case _:
            assert_never(message)
