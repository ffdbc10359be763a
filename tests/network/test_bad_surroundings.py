"""A node whose ports, files, map or disk do not serve it: it says what it expected, what came and what to do next."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from abci_app.kernel.envelope import chain_hash
from abci_app.server.lmdb_store import LmdbStore
from abci_app.state.store import FORMAT
from settle.chain.keys import Signer, propose_keys
from settle.chain.transactions import encode_messages, sign_messages
from tests.network.agreement import assert_same_everywhere
from tests.support.localnets import STRICT, RunningNet, create_network, until
from tests.support.traffic import rotated_key

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]

MAP = 2**30  # more than anything here fills


@pytest.fixture
def net(tmp_path: Path) -> Iterator[RunningNet]:
    """A lone validator, not yet started, which gives up where it cannot go on."""
    made = create_network(tmp_path, "settle-bad", 1, STRICT)
    yield made
    made.remove()


def grown(net: RunningNet) -> int:
    """Started, filled with a few transactions, stopped; its height."""
    net.start()
    offer(net, large_transactions(net, 3))
    height = net.settled_height()
    net.stop()
    return height


def large_transactions(net: RunningNet, number: int) -> list[bytes]:
    """Proposals of 16 keys each, all of which will be accepted: about 3 kB of state apiece."""
    admin = net.keys[1]["admin-1"]
    chain, keys = chain_hash(net.chain_id.encode()), [rotated_key(1, which) for which in range(16)]
    messages = [encode_messages([propose_keys(chain, serial, keys)]) for serial in range(1, number + 1)]
    return [_signed(net, each, serial, admin) for serial, each in enumerate(messages, 1)]


def offer(net: RunningNet, raws: list[bytes]) -> None:
    """Send transactions to the node, which may die of them half-way."""
    with contextlib.suppress(httpx.TransportError):
        net.nodes[0].codes("broadcast_tx_sync", raws)


def _signed(net: RunningNet, messages: bytes, number: int, signer: Signer) -> bytes:
    return sign_messages(chain_hash(net.chain_id.encode()), messages, number, 5000, signer).raw


@pytest.mark.parametrize("which", ["RPC", "p2p"])
def test_an_occupied_port_is_named_with_its_use_and_how_to_find_who_has_it(net: RunningNet, which: str) -> None:
    home = net.nodes[0].home
    port = home.rpc_port if which == "RPC" else home.p2p_port
    with contextlib.closing(socket.create_server(("127.0.0.1", port))):
        fault = net.nodes[0].refusal()
    assert fault.expected == f"port {port} free for node0's {which}"
    assert "another program listens there" in fault.actual
    assert f"ss -ltnp | grep {port}" in fault.next_step
    net.start()


def test_a_damaged_database_is_refused_with_the_module_that_differs(net: RunningNet) -> None:
    height = grown(net)
    file = net.nodes[0].home.path / "data" / "data.mdb"
    raw = file.read_bytes()
    name = b"China Unicom"
    assert name in raw
    file.write_bytes(raw.replace(name, b"china Unicom"))
    text = str(net.nodes[0].refusal())
    assert f"committed at height {height}" in text
    assert "these differ: members, facts" in text or "these differ: members" in text
    assert "move the folder away" in text
    file.rename(file.with_name("damaged"))  # and what it says helps
    net.nodes[0].pair.start()
    until(lambda: net.nodes[0].is_level_with(height), 20)


def test_a_database_cut_off_is_refused(net: RunningNet) -> None:
    grown(net)
    file = net.nodes[0].home.path / "data" / "data.mdb"
    file.write_bytes(file.read_bytes()[:8192])
    text = str(net.nodes[0].refusal())
    assert "it was cut off" in text
    assert "move the folder away" in text


def test_a_database_of_a_newer_program_is_refused(net: RunningNet) -> None:
    grown(net)
    with LmdbStore(net.nodes[0].home.path / "data", MAP) as store:
        marker = store.marker()
        assert marker is not None
        newer = type(marker)(99, *(getattr(marker, field) for field in marker.__struct_fields__[1:]))
        with store.draft() as draft:
            draft.set_marker(newer, tuple(draft.roots()))
    text = str(net.nodes[0].refusal())
    assert f"expected state of format {FORMAT}" in text
    assert "format 99" in text
    assert "install that version" in text


def test_two_nodes_on_one_home_are_refused(net: RunningNet) -> None:
    net.start()
    second = RunningNet(net.net, net.keys, STRICT)
    fault = second.nodes[0].refusal()
    assert "no other supervisor" in fault.expected
    assert "stop it first" in fault.next_step
    second.nodes[0].rpc.close()
    assert net.nodes[0].is_level_with(1)


def test_a_full_map_stops_the_node_whole_and_a_larger_one_lets_it_go_on(net: RunningNet) -> None:
    node = net.nodes[0]
    small = node.home.app_toml.read_text()
    node.home.app_toml.write_text(small + 'map_size = "1MiB"\n')
    net.start()
    raws = large_transactions(net, 600)
    offer(net, raws)
    text = str(net.nodes[0].refusal())
    assert "map_size = 1048576 bytes" in text
    assert "Raise map_size" in text
    node.home.app_toml.write_text(small + 'map_size = "1GiB"\n')
    goes_on_with_all(net, raws)


def test_a_full_disk_stops_the_node_whole_and_room_lets_it_go_on(net: RunningNet) -> None:
    node = net.nodes[0]
    data = node.home.path / "data"
    with small_disk(data, "1M"):
        net.start()
        raws = large_transactions(net, 600)
        offer(net, raws)
        text = str(net.nodes[0].refusal())
        assert re.search(r"No space left on device|Input/output error \(\d{1,5} bytes free\)", text)
        assert "Free or add disk space" in text
        subprocess.run(["mount", "-o", "remount,size=100M", data], check=True)
        goes_on_with_all(net, raws)
        net.stop()


def goes_on_with_all(net: RunningNet, raws: list[bytes]) -> None:
    """The node starts, and every transaction that it had taken ends up in a block, once."""
    node = net.nodes[0]
    node.pair.start()
    until(lambda: node.is_level_with(1))
    deadline = time.monotonic() + 30
    while any(node.rpc.transaction(sha256(raw).digest()) is None for raw in raws):
        offer(net, raws)  # the mempool is not durable
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert_same_everywhere(net)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A disk of this size at a new folder. Skips where we may not mount one."""
    folder.mkdir(mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"a full disk needs a small one, and mounting it is not allowed here: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
