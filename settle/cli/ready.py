"""The node key at work beside a running node: `settle node run` tries what is voted on, and signs that it is READY."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from abci_app.kernel.roles import Role
from cometbft.home import Home
from settle.agent.readiness import ReadinessWatch
from settle.chain.consortium import load_keys
from settle.chain.errors import ChainError, KeyFileError
from settle.chain.keys import Signer
from settle.chain.outbox import Outbox
from settle.chain.rpc import RpcClient
from settle.cli.sending import outbox_path

Report = Callable[[str], None]

_LOOK_EVERY = 2.0  # seconds


@contextmanager
def watched(home: Home, report: Report) -> Iterator[None]:
    """While the block runs, sign with the home's node key that this machine is ready for what a vote has carried.

    Without such a key the node runs all the same, and says so.
    """
    signer = _node_key(home, report) if home.config_toml.exists() else None
    if signer is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(home, signer, report, ended), name="readiness", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _node_key(home: Home, report: Report) -> Signer | None:
    missing = "no node key among the home's keys"
    try:
        for key in load_keys(home.path).values():
            if key.role == Role.NODE:
                return key
    except KeyFileError as fault:
        missing = str(fault)
    report(f"{missing}: nobody signs here that this node is ready for new rules")
    return None


def _watch(home: Home, signer: Signer, report: Report, ended: threading.Event) -> None:
    """Look until the end; a node that is away, restarting or catching up is waited for."""
    with RpcClient(home.rpc_address) as node:
        while not ended.wait(_LOOK_EVERY):
            try:
                _look_until_away(outbox_path(home.path), node, signer, report, ended)
            except ChainError:
                continue


def _look_until_away(path: Path, node: RpcClient, signer: Signer, report: Report, ended: threading.Event) -> None:
    chain_id = node.status().chain_id
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(Outbox(path, node, chain_id, signers=[signer])) as outbox:
        watch = ReadinessWatch(node, outbox, signer, chain_id, report)
        while True:
            watch.step()
            if ended.wait(_LOOK_EVERY):
                return
