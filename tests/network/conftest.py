"""Running networks, one of each size for all tests of a file, and traffic on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from abci_app.domain.members.schema import Operator
from abci_app.kernel.encoding import Decoder, encode
from settle.chain.outbox import Result
from tests.support.localnets import RunningNet, running_network
from tests.support.traffic import KeyRotations, Traffic

_read_operator: Decoder[Operator] = Decoder(Operator)

MakeTraffic = Callable[[RunningNet, int], AbstractContextManager[list[Result]]]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNet]:
    """One validator."""
    with running_network(tmp_path_factory.mktemp("alone"), "settle-alone", 1) as net:
        yield net


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNet]:
    """Four validators, one for each operator."""
    with running_network(tmp_path_factory.mktemp("four"), "settle-four", 4) as net:
        yield net


@pytest.fixture
def traffic(tmp_path: Path) -> MakeTraffic:
    """`with traffic(net, operators) as acknowledged:` each of the first operators rotates keys at its own node."""

    @contextmanager
    def on(net: RunningNet, operators: int) -> Iterator[list[Result]]:
        acknowledged: list[Result] = []
        streams = []
        with ExitStack() as running:
            for number in range(1, operators + 1):
                node = net.nodes[(number - 1) % len(net.nodes)]
                stream = Traffic(
                    node.home.rpc_address,
                    net.chain_id,
                    key_rotations(net, number),
                    tmp_path / f"outbox{number}-{len(list(tmp_path.iterdir()))}.sqlite",
                )
                streams.append(running.enter_context(stream))
            yield acknowledged
        acknowledged.extend(result for stream in streams for result in stream.acknowledged)

    return on


def key_rotations(net: RunningNet, operator: int) -> KeyRotations:
    """The operator's next key changes, after those that the chain has."""
    row = _read_operator(net.nodes[0].rpc.query("/members/operator", encode(operator)))
    keys = net.keys[operator]
    return KeyRotations(net.chain_id, operator, (keys["admin-1"], keys["admin-2"]), since=row.key_changes)
