"""Delays and bounds that the consortium sets by vote; every decision finds them in its context."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.encoding import U8, Value

DAY = 86_400
_MOST_BLOCKS = 10_000_000
Blocks: TypeAlias = Annotated[int, Meta(ge=1, le=_MOST_BLOCKS)]


class Parameters(Value, frozen=True):
    """Heights count blocks; seconds are header time."""

    voting: Annotated[int, Meta(ge=600, le=366 * DAY)]  # seconds that a proposal is open; with none, none ever passes
    delay: Blocks  # at least so many blocks from a proposal to the activation it asks for
    rollback_delay: Blocks
    notice: Blocks  # the same for a regulator's order
    grace: Blocks  # after the activation height, over two thirds of the nodes READY are enough
    suspension: Blocks  # an emergency suspension lapses after so many blocks unless ratified
    suspension_pause: Annotated[int, Meta(ge=30 * DAY, le=366 * DAY)]  # seconds between two suspensions of a rule
    validator_gap: Annotated[int, Meta(ge=100, le=_MOST_BLOCKS)]  # blocks between two changes of the validators
    agreement_slots: Annotated[tuple[U8, ...], Meta(max_length=16)]  # open to a rule of one agreement's own


FIRST_PARAMETERS = Parameters(
    voting=14 * DAY,
    delay=100,
    rollback_delay=10,
    notice=1_000,
    grace=200,
    suspension=10_000,
    suspension_pause=30 * DAY,
    validator_gap=100,
    agreement_slots=(1, 7),  # rating and deal: what two parties may price between themselves
)
"""What holds where genesis says nothing else. Thirty days and a hundred blocks: RULES.md "Governance"."""
