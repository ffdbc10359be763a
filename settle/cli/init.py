"""`settle init`: the home of a node and its operator, before it joins a chain."""

from __future__ import annotations

import json as json_text
import shutil
from collections.abc import Mapping
from pathlib import Path

from cometbft import home as homes
from cometbft import install
from cometbft.config import NodeSettings
from cometbft.home import Home
from cometbft.ports import free_ports
from settle.chain.consortium import key_folder, load_keys, make_keys
from settle.chain.keys import Signer
from settle.cli.failures import bad_input, not_done, usage
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import Output, facts_of
from settle.cli.settings import FILE, read_settings

app = noun("init", "Make the home of a node and its operator.")


@app.default
def init(
    *,
    number: int,
    moniker: str = "node",
    rpc_port: int | None = None,
    p2p_port: int | None = None,
    peers: tuple[str, ...] = (),
    genesis: Path | None = None,
    common: Common = COMMON,
) -> None:
    """Make a home: CometBFT's keys and configuration, the operator's keys by role, settle.toml.

    Gives the public parts that the consortium's genesis needs. What exists already is kept, never overwritten.

    Parameters
    ----------
    number
        The operator's registry number.
    moniker
        The node's name among its peers.
    rpc_port
        Port of the RPC on this machine; a free one by default.
    p2p_port
        Port for other nodes; a free one by default.
    peers
        ID@host:port of other members' nodes. May be given several times.
    genesis
        The genesis file that the members agreed on; without it the node cannot start yet.
    """
    if not 1 <= number < 2**32:
        raise usage(
            expected="a registry number from 1 to 4294967295", actual=str(number), next_step="ask the consortium"
        )
    home = Home(read_settings(common).folder)
    _make_node(home, moniker, _ports(rpc_port, p2p_port), peers)
    keys = _keys(home, number)
    if genesis is not None:
        _take_genesis(home, genesis)
    document: dict[str, object] = {
        "home": str(home.path),
        "operator": number,
        "node_id": home.node_id,
        "validator": home.validator_key.hex(),
        "rpc": home.rpc_address,
        "genesis": genesis is not None,
    }
    shown = facts_of([*document.items(), *((f"key {name}", key.public.hex()) for name, key in keys.items())])
    roles = {name: {"role": key.role.name.lower(), "public": key.public.hex()} for name, key in keys.items()}
    out = Output(as_json=common.json)
    out.result(document | {"keys": roles}, shown)
    out.hint(f"secrets are in {key_folder(home.path)}: back them up")
    give = "give node_id, validator and keys to the consortium, then settle init again with --genesis FILE"
    out.hint(f"next: {'settle node run' if genesis else give}")


def _keys(home: Home, number: int) -> Mapping[str, Signer]:
    """The operator's keys: those that are there, else new ones."""
    if not any(key_folder(home.path).glob("*.json")):
        make_keys(home.path, number)
    keys = load_keys(home.path)
    strangers = {key.operator for key in keys.values()} - {number}
    if strangers:
        raise not_done(
            expected=f"a home without keys, or with keys of operator {number}",
            actual=f"keys of operator {min(strangers)}",
            next_step="name another home with --home",
        )
    return keys


def _ports(rpc_port: int | None, p2p_port: int | None) -> tuple[int, int]:
    chosen = free_ports(2)
    return rpc_port or chosen[0], p2p_port or chosen[1]


def _make_node(home: Home, moniker: str, ports: tuple[int, int], peers: tuple[str, ...]) -> None:
    if (home.path / FILE).exists() and home.config_toml.exists():
        return
    homes.initialise(home, install.ensure())
    homes.configure(
        home,
        NodeSettings(
            moniker=moniker,
            socket=home.path / "app.sock",
            rpc_port=ports[0],
            p2p_port=ports[1],
            persistent_peers=peers,
        ),
    )
    (home.path / FILE).write_text(f'node = "{home.rpc_address}"\n', encoding="utf-8")


def _take_genesis(home: Home, given: Path) -> None:
    """The members' genesis replaces the one that `cometbft init` made up; one of another chain is refused."""
    try:
        document = json_text.loads(given.read_text(encoding="utf-8"))
        facts = document["app_state"]["facts"]
    except (ValueError, KeyError, TypeError) as fault:
        raise bad_input(
            expected=f"a genesis file with app_state.facts at {given}",
            actual=f"{type(fault).__name__}: {fault}",
            next_step="ask the other members for theirs and compare",
        ) from fault
    if not facts:
        raise bad_input(expected=f"facts in {given}", actual="none", next_step="ask the other members for theirs")
    if given.absolute() != home.genesis:
        shutil.copyfile(given, home.genesis)
