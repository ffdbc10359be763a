"""Each transaction at most once: a sliding window of numbers per key, as IPsec's anti-replay (RFC 4303, 3.4.3).

A key's numbers may be used in any order inside the window and never twice. The rows live in a
store of their own, outside "state = fold of all facts": a refused transaction leaves one too.
"""

from __future__ import annotations

from typing import NamedTuple

from abci_app.application.transaction import Code
from abci_app.kernel.codes import reject
from abci_app.kernel.encoding import U64, Hash32, Value
from abci_app.state.overlay import Reader, Writer
from abci_app.state.tables import Table

STORE = 9
WINDOW = 256
FARTHEST = 1024
"""A number may jump at most this far above the highest one used."""
LONGEST_LIFE = 10_000
"""A transaction may expire at most this many heights ahead."""


class SignerKey(NamedTuple):
    """The key whose numbers are counted."""

    key: bytes


class Window(Value, frozen=True):
    """Which numbers a key has used: the highest, and a map of those below it."""

    highest: U64
    seen: Hash32  # bit i, from the least: number highest - i was used


WINDOWS: Table[SignerKey, Window] = Table(STORE, 1, SignerKey, "33s", Window)
_UNUSED = Window(0, bytes(32))


def window_of(state: Reader, key: bytes) -> Window:
    """The numbers that a key has used."""
    return WINDOWS.get(state, SignerKey(key)) or _UNUSED


def check(window: Window, key: bytes, number: int, expiry: int, height: int) -> None:
    """Whether a key's transaction may still run in the block at `height`. Raises `Rejected`."""
    if expiry < height:
        reject(Code.EXPIRED, expected=f"expiry at or after height {height}", actual=expiry)
    if expiry > height + LONGEST_LIFE:
        reject(Code.EXPIRES_TOO_LATE, expected=f"expiry at most {height + LONGEST_LIFE}", actual=expiry)
    if number > window.highest + FARTHEST:
        reject(Code.NUMBER_TOO_FAR, expected=f"at most {window.highest + FARTHEST}", actual=number)
    age = window.highest - number
    if age >= WINDOW:
        reject(Code.NUMBER_TOO_OLD, expected=f"above {window.highest - WINDOW}", actual=number)
    if age >= 0 and int.from_bytes(window.seen, "big") >> age & 1:
        reject(Code.NUMBER_USED, expected=f"a number that key {key.hex()} has not used", actual=number)


def use(state: Writer, key: bytes, number: int) -> None:
    """Mark a checked number as used."""
    window = window_of(state, key)
    seen = int.from_bytes(window.seen, "big")
    if number > window.highest:
        seen = (seen << (number - window.highest) | 1) & (1 << WINDOW) - 1
        highest = number
    else:
        seen |= 1 << (window.highest - number)
        highest = window.highest
    WINDOWS.put(state, SignerKey(key), Window(highest, seen.to_bytes(32, "big")))
