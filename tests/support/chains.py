"""A whole state machine in memory: four operators, fixed keys, a store without a disk."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from abci_app.application.chain import Chain
from abci_app.application.interface import Block, BlockResult, Genesis, Outcome, Signatures, Signed, ValidatorPower
from abci_app.domain.members.schema import (
    Fact,
    KeyRegistered,
    Kind,
    OperatorAdmitted,
    UnitRegistered,
    ValidatorAppointed,
)
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import verify
from abci_app.state.forest import EMPTY
from abci_app.state.store import Batch, Committed, Marker, Roots
from settle.chain.keys import Signer
from settle.chain.transactions import encode_messages, sign_messages

CHAIN_ID = b"books"
CHAIN = chain_hash(CHAIN_ID)
GENESIS_TIME = 1_700_000_000
CMCC, CUCC, CTCC, CBN = 1, 2, 3, 4
CODES = {CMCC: b"CMCC", CUCC: b"CUCC", CTCC: b"CTCC", CBN: b"CBN"}
ADMINS_OF_CMCC = 2


def signer(operator: int, role: Role, which: int = 0) -> Signer:
    """The same key every time, from the operator, the role and a counter."""
    return Signer(sha256(f"test key {operator} {role.name} {which}".encode()).digest(), operator, role)


def genesis_facts() -> list[Fact]:
    """Four operators with a validator and a key for every role; CMCC has two administrators."""
    facts: list[Fact] = []
    for number, code in CODES.items():
        facts.append(OperatorAdmitted(number, code, code, Kind.MOBILE, 156))
        facts.append(UnitRegistered(number, 0, b"national"))
        facts.extend(KeyRegistered(number, 1, signer(number, role).public, role) for role in Role)
        facts.append(ValidatorAppointed(number, sha256(code).digest(), 10))
    facts.append(KeyRegistered(CMCC, 1, signer(CMCC, Role.ADMIN, 1).public, Role.ADMIN))
    return facts


def genesis(facts: Sequence[Value] | None = None) -> Genesis:
    """What InitChain would bring for these facts."""
    chosen = genesis_facts() if facts is None else facts
    validators = tuple(ValidatorPower(f.public, f.power) for f in chosen if isinstance(f, ValidatorAppointed))
    return Genesis(CHAIN_ID, GENESIS_TIME, 1, validators, tuple(encode(fact) for fact in chosen))


def signed(by: Signer, number: int, *messages: Value, expiry: int = 1000, chain: bytes = CHAIN) -> bytes:
    """The bytes of a transaction."""
    return sign_messages(chain, encode_messages(messages), number, expiry, by).raw


class InlineSignatures:
    """Verifies in the caller's thread."""

    def valid(self, items: Sequence[Signed]) -> list[bool]:
        return [verify(item.suite, item.key, item.digest, item.signature) for item in items]


class MemoryStore:
    """Rows in a dictionary; as durable as the test."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.records: list[bytes] = []
        self._marker: Marker | None = None
        self._roots: Roots = ()
        self._sorted: list[bytes] | None = None

    def marker(self) -> Marker | None:
        return self._marker

    def roots(self) -> Roots:
        return self._roots

    @contextmanager
    def view(self) -> Iterator[Committed]:
        yield self

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        if self._sorted is None:
            self._sorted = sorted(self.rows)
        at = bisect_left(self._sorted, prefix)
        while at < len(self._sorted) and self._sorted[at].startswith(prefix):
            yield self._sorted[at], self.rows[self._sorted[at]]
            at += 1

    def commit(self, batch: Batch) -> None:
        for key, value in batch.writes.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        self.records.extend(batch.facts)
        self._marker, self._roots = batch.marker, tuple(sorted(batch.roots.items()))
        self._sorted = None

    def facts(self, start: int, most: int) -> list[bytes]:
        return self.records[start : start + most]


class Network:
    """One validator's state machine, fed block by block through all the ABCI steps."""

    def __init__(self, facts: Sequence[Value] | None = None, signatures: Signatures | None = None) -> None:
        self.store = MemoryStore()
        self.chain = Chain(self.store, signatures or InlineSignatures(), EMPTY)
        self.app_hash = self.chain.init_chain(genesis(facts))
        self.height = 0
        self.time = GENESIS_TIME

    def ask(self, path: str, data: bytes) -> bytes:
        """The value of a query's answer about the committed state."""
        answer = self.chain.query(path, data, 0)
        assert answer.code == 0, answer.log
        return answer.value

    def propose(self, *raws: bytes, after: int = 1) -> Block:
        """The next block with exactly these transactions, `after` seconds later."""
        name = sha256(b"".join(raws) + self.height.to_bytes(8, "big")).digest()
        return Block(self.height + 1, self.time + after, name, raws)

    def decide(self, block: Block) -> BlockResult:
        """Finalize and commit a block, whatever ProcessProposal says of it."""
        result = self.chain.finalize(block)
        self.chain.commit()
        self.height, self.time, self.app_hash = block.height, block.time, result.app_hash
        return result

    def block(self, *raws: bytes, after: int = 1) -> tuple[Outcome, ...]:
        """An honest block: Prepare takes all, Process accepts it, Finalize and Commit follow."""
        wanted = self.propose(*raws, after=after)
        taken = self.chain.prepare(wanted._replace(hash=b""), 1 << 20)
        assert taken == list(raws), "an honest proposer would leave some out; use propose() and decide()"
        assert self.chain.process(wanted)
        return self.decide(wanted).outcomes
