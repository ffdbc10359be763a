"""What a message costs every validator: one table, in units of about a microsecond on two cores of 2026.

The cost is charged by form, before anything is executed, and shows only as gas. A block's cost is
capped in PrepareProposal and ProcessProposal, so no mix of messages can hold the chain up.
"""

from __future__ import annotations

SIGNATURE = 50
POINT_MULTIPLICATION = 50
ROW_WRITE = 60  # encode, tree path, LMDB page share
FACT = 20
RULE_CALL = 100  # an entry point of the largest static cost that a rule may have beside the slots in use

ED25519 = 4_000  # in plain integers: kernel.ed25519
BUNDLE_CHECK = 200_000  # decode, check and compile a bundle at the caps of the rule room, beside its bytes and vectors
BUNDLE_BYTE = 2  # four bytes of a tree or a table, read and checked
BUNDLE_VECTORS = 15_000  # the vectors of a stored bundle, decoded and hashed: as many as a transaction can bring
VOTES = 4_000  # the signatures of all seats that a consortium may have, each with its key, counted
RULE_STEPS = 100  # units of a rule's static cost in a microsecond

MOST_PER_TRANSACTION = 400_000
MOST_PER_BLOCK = 4_000_000
"""About four seconds of one core at the worst, for a proposer that means harm; an honest one stops in time (server).
A usual message takes a fifth of its cost: rules are charged at the dearest that a slot allows. PROTOCOL leaves the
figure to the code; CHAIN.md asks for a cap."""


def bytes_cost(size: int) -> int:
    """The cost of carrying and hashing `size` bytes."""
    return size // 16
