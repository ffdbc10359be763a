"""Local networks: homes, ports, sockets and the genesis, with a stand-in for `cometbft init`."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cometbft import localnet, ports
from cometbft.config import read
from cometbft.errors import NodeError

FACTS = {"format": 1, "facts": [base64.b64encode(b"a fact").decode()]}

FAKE_INIT = """#!{python}
import base64, json, os, shutil, sys
assert sys.argv[1:3] == ["init", "--home"], sys.argv
home = sys.argv[3]
os.makedirs(home + "/config"); os.makedirs(home + "/data")
shutil.copy({config!r}, home + "/config/config.toml")
key = os.urandom(32)
text = lambda value: base64.b64encode(value).decode()
with open(home + "/config/priv_validator_key.json", "w") as file:
    json.dump({{"pub_key": {{"type": "tendermint/PubKeyEd25519", "value": text(key)}}}}, file)
with open(home + "/config/node_key.json", "w") as file:
    json.dump({{"priv_key": {{"type": "tendermint/PrivKeyEd25519", "value": text(key + key)}}}}, file)
with open(home + "/config/genesis.json", "w") as file:
    json.dump({{"chain_id": "test", "consensus_params": {{"block": {{"max_bytes": "1", "max_gas": "7"}},
               "evidence": {{"max_bytes": "1048576"}}}}, "added_later": 1}}, file)
"""


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "cometbft"
    config = str(Path(__file__).with_name("config_0.38.26.toml"))
    path.write_text(FAKE_INIT.format(python=sys.executable, config=config))
    path.chmod(0o755)
    return path


@pytest.fixture
def four(tmp_path: Path, binary: Path) -> localnet.Localnet:
    return localnet.create(tmp_path / "net", "settle-1", 4, lambda _: FACTS, binary=binary)


def genesis(network: localnet.Localnet, number: int = 0) -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = json.loads(network.nodes[number].genesis.read_text())
    return document


def test_every_node_has_the_same_genesis(four: localnet.Localnet) -> None:
    assert len({node.genesis.read_bytes() for node in four.nodes}) == 1


def test_the_genesis_has_the_chain_its_limits_and_the_facts_given(four: localnet.Localnet) -> None:
    document = genesis(four)
    assert document["chain_id"] == "settle-1"
    assert document["initial_height"] == "1"
    assert document["app_hash"] == ""
    assert document["app_state"] == FACTS
    assert document["consensus_params"]["block"] == {"max_bytes": "4194304", "max_gas": "-1"}
    assert document["consensus_params"]["validator"] == {"pub_key_types": ["ed25519"]}


def test_what_cometbft_generated_besides_stays_in_the_genesis(four: localnet.Localnet) -> None:
    assert genesis(four)["added_later"] == 1
    assert genesis(four)["consensus_params"]["evidence"] == {"max_bytes": "1048576"}


def test_every_validator_has_power_ten_and_its_own_key(four: localnet.Localnet) -> None:
    validators = genesis(four)["validators"]
    assert [each["power"] for each in validators] == ["10"] * 4
    assert [base64.b64decode(each["pub_key"]["value"]) for each in validators] == [
        node.validator_key for node in four.nodes
    ]
    assert [each["address"] for each in validators] == [
        hashlib.sha256(node.validator_key).digest()[:20].hex().upper() for node in four.nodes
    ]


def test_the_facts_are_made_from_the_keys_in_the_order_of_the_nodes(tmp_path: Path, binary: Path) -> None:
    asked: list[list[bytes]] = []

    def app_state(keys: list[bytes]) -> dict[str, object]:
        asked.append(keys)
        return FACTS

    network = localnet.create(tmp_path / "net", "settle-1", 3, app_state, binary=binary)
    assert asked == [[node.validator_key for node in network.nodes]]
    assert all(len(key) == 32 for key in asked[0])


def test_the_genesis_time_can_be_given(tmp_path: Path, binary: Path) -> None:
    time = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    network = localnet.create(tmp_path / "net", "c", 1, lambda _: FACTS, binary=binary, genesis_time=time)
    assert genesis(network)["genesis_time"] == "2026-11-01T08:30:00.000000Z"


def test_every_port_is_another_and_on_loopback(four: localnet.Localnet) -> None:
    used = [port for node in four.nodes for port in (node.rpc_port, node.p2p_port)]
    assert len(set(used)) == 8
    for node in four.nodes:
        assert node.rpc_address == f"http://127.0.0.1:{node.rpc_port}"
        assert read(node.config_toml)["p2p"]["laddr"] == f"tcp://127.0.0.1:{node.p2p_port}"


def test_every_node_dials_all_the_others_and_not_itself(four: localnet.Localnet) -> None:
    for node in four.nodes:
        peers = set(read(node.config_toml)["p2p"]["persistent_peers"].split(","))
        others = [other for other in four.nodes if other != node]
        assert peers == {f"{other.node_id}@127.0.0.1:{other.p2p_port}" for other in others}


def test_application_and_node_are_told_the_same_socket(four: localnet.Localnet) -> None:
    for node in four.nodes:
        assert read(node.config_toml)["proxy_app"] == f"unix://{node.socket}"
    assert len({node.socket for node in four.nodes}) == 4


def test_sockets_are_short_however_deep_the_folder_is(tmp_path: Path, binary: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5) / "net"
    network = localnet.create(deep, "settle-1", 1, lambda _: FACTS, binary=binary)
    assert len(str(network.nodes[0].socket)) <= 107
    assert len(str(network.nodes[0].path / "app.sock")) > 107


def test_a_socket_path_that_is_too_long_is_refused_before_anything_is_made(
    tmp_path: Path, binary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETTLE_RUNTIME", str(tmp_path / ("r" * 90)))
    with pytest.raises(NodeError, match="at most 107 bytes") as refusal:
        localnet.create(tmp_path / "net", "settle-1", 1, lambda _: FACTS, binary=binary)
    assert "SETTLE_RUNTIME" in refusal.value.next_step
    assert not (tmp_path / "net").exists()


def test_without_app_toml_the_socket_is_in_the_home(tmp_path: Path) -> None:
    assert localnet.Home(tmp_path).socket == tmp_path / "app.sock"


@pytest.mark.parametrize("named", ["unix://s/app.sock", "s/app.sock"])
def test_the_socket_of_app_toml_may_be_relative_to_the_home_and_carry_its_scheme(tmp_path: Path, named: str) -> None:
    (tmp_path / "app.toml").write_text(f'socket = "{named}"')
    assert localnet.Home(tmp_path).socket == tmp_path / "s" / "app.sock"


def test_an_application_on_tcp_is_not_supervised(tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_text('socket = "tcp://127.0.0.1:26658"')
    with pytest.raises(NodeError, match="a Unix socket"):
        _ = localnet.Home(tmp_path).socket


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", ports.free_ports(1)[0]))
        server.listen()
        yield server.getsockname()[1]


def test_fixed_ports_run_upwards_from_the_first(tmp_path: Path, binary: Path) -> None:
    first = ports.free_ports(1)[0]
    network = localnet.create(tmp_path / "net", "c", 1, lambda _: FACTS, binary=binary, first_port=first)
    assert (network.nodes[0].rpc_port, network.nodes[0].p2p_port) == (first, first + 1)


def test_an_occupied_fixed_port_is_named(tmp_path: Path, binary: Path, listener: int) -> None:
    with pytest.raises(NodeError, match=f"not to be had: {listener}"):
        localnet.create(tmp_path / "net", "c", 1, lambda _: FACTS, binary=binary, first_port=listener)
    assert not (tmp_path / "net").exists()


def test_a_port_in_use_is_never_drawn(listener: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "RANGE", range(listener, listener + 1))
    with pytest.raises(NodeError, match="1 free ports"):
        ports.free_ports(1)


def test_ports_that_do_not_exist_are_not_free() -> None:
    with pytest.raises(NodeError):
        ports.ports_from(65_535, 2)


@pytest.mark.parametrize("chain_id", ["", "x" * 51, "zürich", "a\nb"])
def test_an_unfit_chain_id_is_refused(tmp_path: Path, chain_id: str) -> None:
    with pytest.raises(NodeError, match="chain id"):
        localnet.create(tmp_path / "net", chain_id, 1, lambda _: FACTS)


def test_a_network_needs_a_validator(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="at least one"):
        localnet.create(tmp_path / "net", "c", 0, lambda _: FACTS)


def test_a_folder_in_use_is_never_written_over(four: localnet.Localnet, binary: Path) -> None:
    with pytest.raises(NodeError, match="something is there"):
        localnet.create(four.folder, "settle-2", 1, lambda _: FACTS, binary=binary)
    assert genesis(four)["chain_id"] == "settle-1"


def test_loading_gives_what_was_created(four: localnet.Localnet) -> None:
    assert localnet.load(four.folder) == four


def test_ten_nodes_load_in_the_order_of_their_numbers(tmp_path: Path, binary: Path) -> None:
    network = localnet.create(tmp_path / "net", "c", 11, lambda _: FACTS, binary=binary)
    assert [node.path.name for node in localnet.load(network.folder).nodes] == [f"node{n}" for n in range(11)]


def test_loading_where_there_is_no_network_says_so(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="a local network under"):
        localnet.load(tmp_path)


def test_a_lost_key_file_is_named(four: localnet.Localnet) -> None:
    shutil.rmtree(four.nodes[0].cometbft / "config")
    with pytest.raises(NodeError, match=r"node_key\.json"):
        _ = four.nodes[0].node_id


def test_a_failing_init_is_told_with_its_words(tmp_path: Path) -> None:
    broken = tmp_path / "cometbft"
    broken.write_text("#!/bin/sh\necho disk full >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(NodeError, match="exit code 3: disk full"):
        localnet.create(tmp_path / "net", "c", 1, lambda _: FACTS, binary=broken)


def test_removing_a_network_leaves_nothing(four: localnet.Localnet) -> None:
    runtime = four.nodes[0].socket.parent
    runtime.mkdir()
    four.remove()
    assert not four.folder.exists()
    assert not runtime.exists()
