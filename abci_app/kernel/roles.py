"""What a key may do for its operator. One key has one operator and one role."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Frozen numbers; 0 is nobody (genesis facts)."""

    ADMIN = 1  # changes the operator's keys
    MAKER = 2  # prepares: usage, declarations, invoices, rounds; the agent's key
    CHECKER = 3  # releases what a maker prepared; payments
    GOVERNANCE = 4  # votes for the operator
    NODE = 5  # the node's supervisor: readiness
