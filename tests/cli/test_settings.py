"""Which layer wins: flag, environment, ./settle.toml, HOME/settle.toml, default."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command


def _node(command: Command, *words: str) -> tuple[str, str]:
    told = command.json("config", "show", "--origin", *words)["node"]
    return told["value"], told["origin"]


def test_layers_in_their_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    command = Command(capsys, "--home", str(home))
    assert _node(command) == ("http://127.0.0.1:26657", "default")
    (home / "settle.toml").write_text('node = "http://in-home:1"')
    assert _node(command) == ("http://in-home:1", str(home / "settle.toml"))
    Path("settle.toml").write_text('node = "http://here:1"')
    assert _node(command) == ("http://here:1", "./settle.toml")
    monkeypatch.setenv("SETTLE_NODE", "http://environment:1")
    assert _node(command) == ("http://environment:1", "environment SETTLE_NODE")
    assert _node(command, "--node", "http://flag:1") == ("http://flag:1", "flag --node")


def test_the_home_itself_may_come_from_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = Command(capsys)
    assert command.json("config", "show")["home"] == str(tmp_path / "nobody" / ".settle")
    monkeypatch.setenv("SETTLE_HOME", str(tmp_path / "other"))
    assert command.json("config", "show", "--origin")["home"] == {
        "value": str(tmp_path / "other"),
        "origin": "environment SETTLE_HOME",
    }


def test_a_timeout_below_zero_names_its_layer(cmcc: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLE_TIMEOUT", "-1")
    ran = cmcc("member", "list")
    assert ran.status == 2
    assert "-1 (environment SETTLE_TIMEOUT)" in ran.err
