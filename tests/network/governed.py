"""Operators that govern a real network: their keys at work through their own nodes, and what the nodes tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from abci_app.domain.governance.schema import Proposal, Propose, proposal_hash
from abci_app.domain.rulebook.queries import AtHeight, VersionAt
from abci_app.domain.rulebook.schema import VersionState
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from settle.agent.readiness import ReadinessWatch
from settle.chain.outbox import Outbox
from tests.support.governing import RULE
from tests.support.localnets import RunningNet, RunningNode, until

PATIENCE = 60.0

_read_history: Decoder[tuple[VersionAt, ...]] = Decoder(tuple[VersionAt, ...])


class Consortium:
    """The operators' governance and node keys, each sending through its own node."""

    def __init__(self, net: RunningNet, folder: Path) -> None:
        self._net = net
        self._folder = folder
        self.chain = chain_hash(net.chain_id.encode())

    def send(self, operator: int, *messages: Value) -> int:
        """One accepted transaction of the operator's governance key; the height of its block."""
        key = self._net.keys[operator]["governance"]
        with self._outbox(operator) as outbox:
            ticket = outbox.submit(encode(messages).hex(), messages, key)
            result = outbox.wait(ticket, PATIENCE)
        assert result.code == 0, result.log
        return result.height

    def approve(self, operator: int, kind: DocumentKind, document: bytes) -> int:
        """The operator's signature or vote."""
        return self.send(operator, Approve(kind, document, Role.GOVERNANCE, Verdict.APPROVE))

    def look(self, operator: int) -> list[str]:
        """What the operator's node says of the rules that wait for it, once nothing of it is under way."""
        key, said = self._net.keys[operator]["node"], list[str]()
        node = self._net.nodes[operator - 1].rpc
        with self._outbox(operator) as outbox:
            watch = ReadinessWatch(node, outbox, key, self._net.chain_id, said.append)

            def heard() -> bool:
                watch.step()
                return any("in block" in each for each in said)

            until(heard)
        return said

    @contextmanager
    def _outbox(self, operator: int) -> Iterator[Outbox]:
        path = self._folder / f"governance{operator}.sqlite"
        outbox = Outbox(path, self._net.nodes[operator - 1].rpc, self._net.chain_id)
        try:
            yield outbox
        finally:
            outbox.close()


def propose(consortium: Consortium, message: Value) -> bytes:
    """The document of operator 1's first proposal."""
    said = (Track.CONSORTIUM, 0, (), 0, b"", (encode(message),), b"")
    consortium.send(1, Propose(1, *said))
    return proposal_hash(consortium.chain, Proposal(1, 1, *said))


def states(node: RunningNode, height: int, rule: int = RULE) -> Sequence[VersionState]:
    """What the rule's versions are as of a height, as this node tells it."""
    told = _read_history(node.rpc.query("/rulebook/history", encode(AtHeight(rule, height))))
    return [each.state for each in told]
