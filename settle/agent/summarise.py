"""From legs to the summary lines of an agreement: calls, units actual, units billed, amount.

The rule rates single legs: all legs of a service, direction and peer at once in columns. Where a rating is a plain
function (a simulated fault, the executor asked for by name), legs with equal arguments are rated once and weighted
by their number. Both are exact, since a line's figures are sums, and both give the same: tests/agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import polars as pl

from abci_app.domain.periods.schema import LineFigures
from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RejectedByRule
from settle.agent.intake.sort import OUT
from settle.agent.records import Outcome, Service
from settle.rules.columns import REJECTION, Columns

RateRecord = Callable[..., tuple[int, ...]]
"""`rate_record(service, direction, originating, terminating, a_number, b_number, local, duration_ms, units)`
→ (band, units_billed), with the agreement's own parameters already bound; after `units` comes `instant`, the second
of the answer, where the rule is told it (RATING/3). May raise `RejectedByRule`."""

PriceLine = Callable[[int, int, int, int, int, int, int, int], tuple[int, ...]]
"""`price_line(service, direction, band, calls, units_actual, units_billed, originating, terminating)`
→ (amount in 10^-6 units,)."""

COUNTED: Final[Mapping[Service, frozenset[Outcome]]] = {
    Service.VOICE: frozenset({Outcome.ANSWERED}),
    Service.SMS: frozenset({Outcome.DELIVERED}),
    Service.MMS: frozenset({Outcome.DELIVERED}),
    Service.DATA: frozenset({Outcome.ANSWERED, Outcome.DELIVERED}),
}
"""Which outcomes are usage where the agreement does not say otherwise (the `event` of its catalogue)."""

INSTANT: Final = "instant"
_LEADING: Final = frozenset(
    {"service", "direction", "originating", "terminating", "a_number", "b_number", "local", "duration_ms", "units",
     INSTANT}
)  # fmt: skip
OUT_OF_RANGE: Final = "ARGUMENT_OUT_OF_RANGE"
"""The code of a leg that the rule was not proved for, such as a service it does not know."""


class InColumns(NamedTuple):
    """`rate_record` over whole columns, and the agreement's own parameters by name."""

    columns: Columns
    bound: Mapping[str, int]


@dataclass(frozen=True)
class Rating:
    """A rating rule with the agreement's parameters bound.

    `ranges`: argument → lowest and highest value (of a number's text: length) that `rate_record` was proved for;
    legs outside are never given to it. `in_columns`: the same rule for bulk; None where `rate_record` is all there is.
    """

    rate_record: RateRecord
    price_line: PriceLine
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    in_columns: InColumns | None = None

    @property
    def further(self) -> tuple[str, ...]:
        """The arguments of `rate_record` after `units`."""
        return (INSTANT,) if INSTANT in self.ranges else ()

    @classmethod
    def of(cls, rule: LoadedRule, parameters: Mapping[str, int]) -> Rating:
        """The entry points of a loaded rule. `parameters`: the agreement's own, by name; KeyError where one lacks."""
        rate = rule.functions["rate_record"]
        bound, priced = rule.bound("rate_record", parameters), rule.bound("price_line", parameters)
        named = {one.name: parameters[one.name] for one in rule.agreement_parameters("rate_record")}
        (declared,) = (one.parameters for one in rule.program.functions if one.name == "rate_record")
        return cls(
            rate_record=(lambda *arguments: rate(*arguments, *bound)) if bound else rate,
            price_line=lambda *arguments: rule.call("price_line", *arguments, *priced),
            ranges={one.name: (one.low, one.high) for one in declared if one.name in _LEADING},
            in_columns=InColumns(Columns.of_rule(rule, "rate_record"), named),
        )

    def by_executor(self) -> Rating:
        """The same rating, leg by leg as consensus would: to hold the columns to."""
        return replace(self, in_columns=None)


@dataclass(frozen=True)
class Numbering:
    """How an agreement numbers what legs name by words. `networks`: operator code → class of network.

    `own` is the operator code of the records' owner. `counted` as COUNTED.
    """

    own: str
    services: Mapping[Service, int]
    directions: Mapping[str, int]
    networks: Mapping[str, int]
    counted: Mapping[Service, frozenset[Outcome]] = field(default_factory=lambda: COUNTED)

    def ends(self, direction: str, peer: str) -> tuple[int, int]:
        """The classes of the originating and the terminating network of a leg."""
        own, other = self.networks[self.own], self.networks[peer]
        return (own, other) if direction == OUT else (other, own)


class LineKey(NamedTuple):
    """A row of the catalogue, by the agreement's numbers."""

    service: int
    direction: int
    band: int


class Quantities(NamedTuple):
    """`units_actual`: milliseconds, messages or bytes as counted; `units_billed` as the rule rounds them."""

    calls: int
    units_actual: int
    units_billed: int


NOTHING: Final = Quantities(0, 0, 0)


@dataclass(frozen=True)
class Summary:
    """`lines` by catalogue row. `rejected`: `row` and `code` of legs that the rule refused, for suspense.

    `uncounted`: legs whose outcome is not the event that the agreement counts.
    """

    lines: Mapping[LineKey, Quantities]
    rejected: pl.DataFrame
    uncounted: int


class LineNotInCatalogue(Exception):
    """The rule put traffic on a line that the agreement does not have: rule and agreement do not fit."""


def summarise(legs: pl.LazyFrame, rating: Rating, numbering: Numbering) -> Summary:
    """Rates the legs of one agreement (as `Stream.legs` gives them, chosen by peer and unit) and sums them by line."""
    tally = _Tally({}, [])
    uncounted = 0
    columns = (*_CONSTANTS, "row", "outcome", "a_number", "b_number", "duration_ms", "units", *rating.further)
    chosen = legs.with_columns(pl.col("start_ms").floordiv(1000).alias(INSTANT)).select(columns).collect()
    for constants, part in chosen.partition_by(*_CONSTANTS, as_dict=True).items():
        service, direction, peer, local = Service(constants[0]), str(constants[1]), str(constants[2]), constants[3]
        usage = part.filter(pl.col("outcome").is_in([str(one) for one in numbering.counted[service]]))
        uncounted += part.height - usage.height
        fixed = Fixed(
            numbering.services[service],
            numbering.directions[direction],
            *numbering.ends(direction, peer),
            bool(local),
        )
        fitting = _inside_ranges(usage, fixed, rating.ranges, tally)
        timed = service is Service.VOICE
        if not fitting.height:
            continue
        if rating.in_columns is None:
            _rate_part(fitting, timed, fixed, rating, tally)
        else:
            _rate_columns(fitting, timed, fixed, rating.in_columns, tally)
    rejected = pl.concat(tally.rejected) if tally.rejected else _NONE_REJECTED
    return Summary({key: Quantities(*sums) for key, sums in sorted(tally.sums.items())}, rejected, uncounted)


def on_catalogue(summary: Summary, catalogue: Sequence[LineKey]) -> list[Quantities]:
    """The figures in the catalogue's order, zeros included. Raises `LineNotInCatalogue`."""
    strange = sorted(set(summary.lines) - set(catalogue))
    if strange:
        raise LineNotInCatalogue(
            f"expected lines of the agreement's catalogue, came {strange[0]}. "
            "Next: add the line by a new agreement version, or correct the rule's bands."
        )
    return [summary.lines.get(key, NOTHING) for key in catalogue]


def price_lines(
    summary: Summary, catalogue: Sequence[LineKey], rating: Rating, numbering: Numbering, peer: str
) -> tuple[LineFigures, ...]:
    """The lines to declare to `peer`: figures and amount (10^-6 units) for every row of the catalogue.

    Raises `LineNotInCatalogue`, and `RejectedByRule` where the rule has no price for a line.
    """
    names = {number: direction for direction, number in numbering.directions.items()}
    return tuple(
        LineFigures(*quantities, *rating.price_line(*key, *quantities, *numbering.ends(names[key.direction], peer)))
        for key, quantities in zip(catalogue, on_catalogue(summary, catalogue), strict=True)
    )


_NONE_REJECTED: Final = pl.DataFrame(schema={"row": pl.UInt32, "code": pl.String})
_CONSTANTS = ("service", "direction", "peer", "local")
_ARGUMENTS = ("a_number", "b_number", "duration_ms", "units")


class Fixed(NamedTuple):
    """The arguments of `rate_record` that many legs share."""

    service: int
    direction: int
    originating: int
    terminating: int
    local: bool


class _Tally(NamedTuple):
    sums: dict[LineKey, list[int]]
    rejected: list[pl.DataFrame]

    def add(self, key: LineKey, found: Sequence[int]) -> None:
        line = self.sums.setdefault(key, [0, 0, 0])
        for place, value in enumerate(found):
            line[place] += value


def _inside_ranges(
    usage: pl.DataFrame, fixed: Fixed, ranges: Mapping[str, tuple[int, int]], tally: _Tally
) -> pl.DataFrame:
    """The legs that the rule was proved for; the others are noted as rejected."""
    conditions = []
    for name, (low, high) in ranges.items():
        if name in Fixed._fields:
            conditions.append(pl.lit(low <= getattr(fixed, name) <= high))
        else:
            value = pl.col(name)
            measured = value.str.len_bytes() if usage.schema[name] == pl.String else value
            conditions.append(measured.is_between(low, high))
    fits = usage.with_columns(pl.all_horizontal(pl.lit(value=True), *conditions).alias("fits"))["fits"]
    if fits.all():
        return usage
    tally.rejected.append(usage.filter(~fits).select("row", pl.lit(OUT_OF_RANGE).alias("code")))
    return usage.filter(fits)


def _rate_columns(usage: pl.DataFrame, timed: bool, fixed: Fixed, rule: InColumns, tally: _Tally) -> None:
    """Rates legs that differ only in numbers and quantity, all at once."""
    rated = rule.columns.run(usage, {**fixed._asdict(), **rule.bound})
    legs = usage.select("row", pl.col("duration_ms" if timed else "units").alias("actual")).hstack(rated)
    wide = pl.col("actual", "units_billed").cast(pl.Int128).sum()  # a 64-bit sum wraps silently
    sums = legs.filter(pl.col(REJECTION).is_null()).group_by("band").agg(pl.len().alias("legs"), wide)
    for band, *found in sums.iter_rows():
        tally.add(LineKey(fixed.service, fixed.direction, band), found)
    if rated[REJECTION].null_count() < rated.height:
        refused = legs.filter(pl.col(REJECTION).is_not_null())
        tally.rejected.append(refused.select("row", pl.col(REJECTION).alias("code")))


def _rate_part(usage: pl.DataFrame, timed: bool, fixed: Fixed, rating: Rating, tally: _Tally) -> None:
    """Rates legs that differ only in numbers and quantity, each distinct one once."""
    service, direction, originating, terminating, local = fixed
    rate = rating.rate_record
    arguments = (*_ARGUMENTS, *rating.further)
    distinct = usage.group_by(arguments).agg(pl.len().alias("legs"))
    bands: dict[int, list[int]] = {}
    refusals: list[tuple[str | int, ...]] = []
    for a, b, duration, units, *further, legs in zip(*(column.to_list() for column in distinct), strict=True):
        try:
            band, billed = rate(service, direction, originating, terminating, a, b, local, duration, units, *further)
        except RejectedByRule as refusal:
            refusals.append((a, b, duration, units, *further, refusal.code))
            continue
        sums = bands.get(band)
        if sums is None:
            sums = bands[band] = [0, 0, 0]
        sums[0] += legs
        sums[1] += (duration if timed else units) * legs
        sums[2] += billed * legs
    for band, found in bands.items():
        tally.add(LineKey(service, direction, band), found)
    if refusals:
        schema = {**{name: usage.schema[name] for name in arguments}, "code": pl.String()}
        codes = pl.DataFrame(refusals, schema=schema, orient="row")
        tally.rejected.append(usage.join(codes, on=list(arguments), how="inner").select("row", "code"))
