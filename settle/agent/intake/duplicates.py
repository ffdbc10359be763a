"""Uses that were delivered before: told by what they say, not by how the bytes look."""

from __future__ import annotations

import polars as pl

from settle.agent.intake.causes import Cause
from settle.agent.records import Service

SAME_USE = (
    "service", "call_id", "a_number", "b_number", "trunk_in", "trunk_out", "start_ms", "duration_ms", "units",
)  # fmt: skip
"""Two records that agree in all of these tell of one use: `0` and `0.0` are equal here, since both are numbers.

Messages without call reference are the exception: two to one number in one millisecond are possible, so for
them the record's own name counts as well.
"""


def find_duplicates(records: pl.DataFrame, earlier: pl.LazyFrame | None = None) -> pl.DataFrame:
    """The rows of `records` that repeat a use, or a record's name: columns `row` and `why`.

    `earlier` are the canonical records of the stream's earlier files. The first to come is never listed.
    A name that comes again for another use is RECORD_ID_REUSED, not a duplicate: dropping it would lose money.
    """
    same_use = _repeated_uses(records, earlier)
    same_name = _repeated_names(records, earlier)
    reused = same_name.join(same_use, on="row", how="anti")
    return pl.concat(
        [
            same_use.select("row", pl.lit(Cause.DUPLICATE.value).alias("why")),
            reused.select("row", pl.lit(Cause.RECORD_ID_REUSED.value).alias("why")),
        ]
    )


def _repeated_uses(records: pl.DataFrame, earlier: pl.LazyFrame | None) -> pl.DataFrame:
    # two equal uses start at the same millisecond: only such rows are compared in full
    candidates = records.filter(pl.col("start_ms").is_duplicated())
    pool = [_uses(candidates)]
    if earlier is not None:
        starts = earlier.select("start_ms").collect()["start_ms"].unique()
        again = records.filter(pl.col("start_ms").is_in(starts.implode()))
        candidates = pl.concat([candidates, again]).unique("row").sort("row")
        before = earlier.filter(pl.col("start_ms").is_in(again["start_ms"].unique().implode())).collect()
        pool = [_uses(before).with_columns(pl.lit(0, pl.UInt32).alias("row")), _uses(candidates)]
    compared = pl.concat(pool)
    first = compared.select(pl.struct(*SAME_USE, "name").is_first_distinct().alias("first"))["first"]
    return compared.filter(~first & (compared["row"] > 0)).select("row")


def _repeated_names(records: pl.DataFrame, earlier: pl.LazyFrame | None) -> pl.DataFrame:
    again = records.filter(~pl.col("record_id").is_first_distinct()).select("row")
    if earlier is None:
        return again
    known = (
        records.lazy().select("row", "record_id").join(earlier.select("record_id"), on="record_id", how="semi")
    ).collect()
    return pl.concat([again, known.select("row")]).unique()


def _uses(records: pl.DataFrame) -> pl.DataFrame:
    told_by_content = (pl.col("service") == Service.VOICE) | (pl.col("call_id") != "")
    name = pl.when(told_by_content).then(pl.lit("")).otherwise(pl.col("record_id"))
    return records.select("row", *SAME_USE, name.alias("name"))
