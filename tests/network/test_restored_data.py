"""Data put back from elsewhere: an older state replays; one that cannot belong to the node is refused in clear text."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from abci_app.server.lmdb_store import LmdbStore
from abci_app.server.rollback import roll_back
from tests.network.agreement import assert_same_everywhere
from tests.network.conftest import MakeTraffic
from tests.support.localnets import STRICT, RunningNet, RunningNode, create_network, until

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

MakeNetwork = Callable[[str, int], RunningNet]


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[MakeNetwork]:
    """Makes networks by chain id and number of validators; they are not started."""
    made: list[RunningNet] = []

    def make(chain_id: str, validators: int) -> RunningNet:
        made.append(create_network(tmp_path / chain_id, chain_id, validators, STRICT))
        return made[-1]

    yield make
    for net in made:
        net.remove()


@pytest.fixture
def grown(networks: MakeNetwork, traffic: MakeTraffic) -> tuple[RunningNode, int]:
    """A lone validator that has made some blocks and stopped, and its height."""
    return _grown(networks("settle-one", 1), traffic)


def _grown(net: RunningNet, traffic: MakeTraffic, seconds: float = 1.0) -> tuple[RunningNode, int]:
    net.start()
    with traffic(net, 1):
        time.sleep(seconds)
    height = net.settled_height()
    net.stop()
    return net.nodes[0], height


def app_data(node: RunningNode) -> Path:
    return node.home.path / "data"


def put(source: Path, target: Path) -> None:
    """Replace a folder by a copy of another."""
    shutil.rmtree(target)
    shutil.copytree(source, target)


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_an_application_some_blocks_behind_catches_up_by_replay(grown: tuple[RunningNode, int], blocks: int) -> None:
    node, height = grown
    with LmdbStore(app_data(node), 2**30) as store:
        before = store.marker()
        roll_back(store, height - blocks)
    node.pair.start()
    until(lambda: node.is_level_with(height), 20)
    assert node.marker() == before


def test_an_older_copy_of_the_application_catches_up_and_goes_on(
    networks: MakeNetwork, traffic: MakeTraffic, tmp_path: Path
) -> None:
    net = networks("settle-one", 1)
    node, height = _grown(net, traffic)
    shutil.copytree(app_data(node), tmp_path / "backup")
    node, later = _grown(net, traffic)
    assert later > height
    put(tmp_path / "backup", app_data(node))
    net.start()
    until(lambda: node.is_level_with(later), 20)
    with traffic(net, 1) as acknowledged:
        time.sleep(0.5)
    assert_same_everywhere(net, acknowledged)


def test_an_application_ahead_of_its_node_is_refused(
    networks: MakeNetwork, traffic: MakeTraffic, tmp_path: Path
) -> None:
    net = networks("settle-one", 1)
    node, height = _grown(net, traffic)
    shutil.copytree(node.home.cometbft / "data", tmp_path / "backup")
    node, later = _grown(net, traffic)
    put(tmp_path / "backup", node.home.cometbft / "data")
    assert f"app block height ({later}) is higher than core ({height})" in str(node.refusal())


def test_the_application_data_of_another_network_is_refused(
    networks: MakeNetwork, traffic: MakeTraffic, tmp_path: Path
) -> None:
    ours, long_height = _grown(networks("settle-ours", 1), traffic, 2.0)
    theirs, short_height = _grown(networks("settle-theirs", 1), traffic, 0.3)
    assert short_height < long_height
    shutil.copytree(app_data(ours), tmp_path / "ours")
    put(app_data(theirs), app_data(ours))
    assert "AppHash does not match" in str(ours.refusal())
    put(tmp_path / "ours", app_data(theirs))
    assert f"app block height ({long_height}) is higher than core ({short_height})" in str(theirs.refusal())
    put(tmp_path / "ours", app_data(ours))
    ours.pair.start()
    until(lambda: ours.is_level_with(long_height), 20)


@pytest.mark.parametrize("other", ["chain id", "network"])
def test_another_genesis_file_under_a_node_with_blocks_is_refused(
    networks: MakeNetwork, grown: tuple[RunningNode, int], other: str
) -> None:
    """CometBFT would go on with the first one, and people would believe the second."""
    node, height = grown
    first = node.home.genesis.read_text()
    of_another = networks("settle-other", 1).nodes[0].home.genesis.read_text()
    node.home.genesis.write_text(first.replace("settle-one", "settle-two") if other == "chain id" else of_another)
    text = str(node.refusal())
    assert "expected the genesis file that this node began with" in text
    assert "put the first one back" in text
    node.home.genesis.write_text(first)
    node.pair.start()
    until(lambda: node.is_level_with(height), 20)


@pytest.mark.parametrize("other", ["chain id", "network"])
def test_another_genesis_over_an_application_that_has_begun_is_refused(networks: MakeNetwork, other: str) -> None:
    """One of four has taken its genesis and waits for the others; then its node is made anew for another network."""
    node = networks("settle-one", 4).nodes[0]
    node.pair.start()
    until(lambda: '"message": "genesis"' in node.log("app"))
    node.pair.stop()
    first = node.home.genesis.read_text()
    of_another = networks("settle-other", 4).nodes[0].home.genesis.read_text()
    node.home.genesis.write_text(first.replace("settle-one", "settle-two") if other == "chain id" else of_another)
    for database in (node.home.cometbft / "data").glob("*.db"):
        shutil.rmtree(database)
    (node.home.cometbft / "data" / "genesis.sha256").unlink()
    text = str(node.refusal())
    assert "genesis refused: expected" in text
    assert "compare the file with the other members'" in text
    if other == "chain id":
        expected, came = text.partition("genesis refused: expected ")[2].split(", got ")
        assert came.partition(";")[0] not in expected, "expected and came read the same"


def test_a_peer_of_another_network_is_not_let_in(networks: MakeNetwork) -> None:
    ours, stranger = networks("settle-ours", 1).nodes[0], networks("settle-theirs", 1).nodes[0]
    config = stranger.home.config_toml.read_text()
    dial = f'persistent_peers = "{ours.home.node_id}@127.0.0.1:{ours.home.p2p_port}"'
    assert config.count('\npersistent_peers = ""\n') == 1
    stranger.home.config_toml.write_text(config.replace('persistent_peers = ""', dial))
    ours.pair.start()
    stranger.pair.start()
    until(lambda: "different network" in stranger.log("node"))
    assert "settle-ours" in stranger.log("node")
    until(lambda: ours.is_level_with(1) and stranger.is_level_with(1))
    assert ours.rpc.net_info().n_peers == stranger.rpc.net_info().n_peers == 0
