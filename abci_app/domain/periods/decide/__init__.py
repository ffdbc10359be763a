"""What each message about periods means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.periods.decide.advance import advance, check_object
from abci_app.domain.periods.decide.anchor_usage import anchor_usage
from abci_app.domain.periods.decide.approve import approve
from abci_app.domain.periods.decide.declare import check_streams, declare
from abci_app.domain.periods.decide.open import open_figures
from abci_app.domain.periods.schema import AnchorUsage, Declare, Fact, Open, Routed
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case Declare():
            check_streams(message)
        case Advance():
            check_object(message)
        case AnchorUsage() | Open() | Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case AnchorUsage():
            return anchor_usage(state, at, message)
        case Declare():
            return declare(state, at, message)
        case Open():
            return open_figures(state, at, message)
        case Approve():
            return approve(state, at, message)
        case Advance():
            return advance(state, at, message)
        case _:
            assert_never(message)
