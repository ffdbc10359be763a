"""`python -m abci_app` with an executor that computes otherwise: it stops and says what to do (issue 4, point 7)."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from abci_app.kernel.encoding import Value, encode
from abci_app.rules.bundle import bundle_hash
from abci_app.server import abci_pb2 as pb
from tests.abci.app_process import ROOT, AppProcess
from tests.abci.client import AbciClient
from tests.support.chains import CHAIN_ID, GENESIS_TIME, genesis
from tests.support.governing import FIRST, Council

SOUND, WRONG = "return first if duration > 0 else 0", "return first if duration > 0 else 1"


@pytest.fixture
def tampered(tmp_path: Path) -> Path:
    """A copy of the application that bills a first increment for calls of no length."""
    shutil.copytree(ROOT / "abci_app", tmp_path / "tampered" / "abci_app")
    file = tmp_path / "tampered" / "abci_app" / "rules" / "intrinsics.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(SOUND) == 1
    file.write_text(text.replace(SOUND, WRONG), encoding="utf-8")
    return tmp_path / "tampered"


def begin(client: AbciClient, facts: Sequence[Value]) -> None:
    first = genesis(facts)
    asked = pb.RequestInitChain(chain_id=CHAIN_ID.decode(), initial_height=1)
    asked.time.seconds = GENESIS_TIME
    told = [base64.b64encode(encode(fact)).decode() for fact in facts]
    asked.app_state_bytes = json.dumps({"format": 1, "facts": told}).encode()
    for key, power in first.validators:
        asked.validators.add(pub_key=pb.PublicKey(ed25519=key), power=power)
    client.ask(asked)
    block = pb.RequestFinalizeBlock(height=1, hash=bytes(32))
    block.time.seconds = GENESIS_TIME + 1
    client.ask(block)
    client.ask(pb.RequestCommit())


def test_a_node_whose_executor_fails_the_vectors_stops_at_its_start_with_instructions(
    tmp_path: Path, tampered: Path
) -> None:
    home = tmp_path / "home"
    with AppProcess(home) as app, app.ready().client() as client:
        begin(client, Council().facts)
        assert app.stop() == 0
    with AppProcess(home, code=tampered) as app:
        assert app.ended() == 78
        said = app.log_file.read_text(encoding="utf-8").splitlines()[-1]
    name = bundle_hash(FIRST).hex()
    assert said.startswith(f"abci_app: rule bundle {name}, which the chain has accepted, does not hold")
    assert "VECTOR_FAILED (1052) in vector" in said
    assert "expected (0, 0), got (0, 1)" in said
    assert f"`settle gov readiness {name[:16]}`" in said
    assert "install the release again" in said
    with AppProcess(home) as app, app.ready().client() as client:
        assert client.ask(pb.RequestInfo()).last_block_height == 1, "mended, it goes on"
