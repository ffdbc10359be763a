"""Our settings in CometBFT's own config.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cometbft import config
from cometbft.config import NodeSettings
from cometbft.errors import NodeError

GENERATED = Path(__file__).with_name("config_0.38.26.toml").read_text()  # as `cometbft init` of the pin writes it


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(GENERATED)
    return path


def settings(**changes: object) -> NodeSettings:
    values = {"moniker": "alpha", "socket": Path("/run/s/a.sock"), "rpc_port": 21001, "p2p_port": 21002}
    return NodeSettings(**(values | changes))  # type: ignore[arg-type]  # values of several types by name


def test_the_settings_of_the_chain_are_in_the_file(file: Path) -> None:
    config.write(file, settings(persistent_peers=("aa@127.0.0.1:1", "bb@127.0.0.1:2"), timeout_commit="350ms"))
    written = tomllib.loads(file.read_text())
    assert written["proxy_app"] == "unix:///run/s/a.sock"
    assert written["moniker"] == "alpha"
    assert written["filter_peers"] is False
    assert written["rpc"]["laddr"] == "tcp://127.0.0.1:21001"
    assert written["p2p"]["laddr"] == "tcp://127.0.0.1:21002"
    assert written["p2p"]["persistent_peers"] == "aa@127.0.0.1:1,bb@127.0.0.1:2"
    assert written["p2p"]["pex"] is False
    assert written["p2p"]["flush_throttle_timeout"] == "10ms"
    assert written["consensus"]["peer_gossip_sleep_duration"] == "10ms"
    assert written["consensus"]["timeout_commit"] == "350ms"
    assert written["consensus"]["create_empty_blocks_interval"] == "30s"
    assert written["tx_index"]["indexer"] == "kv"
    assert written["instrumentation"]["prometheus"] is False


def test_what_the_template_does_not_name_stays_as_it_was(file: Path) -> None:
    before = tomllib.loads(GENERATED)
    config.write(file, settings())
    after = tomllib.loads(file.read_text())
    template = config.TEMPLATE.read_text()
    for name, value in before.items():
        if isinstance(value, dict):
            assert after[name].keys() == value.keys()
            unnamed = {key for key in value if f"\n{key} = " not in template}
            assert {key: after[name][key] for key in unnamed} == {key: value[key] for key in unnamed}
        elif f"\n{name} = " not in template:
            assert after[name] == value
    comments = [line for line in GENERATED.splitlines() if line.startswith("#")]
    assert [line for line in file.read_text().splitlines() if line in comments] == comments


def test_a_key_that_a_newer_cometbft_adds_survives(file: Path) -> None:
    file.write_text(GENERATED.replace("[p2p]\n", '[p2p]\n\n# new\nnew_key = "x"\n', 1) + '\n[novel]\nladdr = "y"\n')
    config.write(file, settings())
    written = tomllib.loads(file.read_text())
    assert written["p2p"]["new_key"] == "x"
    assert written["novel"] == {"laddr": "y"}


def test_a_key_that_cometbft_no_longer_knows_is_an_error_and_the_file_stays(file: Path) -> None:
    older = GENERATED.replace("flush_throttle_timeout", "flush_pause")
    file.write_text(older)
    with pytest.raises(NodeError, match=r"p2p\.flush_throttle_timeout"):
        config.write(file, settings())
    assert file.read_text() == older


def test_every_setting_that_has_a_reason_carries_it_into_the_file(file: Path) -> None:
    config.write(file, settings())
    text = file.read_text()
    assert "## Loopback: whoever reaches this port" in text
    reasons = [line for line in config.TEMPLATE.read_text().splitlines() if line.startswith("## ")]
    assert sorted(line for line in text.splitlines() if line.startswith("## ")) == sorted(reasons)


def test_writing_twice_is_writing_once(file: Path) -> None:
    config.write(file, settings())
    once = file.read_text()
    config.write(file, settings())
    assert file.read_text() == once


def test_later_settings_replace_earlier_ones(file: Path) -> None:
    config.write(file, settings(timeout_commit="1s", prometheus_port=21003))
    config.write(file, settings(timeout_commit="2s"))
    written = tomllib.loads(file.read_text())
    assert written["consensus"]["timeout_commit"] == "2s"
    assert written["instrumentation"]["prometheus"] is False


def test_quotes_and_backslashes_in_a_name_do_not_leave_their_string(file: Path) -> None:
    name = 'a" \\ \n[p2p]\npex = true é'
    config.write(file, settings(moniker=name))
    written = tomllib.loads(file.read_text())
    assert written["moniker"] == name
    assert written["p2p"]["pex"] is False


def test_reading_a_damaged_file_names_it(file: Path) -> None:
    file.write_text("= nonsense")
    with pytest.raises(NodeError, match=r"config\.toml"):
        config.read(file)
