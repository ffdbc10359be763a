"""The canonical usage record: one row per use that a switch saw at its trunks.

| column | type | meaning |
|---|---|---|
| record_id | text | unique within the stream |
| call_id | text | network call reference; may be empty |
| service | text | VOICE, SMS, MMS or DATA |
| trunk_in, trunk_out | text | trunk group; LOCAL is the operator's own subscriber side |
| a_number | text | calling number, E.164 digits without +; empty where withheld |
| b_number | text | number dialled, E.164 digits without + |
| start_ms | int64 | epoch milliseconds UTC; the answer for voice |
| duration_ms | int64 | milliseconds; 0 for messages |
| units | int64 | messages or bytes; 0 for voice |
| outcome | text | ANSWERED, FAILED, DELIVERED or SUBMITTED |
| cause | int64 | release cause or SIP code |

This module is the one definition: readers, record roots and the sample generator use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import polars as pl


class Service(StrEnum):
    """What was used."""

    VOICE = "VOICE"
    SMS = "SMS"
    MMS = "MMS"
    DATA = "DATA"


class Outcome(StrEnum):
    """What became of it. FAILED is never settled; which of the others counts is the agreement's choice."""

    ANSWERED = "ANSWERED"
    FAILED = "FAILED"
    DELIVERED = "DELIVERED"
    SUBMITTED = "SUBMITTED"


LOCAL: Final = "LOCAL"
"""The trunk name of the operator's own subscriber side."""

TEXT_COLUMNS: Final = ("record_id", "call_id", "service", "trunk_in", "trunk_out", "a_number", "b_number", "outcome")
NUMBER_COLUMNS: Final = ("start_ms", "duration_ms", "units", "cause")
SCHEMA: Final[dict[str, pl.DataType]] = {
    "record_id": pl.String(),
    "call_id": pl.String(),
    "service": pl.String(),
    "trunk_in": pl.String(),
    "trunk_out": pl.String(),
    "a_number": pl.String(),
    "b_number": pl.String(),
    "start_ms": pl.Int64(),
    "duration_ms": pl.Int64(),
    "units": pl.Int64(),
    "outcome": pl.String(),
    "cause": pl.Int64(),
}
"""Column → Polars type, in the order of canonical bytes and of the CSV header."""

LONGEST_TEXT: Final = 128
LONGEST_NUMBER: Final = 18
"""ITU-T E.164 allows 15 digits; three more carry a routing prefix."""
LATEST_START_MS: Final = 2**43
LARGEST_QUANTITY: Final = 2**53
SEPARATOR: Final = "\x1f"
"""Between the fields of a canonical line (ASCII unit separator); no text field may hold it."""


@dataclass(frozen=True)
class Check:
    """One condition on a well-formed row: `ok` is true, never null, where it holds."""

    column: str
    expected: str
    ok: pl.Expr


def _holds(condition: pl.Expr) -> pl.Expr:
    return condition.fill_null(value=False)


def _text(column: str, expected: str, condition: pl.Expr) -> Check:
    return Check(column, expected, _holds(condition & (pl.col(column).str.len_bytes() <= LONGEST_TEXT)))


def _digits(column: str, shortest: int) -> Check:
    value = pl.col(column)
    length = value.str.len_bytes()
    # four times as fast as a pattern: what reads as a number and begins with a digit is digits alone
    only_digits = value.cast(pl.Int64, strict=False).is_not_null() & (value >= "0") | (value == "")
    expected = f"{shortest} to {LONGEST_NUMBER} digits"
    return Check(column, expected, _holds((length >= shortest) & (length <= LONGEST_NUMBER) & only_digits))


def _between(column: str, low: int, high: int) -> Check:
    return Check(column, f"a whole number from {low} to {high}", _holds(pl.col(column).is_between(low, high)))


def _one_of(column: str, names: type[StrEnum]) -> Check:
    allowed = [str(name) for name in names]
    return Check(column, "one of " + ", ".join(allowed), _holds(pl.col(column).is_in(allowed)))


CHECKS: Final[tuple[Check, ...]] = (
    _text("record_id", "a name of 1 to 128 bytes", pl.col("record_id") != ""),
    _text("call_id", "at most 128 bytes", pl.col("call_id").is_not_null()),
    _one_of("service", Service),
    _text("trunk_in", "a trunk name or LOCAL", pl.col("trunk_in") != ""),
    _text("trunk_out", "a trunk name or LOCAL", pl.col("trunk_out") != ""),
    _digits("a_number", 0),
    _digits("b_number", 1),
    _between("start_ms", 0, LATEST_START_MS),
    _between("duration_ms", -LARGEST_QUANTITY, LARGEST_QUANTITY),
    _between("units", 0, LARGEST_QUANTITY),
    _one_of("outcome", Outcome),
    _between("cause", 0, 65_535),
    Check("units", "0 for voice", _holds((pl.col("service") != Service.VOICE) | (pl.col("units") == 0))),
    Check(
        "record_id",
        "no control character 31 in any text",
        _holds(
            pl.concat_str("record_id", "call_id", "trunk_in", "trunk_out").str.contains(SEPARATOR, literal=True).not_()
        ),
    ),
)
"""What a well-formed row fulfils, in the order in which faults are named.

A negative duration is well formed: it is a fault of the switch that goes to suspense by its own name.
"""


def well_formed() -> pl.Expr:
    """True for a row that passes every check."""
    return pl.all_horizontal(check.ok for check in CHECKS)


def first_fault(came: dict[str, pl.Expr]) -> pl.Expr:
    """What is wrong with a row that is not well formed: `column: expected …, came …`.

    `came` gives for each column the text as it stood in the file.
    """
    fault = pl.lit("")
    for check in reversed(CHECKS):  # the first check is asked first, so it is built last
        value = came[check.column].fill_null("nothing").str.slice(0, 60)
        message = pl.concat_str(pl.lit(f"{check.column}: expected {check.expected}, came "), value)
        fault = pl.when(~check.ok).then(message).otherwise(fault)
    return fault


def canonical_lines(records: pl.DataFrame) -> list[bytes]:
    """The canonical bytes of each record: its fields in the schema's order, joined by byte 1F, UTF-8.

    Numbers are decimal without leading zeros or plus sign. No line of a well-formed record can be read
    in two ways, because no text field holds 1F.
    """
    joined = records.select(pl.concat_str(list(SCHEMA), separator=SEPARATOR).cast(pl.Binary).alias("line"))
    lines: list[bytes] = joined["line"].to_list()
    return lines
