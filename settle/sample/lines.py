"""What every line should say: figures of the truth, in integers, from the truth's files alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from settle.sample.errors import BadSample
from settle.sample.files import TRUTH

MINUTE_MS = 60_000


class TruthLine(NamedTuple):
    """One service from a sender to a receiver.

    `local`: inside one local network, by the trunk. `caller_special` and `called_special`: the number is in
    one of the ranges that were asked for. `calls`: settled events. `units_actual`: milliseconds of voice,
    messages, or bytes of data. `units_started`: started minutes call by call (60/60) for voice, else as actual.
    """

    sender: str
    receiver: str
    service: str
    local: bool
    caller_special: bool
    called_special: bool
    calls: int
    units_actual: int
    units_started: int


def truth_events(folder: Path) -> pl.LazyFrame:
    """All events of a sample's truth, faults included as bit masks `sender_hits` and `receiver_hits`."""
    files = sorted((folder / TRUTH).glob("*.parquet"))
    if not files:
        raise BadSample(
            "folder", expected="a generated sample with its truth", came=folder.name,
            next_step="Name the folder that `settle sample generate` wrote.",
        )  # fmt: skip
    return pl.scan_parquet(files)


def truth_lines(folder: Path, special: Sequence[str] = (), event: str = "DELIVERED") -> tuple[TruthLine, ...]:
    """The expected figures of every line that is not empty, sorted.

    `special` are leading digits (such as 86157) that split the lines, as the bands of a tariff do.
    `event` says when a message counts: DELIVERED, or SUBMITTED for every message that was accepted.
    """
    if event not in ("DELIVERED", "SUBMITTED"):
        raise BadSample(
            "event",
            expected="DELIVERED or SUBMITTED",
            came=event,
            next_step="Name the event at which a message counts.",
        )
    counted = ["ANSWERED", "DELIVERED"] + (["SUBMITTED"] if event == "SUBMITTED" else [])
    is_voice = pl.col("service") == "VOICE"
    minutes = (pl.col("duration_ms") + MINUTE_MS - 1) // MINUTE_MS
    keys = ["sender", "receiver", "service", "local", "caller_special", "called_special"]
    found = (
        truth_events(folder)
        .filter(pl.col("outcome").is_in(counted))
        .with_columns(
            caller_special=_begins(pl.col("a_number"), special), called_special=_begins(pl.col("b_number"), special)
        )
        .group_by(keys)
        .agg(
            calls=pl.len().cast(pl.Int64),
            units_actual=pl.when(is_voice).then(pl.col("duration_ms")).otherwise(pl.col("units")).sum(),
            units_started=pl.when(is_voice).then(minutes).otherwise(pl.col("units")).sum(),
        )
        .sort(keys)
        .collect()
    )
    return tuple(TruthLine(*row) for row in found.iter_rows())


def _begins(number: pl.Expr, special: Sequence[str]) -> pl.Expr:
    if not special:
        return pl.lit(value=False)
    return pl.any_horizontal(number.str.starts_with(digits) for digits in special)
