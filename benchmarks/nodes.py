"""Networks to measure: this chain, and CometBFT's own kvstore over the socket and in the node's process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import httpx

from cometbft import install, localnet, pin
from cometbft.home import Home, node_environment
from cometbft.localnet import AppState, Localnet

_PATIENCE = 60.0  # seconds
_TICK = os.sysconf("SC_CLK_TCK")


class Contender(StrEnum):
    """What runs on the nodes."""

    OURS = "this chain"
    SOCKET = "Go kvstore, socket"
    IN_PROCESS = "Go kvstore, in process"


class Programs(NamedTuple):
    """What `build` has built."""

    cometbft: Path
    kvstore: Path  # abci-cli, which serves the kvstore over a socket
    load: Path


class Running:
    """A network that makes blocks."""

    def __init__(self, net: Localnet, processes: list[subprocess.Popen[bytes]]) -> None:
        self.net = net
        self._processes = processes

    @property
    def addresses(self) -> list[str]:
        """RPC, host:port, of every node."""
        return [node.rpc_address.removeprefix("http://") for node in self.net.nodes]

    def cpu(self) -> float:
        """Seconds of processor time that all programs of the network have used."""
        return sum(_ticks(process.pid) for process in self._processes) / _TICK

    def memory(self) -> int:
        """Bytes resident, of all programs."""
        return sum(_resident(process.pid) for process in self._processes)

    def disk(self) -> int:
        """Bytes that all homes take on the disk."""
        files = (path for node in self.net.nodes for path in node.path.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)


def build() -> Programs:
    """CometBFT, its abci-cli and the load generator, of the pinned modules. Raises NodeError, CalledProcessError."""
    binary = install.ensure()
    go, environment = install.go_compiler(print)
    folder = install.cache_folder() / f"benchmarks-{pin.VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    common = [str(go), "build", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    kvstore, load = folder / "abci-cli", folder / "load"
    package = "github.com/cometbft/cometbft/abci/cmd/abci-cli"
    subprocess.run([*common, "-o", kvstore, package], cwd=pin.GO_FILES, env=environment, check=True)
    own = [f"-modfile={pin.GO_FILES / 'go.mod'}", "-o", str(load), "."]
    subprocess.run([*common, *own], cwd=Path(__file__).parent / "load", env=environment, check=True)
    return Programs(binary, kvstore, load)


@contextmanager
def network(
    programs: Programs,
    folder: Path,
    contender: Contender,
    validators: int,
    chain_id: str,
    genesis_time: int,
    app_state: Callable[[list[bytes]], AppState],
) -> Iterator[Running]:
    """The contender on so many validators of this machine, from its first block to the end of the `with` block."""
    net = localnet.create(
        folder,
        chain_id,
        validators,
        app_state if contender is Contender.OURS else lambda _: {},
        genesis_time=datetime.fromtimestamp(genesis_time, UTC),
        binary=programs.cometbft,
    )
    with ExitStack() as stack:
        stack.callback(net.remove)
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, processes)
        for node in net.nodes:
            processes += _start(stack, programs, contender, node)
        running = Running(net, processes)
        _until(lambda: all(_height(node) >= 1 for node in net.nodes), processes)
        yield running


def _start(stack: ExitStack, programs: Programs, contender: Contender, node: Home) -> Iterator[subprocess.Popen[bytes]]:
    node.logs.mkdir(exist_ok=True)

    def start(name: str, *command: str | Path) -> subprocess.Popen[bytes]:
        log = stack.enter_context((node.logs / f"{name}.log").open("wb"))
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=node_environment())

    comet: list[str | Path] = [programs.cometbft, "start", "--home", node.cometbft]
    if contender is Contender.IN_PROCESS:
        comet.append("--proxy_app=kvstore")
    else:
        node.socket.parent.mkdir(parents=True, exist_ok=True)
        if contender is Contender.OURS:
            app = start("app", sys.executable, "-m", "abci_app", "--home", node.path)
        else:
            app = start(
                "app", programs.kvstore, "kvstore", "--address", f"unix://{node.socket}", "--log_level", "error"
            )
        yield app
        _until(node.socket.exists, [app])  # CometBFT would try again only after three seconds
        time.sleep(0.1)
    yield start("node", *comet)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(claim: Callable[[], bool], processes: list[subprocess.Popen[bytes]]) -> None:
    began = time.monotonic()
    while not claim():
        ended = [process.args for process in processes if process.poll() is not None]
        if ended or time.monotonic() - began > _PATIENCE:
            raise RuntimeError(
                f"expected a network that makes blocks, came {ended or 'none in a minute'}: see its logs"
            )
        time.sleep(0.05)


def _height(node: Home) -> int:
    try:
        answer = httpx.get(f"{node.rpc_address}/status", timeout=5).json()
    except httpx.HTTPError:
        return 0
    return int(answer["result"]["sync_info"]["latest_block_height"])


def _ticks(pid: int) -> int:
    """utime and stime of proc_pid_stat(5), without children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
