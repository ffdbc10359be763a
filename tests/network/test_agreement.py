"""Four real validators under traffic: one chain, one state, one fact log."""

from __future__ import annotations

import random
import time

import pytest

from abci_app.kernel.envelope import LARGEST_TRANSACTION, chain_hash
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.simulation.mutations import Mutator
from tests.support.localnets import RunningNet

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]


def test_app_hash_and_fact_root_are_the_same_everywhere_under_traffic(four: RunningNet, traffic: MakeTraffic) -> None:
    with traffic(four, 4) as acknowledged:
        time.sleep(5.0)
    assert len(acknowledged) >= 12
    assert len({told.height for told in acknowledged}) >= 3
    assert_same_everywhere(four, acknowledged)


def test_every_node_gives_a_thousand_strange_transactions_the_same_codes_and_lives_on(four: RunningNet) -> None:
    signers = [four.keys[number][name] for number in four.keys for name in ("admin-1", "maker", "checker")]
    mutator = Mutator(random.Random(3), chain_hash(four.chain_id.encode()), signers)
    mutator.learn(four.nodes[0].rpc.query)
    strange = [*mutator.draw(999), bytes(LARGEST_TRANSACTION + 1)]
    pids = [node.pair.pids() for node in four.nodes]
    codes = [node.codes("check_tx", strange) for node in four.nodes]
    assert codes[0] == codes[1] == codes[2] == codes[3]
    assert 0 in codes[0]
    assert len(set(codes[0])) > 8
    for node in four.nodes:
        node.codes("broadcast_tx_sync", strange)
    assert_same_everywhere(four)
    assert [node.pair.pids() for node in four.nodes] == pids, "a program died of it"
    for node in four.nodes:
        assert [line for line in node.log("app").splitlines() if "ALARM" in line] == []
