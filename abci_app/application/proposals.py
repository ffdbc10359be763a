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

    While there is not room for all, no operator gets more than its equal share of the bytes and of
    the cost in a first pass, but for a first transaction that alone is larger; a second pass gives
    away what others left. One operator's order is never changed.
    """
    sizes = [_framed(raw) for raw, _ in waiting]
    costs = [found.cost for _, found in waiting]
    if sum(sizes) <= most_bytes and sum(costs) <= MOST_PER_BLOCK:
        return list(waiting)
    operators: dict[bytes, int] = {}  # few keys sign thousands of transactions
    owners = [_operator(base, found.signed.key, operators) for _, found in waiting]
    sharing = max(1, len(set(owners)))
    rooms = (most_bytes // sharing, MOST_PER_BLOCK // sharing), (most_bytes, MOST_PER_BLOCK)
    taken = [False] * len(waiting)
    whole_size = whole_cost = 0
    spent: dict[int, tuple[int, int]] = {}
    for own_bytes, own_cost in rooms:
        held: set[int] = set()  # operators whose next transaction did not fit: their later ones wait behind it
        for position, owner in enumerate(owners):
            if taken[position] or owner in held:
                continue
            size, cost = sizes[position], costs[position]
            own = spent.get(owner)
            after = (size, cost) if own is None else (own[0] + size, own[1] + cost)
            fits = whole_size + size <= most_bytes and whole_cost + cost <= MOST_PER_BLOCK
            if not fits or not (own is None or (after[0] <= own_bytes and after[1] <= own_cost)):
                held.add(owner)
                continue
            taken[position] = True
            whole_size, whole_cost = whole_size + size, whole_cost + cost
            spent[owner] = after
    return [pair for pair, chosen in zip(waiting, taken, strict=True) if chosen]


def _operator(base: Reader, key: bytes, known: dict[bytes, int]) -> int:
    """The operator of a key, 0 for a key that may not sign; each key is looked up once."""
    found = known.get(key)
    if found is None:
        row = active_key(base, key)
        found = known[key] = 0 if row is None else row.operator
    return found


def _framed(raw: bytes) -> int:
    """Bytes of a transaction in a block: protobuf's field tag, length and content."""
    length, size = len(raw), 2
    while length >= 0x80:
        length >>= 7
        size += 1
    return size + len(raw)
