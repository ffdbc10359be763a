"""Record files read as an agent would read them, without an agent's home: for rating by hand and for comparisons.

Files are grouped by operator and stream, so that a use that was delivered twice counts once. Where both operators of
a pair give their files, each use counts once: as the sender's switch saw it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.causes import Cause
from settle.agent.intake.control import SIDECAR_SUFFIX, load_sidecar, read_checked
from settle.agent.intake.duplicates import find_duplicates
from settle.agent.intake.raw import read_raw
from settle.agent.intake.sort import IN, OUT, Setting, sort_records, with_records
from settle.agent.intake.trunks import FOR_EVER, TrunkMap
from settle.agent.number_plan.plan import NumberPlan

TRUNKS_FILE = "trunks.toml"
LEG_COLUMNS = (
    "row", "direction", "peer", "local", "service", "outcome", "a_number", "b_number", "start_ms", "duration_ms",
    "units",
)  # fmt: skip
"""What rating takes of a leg and its record."""


class RecordFile(NamedTuple):
    """A record file, whose it is, and the trunk map by which its legs are told."""

    path: Path
    operator: str
    stream: str
    trunks: Path


@dataclass(frozen=True)
class Traffic:
    """What one operator's files hold. `legs`: the columns that rating takes, of all streams together.

    `rows` = records that are settled + all of `left_out` (by cause: not settled, duplicates, suspense).
    """

    operator: str
    files: int
    rows: int
    legs: pl.DataFrame
    left_out: Mapping[str, int] = field(default_factory=dict)

    def peers(self) -> list[str]:
        """The operators at the other ends, by code."""
        return [str(peer) for peer in self.legs["peer"].unique().sort()]

    def span_ms(self) -> tuple[int, int] | None:
        """The first and the last start, epoch milliseconds UTC; None without legs."""
        starts = self.legs.select(pl.col("start_ms").min().alias("first"), pl.col("start_ms").max().alias("last"))
        return (int(starts["first"][0]), int(starts["last"][0])) if self.legs.height else None

    def during(self, from_ms: int, to_ms: int) -> Traffic:
        """The legs that start in [from_ms, to_ms), epoch milliseconds UTC."""
        return replace(self, legs=self.legs.filter(pl.col("start_ms").is_between(from_ms, to_ms, closed="left")))


def find_files(given: Sequence[Path], operator: str, trunks: Path | None) -> list[RecordFile]:
    """The files to read. Of a folder: all in and below it that have control totals.

    `operator` owns files without control totals. `trunks`: the trunk map of all; None looks for `trunks.toml` beside
    each file and up to two folders above. Raises `BadInput` for a file that is nobody's or has no trunk map.
    """
    found = []
    for path in given:
        if path.is_dir():
            totals = path.rglob(f"*{SIDECAR_SUFFIX}")
            inside = sorted(each.with_name(each.name.removesuffix(SIDECAR_SUFFIX)) for each in totals)
        else:
            inside = [path]
        found += [_owned(file, operator, trunks) for file in inside]
    return found


def read_traffic(files: Sequence[RecordFile], plan: NumberPlan) -> list[Traffic]:
    """The traffic of each operator, by code. Raises `BadInput` where a file is refused."""
    streams: dict[tuple[str, str, Path], list[Path]] = {}
    for file in files:
        streams.setdefault((file.operator, file.stream, file.trunks), []).append(file.path)
    found: dict[str, Traffic] = {}
    for (operator, _, trunks), paths in sorted(streams.items()):
        one = _of_stream(operator, paths, Setting(TrunkMap.load(trunks), plan, 0, FOR_EVER))
        before = found.get(operator)
        if before is not None:
            causes = dict(Counter(before.left_out) + Counter(one.left_out))
            legs = pl.concat([before.legs, one.legs])
            one = Traffic(operator, before.files + one.files, before.rows + one.rows, legs, causes)
        found[operator] = one
    return [found[operator] for operator in sorted(found)]


def counted_once(seen: Sequence[Traffic]) -> list[Traffic]:
    """The same without the legs inward of pairs whose other operator's files are there too."""
    pairs = {(one.operator, peer) for one in seen for peer in one.peers()}
    once = []
    for one in seen:
        twice = [peer for peer in one.peers() if (peer, one.operator) in pairs]
        again = (pl.col("direction") == IN) & pl.col("peer").is_in(twice)
        once.append(replace(one, legs=one.legs.filter(~again)))
    return once


def ends(operator: str, direction: str, peer: str) -> tuple[str, str]:
    """Sender and receiver of a leg that `operator` saw."""
    return (operator, peer) if direction == OUT else (peer, operator)


def _owned(file: Path, operator: str, trunks: Path | None) -> RecordFile:
    sidecar = load_sidecar(file)
    owner = operator or (sidecar.operator if sidecar else "")
    if not owner:
        raise BadInput(
            file=file.name,
            expected="control totals that name its operator",
            came="none beside it",
            next_step="name the operator whose switch wrote it: --operator CODE",
        )
    near = trunks or next((each / TRUNKS_FILE for each in _folders(file) if (each / TRUNKS_FILE).is_file()), None)
    if near is None:
        raise BadInput(
            file=file.name,
            expected=f"a trunk map {TRUNKS_FILE} beside it or up to two folders above",
            came="none",
            next_step="name it: --trunks FILE",
        )
    return RecordFile(file, owner, sidecar.stream if sidecar else "", near)


def _folders(file: Path) -> list[Path]:
    return list(file.absolute().parents)[:3]


def _of_stream(operator: str, paths: Sequence[Path], setting: Setting) -> Traffic:
    readings = [read_checked(read_raw(path), load_sidecar(path)) for path in paths]
    offsets, rows = [], 0
    for reading in readings:
        offsets.append(rows)
        rows += reading.rows
    numbered = [
        reading.records.with_columns((pl.col("row").cast(pl.UInt32) + offset).alias("row"))
        for reading, offset in zip(readings, offsets, strict=True)
    ]
    records = pl.concat(numbered)
    again = find_duplicates(records)
    found = sort_records(records.join(again, on="row", how="anti", maintain_order="left"), setting)
    left_out = Counter({Cause.MALFORMED.value: sum(reading.malformed.height for reading in readings)})
    for causes in (again["why"], found.suspense["why"], found.not_settled["reason"]):
        left_out.update(causes.to_list())
    legs = with_records(found.legs, records.lazy()).select(LEG_COLUMNS).collect()
    return Traffic(operator, len(paths), rows, legs, dict(+left_out))
