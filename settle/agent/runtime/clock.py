"""The only clock that deadlines know: the time of the node's last block."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from settle.chain.rpc import Node

NEAR = 10
"""A filing so many blocks before its deadline is too near: a slow block may carry it past."""
_REMEMBERED = 16  # looks at the node


class Now(NamedTuple):
    """The last block: its height and header time (UTC seconds, floored), and the usual seconds between blocks."""

    height: int
    time: int
    block_seconds: Fraction

    def is_near(self, deadline: int) -> bool:
        """Whether a message sent now may miss the deadline: fewer than `NEAR` blocks are left."""
        return deadline - self.time < NEAR * self.block_seconds


class BlockClock:
    """Reads the node's present and learns how long blocks take, idle stretches aside."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seen: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)  # height, time

    def read(self) -> Now:
        """The node's present. Raises `NodeUnreachable` and `RpcError`."""
        sync = self._node.status().sync_info
        height = sync.latest_block_height
        if height == 0:
            return Now(0, 0, Fraction(1))
        time = seconds_of(sync.latest_block_time)
        if not self._seen and height > max(1, sync.earliest_block_height):
            self._seen.append((height - 1, seconds_of(self._node.block(height - 1).header.time)))
        if not self._seen or height > self._seen[-1][0]:
            self._seen.append((height, time))
        gaps = [Fraction(max(0, t - s), h - g) for (g, s), (h, t) in pairwise(self._seen) if h > g]
        return Now(height, time, Fraction(median(gaps)) if gaps else Fraction(1))


def seconds_of(text: str) -> int:
    """An RFC 3339 time in UTC, as CometBFT writes it, floored to seconds since 1970."""
    whole = text.partition(".")[0].removesuffix("Z")
    return int(datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())
