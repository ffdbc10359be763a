"""The hashes of the state once more, straight from their definitions; shares no code with the program.

Slow and recursive on purpose: a person checks it against PROTOCOL.md by reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

NAMES = {
    1: b"members",
    2: b"governance",
    3: b"rulebook",
    4: b"agreements",
    5: b"periods",
    7: b"obligations",
    9: b"replay",
}


def bits(key: bytes) -> str:
    """A key as text of bits, each byte led by a 1; the 0 at the end sorts it before its extensions."""
    return "".join("1" + format(byte, "08b") for byte in key) + "0"


def tree_root(rows: Mapping[bytes, bytes]) -> bytes:
    """The root over key and value."""
    return _root_of({bits(key): _leaf(key, value) for key, value in rows.items()}) if rows else sha256().digest()


def _leaf(key: bytes, value: bytes) -> bytes:
    assert len(key) < 2**14
    length = bytes([len(key)]) if len(key) < 128 else bytes([len(key) % 128 + 128, len(key) // 128])
    return sha256(b"\x00" + length + key + b"\x20" + sha256(value).digest()).digest()


def _root_of(leaves: dict[str, bytes]) -> bytes:
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    at = 0
    while len({path[at] for path in leaves}) == 1:  # the first bit in which they differ
        at += 1
    left = _root_of({path: leaf for path, leaf in leaves.items() if path[at] == "0"})
    right = _root_of({path: leaf for path, leaf in leaves.items() if path[at] == "1"})
    return sha256(b"\x01" + left + right).digest()


def log_root(entries: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, MTH, as it stands there: split at the largest power of two below n."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return sha256(b"\x01" + log_root(entries[:k]) + log_root(entries[k:])).digest()


def app_hash(rows: Mapping[bytes, bytes], facts: Sequence[bytes]) -> bytes:
    """The app hash from raw rows and fact records."""
    named = {
        name: tree_root({key: value for key, value in rows.items() if key[0] == store}) for store, name in NAMES.items()
    }
    named[b"facts"] = len(facts).to_bytes(8, "big") + log_root(facts)
    named[b"format"] = (2).to_bytes(4, "big")
    return tree_root(named)
