"""A carried proposal sets what votes must pass."""

from __future__ import annotations

from abci_app.domain.governance.schema import Code, Fact, SetThresholds, ThresholdsSet
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.thresholds import Share, below
from abci_app.state.overlay import Reader

_HALF, _QUARTER, _WHOLE = Share(1, 2), Share(1, 4), Share(1, 1)


def set_thresholds(state: Reader, at: Context, message: SetThresholds) -> tuple[Fact, ...]:  # noqa: ARG001 - the form of every decide
    """They hold for every vote from now on, open ones too: a vote is counted when a message touches it."""
    # WHO
    if not at.mandate:
        reject(Code.ONLY_BY_PROPOSAL, expected="a carried proposal", actual=f"operator {at.operator}")

    # WHETHER: always

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (ThresholdsSet(message.thresholds),)


def check_thresholds(message: SetThresholds) -> None:
    """No minority decides, a majority always can, and the constitution asks for no less. Raises `Rejected`."""
    new = message.thresholds
    fits = (
        not below(new.consortium, _HALF)
        and below(new.consortium, _WHOLE)
        and not below(new.constitution, new.consortium)
        and not below(_WHOLE, new.constitution)
        and not below(new.emergency, _QUARTER)
        and below(new.emergency, new.consortium)
    )
    if not fits:
        expected = "1/2 <= consortium < 1, consortium <= constitution <= 1, 1/4 <= emergency < consortium"
        reject(Code.THRESHOLDS_OUT_OF_BOUNDS, expected=expected, actual=new)
