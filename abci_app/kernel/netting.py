"""Multilateral netting: what each operator owes after all, and who pays whom.

Largest payer pays largest payee, until nothing is left: each leg settles at least one of the two, so n
operators need at most n - 1 legs. (The fewest possible is an NP-hard search: groups whose nets cancel out.)
Integers only, in one currency; the answer does not depend on the order of what is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class Debt(NamedTuple):
    """What one operator owes another, 10^-6 of the currency's unit: above 0."""

    debtor: int
    creditor: int
    amount: int


class Net(NamedTuple):
    """What an operator owes less what it is owed, 10^-6 of the currency's unit; negative: it is owed."""

    operator: int
    amount: int


class Leg(NamedTuple):
    """A payment of a round, 10^-6 of the currency's unit: above 0."""

    payer: int
    payee: int
    amount: int


def net_positions(debts: Iterable[Debt]) -> tuple[Net, ...]:
    """The net of every operator that is named, by operator's number; they add up to 0.

    ValueError for an amount that is not above 0, or a debt to oneself: the caller refuses those before.
    """
    nets: dict[int, int] = {}
    for debtor, creditor, amount in debts:
        if amount <= 0 or debtor == creditor:
            raise ValueError(f"a debt is above 0 and between two operators, got {amount} of {debtor} to {creditor}")
        nets[debtor] = nets.get(debtor, 0) + amount
        nets[creditor] = nets.get(creditor, 0) - amount
    return tuple(Net(operator, nets[operator]) for operator in sorted(nets))


def legs_of(nets: Iterable[Net]) -> tuple[Leg, ...]:
    """The payments that settle the nets, in the order in which they were assigned.

    Each takes the operator that has most to pay and the one that has most to receive, the lower number where
    amounts are equal, and the smaller of the two amounts. ValueError where the nets do not add up to 0, or an
    operator comes twice: then somebody would pay what nobody owes.
    """
    given = tuple(nets)
    if sum(net.amount for net in given) != 0:
        raise ValueError(f"nets add up to 0, got {sum(net.amount for net in given)}")
    if len({net.operator for net in given}) != len(given):
        raise ValueError("each operator has one net")
    payers = [(-net.amount, net.operator) for net in given if net.amount > 0]
    payees = [(net.amount, net.operator) for net in given if net.amount < 0]
    heapify(payers)
    heapify(payees)
    legs: list[Leg] = []
    while payers:
        (owes, payer), (owed, payee) = heappop(payers), heappop(payees)
        amount = min(-owes, -owed)
        legs.append(Leg(payer, payee, amount))
        for heap, rest, operator in ((payers, owes + amount, payer), (payees, owed + amount, payee)):
            if rest:
                heappush(heap, (rest, operator))
    return tuple(legs)
