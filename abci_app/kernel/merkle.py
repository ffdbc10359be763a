"""Merkle hashing of RFC 6962 section 2.1: leaves 00 ‖ data, inner nodes 01 ‖ left ‖ right."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
"""The root of no leaves (RFC 6962: the hash of an empty string)."""


def leaf(data: bytes) -> bytes:
    """The hash of one leaf, 32 bytes."""
    return sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node over two 32-byte hashes."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, in order. An odd last hash of a level moves up unchanged,
    which gives RFC 6962's split at the largest power of two."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        above = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
