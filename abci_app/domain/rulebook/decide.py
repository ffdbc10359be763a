"""The rulebook has no messages yet: nothing reaches these two, and the type checker knows."""

from __future__ import annotations

from typing import assert_never

from abci_app.domain.rulebook.schema import Fact, Routed
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def check_form(message: Routed) -> None:
    """What is wrong with a message whatever the state."""
    assert_never(message)


def decide(_state: Reader, _at: Context, message: Routed) -> tuple[Fact, ...]:
    """What a message means, given the state."""
    assert_never(message)
