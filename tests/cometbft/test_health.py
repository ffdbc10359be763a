"""The probe of a container: fit or not, and why."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cometbft import health, ports
from cometbft.config import NodeSettings, write
from cometbft.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.config_toml.parent.mkdir(parents=True)
    home.config_toml.write_text(Path(__file__).with_name("config_0.38.26.toml").read_text())
    rpc_port, p2p_port = ports.free_ports(2)
    write(home.config_toml, NodeSettings(moniker="a", socket=home.socket, rpc_port=rpc_port, p2p_port=p2p_port))
    return home


@pytest.fixture
def rpc(home: Home) -> Iterator[Callable[[bytes], None]]:
    """A stand-in for the node's RPC; calling it sets what it answers."""
    body = b""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    def set_body(value: bytes) -> None:
        nonlocal body
        body = value

    with HTTPServer(("127.0.0.1", home.rpc_port), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield set_body
        server.shutdown()
        thread.join()


def status(age: int, *, catching_up: bool = False) -> bytes:
    time = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
    info = {"latest_block_height": "12", "latest_block_time": time, "catching_up": catching_up}
    return json.dumps({"result": {"sync_info": info}}).encode()


def test_a_node_with_a_young_block_is_fit(home: Home, rpc: Callable[[bytes], None]) -> None:
    rpc(status(age=3))
    assert health.judge(home) == ""
    assert health.read_height(home.rpc_address) == 12


def test_a_node_whose_chain_stands_still_is_not_fit(home: Home, rpc: Callable[[bytes], None]) -> None:
    rpc(status(age=900))
    assert re.search(r"no block for 9\d\d s at height 12", health.judge(home))  # a busy machine may take a second


def test_a_node_that_catches_up_is_fit(home: Home, rpc: Callable[[bytes], None]) -> None:
    rpc(status(age=900, catching_up=True))
    assert health.judge(home) == ""


@pytest.mark.parametrize("nonsense", [b"", b"<html>", b"{}", b'{"error": "no"}', b"[1]"])
def test_an_answer_that_is_no_status_is_no_answer(home: Home, rpc: Callable[[bytes], None], nonsense: bytes) -> None:
    rpc(nonsense)
    assert health.read_height(home.rpc_address) is None
    assert "no answer" in health.judge(home)


def test_a_node_that_is_down_is_not_fit_and_the_probe_gives_1(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main([str(home.path)]) == 1
    assert f"no answer from {home.rpc_address}" in capsys.readouterr().out


def test_the_probe_of_a_folder_that_is_no_home_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main([str(tmp_path)]) == 1
    assert "config.toml" in capsys.readouterr().out
