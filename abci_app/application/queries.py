"""Questions about the committed state. Anyone may ask; nothing here is part of consensus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from abci_app.application import transaction
from abci_app.application.block import Executor
from abci_app.application.replay import WINDOWS, SignerKey, Window
from abci_app.application.router import execute
from abci_app.application.rules import RuleCache
from abci_app.application.transaction import Code
from abci_app.domain.agreements import queries as agreements
from abci_app.domain.governance import queries as governance
from abci_app.domain.members import queries as members
from abci_app.domain.obligations import queries as obligations
from abci_app.domain.periods import queries as periods
from abci_app.domain.rulebook import queries as rulebook
from abci_app.kernel.codes import Rejected, reject
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U32, Malformed, Value, encode
from abci_app.state.overlay import Overlay, Reader
from abci_app.state.store import Marker, Roots

MOST_FACTS = 1000
"""Fact records in one answer."""
_AT_ONCE = 16
"""Fact records read before their sizes are known: a stored bundle is half a megabyte."""
LARGEST_ANSWER = 8 * 1024 * 1024
"""Bytes of rows or facts that one answer may be made from: lists grow for ever, and so would its time and memory."""


class Asked(NamedTuple):
    """All that a question may be answered from."""

    state: Reader
    marker: Marker
    facts: Callable[[int, int], list[bytes]]
    roots: Roots
    rules: RuleCache


class Simulation(Value, frozen=True):
    """What a transaction would do on the committed state, in the next block."""

    code: U32
    log: str
    cost: U32
    records: tuple[bytes, ...]  # canonical fact records


def answer(asked: Asked, path: str, data: bytes) -> bytes:
    """The canonical bytes of the answer. Raises `Rejected` for unknown paths and unreadable data."""
    own = _OWN.get(path)
    if own is not None:
        return own(asked, data)
    question = _MODULES.get(path)
    if question is None:
        reject(Code.UNKNOWN_QUERY, expected=f"one of {', '.join(sorted([*_OWN, *_MODULES]))}", actual=path)
    try:
        found = question(_Bounded(asked.state), Moment(asked.marker.height + 1, asked.marker.time), data)
    except Malformed as fault:
        reject(Code.MALFORMED_QUERY, expected=f"the arguments of {path}", actual=fault)
    if found is None:
        reject(Code.NOT_FOUND, expected=f"something under {path}", actual=data.hex())
    return encode(found)


class _Bounded:
    """A reader that refuses to go on once an answer would grow too large."""

    def __init__(self, state: Reader) -> None:
        self._state = state
        self._left = LARGEST_ANSWER

    def get(self, key: bytes) -> bytes | None:
        return self._state.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key, value in self._state.scan(prefix):
            self._left -= len(key) + len(value)
            if self._left < 0:
                expected = f"an answer made of at most {LARGEST_ANSWER} bytes: read the facts instead"
                reject(Code.ANSWER_TOO_LARGE, expected=expected, actual="more")
            yield key, value


def _marker(asked: Asked, _: bytes) -> bytes:
    return encode((asked.marker, asked.roots))


def _facts(asked: Asked, data: bytes) -> bytes:
    if len(data) != 12:
        reject(Code.MALFORMED_QUERY, expected="start u64, most u32", actual=data.hex())
    start, most = int.from_bytes(data[:8], "big"), min(int.from_bytes(data[8:], "big"), MOST_FACTS)
    records: list[bytes] = []
    size = 0
    while len(records) < most and (more := asked.facts(start + len(records), min(_AT_ONCE, most - len(records)))):
        for record in more:
            size += len(record)
            if records and size > LARGEST_ANSWER:
                return encode(records)  # and at least one: who asks goes on from there
            records.append(record)
    return encode(records)


def _window(asked: Asked, data: bytes) -> bytes:
    if len(data) != 33:
        reject(Code.MALFORMED_QUERY, expected="a 33-byte key", actual=data.hex())
    return encode(WINDOWS.get(asked.state, SignerKey(data)) or Window(0, bytes(32)))


def _simulate(asked: Asked, data: bytes) -> bytes:
    """Decide on the committed view. The signature is not verified: nothing is changed."""
    marker = asked.marker
    cost = 0
    try:
        found = transaction.read(marker.chain, data)
        cost = found.cost
        executor = Executor(asked.state, marker.chain, marker.height + 1, marker.time, asked.rules.bound)
        at = executor.admit(found)
        attempt = Overlay(executor.state)
        records: list[bytes] = []
        for message in found.body.messages:
            records.extend(encode(record) for record in execute(attempt, at, message))
    except Rejected as refusal:
        return encode(Simulation(int(refusal.code), str(refusal), cost, ()))
    return encode(Simulation(0, "", cost, tuple(records)))


_OWN: dict[str, Callable[[Asked, bytes], bytes]] = {
    "/marker": _marker,
    "/facts": _facts,
    "/replay": _window,
    "/simulate": _simulate,
}

_MODULES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    **members.QUERIES,
    **governance.QUERIES,
    **rulebook.QUERIES,
    **agreements.QUERIES,
    **periods.QUERIES,
    **obligations.QUERIES,
}
