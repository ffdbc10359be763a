"""What each message costs: the one table. A message without an entry is a failing style test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from abci_app.application.router import Message
from abci_app.domain.members.schema import ProposeKeys
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.costs import FACT, ROW_WRITE, SIGNATURE, bytes_cost


def _approve(_: Approve) -> int:
    return 4 * FACT + 4 * ROW_WRITE


def _advance(_: Advance) -> int:
    return 8 * FACT + 8 * ROW_WRITE


def _propose_keys(message: ProposeKeys) -> int:
    keys = len(message.register) + len(message.revoke)
    return 2 * FACT + 2 * ROW_WRITE + keys * (FACT + 2 * ROW_WRITE)  # charged when proposed, written when approved


COSTS: dict[type, Callable[[Any], int]] = {
    Approve: _approve,
    Advance: _advance,
    ProposeKeys: _propose_keys,
}


def cost_of(messages: Sequence[Message], size: int) -> int:
    """The cost of a transaction of `size` bytes: signature, replay row, bytes, and its messages."""
    return SIGNATURE + ROW_WRITE + bytes_cost(size) + sum(COSTS[type(m)](m) for m in messages)
