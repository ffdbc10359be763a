"""Ed25519 (RFC 8032, 5.1), for one purpose: a new validator's key proves that somebody holds it.

Public data only, a few times a year, so plain integers are fast enough (about 4 ms) and no second signature
library has to agree with CometBFT's. Stricter than any of them: keys and nonce points of small order (on which
libraries are known to differ, RFC 8032, 8.4 and 8.9) and every spelling but the canonical one are refused.
"""

from __future__ import annotations

from hashlib import sha512
from typing import TypeAlias

KEY_SIZE = 32
SIGNATURE_SIZE = 64

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

_Point: TypeAlias = tuple[int, int, int, int]
"""Extended homogeneous coordinates: x = X/Z, y = Y/Z, x * y = T/Z (RFC 8032, 5.1.4)."""
_NEUTRAL: _Point = (0, 1, 1, 0)


def is_key(public: bytes) -> bool:
    """Whether 32 bytes are the canonical form of a curve point that is not of small order."""
    point = _decompress(public)
    return point is not None and not _of_small_order(point)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes, R then S) is the key's over `message`. Total: every input gives an answer.

    The equation is checked without the cofactor, S is below the group's order, and neither the key nor R may
    be of small order.
    """
    if (len(public), len(signature)) != (KEY_SIZE, SIGNATURE_SIZE):
        return False
    key, nonce = _decompress(public), _decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or nonce is None or _of_small_order(key) or _of_small_order(nonce) or s >= _ORDER:
        return False
    challenge = _reduced(signature[:32] + public + message)
    return _equal(_multiply(s, _BASE), _add(nonce, _multiply(challenge, key)))


def public_of(seed: bytes) -> bytes:
    """The public key, 32 bytes, of a secret seed of 32 bytes (5.1.5)."""
    secret, _ = _expanded(seed)
    return _compress(_multiply(secret, _BASE))


def sign(seed: bytes, message: bytes) -> bytes:
    """The signature, 64 bytes, by the key of a seed (5.1.6).

    Not constant in time: for its holder's own machine, once in a validator's life, never for a service.
    """
    secret, prefix = _expanded(seed)
    nonce = _reduced(prefix + message)
    point = _compress(_multiply(nonce, _BASE))
    challenge = _reduced(point + public_of(seed) + message)
    return point + ((nonce + challenge * secret) % _ORDER).to_bytes(32, "little")


def _expanded(seed: bytes) -> tuple[int, bytes]:
    """The secret scalar and the prefix of nonces."""
    assert len(seed) == KEY_SIZE, "RFC 8032, 5.1.5: 32 bytes"
    digest = sha512(seed).digest()
    return int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254, digest[32:]


def _reduced(raw: bytes) -> int:
    return int.from_bytes(sha512(raw).digest(), "little") % _ORDER


def _compress(point: _Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiply(factor: int, point: _Point) -> _Point:
    result = _NEUTRAL
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _equal(p: _Point, q: _Point) -> bool:
    return (p[0] * q[2] - q[0] * p[2]) % _P == 0 and (p[1] * q[2] - q[1] * p[2]) % _P == 0


def _of_small_order(point: _Point) -> bool:
    return _equal(_multiply(8, point), _NEUTRAL)


def _decompress(raw: bytes) -> _Point | None:
    """The point of its 32-byte form (RFC 8032, 5.1.3); None where there is none or the form is not canonical."""
    if len(raw) != KEY_SIZE:
        return None
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    x = _recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % _P)


def _recover_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square:
        return None
    return x if x & 1 == sign else _P - x


_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE_X = _recover_x(_BASE_Y, 0)
assert _BASE_X is not None, "RFC 8032, 5.1: the base point is on the curve"
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
