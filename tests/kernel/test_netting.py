"""Multilateral netting: nothing is made or lost, nobody pays what it does not owe, and order means nothing."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.kernel.money import LARGEST
from abci_app.kernel.netting import Debt, Leg, Net, legs_of, net_positions

OPERATORS = st.integers(1, 12)
DEBTS = st.lists(
    st.builds(Debt, OPERATORS, OPERATORS, st.one_of(st.integers(1, 5), st.integers(1, LARGEST))).filter(
        lambda debt: debt.debtor != debt.creditor
    ),
    max_size=60,
)
UK, FR, SA = 1, 2, 3


def settled(legs: tuple[Leg, ...]) -> Counter[int]:
    """What each operator pays less what it receives."""
    paid: Counter[int] = Counter()
    for payer, payee, amount in legs:
        paid[payer] += amount
        paid[payee] -= amount
    return paid


def test_a_teaching_case_of_three_subsidiaries() -> None:
    """Source: "Example 2 - Multilateral Netting", scribd.com document 495700079, in dollars."""
    debts = [
        Debt(UK, SA, 195_886),
        Debt(UK, FR, 545_455),
        Debt(FR, SA, 130_591),
        Debt(SA, UK, 108_824),
        Debt(SA, FR, 426_136),
    ]
    nets = net_positions(debts)
    assert nets == (Net(UK, 632_517), Net(FR, -841_000), Net(SA, 208_483))
    assert legs_of(nets) == (Leg(UK, FR, 632_517), Leg(SA, FR, 208_483))


def test_the_trip_of_the_well_known_question() -> None:
    """Source: stackoverflow.com 1163116: Mike owes John 100, John owes Rachel 200, Mike owes Rachel 400."""
    mike, john, rachel = 1, 2, 3
    nets = net_positions([Debt(mike, john, 100), Debt(john, rachel, 200), Debt(mike, rachel, 400)])
    assert legs_of(nets) == (Leg(mike, rachel, 500), Leg(john, rachel, 100))


@pytest.mark.parametrize(
    ("owed", "legs"),
    [  # same question: three payments are the fewest; in the other case greedy takes five, one more than the fewest
        ({1: 25, 2: 50, 3: 75, 4: -100, 5: -50}, [(3, 4, 75), (2, 5, 50), (1, 4, 25)]),
        ({1: 10, 2: 49, 3: 50, 4: 65, 5: -75, 6: -99}, [(4, 6, 65), (3, 5, 50), (2, 6, 34), (2, 5, 15), (1, 5, 10)]),
    ],
)
def test_the_largest_payer_pays_the_largest_payee(owed: dict[int, int], legs: list[tuple[int, int, int]]) -> None:
    assert [tuple(leg) for leg in legs_of(Net(*net) for net in owed.items())] == legs


def test_equal_amounts_go_by_the_lower_number() -> None:
    assert legs_of([Net(9, -5), Net(4, 5), Net(2, -5), Net(7, 5)]) == (Leg(4, 2, 5), Leg(7, 9, 5))


def test_debts_in_a_ring_need_no_payment() -> None:
    nets = net_positions([Debt(1, 2, 7), Debt(2, 3, 7), Debt(3, 1, 7)])
    assert nets == (Net(1, 0), Net(2, 0), Net(3, 0))
    assert legs_of(nets) == ()
    assert net_positions([]) == ()


@given(DEBTS)
def test_nets_add_up_to_nothing_and_the_legs_settle_them_exactly(debts: list[Debt]) -> None:
    nets = net_positions(debts)
    assert sum(net.amount for net in nets) == 0
    paid = settled(legs_of(nets))
    assert all(paid[net.operator] == net.amount for net in nets)


@given(DEBTS)
def test_nobody_pays_more_than_it_owes_or_both_pays_and_receives(debts: list[Debt]) -> None:
    nets = dict(net_positions(debts))
    legs = legs_of(Net(*net) for net in nets.items())
    gross = Counter[int]()
    for debt in debts:
        gross[debt.debtor] += debt.amount
    pays = Counter[int]()
    for leg in legs:
        assert leg.amount > 0
        assert nets[leg.payer] > 0 > nets[leg.payee]
        pays[leg.payer] += leg.amount
    assert all(paid <= nets[operator] <= gross[operator] for operator, paid in pays.items())


@given(DEBTS)
def test_there_are_at_most_one_leg_fewer_than_operators_that_owe_or_are_owed(debts: list[Debt]) -> None:
    nets = net_positions(debts)
    open_nets = sum(net.amount != 0 for net in nets)
    assert len(legs_of(nets)) <= max(open_nets - 1, 0)


@given(DEBTS, st.randoms(use_true_random=False))
def test_the_order_of_debts_and_nets_means_nothing(debts: list[Debt], chance: Random) -> None:
    nets = net_positions(debts)
    shuffled = debts.copy()
    chance.shuffle(shuffled)
    assert net_positions(shuffled) == nets
    mixed = list(nets)
    chance.shuffle(mixed)
    assert legs_of(mixed) == legs_of(nets)


@pytest.mark.parametrize("debt", [Debt(1, 1, 5), Debt(1, 2, 0), Debt(1, 2, -5)])
def test_what_is_no_debt_is_a_fault_of_the_caller(debt: Debt) -> None:
    with pytest.raises(ValueError, match="between two operators"):
        net_positions([debt])


@pytest.mark.parametrize(
    ("nets", "words"),
    [([Net(1, 5), Net(2, -4)], "add up to 0, got 1"), ([Net(1, 5), Net(1, -5)], "one net")],
)
def test_nets_that_nobody_owes_are_a_fault_of_the_caller(nets: list[Net], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        legs_of(nets)
