"""Every readable record goes one way: into legs, to the not settled, or into suspense by cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import polars as pl

from settle.agent.intake.causes import FINAL_CAUSES, Cause, NotSettled
from settle.agent.intake.trunks import TrunkMap
from settle.agent.intake.validate import Validation, judge_legs
from settle.agent.number_plan.plan import NumberPlan
from settle.agent.records import LOCAL, SCHEMA, Outcome, Service

DAY_MS = 86_400_000
OUT, IN = "OUT", "IN"
"""Directions of a leg, seen from the record's owner: towards the trunk's peer, or from it."""


@dataclass(frozen=True)
class Setting:
    """What records are judged by.

    `usage_from_ms` (inclusive) and `usage_to_ms` (exclusive) bound the period, epoch milliseconds UTC. Up to
    `clock_tolerance_ms` beyond them a record belongs to the neighbouring period; farther, its clock is wrong.
    `longest_ms` bounds one record's duration. `members`: operator codes on the chain; None takes every peer.
    `validations`: what agreements bind on top.
    """

    trunks: TrunkMap
    plan: NumberPlan
    usage_from_ms: int
    usage_to_ms: int
    clock_tolerance_ms: int = DAY_MS
    longest_ms: int = DAY_MS
    members: frozenset[str] | None = None
    validations: tuple[Validation, ...] = ()


@dataclass(frozen=True)
class Sorted:
    """Where the records went; each is in exactly one of the three.

    `legs`: `row`, `direction`, `peer`, `unit`, `own_unit`, `local`; a transit record has two. `not_settled`:
    `row`, `reason`. `suspense`: `row`, `why`, `detail` and the canonical columns. `late`: legs that a validation
    rule takes but calls late.
    """

    legs: pl.DataFrame
    settled: int  # records in `legs`
    not_settled: pl.DataFrame
    suspense: pl.DataFrame
    late: int = 0


def split_legs(records: pl.DataFrame, trunks: TrunkMap) -> pl.DataFrame:
    """The legs of all records by trunk, never by number range: `row`, `direction`, `peer`, `unit`, `own_unit`,
    `local`. A trunk unknown at the record's start gives no leg."""
    known = trunks.frame()
    sides = []
    for column, direction in (("trunk_out", OUT), ("trunk_in", IN)):
        side = records.select("row", pl.col(column).alias("trunk"), "start_ms").join(known, on="trunk", how="inner")
        in_force = side.filter(pl.col("start_ms").is_between("from_ms", "to_ms", closed="left"))
        sides.append(in_force.select("row", pl.lit(direction).alias("direction"), "peer", "unit", "own_unit", "local"))
    return pl.concat(sides)


def sort_records(records: pl.DataFrame, setting: Setting, arrived_ms: int = 0) -> Sorted:
    """Sorts readable records that are no duplicates. `records`: `row` and the canonical columns.

    `arrived_ms`: when their file came, epoch milliseconds; only validation rules look at it.
    """
    judged = records.select(
        "row",
        "trunk_in",
        "trunk_out",
        "start_ms",
        (pl.col("a_number") == "").alias("withheld"),
        setting.plan.operators_of(records["a_number"]).is_null().alias("a_unknown"),
        setting.plan.operators_of(records["b_number"]).is_null().alias("b_unknown"),
        _implausible(setting).alias("why"),
        _nothing_owed().alias("reason"),
    )
    implausible = judged.filter(pl.col("why").is_not_null()).select("row", "why")
    aside = judged.filter(pl.col("why").is_null() & pl.col("reason").is_not_null()).select("row", "reason")
    rest = judged.filter(pl.col("why").is_null() & pl.col("reason").is_null())
    legs = split_legs(rest, setting.trunks)
    unknown = pl.concat([_unknown_trunks(rest, legs), _unknown_operators(legs, setting), _unknown_prefixes(rest)])
    if unknown.height:
        unknown = unknown.unique("row", keep="first", maintain_order=True)
        rest, legs = _set_aside(rest, legs, unknown)
    invalid, late = judge_legs(legs, records, setting.validations, arrived_ms)
    if invalid.height:
        rest, legs = _set_aside(rest, legs, invalid)
    settled = legs.filter(pl.col("peer") != "")
    no_peer = _without_leg(rest, settled)
    return Sorted(
        legs=settled,
        settled=rest.height - no_peer.height,
        not_settled=pl.concat([aside, no_peer.select("row", pl.lit(NotSettled.NO_PEER.value).alias("reason"))]),
        suspense=to_suspense(records, pl.concat([implausible, unknown, invalid])),
        late=late,
    )


def with_records(legs: pl.DataFrame, records: pl.LazyFrame) -> pl.LazyFrame:
    """The legs with the canonical columns of their records beside them.

    Lazy, so that only the columns in use are read. A leg's row is always one of the records', so each is picked by
    its place: twice as fast as a join.
    """
    rows = records.select("row").collect()["row"]
    highest = cast("int | None", rows.max()) or 0
    places = pl.Series([0], dtype=pl.UInt32).new_from_index(0, highest + 1)
    places = places.scatter(rows, pl.int_range(rows.len(), dtype=pl.UInt32, eager=True))
    picked = pl.lit(places.gather(legs["row"]))
    return pl.concat([legs.lazy(), records.select(pl.col(name).gather(picked) for name in SCHEMA)], how="horizontal")


def to_suspense(records: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    """The records named by `causes` (`row`, `why`), each with what was wrong in words people can act on."""
    named = records if causes.height else records.clear()  # a join with nothing still walks all records
    return named.join(causes, on="row", how="inner", maintain_order="left").select(
        "row", "why", _detail().alias("detail"), *SCHEMA
    )


def _set_aside(rest: pl.DataFrame, legs: pl.DataFrame, causes: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows = causes.select("row")
    kept = (each.join(rows, on="row", how="anti", maintain_order="left") for each in (rest, legs))
    return next(kept), next(kept)


def _implausible(setting: Setting) -> pl.Expr:
    start, duration = pl.col("start_ms"), pl.col("duration_ms")
    near_from = setting.usage_from_ms - setting.clock_tolerance_ms
    near_to = setting.usage_to_ms + setting.clock_tolerance_ms
    return (
        pl.when(duration < 0)
        .then(pl.lit(Cause.NEGATIVE_DURATION.value))
        .when(duration > setting.longest_ms)
        .then(pl.lit(Cause.ABSURD_DURATION.value))
        .when((start < near_from) | (start >= near_to))
        .then(pl.lit(Cause.CLOCK_SKEW.value))
        .when((start < setting.usage_from_ms) | (start >= setting.usage_to_ms))
        .then(pl.lit(Cause.OUTSIDE_PERIOD.value))
    )


def _nothing_owed() -> pl.Expr:
    used = pl.when(pl.col("service") == Service.VOICE).then("duration_ms").otherwise("units")
    return (
        pl.when(pl.col("outcome") == Outcome.FAILED)
        .then(pl.lit(NotSettled.FAILED.value))
        .when((pl.col("trunk_in") == LOCAL) & (pl.col("trunk_out") == LOCAL))
        .then(pl.lit(NotSettled.ON_NET.value))
        .when(used == 0)
        .then(pl.lit(NotSettled.NOTHING_USED.value))
    )


def _unknown_trunks(rest: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    missing = []
    for column, direction in (("trunk_out", OUT), ("trunk_in", IN)):
        through = rest.filter(pl.col(column) != LOCAL)
        missing.append(_without_leg(through, legs.filter(pl.col("direction") == direction)))
    return pl.concat(missing).select("row", pl.lit(Cause.UNKNOWN_TRUNK.value).alias("why"))


def _without_leg(records: pl.DataFrame, legs: pl.DataFrame) -> pl.DataFrame:
    """The rows of `records` that no leg names."""
    if records.height == legs["row"].n_unique():
        return records.select("row").clear()  # a leg's row is always one of the records'
    return records.select("row").join(legs.select("row"), on="row", how="anti")


def _unknown_operators(legs: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    strangers = legs.clear()
    if setting.members is not None:
        strangers = legs.filter((pl.col("peer") != "") & ~pl.col("peer").is_in(sorted(setting.members)))
    return strangers.select("row", pl.lit(Cause.UNKNOWN_OPERATOR.value).alias("why"))


def _unknown_prefixes(rest: pl.DataFrame) -> pl.DataFrame:
    nobody = rest.filter(pl.col("b_unknown") | (pl.col("a_unknown") & ~pl.col("withheld")))
    return nobody.select("row", pl.lit(Cause.UNKNOWN_PREFIX.value).alias("why"))


def _detail() -> pl.Expr:
    why = pl.col("why")
    trunks = pl.concat_str(pl.lit("in "), "trunk_in", pl.lit(", out "), "trunk_out")
    numbers = pl.concat_str(pl.lit("from "), "a_number", pl.lit(" to "), "b_number")
    return (
        pl.when(why.is_in([Cause.UNKNOWN_TRUNK.value, Cause.UNKNOWN_OPERATOR.value]))
        .then(trunks)
        .when(why == Cause.UNKNOWN_PREFIX)
        .then(numbers)
        .when(why.is_in([Cause.NEGATIVE_DURATION.value, Cause.ABSURD_DURATION.value]))
        .then(pl.concat_str("duration_ms", pl.lit(" ms")))
        .when(why.is_in([Cause.OUTSIDE_PERIOD.value, Cause.CLOCK_SKEW.value]))
        .then(pl.concat_str(pl.lit("start_ms "), "start_ms"))
        .when(why.is_in([cause.value for cause in FINAL_CAUSES]))
        .then("record_id")
        .otherwise(pl.concat_str(numbers, pl.lit(", ms "), "duration_ms", pl.lit(", units "), "units"))
    )
