from __future__ import annotations

import socket
import stat
import threading
import time
from pathlib import Path

import pytest

from abci_app.server import abci_pb2 as pb
from abci_app.server.address import LONGEST_PATH, TcpAddress, UnixAddress, read_address
from abci_app.server.handlers import Handlers
from abci_app.server.listener import Listener
from abci_app.server.refusal import Refusal
from tests.abci.client import AbciClient, Closed
from tests.abci.fake_chain import FakeChain


def test_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    listener = Listener(UnixAddress(tmp_path / "app.sock"))
    assert stat.S_IMODE((tmp_path / "app.sock").stat().st_mode) == 0o600
    listener.close()


def test_a_socket_left_by_a_killed_app_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "app.sock"))
    left.close()  # as the kernel does for a killed process: the file stays
    listener = Listener(UnixAddress(tmp_path / "app.sock"))
    listener.start(Handlers(FakeChain(), "").answer)
    with AbciClient(tmp_path / "app.sock") as client:
        assert client.ask(pb.RequestEcho(message="new")).message == "new"
    listener.close()


@pytest.mark.parametrize("unix", [True, False])
def test_a_second_app_on_the_same_address_is_refused_and_the_first_goes_on(tmp_path: Path, unix: bool) -> None:
    first = Listener(UnixAddress(tmp_path / "app.sock") if unix else TcpAddress(0))
    with pytest.raises(Refusal, match="another app is already running on"):
        Listener(first.address)
    first.start(Handlers(FakeChain(), "").answer)
    with AbciClient(tmp_path / "app.sock" if unix else first.address.port) as client:
        assert client.ask(pb.RequestEcho(message="first")).message == "first"
    first.close()


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "app.sock").write_text("mine")
    with pytest.raises(Refusal, match="came a file"):
        Listener(UnixAddress(tmp_path / "app.sock"))
    assert (tmp_path / "app.sock").read_text() == "mine"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"No such file or directory\. Its folder must exist"):
        Listener(UnixAddress(tmp_path / "nowhere" / "app.sock"))


def test_closing_lets_a_request_in_hand_end_and_be_answered(tmp_path: Path) -> None:
    chain = FakeChain()
    chain.gate = threading.Event()
    listener = Listener(UnixAddress(tmp_path / "app.sock"))
    listener.start(Handlers(chain, "").answer)
    with AbciClient(tmp_path / "app.sock") as client:
        client.send(pb.RequestFinalizeBlock(height=3, txs=[b"x"]))
        while not chain.calls:
            time.sleep(0.01)
        closing = threading.Thread(target=listener.close)
        closing.start()
        time.sleep(0.1)
        assert closing.is_alive()
        chain.gate.set()
        assert len(client.receive().finalize_block.tx_results) == 1
        with pytest.raises(Closed):
            client.receive()
        closing.join(10)
        assert not closing.is_alive()
    assert not (tmp_path / "app.sock").exists()


def test_closing_does_not_wait_for_a_peer_that_never_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abci_app.server.listener._GRACE", 0.2)
    listener = Listener(UnixAddress(tmp_path / "app.sock"))
    listener.start(Handlers(FakeChain(), "").answer)
    with AbciClient(tmp_path / "app.sock") as client:
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):  # until the buffers of both directions are full
            client.send(*[pb.RequestEcho(message="x" * 100_000)] * 100)
        started = time.monotonic()
        listener.close()
        assert time.monotonic() - started < 5


def test_addresses_are_read_in_comet_bfts_spelling(tmp_path: Path) -> None:
    assert read_address("app.sock", tmp_path) == UnixAddress(tmp_path / "app.sock")
    assert read_address("unix:///run/app.sock", tmp_path) == UnixAddress(Path("/run/app.sock"))
    assert read_address("tcp://127.0.0.1:26658", tmp_path) == TcpAddress(26658)
    assert str(read_address("tcp://127.0.0.1:26658", tmp_path)) == "tcp://127.0.0.1:26658"
    assert str(UnixAddress(Path("/run/app.sock"))) == "unix:///run/app.sock"


@pytest.mark.parametrize(
    "text", ["", "unix://", "http://127.0.0.1:1", "tcp://0.0.0.0:1", "tcp://127.0.0.1", "tcp://127.0.0.1:x",
             "tcp://127.0.0.1:65536", "tcp://[::1]:1", "tcp://127.0.0.1:²"],
)  # fmt: skip
def test_other_addresses_are_refused_with_what_was_expected(tmp_path: Path, text: str) -> None:
    with pytest.raises(Refusal, match=r"socket: expected .* came"):
        read_address(text, tmp_path)


def test_a_path_that_the_kernel_cannot_take_is_refused_with_what_to_do() -> None:
    longest = Path("/") / ("x" * (LONGEST_PATH - len("//app.sock")))
    assert read_address("app.sock", longest) == UnixAddress(longest / "app.sock")
    with pytest.raises(Refusal, match=r"at most 107 bytes .*, came 108.*--socket"):
        read_address("aapp.sock", longest)
