"""From an agreement's terms and record files to the figures of a period.

The agreement says networks, directions and parameters; the settings say the rule's numbers of services; the trunk
map has said whose each leg is. A simulated fault rates one peer's traffic wrongly on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import polars as pl

from abci_app.domain.agreements.queries import binding
from abci_app.domain.agreements.schema import SlotBinding, Terms
from abci_app.domain.periods.schema import LineFigures
from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RejectedByRule, RuleRefused
from abci_app.rules.interface import Slot
from settle.agent.intake.causes import FINAL_CAUSES
from settle.agent.intake.sort import IN, OUT, Setting, sort_records, with_records
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.read_model import KnownPeriod
from settle.agent.records import SCHEMA, Outcome, Service
from settle.agent.runtime.settings import NumberingSettings, SimulatedFault
from settle.agent.summarise import (
    COUNTED,
    LineKey,
    LineNotInCatalogue,
    Numbering,
    RateRecord,
    Rating,
    price_lines,
    summarise,
)
from settle.chain.errors import ChainError

NOT_IN_AGREEMENT: Final = "NOT_IN_AGREEMENT"
"""Legs of a service that the agreement's catalogue does not have."""
ANOTHER_EVENT: Final = "ANOTHER_EVENT"
"""Legs whose outcome is not the event that the agreement counts."""

Rules = Callable[[bytes], LoadedRule]


class CannotRate(ChainError):
    """Agreement, rule and records do not fit together; nothing can be declared before somebody mends that."""


class Side(NamedTuple):
    """One operator's view of a period."""

    known: KnownPeriod
    party: int
    own: str  # operator code
    peer: str

    @property
    def units(self) -> tuple[int, int]:
        """The own unit and the peer's of the unit pair."""
        pair = self.known.terms.pairs[self.known.key.pair]
        return (pair.second, pair.first) if self.party else (pair.first, pair.second)


class Figures(NamedTuple):
    """The lines in the catalogue's order, and the legs that are in none of them, by cause."""

    lines: tuple[LineFigures, ...]
    left_out: dict[str, int]


def numbering_of(side: Side, settings: NumberingSettings) -> Numbering:
    """How the agreement numbers what legs name by words."""
    terms = side.known.terms
    submitted = {line.service for line in terms.catalogue if line.event in settings.submitted_events}
    counted = {
        service: outcomes | {Outcome.SUBMITTED} if settings.services.get(service) in submitted else outcomes
        for service, outcomes in COUNTED.items()
    }
    first, second = (side.peer, side.own) if side.party else (side.own, side.peer)
    return Numbering(
        own=side.own,
        services=settings.services,
        directions={OUT: side.party, IN: 1 - side.party},
        networks={first: terms.networks[0], second: terms.networks[1]},
        counted=counted,
    )


def parameters_of(rule: LoadedRule, bound: SlotBinding) -> dict[str, int]:
    """An agreement's parameters by name. It gives them in the order that the rule's text names them, as the chain
    binds them. Raises `CannotRate` where they are not the rule's."""
    names = rule.parameters()
    if len(names) != len(bound.parameters):
        raise CannotRate(
            expected=f"the parameters {', '.join(names) or 'none'} of {rule.manifest.name}",
            actual=f"{len(bound.parameters)} in the agreement",
            next_step="agree on a version with the rule's parameters",
        )
    return dict(zip(names, bound.parameters, strict=True))


def legs_of(side: Side, stream: Stream, receipt: Receipt) -> pl.LazyFrame:
    """The legs of a file that belong to the period, as they were sorted when the file was taken."""
    return _within(side, stream.legs(receipt))


def legs_sorted_anew(side: Side, stream: Stream, receipt: Receipt, setting: Setting) -> pl.LazyFrame:
    """The legs of a file that belong to the period by today's trunk map and number plan: for a re-issue."""
    waiting = stream.suspense(receipt)
    final = waiting.filter(pl.col("why").is_in([cause.value for cause in FINAL_CAUSES])).select("row")
    records = stream.records(receipt).join(final, on="row", how="anti", maintain_order="left")
    found = sort_records(records.select("row", *SCHEMA), setting, receipt.taken_at_ms)
    return _within(side, with_records(found.legs, records.lazy()))


def figures_of(
    side: Side,
    legs: Sequence[pl.LazyFrame],
    pinned: bytes,
    rules: Rules,
    settings: NumberingSettings,
    fault: SimulatedFault | None,
) -> Figures:
    """Rates the legs by the pinned bundle. Raises `CannotRate`."""
    terms = side.known.terms
    numbering = numbering_of(side, settings)
    catalogue = _catalogue(terms)
    settled = {line.service for line in terms.catalogue}
    names = [str(service) for service, number in settings.services.items() if number in settled]
    rating = _rating(terms, rules(pinned))
    if fault is not None:
        rating = _faulty(rating, fault, terms, rules, settings)
    together = pl.concat(legs) if legs else _NO_LEGS.lazy()
    outside = together.filter(~pl.col("service").is_in(names)).select(pl.len()).collect().item()
    try:
        summary = summarise(together.filter(pl.col("service").is_in(names)), rating, numbering)
        lines = price_lines(summary, catalogue, rating, numbering, side.peer)
    except (LineNotInCatalogue, RejectedByRule, RuleRefused) as refusal:
        raise CannotRate(
            expected=f"a rule that rates the traffic of period {side.known.key} with {side.peer}",
            actual=str(refusal),
            next_step="compare the agreement's catalogue and parameters with the rule's README",
        ) from refusal
    by_code = dict(summary.rejected.group_by("code").len().sort("code").iter_rows())
    left_out = {NOT_IN_AGREEMENT: outside, ANOTHER_EVENT: summary.uncounted, **by_code}
    return Figures(lines, {cause: number for cause, number in left_out.items() if number})


_NO_LEGS: Final = pl.DataFrame(
    schema={
        "row": pl.UInt32, "direction": pl.String, "peer": pl.String, "unit": pl.UInt16, "own_unit": pl.UInt16,
        "local": pl.Boolean, **SCHEMA,
    }
)  # fmt: skip


def _within(side: Side, legs: pl.LazyFrame) -> pl.LazyFrame:
    own_unit, unit = side.units
    dates = side.known.dates
    start = pl.col("start_ms")
    return legs.filter(
        (pl.col("peer") == side.peer)
        & (pl.col("unit") == unit)
        & (pl.col("own_unit") == own_unit)
        & (start >= dates.usage_from * 1000)
        & (start < dates.usage_to * 1000)
    )


def _catalogue(terms: Terms) -> list[LineKey]:
    lines = [LineKey(line.service, line.direction, line.band) for line in terms.catalogue]
    if len(set(lines)) != len(lines):
        raise CannotRate(
            expected="one line for each service, direction and band",
            actual="a catalogue with two measures or events of one",
            next_step="agree on a catalogue that tells the lines apart by their band",
        )
    return lines


def _rating(terms: Terms, rule: LoadedRule) -> Rating:
    bound = binding(terms, Slot.RATING)
    assert bound is not None, "every agreement binds a rating rule"
    if "rate_record" not in rule.functions:
        raise CannotRate(
            expected="a rule that rates single records (rate_record)",
            actual=f"{rule.manifest.name} of interface {rule.manifest.interface}, with {', '.join(rule.functions)}",
            next_step="agree on a rule that rates records; `settle rule peak` tells what a month's samples come to",
        )
    return Rating.of(rule, parameters_of(rule, bound))


def _faulty(rating: Rating, fault: SimulatedFault, terms: Terms, rules: Rules, settings: NumberingSettings) -> Rating:
    """The rating that a simulated fault makes of the right one."""
    if fault.rate_with_bundle is not None:
        rating = _rating(terms, rules(bytes.fromhex(fault.rate_with_bundle)))
        rating = Rating(_on_known_lines(rating.rate_record, terms), rating.price_line, rating.ranges)
    if fault.first_ms is None or fault.next_ms is None:
        return rating
    voice = settings.services.get(Service.VOICE)
    billed_in = _in_increments(rating.rate_record, voice, fault.first_ms, fault.next_ms)
    return Rating(billed_in, rating.price_line, rating.ranges)


def _on_known_lines(rate: RateRecord, terms: Terms) -> RateRecord:
    """Another version may know bands that the agreement has no lines for: they fall on the first line there is."""
    bands: dict[tuple[int, int], list[int]] = {}
    for line in terms.catalogue:
        bands.setdefault((line.service, line.direction), []).append(line.band)

    def rated(
        service: int, direction: int, originating: int, terminating: int,
        a_number: str, b_number: str, local: bool, duration_ms: int, *others: int,
    ) -> tuple[int, ...]:  # fmt: skip
        numbers = (a_number, b_number, local, duration_ms, *others)
        band, billed = rate(service, direction, originating, terminating, *numbers)
        known = bands.get((service, direction), [band])
        return band if band in known else known[0], billed

    return rated


def _in_increments(rate: RateRecord, voice: int | None, first_ms: int, next_ms: int) -> RateRecord:
    def rated(
        service: int, direction: int, originating: int, terminating: int,
        a_number: str, b_number: str, local: bool, duration_ms: int, *others: int,
    ) -> tuple[int, ...]:  # fmt: skip
        numbers = (a_number, b_number, local, duration_ms, *others)
        band, billed = rate(service, direction, originating, terminating, *numbers)
        if service != voice:
            return band, billed
        further = max(0, duration_ms - first_ms)
        return band, first_ms + -(-further // next_ms) * next_ms

    return rated
