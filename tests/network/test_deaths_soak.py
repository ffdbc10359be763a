"""The full cross of deaths: every point, every node's turn as proposer, several heights, and at random for minutes."""

from __future__ import annotations

import random
import time

import pytest

from abci_app.server.failpoint import NAMES
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.network.test_deaths import returns
from tests.support.localnets import RunningNet, until

pytestmark = [pytest.mark.network, pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("ahead", range(6, 10))  # four heights in a row: each node proposes once
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("failpoint", NAMES)
def test_any_node_dies_at_any_point_of_any_height(
    four: RunningNet, traffic: MakeTraffic, failpoint: str, number: int, ahead: int
) -> None:
    """At `prepare` it dies only where it is the proposer of that height."""
    victim, other = four.nodes[number], four.nodes[(number + 1) % 4]
    before = victim.pair.restarts
    with traffic(four, 4) as acknowledged:
        height = other.height() + ahead
        victim.arm(f"{failpoint}:{height}")
        victim.restart()
        until(lambda: victim.pair.restarts > before or victim.height() > height)
        assert failpoint == "prepare" or victim.pair.restarts > before
        returns(victim, other)
    assert_same_everywhere(four, acknowledged)


def test_ten_minutes_of_deaths_at_random_lose_nothing(four: RunningNet, traffic: MakeTraffic) -> None:
    chance = random.Random(11)
    for _ in range(10):
        with traffic(four, 4) as acknowledged:
            ends = time.monotonic() + 60
            while time.monotonic() < ends:
                victim = chance.choice(four.nodes)
                chance.choice((victim.pair.kill_app, victim.pair.kill_node, victim.pair.kill_both))()
                time.sleep(chance.uniform(2.0, 8.0))
        assert_same_everywhere(four, acknowledged)
