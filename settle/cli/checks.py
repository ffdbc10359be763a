"""The single checks of `settle doctor`."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from cometbft import install, pin
from cometbft.errors import NodeError
from cometbft.home import Home
from cometbft.localnet import APP_VERSION
from cometbft.ports import is_free
from settle.chain.consortium import key_folder
from settle.chain.errors import ChainError
from settle.chain.keys import read_key
from settle.cli.localnet_processes import supervisor_of
from settle.cli.session import Session

_PYTHONS = ((3, 11), (3, 13))
_LEAST_DISK = 2 * 2**30
_MOST_SKEW = 60.0  # seconds beyond the 30 between empty blocks


class Check(NamedTuple):
    """One thing looked at: whether it fits, what was found, and what to do where it does not."""

    name: str
    fits: bool
    found: str
    next_step: str


def machine_checks(folder: Path) -> Iterator[Check]:
    """Python, its environment, the packages with parts in C, CometBFT, disk."""
    found = sys.version.split()[0]
    fits = _PYTHONS[0] <= sys.version_info[:2] <= _PYTHONS[1]
    yield Check("Python", fits, found, "install Python 3.11, 3.12 or 3.13 and run `make test`")
    in_venv = sys.prefix != sys.base_prefix
    yield Check("virtual environment", in_venv, sys.prefix if in_venv else "none", "use .venv/bin/settle of a checkout")
    yield _protobuf()
    for package in ("lmdb", "coincurve", "msgspec"):
        yield _package(package)
    yield _cometbft()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    yield Check("disk space", free >= _LEAST_DISK, f"{free / 2**30:.1f} GiB free", "free at least 2 GiB")


def home_checks(folder: Path) -> Iterator[Check]:
    """The home's layout, its keys and its ports."""
    home = Home(folder)
    configured = home.config_toml.is_file() and home.app_toml.is_file()
    found = str(folder) if configured else f"no cometbft/config/config.toml or app.toml in {folder}"
    yield Check("home", configured, found, "make one with `settle init`, or name it with --home")
    yield from _keys(folder)
    if configured:
        yield _genesis(home)
        yield from _ports(home)


def chain_checks(now: Session) -> Iterator[Check]:
    """The node, and whether home and node are of one chain and one time."""
    try:
        status, app = now.status, now.node.app_info()
    except ChainError as fault:
        yield Check(f"node at {now.settings.node.value}", False, fault.actual, fault.next_step)
        return
    yield Check(f"node at {now.settings.node.value}", True, f"height {status.height}, chain {status.chain_id}", "")
    yield _same_chain(now)
    told = f"{app.version}, protocol {app.app_version}"
    fits = app.app_version == APP_VERSION and app.version == version("settlement-chain")
    yield Check("application version", fits, told, f"run release {version('settlement-chain')} on node and command")
    yield _clock(status.sync_info.latest_block_time, status.sync_info.catching_up)
    peers, validators = now.node.net_info().n_peers, now.node.validators().total
    enough = peers > 0 or validators == 1
    yield Check("peers", enough, f"{peers}, of {validators} validators", "correct persistent_peers in config.toml")


def _protobuf() -> Check:
    from google.protobuf.internal import api_implementation  # noqa: PLC0415  # only the doctor needs it

    found = api_implementation.Type()
    return Check("protobuf", found == "upb", found, "unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, or install a wheel")


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name), "")
    except PackageNotFoundError:
        return Check(name, False, "not installed", "install the locked requirements: `make test`")


def _cometbft() -> Check:
    named = os.environ.get("SETTLE_COMETBFT")
    try:
        binary = Path(named) if named else _installed()
        pin.check(binary)
    except NodeError as fault:
        return Check(f"CometBFT {pin.VERSION}", False, fault.actual, fault.next_step)
    return Check(f"CometBFT {pin.VERSION}", True, str(binary), "")


def _installed() -> Path:
    """The binary that would be used, without building one."""
    on_path = shutil.which("cometbft")
    return Path(on_path) if on_path else install.cache_folder() / f"cometbft-{pin.VERSION}" / "cometbft"


def _keys(folder: Path) -> Iterator[Check]:
    paths = sorted(key_folder(folder).glob("*.json"))
    if not paths:
        yield Check("key files", False, f"none in {key_folder(folder)}", "make them with `settle init`")
    operators = set()
    for path in paths:
        try:
            operators.add(read_key(path).operator)
        except ChainError as fault:
            yield Check(f"key {path.stem}", False, fault.actual, fault.next_step)
    if operators:
        found = f"{len(paths)} files of operator {', '.join(map(str, sorted(operators)))}"
        yield Check("key files", len(operators) == 1, found, "keep one operator's keys in a home")


def _genesis(home: Home) -> Check:
    chain_id = chain_of(home)
    return Check(
        "genesis", bool(chain_id), chain_id or "not readable", "get the members' file: `settle init --genesis`"
    )


def chain_of(home: Home) -> str:
    """The chain id in the home's genesis file; empty where it cannot be read."""
    try:
        return str(json.loads(home.genesis.read_text(encoding="utf-8"))["chain_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _ports(home: Home) -> Iterator[Check]:
    running = supervisor_of(home)
    ports: tuple[tuple[str, Callable[[], int]], ...] = (
        ("RPC port", lambda: home.rpc_port),
        ("p2p port", lambda: home.p2p_port),
    )
    for name, read in ports:
        try:
            port = read()
        except NodeError as fault:
            yield Check(name, False, fault.actual, fault.next_step)
            continue
        if running:
            yield Check(name, True, f"{port}, used by our node (process {running})", "")
        else:
            free = is_free(port)
            advice = f"stop it (`ss -ltnp | grep {port}`), or start our node if it should run"
            yield Check(name, free, f"{port}, {'free' if free else 'used by another program'}", advice)


def _same_chain(now: Session) -> Check:
    home = Home(now.settings.folder)
    ours = chain_of(home) if home.genesis.exists() else ""
    fits = not ours or ours == now.chain_id
    found = f"{now.chain_id} on the node, {ours or 'no genesis'} in the home"
    return Check("same chain", fits, found, "name the node of this home with --node, or the right home with --home")


def _clock(block_time: str, catching_up: bool) -> Check:
    """Empty blocks come every 30 seconds, so the last block's time tells whether this clock is right."""
    last = datetime.fromisoformat(block_time[:19]).replace(tzinfo=UTC).timestamp()
    age = time.time() - last
    fits = -_MOST_SKEW / 12 <= age <= _MOST_SKEW + 30 or catching_up
    found = f"last block {age:.0f} s ago by this clock" + (", catching up" if catching_up else "")
    return Check(
        "clock", fits, found, "correct this machine's clock (NTP), or see why no blocks come: `settle node status`"
    )
