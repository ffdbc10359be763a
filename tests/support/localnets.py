"""Real networks on loopback: CometBFT and the application for every node, four operators with keys, clients."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from abci_app.kernel.encoding import Decoder, Value
from abci_app.state.store import Marker
from cometbft import localnet
from cometbft.errors import NodeError
from cometbft.home import Home
from cometbft.localnet import Localnet
from cometbft.supervisor import Limits, NodePair
from settle.chain import consortium
from settle.chain.errors import ChainError
from settle.chain.keys import Signer
from settle.chain.queries import fact_records
from settle.chain.rpc import RpcClient

BRISK = Limits(grace=5.0, look_at_height=0.2, restarts=8, restarts_within=10.0)
"""Restarts a node that dies now and then."""
STRICT = Limits(grace=5.0, look_at_height=0.2, restarts=0)
"""Gives up at the first death: what cannot start is not tried again."""
PATIENCE = 60.0  # seconds for what must come about, on a machine that does other things too
IN_A_CALL = 100  # max_request_batch_size of the configuration template
_TAKES_A_FAILPOINT = """
SETTLE_FAILPOINT=$(head -n 1 "$0"); export SETTLE_FAILPOINT
sed -i 1d "$0"
exec "$@"
"""  # for sh -c: $0 is a file with one failpoint a line, each for one start

read_marker: Decoder[tuple[Marker, tuple[tuple[str, bytes], ...]]] = Decoder(
    tuple[Marker, tuple[tuple[str, bytes], ...]]
)
"""What the query `/marker` answers: the last committed block, and every module's root by name."""


class RunningNode:
    """One node: its home, its two programs under supervision, and a client of its RPC."""

    def __init__(self, home: Home, limits: Limits = BRISK, environment: Sequence[str] = ()) -> None:
        """`environment` holds NAME=VALUE for the application alone."""
        self.home = home
        self.reports: list[str] = []
        self.rpc = RpcClient(home.rpc_address, timeout=5.0)
        self._failpoints = home.path / "failpoints"
        self._failpoints.touch()
        app = ["env", *environment, sys.executable, "-m", "abci_app", "--home", str(home.path)]
        command = ["/bin/sh", "-c", _TAKES_A_FAILPOINT, str(self._failpoints), *app]
        self.pair = NodePair(home, app_command=command, limits=limits, report=self.reports.append)

    def arm(self, *failpoints: str) -> None:
        """Let the application die at `NAME` or `NAME:HEIGHT` in its next start, at the next one in the start after."""
        self._failpoints.write_text("".join(f"{each}\n" for each in failpoints))

    def restart(self) -> None:
        """A planned stop and start."""
        self.pair.stop()
        self.pair.start()

    def refusal(self) -> NodeError:
        """What a person reads when it does not start, or gives up soon after, or has given up."""
        try:
            if self.pair.failure is None and not self.pair.is_running():
                self.pair.start()
            self.pair.wait(30)
        except NodeError as fault:
            return fault
        raise AssertionError(f"{self.home.path.name} goes on")

    def height(self) -> int:
        """Of the newest block that this node holds; 0 while it does not answer."""
        try:
            return self.rpc.status().height
        except ChainError:
            return 0

    def is_level_with(self, height: int) -> bool:
        """Whether it answers, follows consensus, and its application has committed the block at `height`."""
        try:
            status = self.rpc.status()
            return not status.sync_info.catching_up and self.marker().height >= height
        except ChainError:
            return False

    def marker(self) -> Marker:
        """The application's last committed block."""
        return read_marker(self.rpc.query("/marker", b""))[0]

    def roots(self) -> dict[str, bytes]:
        """The root of every module's store."""
        return dict(read_marker(self.rpc.query("/marker", b""))[1])

    def facts(self) -> list[bytes]:
        """The whole fact log, canonical records."""
        found: list[bytes] = []
        while page := fact_records(self.rpc, len(found), 1000):
            found.extend(page)
        return found

    def codes(self, method: str, raws: Sequence[bytes]) -> list[int]:
        """What `check_tx` or `broadcast_tx_sync` answers to each transaction; -1 where CometBFT itself refuses it."""
        found: list[int] = []
        for start in range(0, len(raws), IN_A_CALL):
            calls = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": {"tx": base64.b64encode(raw).decode()}}
                for number, raw in enumerate(raws[start : start + IN_A_CALL])
            ]
            answers = httpx.post(self.home.rpc_address, json=calls, timeout=30, trust_env=False).json()
            by_number = {answer["id"]: answer.get("result", {"code": -1})["code"] for answer in answers}
            found.extend(by_number[number] for number in range(len(calls)))
        return found

    def log(self, which: str) -> str:
        """The text of the log of `app` or `node`."""
        return (self.home.logs / f"{which}.log").read_text(errors="replace")


class RunningNet:
    """The nodes of one local network, with the four operators' keys by operator number and key name."""

    def __init__(self, net: Localnet, keys: dict[int, dict[str, Signer]], limits: Limits = BRISK) -> None:
        self.net = net
        self.keys = keys
        self.nodes = [RunningNode(home, limits) for home in net.nodes]

    @property
    def chain_id(self) -> str:
        """The name of the chain."""
        return self.net.chain_id

    def start(self) -> None:
        """Start all nodes and wait until each has block 1."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            for started in [pool.submit(node.pair.start) for node in self.nodes]:
                started.result()
        until(lambda: all(node.is_level_with(1) for node in self.nodes))

    def stop(self) -> None:
        """Stop all nodes."""
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(lambda node: node.pair.stop(), self.nodes))

    def remove(self) -> None:
        """Stop all nodes and delete what is theirs."""
        self.stop()
        for node in self.nodes:
            node.rpc.close()
        self.net.remove()

    def settled_height(self) -> int:
        """Wait until nothing moves: all applications have committed the same, last block. Its height."""
        still_since, last = time.monotonic(), -1

        def still() -> bool:
            nonlocal still_since, last
            heights = {node.height() for node in self.nodes}
            level = len(heights) == 1 and all(node.is_level_with(max(heights)) for node in self.nodes)
            if not level or max(heights) != last:
                still_since, last = time.monotonic(), max(heights)
            return time.monotonic() - still_since > 1.0  # five times timeout_commit

        until(still)
        return last


def create_network(
    folder: Path, chain_id: str, validators: int, limits: Limits = BRISK, further: Sequence[Value] = ()
) -> RunningNet:
    """Homes and keys of the four operators; the first `validators` of them have a node. Not started.

    `further` are genesis facts after those that admit the members.
    """
    keys = {
        member.number: consortium.make_keys(folder / f"operator{member.number}", member.number)
        for member in consortium.CHINA
    }

    def app_state(publics: list[bytes]) -> dict[str, object]:
        theirs = {member.number: [key] for member, key in zip(consortium.CHINA, publics, strict=False)}
        signers = {number: own.values() for number, own in keys.items()}
        return consortium.app_state([*consortium.genesis_facts(consortium.CHINA, signers, theirs), *further])

    return RunningNet(localnet.create(folder / "net", chain_id, validators, app_state), keys, limits)


@contextmanager
def running_network(folder: Path, chain_id: str, validators: int) -> Iterator[RunningNet]:
    """A network that runs from block 1 until the `with` block ends; then nothing of it is left running."""
    net = create_network(folder, chain_id, validators)
    try:
        net.start()
        yield net
    finally:
        net.remove()


def until(claim: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Wait until the claim holds; how many seconds that took."""
    began = time.monotonic()
    while not claim():
        assert time.monotonic() - began < seconds, f"did not come about within {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - began
