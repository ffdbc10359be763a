"""Settings, genesis, failpoints, surroundings: what a person gave, and what the app says to it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.server import abci_pb2 as pb
from abci_app.server.config import Config, read_config
from abci_app.server.failpoint import NAMES, nowhere, read_failpoint
from abci_app.server.genesis import read_facts, read_genesis
from abci_app.server.main import require_sound_surroundings
from abci_app.server.refusal import Refusal

ROOT = Path(__file__).parent.parent.parent


def write(home: Path, text: str) -> Path:
    (home / "app.toml").write_text(text, encoding="utf-8")
    return home


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_config(tmp_path) == Config()
    assert Config().socket == "app.sock"
    assert Config().map_size == 64 * 2**30


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, 'socket = "x.sock"\nmap_size = "2GiB"\nlog_level = "debug"'))
    assert (config.socket, config.map_size, config.log_level) == ("x.sock", 2 * 2**30, "debug")
    assert read_config(write(tmp_path, "map_size = 1048576")).map_size == 2**20


def test_every_setting_is_explained() -> None:
    assert all(field.description for field in Config.model_fields.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("map_size = 5", "map_size: expected greater than or equal to 1048576, came 5"),
        ('map_size = "much"', "map_size: expected "),
        ('log_level = "loud"', "log_level: expected 'debug', 'info', 'warning' or 'error', came 'loud'"),
        ("socket = 5", "socket: expected a valid string, came 5"),
        ("sokcet = 'x'", "sokcet: expected no field of this name, came 'x'. The fields are socket, map_size, log"),
        ("socket = ", "expected TOML, came something else"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected_and_what_came(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_config(write(tmp_path, text))
    assert str(tmp_path / "app.toml") in str(refusal.value)
    assert said in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_bytes(b"\xff")
    with pytest.raises(Refusal, match="cannot be read"):
        read_config(tmp_path)


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_genesis_facts_come_back_as_they_were(facts: list[bytes]) -> None:
    state = {"format": 1, "facts": [base64.b64encode(fact).decode() for fact in facts]}
    assert read_facts(json.dumps(state, indent=2).encode()) == tuple(facts)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (b"", "expected JSON (EOF while parsing"),
        (b"{}", "format: expected this field"),
        (b"[]", "expected an object"),
        (b'{"format": 2, "facts": []}', "format: expected 1, came 2"),
        (b'{"format": 1, "facts": {}}', "facts: expected a list of base64 texts, not dict"),
        (b'{"format": 1, "facts": ["AA==", 5]}', "facts: expected fact 1 in base64, not int"),
        (b'{"format": 1, "facts": ["A A=="]}', "facts: expected fact 0 in base64"),
        (b'{"format": 1, "facts": ["AA"]}', "facts: expected fact 0 in base64"),
        (b'{"format": 1, "facts": [], "more": 1}', "more: expected no field of this name, came 1"),
    ],
)
def test_another_app_state_is_refused_with_what_was_expected(state: bytes, said: str) -> None:
    with pytest.raises(Refusal) as refusal:
        read_facts(state)
    assert said in str(refusal.value)
    assert '{"format": 1, "facts": [base64 ...]}' in str(refusal.value)


@given(st.binary(max_size=100) | st.text(max_size=100).map(str.encode))
def test_any_app_state_is_read_or_refused(state: bytes) -> None:
    try:
        read_facts(state)
    except Refusal:
        return


def test_a_validator_with_another_kind_of_key_is_refused() -> None:
    asked = pb.RequestInitChain(app_state_bytes=b'{"format": 1, "facts": []}')
    asked.validators.add(pub_key=pb.PublicKey(secp256k1=bytes(33)), power=10)
    with pytest.raises(Refusal, match="validator 0: expected an Ed25519 key, came secp256k1"):
        read_genesis(asked)


@pytest.mark.parametrize("setting", ["commit", "commit_before:x", "commit_before:", "commit_before:-1", ":5"])
def test_another_failpoint_is_refused_with_the_names(setting: str) -> None:
    with pytest.raises(Refusal, match="commit_in_txn"):
        read_failpoint(setting)


def test_without_a_failpoint_nothing_dies() -> None:
    assert read_failpoint(None) is nowhere
    assert read_failpoint("") is nowhere
    for name in NAMES:
        read_failpoint("commit_before:7")(name, 6)


def test_unsound_surroundings_are_refused_with_what_to_do() -> None:
    require_sound_surroundings(0, "upb", {})
    with pytest.raises(Refusal, match="-O"):
        require_sound_surroundings(1, "upb", {})
    with pytest.raises(Refusal, match="PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"):
        require_sound_surroundings(0, "python", {})
    with pytest.raises(Refusal, match="LMDB_DEFAULT_LIB_VERSION"):
        require_sound_surroundings(0, "upb", {"LMDB_DEFAULT_LIB_VERSION": "1"})


@pytest.mark.parametrize("switches", [["-O"], ["-OO"]])
def test_the_program_does_not_start_without_its_assertions(tmp_path: Path, switches: list[str]) -> None:
    command = [sys.executable, *switches, "-m", "abci_app", "--home", str(tmp_path / "home")]
    ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 78
    assert ended.stderr.startswith("abci_app: expected Python with its assertions")
    assert not (tmp_path / "home").exists()
