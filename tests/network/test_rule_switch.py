"""A rule goes live on four real validators: proposed, countersigned, voted, ready, and run from its height on.

The design asks for it (RULES "Must hold"): under load, one validator restarted just before the height, one that
joins after it, one with another hash seed. One whose executor computes otherwise is in tests/cli.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from abci_app.domain.governance.schema import ParametersSet
from abci_app.domain.rulebook.schema import PublishBundle, ScheduleVersion, VersionState
from abci_app.kernel.approvals import DocumentKind
from abci_app.rules.bundle import bundle_hash
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.network.governed import Consortium, propose, states
from tests.support.governing import FAST, edited, rulebook
from tests.support.localnets import RunningNet, RunningNode, create_network, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(300)]

OPERATORS = (1, 2, 3, 4)
AHEAD = 60  # blocks from the proposal to the height: time for votes and readiness under traffic


@pytest.fixture
def net(tmp_path: Path) -> Iterator[RunningNet]:
    """Four validators with a rule from genesis; the last one hashes with another seed."""
    further = [*rulebook(), ParametersSet(replace(FAST, grace=500))]
    made = create_network(tmp_path, "settle-switch", 4, further=further)
    made.nodes[3].rpc.close()
    made.nodes[3] = RunningNode(made.nodes[3].home, environment=["PYTHONHASHSEED=4711"])
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_a_rule_switches_at_its_height_on_every_validator_under_traffic(
    net: RunningNet, traffic: MakeTraffic, tmp_path: Path
) -> None:
    consortium = Consortium(net, tmp_path)
    raw = edited(chain=consortium.chain, change_note=b"from the switch on")
    bundle = bundle_hash(raw)
    with traffic(net, 4) as acknowledged:
        consortium.send(1, PublishBundle(raw))
        for operator in (1, 2):
            consortium.approve(operator, DocumentKind.BUNDLE, bundle)
        switch = net.nodes[0].height() + AHEAD
        document = propose(consortium, ScheduleVersion(bundle, switch, backdated=True))
        for operator in (1, 3, 4):
            consortium.approve(operator, DocumentKind.PROPOSAL, document)
        for operator in OPERATORS:
            assert "READY" in consortium.look(operator)[-1]
        assert net.nodes[0].height() < switch - 1, "everything was decided in time"
        until(lambda: net.nodes[1].height() >= switch - 2)
        net.nodes[1].restart()
        assert net.nodes[1].marker().height <= switch + 1, "it was away when the others came to the height"
        until(lambda: all(node.is_level_with(switch + 5) for node in net.nodes))
        join_anew(net.nodes[2])
        until(lambda: all(node.is_level_with(switch + 10) for node in net.nodes))
    assert_same_everywhere(net, acknowledged)
    assert any(result.height >= switch for result in acknowledged), "transactions went on after the switch"
    assert any(result.height < switch for result in acknowledged)
    for node in net.nodes:
        assert states(node, switch - 1) == [VersionState.ACTIVE, VersionState.APPROVED]
        assert states(node, switch) == [VersionState.RETIRED, VersionState.ACTIVE]
    for height in range(switch - 3, switch + 4):
        hashes = {node.rpc.block_results(height).app_hash for node in net.nodes}
        assert len(hashes) == 1
        assert len(hashes.pop()) == 32
    assert all("error" not in node.log("app").lower() for node in net.nodes)


def join_anew(node: RunningNode) -> None:
    """Start with an empty home but for its keys and what the validator last signed: all blocks come from peers."""
    node.pair.stop()
    shutil.rmtree(node.home.path / "data")
    data = node.home.cometbft / "data"
    for each in [*data.glob("*.db"), data / "cs.wal"]:
        shutil.rmtree(each)
    node.pair.start()
