"""A small operator for intake tests: records to write, files with control totals, a setting, a stream."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import polars as pl

from settle.agent.intake.control import sidecar_path
from settle.agent.intake.sort import Setting
from settle.agent.intake.stream import Stream
from settle.agent.intake.trunks import Trunk, TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.records import SCHEMA

FROM_MS = 1_767_225_600_000  # 2026-01-01
DAY_MS = 86_400_000
TO_MS = FROM_MS + 31 * DAY_MS
OWN, PEER, THIRD = "CMCC", "CUCC", "CTCC"
NOW_MS = TO_MS + 5

TRUNKS = TrunkMap(
    (
        Trunk(trunk="T-U", peer=PEER, unit=11),
        Trunk(trunk="T-T", peer=THIRD, local=True),
        Trunk(trunk="T-INTL", peer=""),
        Trunk(trunk="T-MOVED", peer=PEER, to_ms=FROM_MS + 10 * DAY_MS),
        Trunk(trunk="T-MOVED", peer=THIRD, from_ms=FROM_MS + 10 * DAY_MS, to_ms=FROM_MS + 20 * DAY_MS),
    )
)


def setting(**changed: object) -> Setting:
    base: dict[str, object] = {
        "trunks": TRUNKS,
        "plan": load_number_plan(),
        "usage_from_ms": FROM_MS,
        "usage_to_ms": TO_MS,
    }
    return Setting(**{**base, **changed})  # type: ignore[arg-type]  # a test's table of changes


def record(number: int, **changed: object) -> dict[str, object]:
    """An answered call of 61 s to the peer; every number is another call."""
    base: dict[str, object] = {
        "record_id": f"R{number}",
        "call_id": f"C{number}",
        "service": "VOICE",
        "trunk_in": "LOCAL",
        "trunk_out": "T-U",
        "a_number": "8613900000001",
        "b_number": f"86130{number:08d}",
        "start_ms": FROM_MS + 1000 * number,
        "duration_ms": 61_000,
        "units": 0,
        "outcome": "ANSWERED",
        "cause": 16,
    }
    return {**base, **changed}


def frame(*records: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(records), schema=SCHEMA)


def with_rows(records: pl.DataFrame) -> pl.DataFrame:
    return records.with_row_index("row", offset=1)


def csv_text(*records: dict[str, object]) -> str:
    lines = [",".join(SCHEMA)]
    lines += [",".join(str(one[name]) for name in SCHEMA) for one in records]
    return "\n".join(lines) + "\n"


def write_csv(path: Path, *records: dict[str, object]) -> Path:
    path.write_text(csv_text(*records), encoding="utf-8")
    return path


def write_totals(file: Path, sequence: int = 1, **changed: object) -> None:
    """Control totals that fit a canonical CSV file, but for what is `changed`."""
    table = pl.read_csv(file)
    totals: dict[str, object] = {
        "operator": OWN,
        "stream": "msc1",
        "sequence": sequence,
        "records": table.height,
        "duration_ms": int(table["duration_ms"].sum()),
        "units": int(table["units"].sum()),
        "sha256": sha256(file.read_bytes()).hexdigest(),
    }
    sidecar_path(file).write_text(json.dumps({**totals, **changed}), encoding="utf-8")


def stream(folder: Path) -> Stream:
    return Stream(folder / "stream", operator=OWN, name="msc1")
