"""A network of N validators on this machine's loopback: homes, keys, ports and one genesis."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cometbft import home as homes
from cometbft import install
from cometbft.config import NodeSettings
from cometbft.errors import NodeError
from cometbft.home import Home
from cometbft.ports import free_ports, ports_from

POWER = 10
"""Of each validator. With 1, CometBFT's integer median returns the earliest vote, and one liar moves block
time.
"""

BLOCK_BYTES = 4 * 1024 * 1024

APP_VERSION = 1
"""What the application answers in its Info. Genesis must say the same: `cometbft rollback` writes genesis' number
into the state that it makes, and a node with another one refuses every block ("wrong Block.Header.Version").
"""

AppState = dict[str, object]
"""The application's genesis: {"format": 1, "facts": [base64 of a canonical fact, ...]}."""

_LONGEST_CHAIN_ID = 50  # CometBFT types/genesis.go MaxChainIDLen


@dataclass(frozen=True, slots=True)
class Localnet:
    """The nodes of one local network, in the order of their folders node0, node1, ..."""

    folder: Path
    chain_id: str
    nodes: tuple[Home, ...]

    def remove(self) -> None:
        """Delete the folder and the sockets' folder. The nodes must be stopped."""
        self.remove_sockets()
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_sockets(self) -> None:
        """Delete the sockets' folder, which lies elsewhere; nodes that start make it again. They must be stopped."""
        shutil.rmtree(_runtime_folder(self.folder), ignore_errors=True)


def create(
    folder: Path,
    chain_id: str,
    count: int,
    app_state_for: Callable[[list[bytes]], AppState],
    *,
    first_port: int | None = None,
    timeout_commit: str = "150ms",
    create_empty_blocks_interval: str = "30s",
    genesis_time: datetime | None = None,
    prometheus: bool = False,
    log_level: str = "info",
    binary: Path | None = None,
) -> Localnet:
    """Make the homes of `count` validators of equal power under `folder`, which must be new or empty.

    `app_state_for` is given the validators' Ed25519 public keys (32 bytes each, in the nodes' order) and
    returns the application's genesis. Ports are chosen free, or run upwards from `first_port` (RPC, p2p and
    metrics of node 0, then of node 1, ...). `genesis_time` (UTC) is now by default. Raises NodeError: folder
    in use, unfit chain id, occupied ports, socket path too long, CometBFT not installed.
    """
    folder = folder.absolute()
    _require_fit(folder, chain_id, count)
    ports = free_ports(3 * count) if first_port is None else ports_from(first_port, 3 * count)
    binary = binary or install.ensure()
    runtime = _runtime_folder(folder)
    nodes = tuple(Home(folder / f"node{number}") for number in range(count))
    for node in nodes:
        homes.require_socket_fits(runtime / f"{node.path.name}.sock")
    for node in nodes:
        homes.initialise(node, binary)
    peers = [f"{node.node_id}@127.0.0.1:{ports[3 * number + 1]}" for number, node in enumerate(nodes)]
    for number, node in enumerate(nodes):
        rpc_port, p2p_port, prometheus_port = ports[3 * number : 3 * number + 3]
        homes.configure(
            node,
            NodeSettings(
                moniker=node.path.name,
                socket=runtime / f"{node.path.name}.sock",
                rpc_port=rpc_port,
                p2p_port=p2p_port,
                persistent_peers=tuple(peer for other, peer in enumerate(peers) if other != number),
                timeout_commit=timeout_commit,
                create_empty_blocks_interval=create_empty_blocks_interval,
                one_machine=True,
                prometheus_port=prometheus_port if prometheus else None,
                log_level=log_level,
            ),
        )
    _write_genesis(nodes, chain_id, genesis_time or datetime.now(UTC), app_state_for)
    return Localnet(folder, chain_id, nodes)


def load(folder: Path) -> Localnet:
    """The local network that `create` made here. Raises NodeError where there is none."""
    folder = folder.absolute()
    found = sorted(folder.glob("node*/cometbft/config/genesis.json"), key=lambda path: (len(str(path)), path))
    if not found:
        raise NodeError(
            expected=f"a local network under {folder}",
            actual="no node0/cometbft/config/genesis.json",
            next_step="make one with `settle network create`, or name another folder",
        )
    nodes = tuple(Home(path.parents[2]) for path in found)
    return Localnet(folder, json.loads(found[0].read_text())["chain_id"], nodes)


def genesis_document(
    generated: dict[str, object],
    chain_id: str,
    time: datetime,
    validators: Sequence[tuple[str, bytes]],
    app_state: AppState,
) -> dict[str, object]:
    """CometBFT's genesis.json: what `cometbft init` generated, with this chain's values.

    `validators` are names and Ed25519 public keys (32 bytes); each gets the same power. The address is the
    first 20 bytes of the key's SHA-256 (CometBFT crypto/ed25519).
    """
    params = generated.get("consensus_params")
    return {
        **generated,
        "genesis_time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "chain_id": chain_id,
        "initial_height": "1",
        "consensus_params": {
            **(params if isinstance(params, dict) else {}),
            "block": {"max_bytes": str(BLOCK_BYTES), "max_gas": "-1"},
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": str(APP_VERSION)},
        },
        "validators": [
            {
                "address": hashlib.sha256(key).hexdigest()[:40].upper(),
                "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(key).decode()},
                "power": str(POWER),
                "name": name,
            }
            for name, key in validators
        ],
        "app_hash": "",
        "app_state": app_state,
    }


def _write_genesis(
    nodes: Sequence[Home], chain_id: str, time: datetime, app_state_for: Callable[[list[bytes]], AppState]
) -> None:
    keys = [node.validator_key for node in nodes]
    names = [node.path.name for node in nodes]
    generated = json.loads(nodes[0].genesis.read_text())
    document = genesis_document(generated, chain_id, time, list(zip(names, keys, strict=True)), app_state_for(keys))
    text = json.dumps(document, indent=2) + "\n"
    for node in nodes:
        node.genesis.write_text(text)


def _require_fit(folder: Path, chain_id: str, count: int) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NodeError(
            expected=f"a new or empty folder for the network at {folder}",
            actual="something is there",
            next_step="name another folder, or delete this one if nobody needs it",
        )
    if not 1 <= len(chain_id) <= _LONGEST_CHAIN_ID or not chain_id.isascii() or not chain_id.isprintable():
        raise NodeError(
            expected=f"a chain id of 1 to {_LONGEST_CHAIN_ID} printable ASCII characters",
            actual=repr(chain_id),
            next_step="choose another, for instance settlement-demo-1",
        )
    if count < 1:
        raise NodeError(expected="at least one validator", actual=str(count), next_step="ask for four")


def _runtime_folder(folder: Path) -> Path:
    """A short folder for the sockets, one for each network: in deep clones paths are too long for a socket."""
    base = os.environ.get("SETTLE_RUNTIME") or tempfile.gettempdir()
    return Path(base) / f"settle-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:10]}"
