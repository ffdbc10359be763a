"""Control totals: what the sender says a file holds, and what it does hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.mapping import Mapping
from settle.agent.intake.raw import RawFile
from settle.agent.intake.read import Reading, read_records

SIDECAR_SUFFIX = ".control.json"


@dataclass(frozen=True)
class Totals:
    """Records (number), duration (milliseconds), units (messages, bytes) of a set of records.

    Duration is a sum over all of them, negative ones included, so that it can be compared with the switch's.
    """

    records: int
    duration_ms: int
    units: int

    @classmethod
    def of(cls, records: pl.DataFrame) -> Totals:
        """The totals of canonical records; summed in 128 bits, since a 64-bit sum wraps silently."""
        sums = records.select(pl.col("duration_ms", "units").cast(pl.Int128).sum())
        return cls(records.height, int(sums["duration_ms"][0]), int(sums["units"][0]))


class Sidecar(BaseModel):
    """`FILE.control.json`. `records` counts every data row of the file, readable or not."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    operator: str
    stream: str
    sequence: Annotated[int, Field(ge=1)]
    records: Annotated[int, Field(ge=0)]
    duration_ms: int
    units: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def sidecar_path(file: Path) -> Path:
    """Where a file's control totals lie: beside it, with `.control.json` after its whole name."""
    return file.with_name(file.name + SIDECAR_SUFFIX)


def load_sidecar(file: Path) -> Sidecar | None:
    """The control totals beside a file; None where there are none. Raises `BadInput` where they are unreadable."""
    path = sidecar_path(file)
    if not path.exists():
        return None
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        raise BadInput(
            file=path.name,
            expected="control totals: operator, stream, sequence, records, duration_ms, units, sha256",
            came=f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}",
            next_step="have the switch write them again",
        ) from fault


def read_checked(raw: RawFile, sidecar: Sidecar | None, mapping: Mapping | None = None) -> Reading:
    """Reads a file that is whole: as its control totals say, or, without them, to its last line end.

    Raises `BadInput` where it is not, and what `read_records` raises.
    """
    if sidecar is None:
        reading = read_records(raw, mapping)
        _require_line_end(raw)
        return reading
    _require_digest(raw, sidecar)
    reading = read_records(raw, mapping, vouched=True)
    _require_totals(raw, sidecar, reading)
    return reading


def _require_digest(raw: RawFile, sidecar: Sidecar) -> None:
    """The file is byte for byte the one whose totals were sent."""
    if raw.digest.hex() != sidecar.sha256:
        raise _refusal(raw, "sha256", sidecar.sha256, raw.digest.hex(), "fetch the file again: it is not what was sent")


def _require_totals(raw: RawFile, sidecar: Sidecar, reading: Reading) -> None:
    """The file holds what its totals say; the first figure that differs is told.

    Durations and units of malformed rows are unknown, so with such rows only the number of rows is compared.
    """
    ask = "ask the switch which of the two is right; nothing of the file was taken"
    if sidecar.records != reading.rows:
        raise _refusal(raw, "records", sidecar.records, reading.rows, ask)
    if reading.malformed.height or reading.left_out:
        return
    came = Totals.of(reading.records)
    if sidecar.duration_ms != came.duration_ms:
        raise _refusal(raw, "duration_ms", sidecar.duration_ms, came.duration_ms, ask)
    if sidecar.units != came.units:
        raise _refusal(raw, "units", sidecar.units, came.units, ask)


def _require_line_end(raw: RawFile) -> None:
    """Without control totals only a text file's last line end shows that it is whole."""
    if not raw.is_parquet and not raw.content.endswith(b"\n"):
        raise BadInput(
            file=raw.name,
            expected="a line end after the last row",
            came="a file that ends inside a row",
            next_step=f"fetch the file again, or add its control totals as {raw.name}{SIDECAR_SUFFIX}",
            row=raw.content.count(b"\n"),
        )


def _refusal(raw: RawFile, name: str, said: object, came: object, next_step: str) -> BadInput:
    return BadInput(
        file=raw.name, expected=f"{name} {said} by its control totals", came=f"{name} {came}", next_step=next_step
    )
