"""Signature suites. Suite 1 is secp256k1 ECDSA; suite 2 (P-256, people's hardware keys) is reserved."""

from __future__ import annotations

from functools import lru_cache

from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact

from abci_app.kernel.curve import ORDER

ECDSA_SECP256K1 = 1
SUITES = (ECDSA_SECP256K1,)
KEY_SIZE = 33
SIGNATURE_SIZE = 64

_point = lru_cache(maxsize=4096)(PublicKey)  # a key signs again and again; what is no point raises and is not kept


def verify(suite: int, key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes, r then s, low s) is the key's over the 32-byte digest.

    Total: every input gives an answer. Only 33-byte keys and 64-byte signatures are accepted,
    and s must be in the lower half (BIP 62), so a signature has one spelling.
    """
    if suite != ECDSA_SECP256K1 or (len(key), len(digest), len(signature)) != (KEY_SIZE, 32, SIGNATURE_SIZE):
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < ORDER and 0 < s <= ORDER // 2):
        return False
    try:
        public = _point(key)
        der = cdata_to_der(deserialize_compact(signature))
        return public.verify(der, digest, hasher=None)
    except ValueError:  # a key that is no point of the curve
        return False


def is_key(suite: int, key: bytes) -> bool:
    """Whether the bytes are a public key of the suite: a point of the curve, 33 bytes."""
    if suite != ECDSA_SECP256K1 or len(key) != KEY_SIZE:
        return False
    try:
        PublicKey(key)
    except ValueError:
        return False
    return True
