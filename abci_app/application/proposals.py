"""Which transactions a proposer takes, before it executes them."""

from __future__ import annotations

from collections.abc import Sequence

from abci_app.application.transaction import Transaction
from abci_app.domain.members.queries import active_key
from abci_app.kernel.costs import MOST_PER_BLOCK
from abci_app.state.overlay import Reader


def choose(
    base: Reader, waiting: Sequence[tuple[bytes, Transaction]], most_bytes: int
) -> list[tuple[bytes, Transaction]]:
    """The waiting transactions that fit a block's bytes and cost, fair to every operator.

    While there is not room for all, no operator gets more than its equal share of the cost in a
    first pass; a second pass gives away what others left. One operator's order is never changed.
    """
    owners = [_operator(base, found) for _, found in waiting]
    share = MOST_PER_BLOCK // max(1, len(set(owners)))
    taken: set[int] = set()
    size = cost = 0
    for limit in (share, MOST_PER_BLOCK):
        spent: dict[int, int] = {}
        held: set[int] = set()  # operators whose next transaction did not fit: their later ones wait behind it
        for position, (raw, found) in enumerate(waiting):
            owner = owners[position]
            if position in taken:
                spent[owner] = spent.get(owner, 0) + found.cost
                continue
            fits = size + _framed(raw) <= most_bytes and cost + found.cost <= MOST_PER_BLOCK
            if owner in held or not fits or spent.get(owner, 0) + found.cost > limit:
                held.add(owner)
                continue
            taken.add(position)
            size += _framed(raw)
            cost += found.cost
            spent[owner] = spent.get(owner, 0) + found.cost
    return [waiting[position] for position in sorted(taken)]


def _operator(base: Reader, found: Transaction) -> int:
    key = active_key(base, found.signed.key)
    return 0 if key is None else key.operator


def _framed(raw: bytes) -> int:
    """Bytes of a transaction in a block: protobuf's field tag, length and content."""
    length, size = len(raw), 2
    while length >= 0x80:
        length >>= 7
        size += 1
    return size + len(raw)
