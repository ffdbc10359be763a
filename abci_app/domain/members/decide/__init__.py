"""What each message about members means, given the state. Reads only."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.members.decide.admit_operator import admit_operator, check_operator
from abci_app.domain.members.decide.appoint_validator import appoint_validator, check_validator
from abci_app.domain.members.decide.approve import approve
from abci_app.domain.members.decide.change_membership import change_membership
from abci_app.domain.members.decide.propose_keys import check_keys, propose_keys
from abci_app.domain.members.decide.register_nodes import check_nodes, register_nodes
from abci_app.domain.members.decide.remove_validator import remove_validator
from abci_app.domain.members.schema import (
    AdmitOperator,
    AppointValidator,
    ChangeMembership,
    Fact,
    ProposeKeys,
    RegisterNodes,
    RemoveValidator,
    Routed,
)
from abci_app.kernel.approvals import Approve
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

__all__ = ["check_form", "decide"]


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    match message:
        case ProposeKeys():
            check_keys(message)
        case RegisterNodes():
            check_nodes(message)
        case AdmitOperator():
            check_operator(message)
        case AppointValidator():
            check_validator(message)
        case ChangeMembership() | RemoveValidator() | Approve():
            pass
        case _:
            assert_never(message)


def decide(state: Reader, at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means. Raises `Rejected`."""
    match message:
        case ProposeKeys():
            return propose_keys(state, at, message)
        case RegisterNodes():
            return register_nodes(state, at, message)
        case AdmitOperator():
            return admit_operator(state, at, message)
        case ChangeMembership():
            return change_membership(state, at, message)
        case AppointValidator():
            return appoint_validator(state, at, message)
        case RemoveValidator():
            return remove_validator(state, at, message)
        case Approve():
            return approve(state, at, message)
        case _:
            assert_never(message)
