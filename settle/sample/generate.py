"""From a plan to a folder: the truth, two views of each pair, reference data and settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeAlias

from settle.sample.faults import LateFile
from settle.sample.files import TRUTH, RecordFile, require_unused, write_parquet, write_records
from settle.sample.injectors import inject
from settle.sample.plan import SamplePlan
from settle.sample.reference import write_reference
from settle.sample.schedule import Chunk, schedule
from settle.sample.subscribers import Subscribers, subscribers
from settle.sample.truth import truth_of
from settle.sample.views import records_of, view_of

Progress: TypeAlias = Callable[[int, int], None]
"""Called after each chunk with the events done and the events in all."""


class SampleResult(NamedTuple):
    """What was written: `events` of the truth, and every record file of every operator."""

    folder: Path
    events: int
    files: tuple[RecordFile, ...]

    @property
    def records(self) -> int:
        """Records in all files of both sides, late ones included."""
        return sum(file.control.records for file in self.files)


def generate(plan: SamplePlan, folder: Path, progress: Progress | None = None) -> SampleResult:
    """Write a sample. Layout, for each operator OP and each of its peers:

    - `OP/records/OP-PEER-0001.parquet` and its `.control.json`; `OP/late/` for what misses the cut-off;
    - `OP/trunks.toml` (its trunk map) and `OP/settings.json` (how its agent differs: see `Setting`);
    - `reference/ported_numbers.csv` (number, holder, serving);
    - `truth/A-B-0001.parquet`, `truth/faults.json`, `truth/plan.json`: not for the operators' eyes.

    Memory is bounded by one chunk (`rows_per_file` events) and the subscribers. Raises `FolderInUse`.
    """
    require_unused(folder)
    people = subscribers(plan)
    write_reference(plan, people, folder)
    files: list[RecordFile] = []
    done = 0
    for chunk in schedule(plan):
        files += _write_chunk(plan, people, chunk, folder)
        done += chunk.events
        if progress is not None:
            progress(done, plan.records)
    return SampleResult(folder, done, tuple(files))


def _write_chunk(plan: SamplePlan, people: Subscribers, chunk: Chunk, folder: Path) -> list[RecordFile]:
    truth = truth_of(plan, people, chunk)
    hits = {}
    files = []
    for operator, peer in (chunk.pair, chunk.pair[::-1]):
        faults = plan.faults.of(operator, peer)
        view = inject(view_of(truth, operator, peer), plan, faults, chunk.sequence)
        late = any(isinstance(fault, LateFile) and chunk.sequence >= fault.sequence for _, fault in faults)
        records = records_of(view, chunk.sequence)
        files.append(
            write_records(
                folder,
                records,
                plan.form,
                operator=operator,
                peer=peer,
                stream=plan.stream(operator, peer),
                sequence=chunk.sequence,
                late=late,
            )
        )
        hits[operator] = view["hits"]
    one, other = chunk.pair
    sent_by_one = truth["sender"] == one
    marked = truth.with_columns(
        sender_hits=hits[one].zip_with(sent_by_one, hits[other]),
        receiver_hits=hits[other].zip_with(sent_by_one, hits[one]),
    )
    write_parquet(folder / TRUTH / f"{one}-{other}-{chunk.sequence:04d}.parquet", marked)
    return files
