"""When a vote passes: by power, by heads, and for which kind of question. Whole numbers only.

Votes are approvals of a proposal's hash (`kernel.approvals`); who may vote is fixed when voting starts. These
are pure functions of that list of seats and of who said yes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta

from abci_app.kernel.encoding import U8, U32, Value

MOST_SEATS = 256


class Track(IntEnum):
    """The way a proposal goes. Frozen numbers; RULES.md "Governance" has the table."""

    AGREEMENT = 1  # one agreement's rule: all its parties
    CONSORTIUM = 2  # rules for all, members, validators, parameters
    CONSTITUTION = 3  # thresholds, key and crypto policy
    MANDATED = 4  # a regulator's order: scheduled with notice, not voted down
    EMERGENCY = 5  # suspends a rule, nothing else; lapses unless ratified
    ROLLBACK = 6  # back to a version that was active before


class Share(Value, frozen=True):
    """A fraction of the whole."""

    numerator: Annotated[int, Meta(ge=1, le=100)]
    denominator: Annotated[int, Meta(ge=1, le=100)]


class Thresholds(Value, frozen=True):
    """The fractions that votes must pass."""

    consortium: Share  # over this share of power
    constitution: Share  # at least this share of power
    emergency: Share  # over this share of power
    few: U8  # up to so many seats, all but one of them stand for the constitution's share


FIRST_THRESHOLDS = Thresholds(Share(2, 3), Share(5, 6), Share(1, 3), 6)
"""What holds where genesis says nothing else: RULES.md "Governance"."""


class Seat(Value, frozen=True):
    """One operator's vote: a head, and the power of its validators."""

    operator: U32
    power: U32


Seats: TypeAlias = Annotated[tuple[Seat, ...], Meta(max_length=MOST_SEATS)]


class _Count(NamedTuple):
    """How much of the whole said yes."""

    power: int
    heads: int
    all_power: int
    all_heads: int


def carried(track: Track, thresholds: Thresholds, seats: Sequence[Seat], yes: Collection[int]) -> bool:
    """Whether the operators in `yes` are enough; those without a seat add nothing."""
    ayes = [seat for seat in seats if seat.operator in yes]
    count = _Count(sum(s.power for s in ayes), len(ayes), sum(s.power for s in seats), len(seats))
    match track:
        case Track.AGREEMENT:
            return count.heads == count.all_heads
        case Track.CONSORTIUM:
            return _by_power_and_heads(thresholds, count)
        case Track.CONSTITUTION:
            return _by_power_and_heads(thresholds, count) and _nearly_all(thresholds, count)
        case Track.MANDATED:
            return True
        case Track.EMERGENCY:
            return is_over(thresholds.emergency, count.power, count.all_power)
        case Track.ROLLBACK:
            return is_over(thresholds.consortium, count.power, count.all_power)


def is_over(share: Share, part: int, whole: int) -> bool:
    """Whether part is more than that share of the whole; of nothing, no part is."""
    return part * share.denominator > whole * share.numerator


def below(one: Share, other: Share) -> bool:
    """Whether one share is less than another."""
    return one.numerator * other.denominator < other.numerator * one.denominator


def _by_power_and_heads(thresholds: Thresholds, count: _Count) -> bool:
    return is_over(thresholds.consortium, count.power, count.all_power) and 2 * count.heads > count.all_heads


def _nearly_all(thresholds: Thresholds, count: _Count) -> bool:
    """On top of the consortium's threshold: with few seats five sixths would be unanimity, and one a veto."""
    if count.all_heads <= thresholds.few:
        return count.heads >= count.all_heads - 1
    share = thresholds.constitution
    return count.power * share.denominator >= count.all_power * share.numerator
