"""kill -9, anywhere: nothing acknowledged is lost, the hashes are equal, and the node is back within 20 seconds."""

from __future__ import annotations

import shutil
import time

import pytest

from abci_app.server.failpoint import NAMES
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.support.localnets import RunningNet, RunningNode, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

BACK_WITHIN = 20.0  # seconds: CHAIN.md, goals


def dies_and_returns(victim: RunningNode, others: RunningNode, *failpoints: str) -> None:
    """Let its application die at the failpoints, each in the start after the last, and return to the others' height."""
    before = victim.pair.restarts
    victim.reports.clear()
    victim.arm(*failpoints)
    victim.restart()
    until(lambda: victim.pair.restarts >= before + len(failpoints))
    assert sum("application ended with exit code 9" in report for report in victim.reports) == len(failpoints)
    returns(victim, others)


def returns(victim: RunningNode, others: RunningNode) -> None:
    """Wait until it has committed a block more than anybody had when it came back."""
    began = time.monotonic()
    until(lambda: others.height() > 0, BACK_WITHIN)
    goal = others.height() + 1
    until(lambda: victim.is_level_with(goal), BACK_WITHIN)
    assert time.monotonic() - began < BACK_WITHIN


@pytest.mark.parametrize("failpoint", NAMES)
def test_a_lone_validator_dies_at_any_point_and_loses_nothing(
    alone: RunningNet, traffic: MakeTraffic, failpoint: str
) -> None:
    victim = alone.nodes[0]
    with traffic(alone, 2) as acknowledged:
        dies_and_returns(victim, victim, failpoint)
    assert acknowledged
    assert_same_everywhere(alone, acknowledged)


def test_a_death_during_the_recovery_from_a_death_loses_nothing(alone: RunningNet, traffic: MakeTraffic) -> None:
    victim = alone.nodes[0]
    with traffic(alone, 2) as acknowledged:
        dies_and_returns(victim, victim, "commit_before", "finalize_end", "commit_in_txn")
    assert_same_everywhere(alone, acknowledged)


@pytest.mark.parametrize("failpoint", NAMES)
def test_one_of_four_dies_at_any_point_and_agrees_with_the_others(
    four: RunningNet, traffic: MakeTraffic, failpoint: str
) -> None:
    victim = four.nodes[3]
    with traffic(four, 4) as acknowledged:
        dies_and_returns(victim, four.nodes[0], failpoint)
    assert acknowledged
    assert_same_everywhere(four, acknowledged)


@pytest.mark.parametrize("what", ["app", "node", "both"])
def test_killing_either_program_or_both_of_one_of_four_loses_nothing(
    four: RunningNet, traffic: MakeTraffic, what: str
) -> None:
    victim = four.nodes[2]
    before = victim.pair.restarts
    with traffic(four, 4) as acknowledged:
        until(lambda: victim.is_level_with(four.nodes[0].height()))
        {"app": victim.pair.kill_app, "node": victim.pair.kill_node, "both": victim.pair.kill_both}[what]()
        until(lambda: victim.pair.restarts == before + 1)
        returns(victim, four.nodes[0])
    assert acknowledged
    assert_same_everywhere(four, acknowledged)


def test_three_of_four_go_on_while_one_is_away_and_it_catches_up(four: RunningNet, traffic: MakeTraffic) -> None:
    away = four.nodes[1]
    with traffic(four, 1) as acknowledged:
        away.pair.stop(force=True)
        goal = four.nodes[0].height() + 5
        until(lambda: four.nodes[0].height() >= goal)
        away.pair.start()
        returns(away, four.nodes[0])
    assert_same_everywhere(four, acknowledged)


def test_a_network_killed_whole_comes_back_whole(four: RunningNet, traffic: MakeTraffic) -> None:
    with traffic(four, 4) as acknowledged:
        time.sleep(1.0)
        for node in four.nodes:
            node.pair.stop(force=True)
        for node in four.nodes:
            node.pair.start()
        for node in four.nodes:
            returns(node, four.nodes[0])
    assert acknowledged
    assert_same_everywhere(four, acknowledged)


def test_a_wiped_application_replays_the_whole_chain(four: RunningNet, traffic: MakeTraffic) -> None:
    victim = four.nodes[3]
    with traffic(four, 4) as acknowledged:
        victim.pair.stop()
        shutil.rmtree(victim.home.path / "data")
        victim.pair.start()
        returns(victim, four.nodes[0])
    assert_same_everywhere(four, acknowledged)
