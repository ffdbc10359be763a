"""Transactions that no honest client sends, and a few that one does: from a seed, the same every time.

Messages are drawn from the router's own union by their types, so a new message joins by itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import count

import msgspec
from msgspec import inspect

from abci_app.application.router import Message
from abci_app.domain.members.schema import (
    ChangeState,
    Operator,
    PendingKeyChange,
    ProposeKeys,
    RegisteredKey,
)
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import U32, Decoder, Hash32, KeyBytes, Value, encode
from abci_app.kernel.envelope import LARGEST_TRANSACTION, chain_hash, transaction_id
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer, propose_keys

_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # SEC 2, secp256k1
_MESSAGE_KINDS = inspect.type_info(Message)
_EDGES = (0, 1, 2, 127, 128, 255, 256, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1)

_read_operators: Decoder[tuple[tuple[int, Operator], ...]] = Decoder(tuple[tuple[U32, Operator], ...])
_read_changes: Decoder[tuple[tuple[bytes, PendingKeyChange], ...]] = Decoder(
    tuple[tuple[Hash32, PendingKeyChange], ...]
)
_read_keys: Decoder[tuple[tuple[bytes, RegisteredKey], ...]] = Decoder(tuple[tuple[KeyBytes, RegisteredKey], ...])


class Mutator:
    """Draws transactions for one chain, signed by known signers where they are signed at all."""

    def __init__(self, chance: random.Random, chain: bytes, signers: Sequence[Signer]) -> None:
        self._chance = chance
        self._chain = chain
        self._signers = signers
        self._numbers = {signer.public: count(1) for signer in signers}
        self._known = [signer.public for signer in signers] + [bytes(32), bytes(33), b"\xff" * 32]
        self._serials: dict[int, int] = {}  # of every operator's last key change
        self._documents: list[bytes] = []  # the key changes that may still be signed
        self._revocable: dict[int, list[bytes]] = {}  # keys by operator that sign nothing here
        self._kinds: list[Callable[[], bytes]] = [
            self._noise,
            self._packed_noise,
            self._valid,
            self._valid,
            self._bent,
            self._bent,
            self._odd_envelope,
            self._signed_noise,
            self._signed_messages,
            self._signed_messages,
            self._signed_messages,
            self._odd_body,
            self._other_chain,
            self._stranger,
            self._deep,
        ]

    def learn(self, query: Callable[[str, bytes], bytes]) -> None:
        """Look at the state through the chain's queries, so that some of what is drawn next fits it."""
        self._serials = {number: row.key_changes for number, row in _read_operators(query("/members/operators", b""))}
        changes = _read_changes(query("/members/key_changes", b""))
        self._documents = [document for document, row in changes if row.state == ChangeState.OPEN]
        ours = set(self._known)
        self._revocable = {}
        for key, row in _read_keys(query("/members/keys", b"")):
            if row.active and key not in ours:
                self._revocable.setdefault(row.operator, []).append(key)

    def draw(self, number: int) -> list[bytes]:
        """The next so many: byte strings, mutated valid transactions, signed nonsense and valid transactions."""
        return [self._draw() for _ in range(number)]

    def _draw(self) -> bytes:
        if self._chance.random() < 0.0002:
            return bytes(LARGEST_TRANSACTION + 1)
        return self._chance.choice(self._kinds)()

    # -------------------- kinds

    def _noise(self) -> bytes:
        return self._chance.randbytes(self._chance.randrange(200))

    def _packed_noise(self) -> bytes:
        return msgspec.msgpack.encode(self._structure(6))

    def _valid(self) -> bytes:
        """A key change or a signature on one: well-formed, with a fresh number, whatever the state makes of it."""
        administrators = [signer for signer in self._signers if signer.role == Role.ADMIN]
        signer = self._chance.choice(administrators if self._chance.random() < 0.9 else self._signers)
        if self._documents and self._chance.random() < 0.5:
            document = self._chance.choice(self._documents)
            verdict = Verdict.REFUSE if self._chance.random() < 0.1 else Verdict.APPROVE
            message: Value = Approve(DocumentKind.KEY_CHANGE, document, signer.role, verdict)
        else:
            message = self._key_change(signer.operator)
        return self._sign(encode(((message,), next(self._numbers[signer.public]), 10_000)), signer)

    def _key_change(self, operator: int) -> ProposeKeys:
        serial = self._serials.get(operator, 0) + self._chance.choice((0, 1, 1, 1, 2))
        new = Signer(self._chance.randbytes(31) + b"\x01", operator, Role.MAKER)
        revocable = self._revocable.get(operator, [])
        revoked = (revocable.pop(0),) if len(revocable) > 20 else ()
        return propose_keys(self._chain, serial, (new,), revoked)

    def _bent(self) -> bytes:
        """A valid transaction with a byte changed, lost, doubled or moved, or cut, or with more behind it."""
        raw = bytearray(self._valid())
        at = self._chance.randrange(len(raw))
        match self._chance.randrange(6):
            case 0:
                raw[at] ^= 1 << self._chance.randrange(8)
            case 1:
                del raw[at]
            case 2:
                raw.insert(at, raw[at])
            case 3:
                del raw[at:]
            case 4:
                raw += self._chance.randbytes(1 + self._chance.randrange(8))
            case _:
                raw[:at], raw[at:] = raw[at:], raw[:at]
        return bytes(raw)

    def _odd_envelope(self) -> bytes:
        body, suite, key, signature = msgspec.msgpack.decode(self._valid())
        r, s = signature[:32], int.from_bytes(signature[32:], "big")
        odd = {
            "suite": lambda: [body, self._chance.choice((0, 2, 255, 256, -1)), key, signature],
            "key": lambda: [body, suite, self._chance.choice(self._known) or key, signature],
            "point": lambda: [body, suite, b"\x02" + self._chance.randbytes(32), signature],
            "zero": lambda: [body, suite, key, bytes(64)],
            "high s": lambda: [body, suite, key, r + (_CURVE_ORDER - s).to_bytes(32, "big")],
            "huge": lambda: [body, suite, key, b"\xff" * 64],
            "short": lambda: [body, suite, key, signature[:63]],
            "long row": lambda: [body, suite, key, signature, 0],
            "short row": lambda: [body, suite, key],
            "no body": lambda: [b"", suite, key, signature],
            "text": lambda: [body.hex(), suite, key, signature],
            "map": lambda: {"body": body, "suite": suite, "key": key, "signature": signature},
        }
        return msgspec.msgpack.encode(self._chance.choice(list(odd.values()))())

    def _signed_noise(self) -> bytes:
        if self._chance.random() < 0.5:
            return self._sign(self._chance.randbytes(1 + self._chance.randrange(80)))
        return self._sign(msgspec.msgpack.encode(self._structure(6)))

    def _signed_messages(self) -> bytes:
        """One to three well-formed messages of any kind with wild values, or not quite well-formed."""
        signer = self._chance.choice(self._signers)
        messages = [self._value(_MESSAGE_KINDS) for _ in range(self._chance.choice((1, 1, 1, 2, 3)))]
        return self._sign(msgspec.msgpack.encode([messages, next(self._numbers[signer.public]), 10_000]), signer)

    def _odd_body(self) -> bytes:
        """Replay numbers, expiries and counts of messages at and beyond their edges; other spellings of a number."""
        signer = self._chance.choice(self._signers)
        messages = [self._value(_MESSAGE_KINDS) for _ in range(self._chance.choice((0, 1, 1, 1, 16, 17)))]
        edges = (*_EDGES, 2**64 - 1, -1)
        body = [messages, self._chance.choice(edges), self._chance.choice(edges)]
        raw = msgspec.msgpack.encode(body)
        if self._chance.random() < 0.2:
            raw = raw[:-1] + b"\xd1\x00" + raw[-1:]  # the last number again as int16
        return self._sign(raw, signer)

    def _other_chain(self) -> bytes:
        return self._sign(encode(((self._rotation(),), 1, 10_000)), chain=chain_hash(b"another chain"))

    def _stranger(self) -> bytes:
        signer = Signer(self._chance.randbytes(31) + b"\x02", 1, Role.ADMIN)
        return self._sign(encode(((self._rotation(),), 1, 10_000)), signer)

    def _deep(self) -> bytes:
        depth = self._chance.choice((3, 15, 16, 17, 60, 600, 6000))
        nested = b"\x91" * depth + b"\xc0"
        return nested if self._chance.random() < 0.5 else self._sign(nested)

    # -------------------- parts

    def _rotation(self) -> ProposeKeys:
        return propose_keys(self._chain, 1, self._signers[:1])

    def _sign(self, body: bytes, signer: Signer | None = None, chain: bytes | None = None) -> bytes:
        by = signer or self._chance.choice(self._signers)
        digest = transaction_id(chain or self._chain, by.suite, by.public, body)
        return msgspec.msgpack.encode([body, by.suite, by.public, by.sign(digest)])

    def _structure(self, depth: int) -> object:
        """Any value that MessagePack can carry."""
        drawn = self._chance.randrange(8 if depth else 6)
        simple: tuple[object, ...] = (None, True, self._chance.choice(_EDGES), -self._chance.choice(_EDGES), 0.5)
        match drawn:
            case 0 | 1:
                return self._chance.choice(simple)
            case 2:
                return self._chance.randbytes(self._chance.randrange(70))
            case 3:
                return "é" * self._chance.randrange(40)
            case 4 | 5:
                return self._chance.choice(self._known)
            case 6:
                return [self._structure(depth - 1) for _ in range(self._chance.randrange(5))]
            case _:
                return {str(number): self._structure(depth - 1) for number in range(self._chance.randrange(3))}

    def _value(self, kind: inspect.Type) -> object:
        """A value of the kind as MessagePack carries it; once in two hundred of another kind."""
        if self._chance.random() < 0.005:
            return self._structure(2)
        match kind:
            case inspect.IntType():
                low, high = kind.ge or 0, kind.le or 2**63 - 1
                return self._chance.choice((low, high, self._chance.randint(low, high), min(high, low + 1)))
            case inspect.BytesType():
                return self._bytes(kind.min_length or 0, kind.max_length)
            case inspect.StrType():
                return "x" * (kind.min_length or 0)
            case inspect.BoolType():
                return self._chance.random() < 0.5
            case inspect.EnumType():
                return self._chance.choice(list(kind.cls)).value
            case inspect.LiteralType():
                return self._chance.choice(kind.values)
            case inspect.UnionType():
                return self._value(self._chance.choice(kind.types))
            case inspect.TupleType():
                return [self._value(item) for item in kind.item_types]
            case inspect.VarTupleType():
                least, most = kind.min_length or 0, kind.max_length or 8
                return [
                    self._value(kind.item_type) for _ in range(min(most, least + self._chance.choice((0, 1, 2, 5))))
                ]
            case inspect.StructType():
                fields = [self._value(field.type) for field in kind.fields]
                return fields if kind.tag is None else [kind.tag, *fields]
            case _:
                raise TypeError(f"expected a kind that a message may hold, got {kind}: teach it here")

    def _bytes(self, least: int, most: int | None) -> bytes:
        highest = least + 64 if most is None else most
        fitting = [each for each in self._known if least <= len(each) <= highest]
        if fitting and self._chance.random() < 0.5:
            return self._chance.choice(fitting)
        return self._chance.randbytes(min(highest, least + self._chance.choice((0, 0, 1, 32, 100))))
