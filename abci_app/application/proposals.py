"""Which transactions a proposer takes, before it executes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
    if (
        sum(_framed(raw) for raw, _ in waiting) <= most_bytes
        and sum(found.cost for _, found in waiting) <= MOST_PER_BLOCK
    ):
        return list(waiting)
    operators: dict[bytes, int] = {}  # few keys sign thousands of transactions
    owners = [_operator(base, found.signed.key, operators) for _, found in waiting]
    room = _Load(most_bytes, MOST_PER_BLOCK)
    share = _Load(*(most // max(1, len(set(owners))) for most in room))
    taken: set[int] = set()
    whole = _Load(0, 0)
    spent: dict[int, _Load] = {}
    for limit in (share, room):
        held: set[int] = set()  # operators whose next transaction did not fit: their later ones wait behind it
        for position, (raw, found) in enumerate(waiting):
            owner = owners[position]
            if position in taken or owner in held:
                continue
            own = spent.get(owner)
            after = _Load(_framed(raw), found.cost)
            if not whole.plus(after).within(room) or not (own is None or own.plus(after).within(limit)):
                held.add(owner)
                continue
            taken.add(position)
            whole = whole.plus(after)
            spent[owner] = after if own is None else own.plus(after)
    return [waiting[position] for position in sorted(taken)]


class _Load(NamedTuple):
    """What transactions take of a block."""

    size: int  # bytes
    cost: int

    def plus(self, other: _Load) -> _Load:
        return _Load(self.size + other.size, self.cost + other.cost)

    def within(self, most: _Load) -> bool:
        return self.size <= most.size and self.cost <= most.cost


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
