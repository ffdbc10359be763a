"""What ends the program, with which status and which last words: each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from abci_app.server import abci_pb2 as pb
from tests.abci.client import AbciClient, Closed

ROOT = Path(__file__).parent.parent.parent
GENESIS = pb.RequestInitChain(app_state_bytes=b'{"format": 1, "facts": []}')

Serve = Callable[[str, str], "tuple[subprocess.Popen[str], Path]"]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    running: list[subprocess.Popen[str]] = []

    def start(method: str, fault: str) -> tuple[subprocess.Popen[str], Path]:
        path = tmp_path / "app.sock"
        command = [sys.executable, "-m", "tests.abci.serve_fake", str(path), method, fault]
        running.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True))
        until = time.monotonic() + 20
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.02)
        return running[-1], path

    yield start
    for process in running:
        process.kill()
        process.communicate()


def ends_with(process: subprocess.Popen[str], path: Path, request: Message) -> tuple[int, dict[str, Any]]:
    """The exit status after the request, and the last log line. No answer may come."""
    with AbciClient(path) as client, pytest.raises(Closed):
        client.ask(request)
    _, logged = process.communicate(timeout=20)
    return process.returncode, json.loads(logged.splitlines()[-1])


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("init_chain", GENESIS),
        ("prepare", pb.RequestPrepareProposal(height=1)),
        ("finalize", pb.RequestFinalizeBlock(height=1)),
        ("commit", pb.RequestCommit()),
    ],
)
def test_a_fault_while_the_chain_advances_ends_the_program(serve: Serve, method: str, request_: Message) -> None:
    status, last = ends_with(*serve(method, "bug"), request_)
    assert status == 70
    assert last["level"] == "critical"
    assert "fault of this program" in last["message"]
    assert "ZeroDivisionError: a bug" in last["trace"]


def test_a_failed_assertion_ends_the_program(serve: Serve) -> None:
    status, last = ends_with(*serve("commit", "assertion"), pb.RequestCommit())
    assert status == 70
    assert "AssertionError" in last["trace"]


def test_a_full_database_ends_the_program_and_says_what_to_do(serve: Serve) -> None:
    status, last = ends_with(*serve("commit", "full"), pb.RequestCommit())
    assert status == 74
    assert "Raise map_size" in last["message"]


def test_a_genesis_that_does_not_fit_ends_the_program_without_a_trace(serve: Serve) -> None:
    status, last = ends_with(*serve("init_chain", "genesis"), GENESIS)
    assert status == 78
    assert "expected one, got another" in last["message"]
    assert "trace" not in last


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("prepare", pb.RequestPrepareProposal(height=1)),
        ("process", pb.RequestProcessProposal(height=1)),
        ("finalize", pb.RequestFinalizeBlock(height=1)),
        ("commit", pb.RequestCommit()),
    ],
)
def test_an_executor_that_computes_otherwise_ends_the_program_and_says_what_to_do(
    serve: Serve, method: str, request_: Message
) -> None:
    """Also in ProcessProposal: what all others decide is not for this machine to reject for ever."""
    status, last = ends_with(*serve(method, "executor"), request_)
    assert status == 78
    assert "VECTOR_FAILED (1052) in vector 1: expected (1,), got (2,)" in last["message"]
    assert "`settle gov readiness 0000000000000000`" in last["message"]
    assert "trace" not in last


def test_an_app_state_that_does_not_fit_ends_the_program(serve: Serve) -> None:
    request = pb.RequestInitChain(app_state_bytes=b'{"format": 2, "facts": []}')
    status, last = ends_with(*serve("none", "none"), request)
    assert status == 78
    assert "app_state does not fit: format: expected 1, came 2." in last["message"]


@pytest.mark.parametrize("came", ["1.0.0", "2.1.0", "2.0.0-rc1"])
def test_a_node_of_another_abci_is_refused(serve: Serve, came: str) -> None:
    status, last = ends_with(*serve("none", "none"), pb.RequestInfo(version="1.0.1", abci_version=came))
    assert status == 78
    assert f"expected a node that speaks ABCI 2.0.0, came ABCI {came}" in last["message"]
    assert "trace" not in last


@pytest.mark.parametrize("method", ["check", "query", "process"])
def test_strangers_bytes_never_end_the_program(serve: Serve, method: str) -> None:
    process, path = serve(method, "bug")
    asked = {"check": pb.RequestCheckTx(), "query": pb.RequestQuery(), "process": pb.RequestProcessProposal()}
    with AbciClient(path) as client:
        client.ask(asked[method])
        client.ask(pb.RequestEcho())
    assert process.poll() is None
