"""A carried proposal sets the parameters."""

from __future__ import annotations

from abci_app.domain.governance.schema import Code, Fact, ParametersSet, SetParameters
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def set_parameters(state: Reader, at: Context, message: SetParameters) -> tuple[Fact, ...]:  # noqa: ARG001 - the form of every decide
    """They hold from the next transaction on; what began before keeps the dates and heights that it got."""
    # WHO
    if not at.mandate:
        reject(Code.ONLY_BY_PROPOSAL, expected="a carried proposal", actual=f"operator {at.operator}")

    # WHETHER: always

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (ParametersSet(message.parameters),)


def check_parameters(message: SetParameters) -> None:
    """Each slot once; the bounds are in the types. Raises `Rejected`."""
    slots = message.parameters.agreement_slots
    if len(set(slots)) != len(slots):
        reject(Code.SLOT_NAMED_TWICE, expected="each slot once", actual=slots)
