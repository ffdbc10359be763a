"""Where a sample's files lie, and how a record file and its control totals are written."""

from __future__ import annotations

from hashlib import file_digest
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl

from settle.agent.intake.control import Sidecar, Totals, sidecar_path
from settle.sample.errors import FolderInUse
from settle.sample.plan import Form

TRUTH = "truth"
RECORDS = "records"
LATE = "late"
REFERENCE = "reference"
SETTINGS = "settings.json"
TRUNKS = "trunks.toml"
FAULTS = "faults.json"
PLAN = "plan.json"
PORTED = "ported_numbers.csv"


class RecordFile(NamedTuple):
    """A record file as written; `late` files miss the cut-off."""

    path: Path
    peer: str
    late: bool
    control: Sidecar


def require_unused(folder: Path) -> None:
    """Raises `FolderInUse` unless the folder is absent or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderInUse(
            "folder", expected="a new or empty folder", came=f"{folder} with content",
            next_step="Name another folder, or remove this one first.",
        )  # fmt: skip


def write_records(
    folder: Path,
    records: pl.DataFrame,
    form: Form,
    *,
    operator: str,
    peer: str,
    stream: str,
    sequence: int,
    late: bool,
) -> RecordFile:
    """Write a file of records, then its control totals: without these a reader knows it is not whole."""
    target = folder / operator / (LATE if late else RECORDS)
    target.mkdir(parents=True, exist_ok=True)
    path = target / f"{stream}-{sequence:04d}.{form.value}"
    if form is Form.PARQUET:
        write_parquet(path, records)
    else:
        records.write_csv(path)
    with path.open("rb") as written:
        digest = file_digest(written, "sha256").hexdigest()
    totals = Totals.of(records)
    control = Sidecar(
        operator=operator, stream=stream, sequence=sequence, records=totals.records,
        duration_ms=totals.duration_ms, units=totals.units, sha256=digest,
    )  # fmt: skip
    sidecar_path(path).write_text(control.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return RecordFile(path, peer, late, control)


def write_parquet(path: Path, table: pl.DataFrame) -> None:
    """One Parquet file, compressed lightly and without statistics: files are small and read whole."""
    table.write_parquet(path, compression="zstd", compression_level=1, statistics=False)


def write_json(path: Path, value: object) -> None:
    """An indented JSON file that people can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
