"""From a delivered file to canonical records: CSV and Parquet in canonical form, CSV in a mapped layout."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.mapping import Mapping
from settle.agent.intake.parquet_probe import is_readable
from settle.agent.intake.raw import RawFile, require_text
from settle.agent.records import NUMBER_COLUMNS, SCHEMA, TEXT_COLUMNS, first_fault, well_formed

_SURPLUS: Final = "\x1esurplus"
"""A column behind the last, which only a row with too many fields fills."""


@dataclass(frozen=True)
class Reading:
    """What a file holds. rows = records + malformed + left_out.

    `records`: `row` (data row from 1) and the canonical columns, in file order, all well formed.
    `malformed`: `row`, `fault` (what was expected and came), `raw` (the row's fields as they stood, joined
    by `|`). `left_out`: failed calls dropped because the mapping says so. `as_delivered`: the file itself is
    Parquet with these very records and nothing else.
    """

    rows: int
    records: pl.DataFrame
    malformed: pl.DataFrame
    left_out: int
    as_delivered: bool = False


def read_records(raw: RawFile, mapping: Mapping | None = None, *, vouched: bool = False) -> Reading:
    """Reads every row; bad rows are told apart, good rows go on.

    Without a mapping the file is canonical: Parquet, or CSV with a header. `vouched`: the digest is the one in
    the sender's control totals, so Parquet is whole and needs no trial in a process of its own. Raises
    `BadInput` where the file as a whole is no such thing: wrong columns, wrong encoding, no table, every row
    malformed.
    """
    if mapping is not None:
        reading = _read_mapped(raw, mapping)
    elif raw.is_parquet:
        reading = _read_parquet(raw, vouched)
    else:
        reading = _read_canonical_csv(raw)
    if reading.rows and reading.malformed.height == reading.rows:
        raise BadInput(
            file=raw.name,
            expected="records",
            came=f"no readable row among {reading.rows}; the first: {reading.malformed['fault'][0]}",
            next_step="check that the file has the layout of its mapping, or the canonical one",
            row=int(reading.malformed["row"][0]),
        )
    return reading


def _read_canonical_csv(raw: RawFile) -> Reading:
    require_text(raw)
    names, body = _header(raw, ",")
    _require_columns(raw, names, set(SCHEMA), exactly=True)
    text = _read_text_table(raw, body, names, ",")
    numbers = [pl.col(name).cast(pl.Int64, strict=False) for name in NUMBER_COLUMNS]
    texts = [pl.col(name).fill_null("") for name in TEXT_COLUMNS]
    return _tell_apart(text, text.with_columns(*numbers, *texts), {name: pl.col(f"raw_{name}") for name in SCHEMA})


def _read_mapped(raw: RawFile, mapping: Mapping) -> Reading:
    require_text(raw)
    if mapping.header:
        names, body = _header(raw, mapping.delimiter)
        _require_columns(raw, names, mapping.needed() | set(mapping.columns or ()), exactly=False)
    else:
        names, body = list(mapping.columns or ()), raw.content
    text = _read_text_table(raw, body, names, mapping.delimiter)
    typed = text.select("row", _SURPLUS, *mapping.expressions())
    came: dict[str, pl.Expr] = {}
    for field in SCHEMA:
        needed = [pl.col(f"raw_{name}").fill_null("") for name in mapping.source(field).needed()]
        came[field] = pl.concat_str(needed, separator=" | ") if needed else pl.col(field).cast(pl.String)
    reading = _tell_apart(text, typed, came)
    if mapping.failed == "keep":
        return reading
    kept = reading.records.filter(pl.col("outcome") != "FAILED")
    return Reading(reading.rows, kept, reading.malformed, reading.records.height - kept.height)


def _read_parquet(raw: RawFile, vouched: bool) -> Reading:
    if not vouched and not is_readable(raw.content):
        raise _damaged(raw, "damaged pages or footer")
    try:
        frame = pl.read_parquet(io.BytesIO(raw.content))
    except (pl.exceptions.PolarsError, OSError) as fault:
        raise _damaged(raw, str(fault).splitlines()[0]) from fault
    _require_columns(raw, frame.columns, set(SCHEMA), exactly=True)
    wrong = [f"{name} {frame.schema[name]}" for name, kind in SCHEMA.items() if frame.schema[name] != kind]
    if wrong:
        raise BadInput(
            file=raw.name,
            expected=", ".join(f"{entry.split(' ')[0]} {SCHEMA[entry.split(' ')[0]]}" for entry in wrong),
            came=", ".join(wrong),
            next_step="write the canonical types",
        )
    frame = frame.select(list(SCHEMA)).with_row_index("row", offset=1)
    texts = [pl.col(name).fill_null("") for name in TEXT_COLUMNS]
    typed = frame.with_columns(pl.lit(None, pl.String).alias(_SURPLUS), *texts)
    reading = _tell_apart(frame, typed, {name: pl.col(f"raw_{name}").cast(pl.String) for name in SCHEMA})
    whole = not reading.malformed.height and not any(frame[name].null_count() for name in TEXT_COLUMNS)
    return replace(reading, as_delivered=whole)


def _damaged(raw: RawFile, came: str) -> BadInput:
    return BadInput(file=raw.name, expected="a whole Parquet file", came=came, next_step="deliver the file again")


def _header(raw: RawFile, delimiter: str) -> tuple[list[str], bytes]:
    """The column names of the first line, and the bytes after it."""
    line, _, body = raw.content.removeprefix(b"\xef\xbb\xbf").partition(b"\n")
    try:
        names = next(csv.reader([line.decode("utf-8").rstrip("\r")], delimiter=delimiter), [])
    except csv.Error as fault:  # a carriage return within the line
        raise BadInput(
            file=raw.name, expected="a header of column names", came=str(fault), next_step="deliver a text file"
        ) from fault
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BadInput(
            file=raw.name,
            expected="each column once",
            came=f"{', '.join(twice)} more than once",
            next_step="name the columns of the header apart",
        )
    return names, body


def _require_columns(raw: RawFile, names: list[str], wanted: set[str], *, exactly: bool) -> None:
    absent = sorted(wanted - set(names))
    foreign = sorted(set(names) - wanted) if exactly else []
    if absent or foreign:
        parts = [f"without {', '.join(absent)}"] if absent else []
        parts += [f"with {', '.join(repr(name[:40]) for name in foreign[:8])}"] if foreign else []
        raise BadInput(
            file=raw.name,
            expected=f"the columns {', '.join(name for name in SCHEMA)}" if exactly else ", ".join(sorted(wanted)),
            came="a header " + " and ".join(parts),
            next_step="deliver the canonical layout, or name the switch's layout by a mapping file",
        )


def _read_text_table(raw: RawFile, body: bytes, names: list[str], delimiter: str) -> pl.DataFrame:
    """All fields as text, null where empty, with `row` from 1 and the surplus column."""
    header = delimiter.join(f"c{number}" for number in range(len(names) + 1)).encode() + b"\n"
    try:
        table = pl.read_csv(
            header + body,
            separator=delimiter,
            infer_schema=False,
            truncate_ragged_lines=True,
            row_index_name="row",
            row_index_offset=1,
        )
    except pl.exceptions.PolarsError as fault:
        raise BadInput(
            file=raw.name,
            expected=f"a table of {len(names)} columns separated by {delimiter!r}",
            came=str(fault).splitlines()[0],
            next_step="check quotes and line ends; deliver the file again",
        ) from fault
    return table.rename(dict(zip(table.columns[1:], [*names, _SURPLUS], strict=True)))


def _tell_apart(source: pl.DataFrame, typed: pl.DataFrame, came: dict[str, pl.Expr]) -> Reading:
    """Splits typed rows into well-formed and malformed, the latter with the file's own text."""
    good = typed.select((well_formed() & pl.col(_SURPLUS).is_null()).alias("good"))["good"]
    records = typed.select("row", *SCHEMA)
    if good.all():
        return Reading(typed.height, records, _NO_MALFORMED, 0)
    faulty = source.filter(~good)
    fields = [name for name in faulty.columns if name not in ("row", _SURPLUS)]
    seen = faulty.select(pl.col(name).alias(f"raw_{name}") for name in fields)
    beside = pl.concat([typed.filter(~good), seen], how="horizontal")
    surplus = pl.concat_str(
        pl.lit(f"row: expected {len(fields)} fields, came more: "), pl.col(_SURPLUS).str.slice(0, 60)
    )
    malformed = beside.select(
        "row",
        pl.when(pl.col(_SURPLUS).is_not_null()).then(surplus).otherwise(first_fault(came)).alias("fault"),
        pl.concat_str([pl.col(f"raw_{name}").cast(pl.String).fill_null("") for name in fields], separator="|").alias(
            "raw"
        ),
    )
    return Reading(typed.height, records.filter(good), malformed, 0)


_NO_MALFORMED: Final = pl.DataFrame(schema={"row": pl.UInt32, "fault": pl.String, "raw": pl.String})
