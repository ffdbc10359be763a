"""The rate that two networks settle by: the 5-minute samples of a month, less the highest.

Sorting is the host's work; the rule of the agreement (slot RATING, interface 2) says how many samples to drop and
what two directions make together. Source: MII 2006 no. 648, articles 6 and 8. A sample that lacks is never made
up: it is counted, and the share to drop is taken of the samples that there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from abci_app.rules.bundle import LoadedRule
from settle.chain.errors import ChainError

SAMPLE_SECONDS: Final = 300


class Sample(NamedTuple):
    """Traffic of one direction: `start` in seconds UTC, a multiple of 300 after the month's; whole bits per second."""

    start: int
    bits_per_second: int


class Month(NamedTuple):
    """[usage_from, usage_to) in seconds UTC: the 1st 00:00 to the last day 24:00 where the links are."""

    usage_from: int
    usage_to: int

    @property
    def slots(self) -> int:
        """The samples of a month without gaps: 8,640 for 30 days."""
        return (self.usage_to - self.usage_from) // SAMPLE_SECONDS


class Gap(NamedTuple):
    """A stretch of lacking samples: [start, end) in seconds UTC."""

    start: int
    end: int


class DirectionRate(NamedTuple):
    """One direction: samples there were, how many were dropped, the highest before and after, and the gaps."""

    samples: int
    dropped: int
    peak: int
    highest_left: int
    gaps: tuple[Gap, ...]


class SettledRate(NamedTuple):
    """`rate` in bits per second is what `price_line` prices as `units_billed`.

    `first`: from the first party's network to the second's; `second`: the other way.
    """

    rate: int
    first: DirectionRate
    second: DirectionRate

    @property
    def gaps(self) -> int:
        """Samples that lack in both directions together."""
        stretches = (*self.first.gaps, *self.second.gaps)
        return sum((gap.end - gap.start) // SAMPLE_SECONDS for gap in stretches)


class SamplesUnusable(ChainError):
    """Samples from which no rate follows: none at all, two for one time, outside the month, off the grid."""


def settled_rate(
    first: Sequence[Sample],
    second: Sequence[Sample],
    month: Month,
    rule: LoadedRule,
    parameters: Mapping[str, int],
) -> SettledRate:
    """The rate of a month by the samples of both directions, in any order.

    `parameters`: the agreement's, by name. Raises `SamplesUnusable`; `RejectedByRule` and `RuleRefused` where the
    rule refuses the figures; `KeyError` where a parameter of the rule lacks.
    """
    if month.slots <= 0 or (month.usage_to - month.usage_from) % SAMPLE_SECONDS:
        raise SamplesUnusable(
            expected=f"a month of whole {SAMPLE_SECONDS} s",
            actual=f"{month.usage_from} to {month.usage_to}",
            next_step="take usage_from and usage_to of the agreement's calendar",
        )
    one = _direction("first to second", first, month, rule, parameters)
    other = _direction("second to first", second, month, rule, parameters)
    (rate,) = rule.call("combined", one.highest_left, other.highest_left, *rule.bound("combined", parameters))
    return SettledRate(rate, one, other)


def _direction(
    name: str, samples: Sequence[Sample], month: Month, rule: LoadedRule, parameters: Mapping[str, int]
) -> DirectionRate:
    ordered = sorted(samples)
    _require_usable(name, ordered, month)
    (dropped,) = rule.call("dropped", len(ordered), *rule.bound("dropped", parameters))
    if not 0 <= dropped < len(ordered):
        raise SamplesUnusable(
            expected=f"samples {name} that are left after dropping {dropped}",
            actual=f"{len(ordered)} samples",
            next_step="fetch the month's samples from the router, or agree on a smaller share to drop",
        )
    rates = sorted((sample.bits_per_second for sample in ordered), reverse=True)
    return DirectionRate(len(ordered), dropped, rates[0], rates[dropped], _gaps(ordered, month))


def _require_usable(name: str, ordered: list[Sample], month: Month) -> None:
    before: int | None = None
    for start, rate in ordered:
        expected = ""
        if not month.usage_from <= start < month.usage_to:
            expected = f"samples that start in {month.usage_from} to {month.usage_to}"
        elif (start - month.usage_from) % SAMPLE_SECONDS:
            expected = f"samples every {SAMPLE_SECONDS} s from {month.usage_from}"
        elif start == before:
            expected = "one sample for a time"
        elif rate < 0:
            expected = "rates of 0 or more"
        if expected:
            raise SamplesUnusable(
                expected=f"{expected}, {name}",
                actual=f"{rate} bit/s at {start}",
                next_step="correct the export of the samples; links of one exchange point are added up before",
            )
        before = start


def _gaps(ordered: list[Sample], month: Month) -> tuple[Gap, ...]:
    """The stretches of the month that no sample covers, in order."""
    found = []
    covered = month.usage_from
    for start in (*(sample.start for sample in ordered), month.usage_to):
        if start > covered:
            found.append(Gap(covered, start))
        covered = start + SAMPLE_SECONDS
    return tuple(found)
