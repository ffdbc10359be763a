"""One switch's view of the truth, and its records in the canonical layout."""

from __future__ import annotations

import polars as pl

from settle.agent.records import LOCAL, SCHEMA
from settle.sample.faults import Copy

_IDS_PER_FILE = 10**9


def trunk_name(operator: str, peer: str, number: int) -> str:
    """The operator's own name of trunk `number` (1 and up) towards a peer; the peer's name differs."""
    return f"{operator}-{peer}-{number:02d}"


def trunk_names(operator: str, peer: pl.Expr) -> pl.Expr:
    """`trunk_name` for a column of peers and the column `trunk`."""
    return pl.concat_str(pl.lit(f"{operator}-"), peer, pl.lit("-"), pl.col("trunk").cast(pl.String).str.zfill(2))


def view_of(truth: pl.DataFrame, operator: str, peer: str) -> pl.DataFrame:
    """What the operator's switch saw, still row by row with the truth.

    Adds: outward (the operator is the sender), own_trunk (name at this operator), and what injectors
    write: lost, copy (empty: written once), slice_ms (0: whole), hits (a bit for each fault that hit the row).
    """
    return truth.with_columns(
        outward=pl.col("sender") == operator,
        own_trunk=trunk_names(operator, pl.lit(peer)),
        lost=pl.lit(value=False),
        copy=pl.lit(""),
        slice_ms=pl.lit(0, dtype=pl.Int64),
        hits=pl.lit(0, dtype=pl.Int64),
    )


def records_of(view: pl.DataFrame, sequence: int) -> pl.DataFrame:
    """The records that the switch writes into file `sequence`: the canonical columns, in writing order.

    Record ids count through the stream. Copies come last; `Copy` says what they keep of their originals.
    """
    written = _sliced(view.filter(~pl.col("lost")))
    outward, trunk = pl.col("outward"), pl.col("own_trunk")
    records = _numbered(written, sequence * _IDS_PER_FILE).with_columns(
        call_id=pl.concat_str(pl.lit("N"), pl.col("call").cast(pl.String)),
        trunk_in=pl.when(outward).then(pl.lit(LOCAL)).otherwise(trunk),
        trunk_out=pl.when(outward).then(trunk).otherwise(pl.lit(LOCAL)),
    )
    copied = records.filter(pl.col("copy") != "")
    if copied.height:
        records = pl.concat([records, _copies(copied, sequence * _IDS_PER_FILE + records.height)])
    return records.select(*SCHEMA)


def _copies(originals: pl.DataFrame, base: int) -> pl.DataFrame:
    same, rewritten = pl.col("copy") == Copy.SAME, pl.col("copy") == Copy.REWRITTEN
    own_ids = _numbered(originals, base)["record_id"]
    return originals.with_columns(
        record_id=pl.when(same).then(pl.col("record_id")).otherwise(own_ids),
        call_id=pl.when(rewritten).then(pl.lit("")).otherwise(pl.col("call_id")),
        start_ms=pl.when(rewritten).then(pl.col("start_ms") // 1000 * 1000).otherwise(pl.col("start_ms")),
    )


def _numbered(rows: pl.DataFrame, base: int) -> pl.DataFrame:
    return rows.with_columns(record_id=pl.int_range(base + 1, base + 1 + rows.height, dtype=pl.Int64).cast(pl.String))


def _sliced(view: pl.DataFrame) -> pl.DataFrame:
    """Long calls as slices: each starts where the one before ended, and their durations add up."""
    slices = pl.when(pl.col("slice_ms") > 0).then(-(-pl.col("duration_ms") // pl.col("slice_ms"))).otherwise(1)
    counted = view.with_columns(slices=slices.cast(pl.Int64))
    if not view.height or counted["slices"].max() == 1:
        return view
    parts = counted.with_columns(part=pl.int_ranges(0, pl.col("slices"))).explode("part")
    begun = pl.col("part") * pl.col("slice_ms")
    rest = pl.col("duration_ms") - begun
    last = pl.col("part") == pl.col("slices") - 1
    return parts.with_columns(
        start_ms=pl.col("start_ms") + begun,
        duration_ms=pl.when(last).then(rest).otherwise(pl.col("slice_ms")),
        # what is measured in units belongs to the whole: it is written once, in the last slice
        units=pl.when(last).then(pl.col("units")).otherwise(0),
    )
