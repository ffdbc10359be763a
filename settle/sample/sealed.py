"""A fault list that is drawn, sealed, and later shown to be the one that was sealed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

import msgspec

from settle.sample.chance import Dice
from settle.sample.errors import BadFault, require_within
from settle.sample.faults import (
    ClockOffset,
    Copy,
    DuplicatedRecords,
    DurationJitter,
    Fault,
    FaultList,
    LateFile,
    LostRecords,
    OldRateVersion,
    PeriodEdge,
    PortabilityMismatch,
    SlicedCalls,
    WrongIncrement,
    WrongTimeZone,
    WrongTrunkMap,
)

_PURPOSE = 30
_TAG = b"settlement/sample/fault-list/1\0"
NONCE_BYTES = 32


class Cause(StrEnum):
    """The causes that can be drawn, by the name they carry in `faults.json`."""

    CLOCK_OFFSET = "clock_offset"
    DURATION_JITTER = "duration_jitter"
    LOST_RECORDS = "lost_records"
    DUPLICATED_RECORDS = "duplicated_records"
    SLICED_CALLS = "sliced_calls"
    WRONG_TRUNK_MAP = "wrong_trunk_map"
    OLD_RATE_VERSION = "old_rate_version"
    WRONG_TIME_ZONE = "wrong_time_zone"
    WRONG_INCREMENT = "wrong_increment"
    LATE_FILE = "late_file"
    PORTABILITY_MISMATCH = "portability_mismatch"
    PERIOD_EDGE = "period_edge"


VISIBLE = tuple(cause for cause in Cause if cause is not Cause.CLOCK_OFFSET)
"""Causes that, in the sizes drawn here, move a month's line. A skewed clock alone moves no money."""


def draw_faults(
    seed: int, pairs: Sequence[tuple[str, str]], count: int, causes: Sequence[Cause] = VISIBLE
) -> FaultList:
    """Draw `count` faults, each on another side of a pair; different pairs and causes while there are any.

    Sizes are such that a month of a pair with some thousand calls shows them. Raises `BadFault`.
    """
    require_within(BadFault, "count", count, 0, 2 * len(pairs))
    if not causes:
        raise BadFault("causes", expected="at least one", came="none", next_step="Name the causes to draw from.")
    dice = Dice(seed, _PURPOSE)
    operators = sorted({code for pair in pairs for code in pair})
    sides = {str(number): pair if dice.below(2) else pair[::-1] for number, pair in enumerate(pairs)}
    order = dice.shuffled(list(sides))
    seats = [sides[number] for number in order] + [sides[number][::-1] for number in order]
    possible = [cause for cause in causes if cause is not Cause.WRONG_TRUNK_MAP or len(operators) > 2]
    if count and not possible:
        raise BadFault(
            "causes", expected="one that two operators can show", came=", ".join(causes),
            next_step="A wrong trunk map needs a third operator: add one, or another cause.",
        )  # fmt: skip
    deck: list[str] = []
    faults = []
    for operator, peer in seats[:count]:
        deck = deck or dice.shuffled(list(possible))
        faults.append(_drawn(dice, Cause(deck.pop()), operator, peer, operators))
    return FaultList(tuple(faults))


def canonical(faults: FaultList) -> bytes:
    """The bytes that are sealed: JSON with fields in the order of their definition; integers and names only."""
    return msgspec.json.encode(faults)


def seal(faults: FaultList, nonce: bytes) -> str:
    """The seal of a list: sha256 over tag, nonce and canonical bytes, in hex.

    The nonce is 32 secret random bytes of the caller's; without it, the few lists there are could be
    tried one by one.
    """
    if len(nonce) != NONCE_BYTES:
        raise BadFault(
            "nonce", expected=f"{NONCE_BYTES} random bytes", came=f"{len(nonce)} bytes",
            next_step="Take them from the operating system (secrets.token_bytes).",
        )  # fmt: skip
    return sha256(_TAG + nonce + canonical(faults)).hexdigest()


def opened(faults: FaultList, nonce: bytes, sealed: str) -> bool:
    """Whether this list under this nonce is the one that was sealed."""
    return compare_digest(seal(faults, nonce).encode(), sealed.encode())


def _drawn(dice: Dice, cause: Cause, operator: str, peer: str, operators: list[str]) -> Fault:
    if cause is Cause.WRONG_TRUNK_MAP:
        third = dice.shuffled([code for code in operators if code not in (operator, peer)])[0]
        return WrongTrunkMap(operator=operator, peer=peer, trunk=1, maps_to=third)
    return _SIZES[cause](dice, operator, peer)


_SIZES: dict[Cause, Callable[[Dice, str, str], Fault]] = {
    Cause.CLOCK_OFFSET: lambda dice, operator, peer: ClockOffset(
        operator=operator, peer=peer, offset_ms=dice.between(500, 5_000), drift_ppm=dice.between(0, 20)
    ),
    Cause.DURATION_JITTER: lambda dice, operator, peer: DurationJitter(
        operator=operator, peer=peer, low_ms=dice.between(4_000, 8_000), high_ms=dice.between(8_000, 10_000)
    ),
    Cause.LOST_RECORDS: lambda dice, operator, peer: LostRecords(
        operator=operator, peer=peer, share_ppm=dice.between(30_000, 80_000)
    ),
    Cause.DUPLICATED_RECORDS: lambda dice, operator, peer: DuplicatedRecords(
        operator=operator, peer=peer, share_ppm=dice.between(30_000, 80_000), copy=Copy.REWRITTEN
    ),
    Cause.SLICED_CALLS: lambda dice, operator, peer: SlicedCalls(
        operator=operator, peer=peer, slice_ms=dice.between(70_000, 110_000)
    ),
    Cause.OLD_RATE_VERSION: lambda _dice, operator, peer: OldRateVersion(operator=operator, peer=peer, version=1),
    Cause.WRONG_TIME_ZONE: lambda _dice, operator, peer: WrongTimeZone(operator=operator, peer=peer, shift_s=8 * 3600),
    Cause.WRONG_INCREMENT: lambda _dice, operator, peer: WrongIncrement(
        operator=operator, peer=peer, first_ms=6_000, next_ms=6_000
    ),
    Cause.LATE_FILE: lambda dice, operator, peer: LateFile(operator=operator, peer=peer, sequence=dice.between(2, 4)),
    Cause.PORTABILITY_MISMATCH: lambda _dice, operator, peer: PortabilityMismatch(operator=operator, peer=peer),
    Cause.PERIOD_EDGE: lambda dice, operator, peer: PeriodEdge(
        operator=operator, peer=peer, window_s=dice.between(24, 48) * 3600
    ),
}
