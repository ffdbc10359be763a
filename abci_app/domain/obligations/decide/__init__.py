"""What each message about obligations means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.obligations.decide.advance import advance, check_object
from abci_app.domain.obligations.decide.approve import approve
from abci_app.domain.obligations.decide.claim_interest import claim_interest
from abci_app.domain.obligations.decide.confirm_payment import confirm_payment
from abci_app.domain.obligations.decide.contest_payment import contest_payment
from abci_app.domain.obligations.decide.issue_invoice import issue_invoice
from abci_app.domain.obligations.decide.notify_payment import notify_payment
from abci_app.domain.obligations.decide.propose_round import check_order, propose_round
from abci_app.domain.obligations.decide.rerate import rerate
from abci_app.domain.obligations.queries import Fact
from abci_app.domain.obligations.schema import (
    ClaimInterest,
    ConfirmPayment,
    ContestPayment,
    IssueInvoice,
    NotifyPayment,
    ProposeRound,
    Rerate,
    Routed,
)
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case ProposeRound():
            check_order(message)
        case Advance():
            check_object(message)
        case IssueInvoice() | NotifyPayment() | ConfirmPayment() | ContestPayment() | Approve():
            pass
        case ClaimInterest() | Rerate():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case IssueInvoice():
            return issue_invoice(state, at, message)
        case ProposeRound():
            return propose_round(state, at, message)
        case NotifyPayment():
            return notify_payment(state, at, message)
        case ConfirmPayment():
            return confirm_payment(state, at, message)
        case ContestPayment():
            return contest_payment(state, at, message)
        case ClaimInterest():
            return claim_interest(state, at, message)
        case Rerate():
            return rerate(state, at, message)
        case Approve():
            return approve(state, at, message)
        case Advance():
            return advance(state, at, message)
        case _:
            assert_never(message)
