"""How many events happen between whom on which day, and which file each belongs to.

Counts are allocated, not drawn: the plan's total is met exactly, by largest remainders over
(directed pair, day) with weights (sizes of the two operators) x (weekday).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from settle.sample.curves import WEEKDAYS
from settle.sample.plan import DAY, SamplePlan


class Span(NamedTuple):
    """A run of events of one directed pair on one local day: numbers start to start + events."""

    sender: str
    receiver: str
    day: int
    start: int
    events: int


class Chunk(NamedTuple):
    """What one file of a pair's stream covers, on both sides: made, written and forgotten at a time."""

    pair: tuple[str, str]
    sequence: int
    spans: tuple[Span, ...]

    @property
    def events(self) -> int:
        """Rows of the truth in this chunk."""
        return sum(span.events for span in self.spans)


def allocated(total: int, weights: list[int]) -> list[int]:
    """Split a total in proportion to weights, exactly, by largest remainders; ties to the first."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    remainders = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
    for i in remainders[: total - sum(shares)]:
        shares[i] += 1
    return shares


def schedule(plan: SamplePlan) -> Iterator[Chunk]:
    """Every chunk of a plan, pair after pair, in the order of time."""
    spans = _spans(plan)
    for one, other in plan.pairs:
        sequence = 0
        for start in range(0, plan.days, plan.days_per_file):
            # A pair with much traffic has a file a day, or several; one with little has one a week.
            days = range(start, min(start + plan.days_per_file, plan.days))
            of_days = [[spans[one, other, day], spans[other, one, day]] for day in days]
            for group in _grouped(of_days, plan.rows_per_file):
                sequence += 1
                yield Chunk((one, other), sequence, group)


def _spans(plan: SamplePlan) -> dict[tuple[str, str, int], Span]:
    first_day = (plan.usage_from + plan.utc_offset_s) // DAY
    weekday = [WEEKDAYS[(first_day + day + 3) % 7] for day in range(plan.days)]  # day 0 was a Thursday
    size = {operator.code: operator.weight for operator in plan.operators}
    cells = [(a, b, day) for a, b in permutations(size, 2) for day in range(plan.days)]
    counts = allocated(plan.records, [size[a] * size[b] * weekday[day] for a, b, day in cells])
    spans, start = {}, 0
    for (sender, receiver, day), count in zip(cells, counts, strict=True):
        spans[sender, receiver, day] = Span(sender, receiver, day, start, count)
        start += count
    return spans


def _grouped(days: list[list[Span]], limit: int) -> Iterator[tuple[Span, ...]]:
    """Whole days while they fit into a file; a day that alone does not is cut into parts."""
    waiting: list[Span] = []
    for spans in days:
        if waiting and _size(waiting) + _size(spans) > limit:
            yield tuple(waiting)
            waiting = []
        parts = -(-_size(spans) // limit)
        if parts > 1:
            yield from _parts(spans, parts)
        else:
            waiting += spans
    if waiting:
        yield tuple(waiting)


def _parts(spans: list[Span], parts: int) -> Iterator[tuple[Span, ...]]:
    for part in range(parts):
        yield tuple(
            span._replace(
                start=span.start + span.events * part // parts,
                events=span.events * (part + 1) // parts - span.events * part // parts,
            )
            for span in spans
        )


def _size(spans: list[Span]) -> int:
    return sum(span.events for span in spans)
