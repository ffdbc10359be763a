"""Our protobuf types against CometBFT's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import text_format

from abci_app.server import abci_pb2 as pb
from abci_app.server import handlers
from cometbft import localnet

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
GENERATED = ("abci_app/server/abci_pb2.py", "abci_app/server/abci_pb2.pyi")

GOLDEN = [
    line.split("\t") for line in (HERE / "vectors" / "golden-0.38.26.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(
    ("envelope", "raw", "text"), GOLDEN, ids=[f"{e}.{text.partition(':')[0]}" for e, _, text in GOLDEN]
)
def test_every_message_means_and_is_spelled_as_in_comet_bft(envelope: str, raw: str, text: str) -> None:
    kind = getattr(pb, envelope)
    ours = kind.FromString(bytes.fromhex(raw))
    assert ours == text_format.Parse(text, kind())  # the same names for the same numbers
    assert text_format.Parse(text, kind()).SerializeToString(deterministic=True).hex() == raw


def test_the_golden_file_holds_every_kind_of_the_oldest_node() -> None:
    """v0.39 added InsertTx and ReapTxs; the file is from v0.38."""
    kinds = {(envelope, text.partition(":")[0]) for envelope, _, text in GOLDEN}
    for envelope in ("Request", "Response"):
        ours = {field.name for field in getattr(pb, envelope).DESCRIPTOR.fields}
        assert {name for where, name in kinds if where == envelope} == ours - {"insert_tx", "reap_txs"}


def test_the_methods_of_newer_nodes_have_their_numbers() -> None:
    """v0.40.0, proto/tendermint/abci/types.proto: requests 21 and 22, responses 22 and 23."""
    requests, responses = pb.Request.DESCRIPTOR.fields_by_name, pb.Response.DESCRIPTOR.fields_by_name
    assert (requests["insert_tx"].number, requests["reap_txs"].number) == (21, 22)
    assert (responses["insert_tx"].number, responses["reap_txs"].number) == (22, 23)


def test_the_committed_types_are_those_of_the_proto(tmp_path: Path) -> None:
    """Bytes against a regeneration by the locked grpcio-tools: after an upgrade of it, generate again."""
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(ROOT)]
    command += [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", str(ROOT / "abci_app/server/abci.proto")]
    subprocess.run(command, check=True, capture_output=True)
    for name in GENERATED:
        assert (tmp_path / name).read_bytes() == (ROOT / name).read_bytes(), f"{name}: see the head of abci.proto"


def test_genesis_names_the_version_that_the_application_answers() -> None:
    assert localnet.APP_VERSION == handlers.APP_VERSION
