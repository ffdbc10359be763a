"""Pedersen commitments to declared figures, and the proof that their maker knows what is in them.

A commitment is v*H + r*G on secp256k1 (Pedersen, CRYPTO '91): it hides v even from unbounded computers,
and nobody who cannot find discrete logarithms opens it to another value. Forms: PROTOCOL 25 and 26.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from itertools import count
from struct import Struct

from coincurve import PublicKey

from abci_app.kernel.curve import (
    ORDER,
    POINT_SIZE,
    SCALAR_SIZE,
    read_point,
    read_scalar,
    times,
    times_base,
    total,
    write_scalar,
)
from abci_app.kernel.hashing import Tag, tagged

GENERATOR = bytes.fromhex("02f057a16aee803fac6468838c070ebc086d788e2f2c31ff9955a7b170be1bdff5")
"""H, the base of values: the first point 02 || sha256(tag || counter), whose logarithm to G nobody knows."""
LARGEST_VALUE = 2**63 - 1
MOST_COMMITMENTS = 512
"""In one proof: 256 lines of two measures."""
SEED_SIZE = 32
PROOF_SIZE = POINT_SIZE + 2 * SCALAR_SIZE

_H = PublicKey(GENERATOR)
_COUNTER = Struct(">I")
_LINE = Struct(">BB")
_SEED_CONTEXT = Struct(">IIIB")  # agreement, unit pair, ordinal, revision
_SIZES = Struct(">IH")  # bytes of the statement, number of commitments


def generator_candidates() -> Iterator[bytes]:
    """The compressed encodings of which the first that is a point is `GENERATOR`."""
    return (b"\x02" + tagged(Tag.GENERATOR, _COUNTER.pack(counter)) for counter in count())


def derive_seed(
    root: bytes, *, chain: bytes, agreement: int, pair: int, ordinal: int, revision: int, values: bytes
) -> bytes:
    """The 32-byte seed of one declaration's blindings, from the operator's 32-byte vault root.

    `chain` is sha256 of the chain id: one vault on two chains, such as a pilot and the real one, never makes
    the same commitments, or what is opened on one would show what is still hidden on the other. `values` is
    the 32-byte digest of the declared values: other values never meet the same blinding, which would give
    both away. Numbers out of their range (u32, u32, u32, u8) raise struct.error.
    """
    context = _SEED_CONTEXT.pack(agreement, pair, ordinal, revision)
    return hmac.digest(root, Tag.SEED.value + chain + context + values, "sha256")


def blinding(seed: bytes, line: int, measure: int) -> int:
    """r of one figure: the first of HMAC(seed, tag || line || measure || counter) within 1..order-1.

    `line` and `measure` are u8 (the catalogue's index and the measure's number); others raise struct.error.
    """
    return _keyed_scalar(seed, Tag.BLINDING.value + _LINE.pack(line, measure))


def commit(value: int, r: int) -> bytes:
    """value*H + r*G, 33 bytes; value 0 gives r*G. Raises ValueError outside 0..2^63-1 and 1..order-1."""
    if not 0 <= value <= LARGEST_VALUE:
        raise ValueError(f"a committed value lies in 0..{LARGEST_VALUE}, got {value}")
    if not 0 < r < ORDER:
        raise ValueError("a blinding lies in 1..order-1: derive it with `blinding`")
    point = _commitment(value, r)
    if point is None:  # r = -value * log H: to meet it is to find H's logarithm
        raise ValueError("the blinding cancels the value: derive it with `blinding`")
    return point.format()


def opens(commitment: bytes, value: int, r: int) -> bool:
    """Whether the commitment is to this value under this blinding. Total; two multiplications."""
    if not (0 <= value <= LARGEST_VALUE and 0 < r < ORDER):
        return False
    point = _commitment(value, r)
    return point is not None and point.format() == commitment


def prove(
    statement: bytes,
    values: Sequence[int],
    blindings: Sequence[int],
    commitments: Sequence[bytes],
    secret: bytes,
) -> bytes:
    """97 bytes, R || z_v || z_r, that show knowledge of every opening and bind it to `statement`.

    `statement` is the canonical encoding of who declares what (PROTOCOL 26: chain id hash, operator,
    agreement, pair, ordinal, revision, roots, detail); `secret` is the declaration's seed. The same
    input gives the same proof. Raises ValueError where the openings are not the commitments': under one
    nonce a second, different witness would reveal both.
    """
    if not len(values) == len(blindings) == len(commitments):
        raise ValueError(f"{len(commitments)} commitments, {len(values)} values, {len(blindings)} blindings")
    if not 0 < len(commitments) <= MOST_COMMITMENTS:
        raise ValueError(f"a proof covers 1..{MOST_COMMITMENTS} commitments, got {len(commitments)}")
    for index, (commitment, value, r) in enumerate(zip(commitments, values, blindings, strict=True)):
        if not opens(commitment, value, r):
            raise ValueError(f"commitment {index} does not open to its value and blinding")
    bound = _bound(statement, commitments)
    nonce_v = _keyed_scalar(secret, Tag.KNOWLEDGE_NONCE.value + b"v" + tagged(Tag.KNOWLEDGE, bound))
    nonce_r = _keyed_scalar(secret, Tag.KNOWLEDGE_NONCE.value + b"r" + tagged(Tag.KNOWLEDGE, bound))
    hiding = _commitment(nonce_v, nonce_r)
    if hiding is None:
        raise ValueError("the nonces cancel out: use another secret")
    announced = hiding.format()
    weights = _weights(bound, announced, len(commitments))
    z_v = nonce_v + sum(weight * value for weight, value in zip(weights, values, strict=True))
    z_r = nonce_r + sum(weight * r for weight, r in zip(weights, blindings, strict=True))
    return announced + write_scalar(z_v % ORDER) + write_scalar(z_r % ORDER)


def verify(statement: bytes, commitments: Sequence[bytes], proof: bytes) -> bool:
    """Whether the proof's maker knew every opening, under this statement.

    Total: any bytes give an answer. Holds when z_v*H + z_r*G = R + sum of e^i * C_i, i from 1, all
    points being valid and both sides finite. `multiplications_to_verify` says what it costs.
    """
    if len(proof) != PROOF_SIZE or not 0 < len(commitments) <= MOST_COMMITMENTS:
        return False
    announced, rest = proof[:POINT_SIZE], proof[POINT_SIZE:]
    hiding = read_point(announced)
    z_v, z_r = read_scalar(rest[:SCALAR_SIZE]), read_scalar(rest[SCALAR_SIZE:])
    if hiding is None or z_v is None or z_r is None:
        return False
    points: list[PublicKey] = []
    for commitment in commitments:
        point = read_point(commitment)
        if point is None:
            return False
        points.append(point)
    weights = _weights(_bound(statement, commitments), announced, len(points))
    shown = _commitment(z_v, z_r)
    weighted = total((hiding, *(times(weight, point) for weight, point in zip(weights, points, strict=True))))
    return shown is not None and weighted is not None and shown.format() == weighted.format()


def multiplications_to_open(commitments: int) -> int:
    """Point multiplications that `opens` makes for so many commitments."""
    return 2 * commitments


def multiplications_to_verify(commitments: int) -> int:
    """Point multiplications that `verify` makes for a proof over so many commitments."""
    return commitments + 2


def _commitment(v: int, r: int) -> PublicKey | None:
    return total((times(v, _H), times_base(r)))


def _keyed_scalar(key: bytes, message: bytes) -> int:
    """The first of HMAC-SHA256(key, message || counter u32) within 1..order-1."""
    counter = 0
    while True:
        scalar = int.from_bytes(hmac.digest(key, message + _COUNTER.pack(counter), "sha256"), "big")
        if 0 < scalar < ORDER:
            return scalar
        counter += 1


def _bound(statement: bytes, commitments: Sequence[bytes]) -> bytes:
    """What the challenge covers besides R. Sizes go first, so no other input has the same bytes."""
    return _SIZES.pack(len(statement), len(commitments)) + statement + b"".join(commitments)


def _weights(bound: bytes, announced: bytes, commitments: int) -> list[int]:
    """e, e^2, e^3, ... modulo the order."""
    challenge = int.from_bytes(tagged(Tag.KNOWLEDGE, bound, announced), "big") % ORDER
    weights = [challenge]
    while len(weights) < commitments:
        weights.append(weights[-1] * challenge % ORDER)
    return weights
