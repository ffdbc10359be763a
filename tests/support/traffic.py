"""Transactions that never cease: what a source wishes is sent through the durable outbox until it is acknowledged."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

from abci_app.domain.members.schema import KeyChange, key_change_hash
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from settle.chain.errors import NodeUnreachable, RpcError
from settle.chain.keys import Signer, propose_keys
from settle.chain.outbox import Outbox, Result, Ticket
from settle.chain.rpc import RpcClient
from settle.chain.transactions import Signing


class Wish(NamedTuple):
    """One submission: a name, messages, and who signs them."""

    name: str
    messages: Sequence[Value]
    signer: Signing


class Source(Protocol):
    """Where wishes come from. Another kind of traffic is another source."""

    def next(self) -> Sequence[Wish]:
        """What to submit, now that all earlier wishes have ended with code 0."""
        ...


class KeyRotations:
    """An operator changes its maker's key again and again: proposed and approved by one administrator, then by another.

    The key of a serial is a function of operator and serial, so that every run sends the same documents.
    """

    def __init__(self, chain_id: str, operator: int, administrators: tuple[Signer, Signer], since: int = 0) -> None:
        """`since` is the serial of the operator's last key change."""
        self._chain = chain_hash(chain_id.encode())
        self._operator = operator
        self._administrators = administrators
        self._serial = since
        self._first_serial = since + 1
        self._open: bytes | None = None  # the document that still wants a second signature

    def next(self) -> Sequence[Wish]:
        first, second = self._administrators
        if self._open is not None:
            document, self._open = self._open, None
            return [Wish(f"approve {document.hex()}", [_approval(document)], second)]
        self._serial += 1
        earlier = self._serial - 1
        revoke = (rotated_key(self._operator, earlier).public,) if self._serial > self._first_serial else ()
        proposal = propose_keys(self._chain, self._serial, (rotated_key(self._operator, self._serial),), revoke)
        self._open = key_change_hash(self._chain, KeyChange(self._operator, self._serial, proposal.register, revoke))
        messages = [proposal, _approval(self._open)]
        return [Wish(f"rotate {self._operator}/{self._serial}", messages, first)]


class Traffic:
    """Sends a source's wishes to one node from a thread of its own, whatever becomes of the node."""

    def __init__(self, url: str, chain_id: str, source: Source, outbox: Path) -> None:
        self.acknowledged: list[Result] = []  # what stands in a block, in order
        self._url, self._chain_id, self._source, self._path = url, chain_id, source, outbox
        self._stopping = threading.Event()
        self._patience_ends = math.inf
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="traffic")
        self._run: Future[None] | None = None

    def __enter__(self) -> Traffic:
        self._run = self._thread.submit(self._send_all)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        """Stops when what was sent is acknowledged, which may take a minute, and raises what went wrong."""
        self._stopping.set()
        self._patience_ends = time.monotonic() + (1.0 if fault else 60.0)
        self._thread.shutdown()
        if fault is None and self._run is not None:
            self._run.result()

    def _send_all(self) -> None:
        with RpcClient(self._url, timeout=5.0) as node:
            outbox = Outbox(self._path, node, self._chain_id, resend_after=0.5)
            try:
                self._send(outbox)
            finally:
                outbox.close()

    def _send(self, outbox: Outbox) -> None:
        waiting: list[Ticket] = []
        while waiting or not self._stopping.is_set():
            assert time.monotonic() < self._patience_ends, "what was sent is not acknowledged after a minute"
            if not waiting:
                wishes = self._source.next()
                waiting = [outbox.submit(wish.name, wish.messages, wish.signer) for wish in wishes]
            try:
                outbox.pump()
            except (NodeUnreachable, RpcError):
                self._stopping.wait(0.1)
                continue
            waiting = [ticket for ticket in waiting if not self._has_ended(outbox, ticket)]
            time.sleep(0.03)

    def _has_ended(self, outbox: Outbox, ticket: Ticket) -> bool:
        result = outbox.result(ticket)
        if result is None:
            return False
        assert result.code == 0, f"{ticket.content_key}: {result}"
        self.acknowledged.append(result)
        return True


def rotated_key(operator: int, serial: int) -> Signer:
    """The maker's key that the operator's key change of this serial registers."""
    return Signer(sha256(f"rotated key {operator} {serial}".encode()).digest(), operator, Role.MAKER)


def _approval(document: bytes) -> Approve:
    return Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, Verdict.APPROVE)
