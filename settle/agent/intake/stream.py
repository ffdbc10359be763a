"""One switch's stream of files as the agent keeps it: taken once, in order, with nothing lost.

A folder holds per file `NNNNNN.receipt.json`, `NNNNNN.records.parquet` (every readable record, what the record
root covers; a Parquet file of good records only is kept as it was delivered) and, per generation,
`NNNNNN.gN.legs.parquet` and `NNNNNN.gN.suspense.parquet`. The receipt is written last and names the generation,
so a crash leaves either the state before or the state after. One process writes a stream at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.causes import FINAL_CAUSES, Cause
from settle.agent.intake.control import Sidecar, Totals, load_sidecar, read_checked
from settle.agent.intake.duplicates import find_duplicates
from settle.agent.intake.durable import write_bytes, write_parquet
from settle.agent.intake.mapping import Mapping
from settle.agent.intake.raw import RawFile, read_raw
from settle.agent.intake.read import Reading
from settle.agent.intake.sort import Setting, Sorted, sort_records, to_suspense, with_records
from settle.agent.intake.validate import judge_file
from settle.agent.records import SCHEMA


class Receipt(BaseModel):
    """What became of one file.

    `rows` = `settled` + all of `not_settled` + `duplicates` + all of `suspense` + `left_out`. The totals are
    those of every readable record. `checked`: compared with the sender's control totals; False: only computed.
    `late` legs and a `doubtful` file are taken, but an agreement's validation rule says so of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    stream: str
    sequence: int
    generation: int
    file: str
    sha256: str
    taken_at_ms: int
    checked: bool
    rows: int
    records: int
    duration_ms: int
    units: int
    settled: int
    legs: int
    not_settled: dict[str, int]
    duplicates: int
    suspense: dict[str, int]
    left_out: int
    late: int = 0
    doubtful: bool = False

    def accounted(self) -> int:
        """Rows with a known fate; equals `rows`, always."""
        return (
            self.settled
            + sum(self.not_settled.values())
            + self.duplicates
            + sum(self.suspense.values())
            + self.left_out
        )


@dataclass(frozen=True)
class Taken:
    """The receipt of a file. `repeated`: these very bytes had been taken before, and nothing was done again."""

    receipt: Receipt
    repeated: bool


class Stream:
    """The files of one stream of one operator, under `folder`."""

    def __init__(self, folder: Path, *, operator: str, name: str) -> None:
        self._folder = folder
        self._operator = operator
        self._name = name
        folder.mkdir(parents=True, exist_ok=True)

    def receipts(self) -> list[Receipt]:
        """The receipts of all files taken, in order."""
        paths = sorted(self._folder.glob("*.receipt.json"))
        return [Receipt.model_validate_json(path.read_bytes()) for path in paths]

    def take(self, file: Path, setting: Setting, *, now_ms: int, mapping: Mapping | None = None) -> Taken:
        """Takes a file: reads, checks its control totals, sorts its records, keeps everything.

        The same bytes again give the first receipt. Raises `BadInput` where the file is refused; then nothing
        of it is kept. `now_ms` dates suspense, epoch milliseconds.
        """
        raw = read_raw(file)
        receipts = self.receipts()
        for receipt in receipts:
            if receipt.sha256 == raw.digest.hex():
                return Taken(receipt, repeated=True)
        sidecar = load_sidecar(file)
        sequence = len(receipts) + 1
        if sidecar is not None:
            self._require_place(raw, sidecar, sequence)
        reading = read_checked(raw, sidecar, mapping)
        doubtful = False
        if sidecar is not None and not reading.left_out:
            doubtful = judge_file(raw.name, sidecar, Totals.of(reading.records), setting.validations)
        again = find_duplicates(reading.records, self._earlier(receipts))
        fresh = reading.records
        if again.height:
            fresh = fresh.join(again, on="row", how="anti", maintain_order="left")
        found = sort_records(fresh, setting, now_ms)
        waiting = pl.concat([_of_malformed(reading.malformed), to_suspense(reading.records, again), found.suspense])
        receipt = self._receipt(raw, sequence, sidecar is not None, now_ms, reading, found, waiting, doubtful)
        if reading.as_delivered:
            write_bytes(self._path(sequence, "records"), raw.content)
        else:
            write_parquet(self._path(sequence, "records"), reading.records)
        self._keep(receipt, found.legs, waiting.with_columns(pl.lit(now_ms, pl.Int64).alias("since_ms")))
        return Taken(receipt, repeated=False)

    def reprocess(self, setting: Setting) -> list[Receipt]:
        """Judges waiting records again, by new reference data; gives the receipts that changed.

        Duplicates, malformed rows and reused names stay where they are.
        """
        changed = []
        for receipt in self.receipts():
            waiting = self.suspense(receipt)
            final = pl.col("why").is_in([cause.value for cause in FINAL_CAUSES])
            again = waiting.filter(~final)
            found = sort_records(again.select("row", *SCHEMA), setting, receipt.taken_at_ms)
            released = again.height - found.suspense.height
            if not released and found.suspense.select("row", "why").equals(again.select("row", "why")):
                continue
            still = found.suspense.join(again.select("row", "since_ms"), on="row", how="left", maintain_order="left")
            legs = pl.concat([self._narrow_legs(receipt), found.legs])
            after = self._after(receipt, found, pl.concat([waiting.filter(final), still]), legs)
            changed.append(after)
        return changed

    def records(self, receipt: Receipt) -> pl.DataFrame:
        """Every readable record of a file, in file order: `row` and the canonical columns."""
        return self._records(receipt).collect()

    def legs(self, receipt: Receipt) -> pl.LazyFrame:
        """The legs to be rated of a file: the columns of `Sorted.legs` and the canonical ones.

        Lazy, so that only the columns in use are read.
        """
        return with_records(self._narrow_legs(receipt), self._records(receipt))

    def suspense(self, receipt: Receipt) -> pl.DataFrame:
        """What waits, and the duplicates: `row`, `why`, `detail`, the canonical columns, `since_ms`."""
        return pl.read_parquet(self._path(receipt.sequence, f"g{receipt.generation}.suspense"))

    def _records(self, receipt: Receipt) -> pl.LazyFrame:
        kept = pl.scan_parquet(self._path(receipt.sequence, "records"))
        if "row" not in kept.collect_schema():  # the delivered file, whose rows are all there
            kept = kept.with_row_index("row", offset=1)
        return kept.select("row", *SCHEMA)

    def _narrow_legs(self, receipt: Receipt) -> pl.DataFrame:
        return pl.read_parquet(self._path(receipt.sequence, f"g{receipt.generation}.legs"))

    def _path(self, sequence: int, kind: str) -> Path:
        return self._folder / f"{sequence:06d}.{kind}.parquet"

    def _earlier(self, receipts: list[Receipt]) -> pl.LazyFrame | None:
        if not receipts:
            return None
        return pl.concat(self._records(receipt) for receipt in receipts)

    def _require_place(self, raw: RawFile, sidecar: Sidecar, sequence: int) -> None:
        came = (sidecar.operator, sidecar.stream, sidecar.sequence)
        if came == (self._operator, self._name, sequence):
            return
        raise BadInput(
            file=raw.name,
            expected=f"file {sequence} of stream {self._name} of {self._operator}",
            came=f"file {came[2]} of stream {came[1]} of {came[0]}",
            next_step="deliver the files of a stream in order, each once, to their own stream",
        )

    def _receipt(
        self,
        raw: RawFile,
        sequence: int,
        checked: bool,
        now_ms: int,
        reading: Reading,
        found: Sorted,
        waiting: pl.DataFrame,
        doubtful: bool,
    ) -> Receipt:
        causes = _counts(waiting["why"])
        totals = Totals.of(reading.records)
        receipt = Receipt(
            stream=self._name,
            sequence=sequence,
            generation=0,
            file=raw.name,
            sha256=raw.digest.hex(),
            taken_at_ms=now_ms,
            checked=checked,
            rows=reading.rows,
            records=totals.records,
            duration_ms=totals.duration_ms,
            units=totals.units,
            settled=found.settled,
            legs=found.legs.height,
            not_settled=_counts(found.not_settled["reason"]),
            duplicates=causes.pop(Cause.DUPLICATE, 0),
            suspense=causes,
            left_out=reading.left_out,
            late=found.late,
            doubtful=doubtful,
        )
        assert receipt.accounted() == receipt.rows, receipt
        return receipt

    def _after(self, before: Receipt, found: Sorted, waiting: pl.DataFrame, legs: pl.DataFrame) -> Receipt:
        causes = _counts(waiting["why"])
        reasons = dict(before.not_settled)
        for reason, number in _counts(found.not_settled["reason"]).items():
            reasons[reason] = reasons.get(reason, 0) + number
        after = before.model_copy(
            update={
                "generation": before.generation + 1,
                "settled": before.settled + found.settled,
                "legs": legs.height,
                "not_settled": reasons,
                "duplicates": causes.pop(Cause.DUPLICATE, 0),
                "suspense": causes,
                "late": before.late + found.late,
            }
        )
        assert after.accounted() == after.rows, after
        self._keep(after, legs, waiting)
        return after

    def _keep(self, receipt: Receipt, legs: pl.DataFrame, waiting: pl.DataFrame) -> None:
        write_parquet(self._path(receipt.sequence, f"g{receipt.generation}.legs"), legs)
        write_parquet(self._path(receipt.sequence, f"g{receipt.generation}.suspense"), waiting)
        # the receipt makes the rest count, so it comes last
        text = receipt.model_dump_json(indent=1) + "\n"
        write_bytes(self._folder / f"{receipt.sequence:06d}.receipt.json", text.encode())
        for generation in range(receipt.generation):
            for kind in ("legs", "suspense"):
                self._path(receipt.sequence, f"g{generation}.{kind}").unlink(missing_ok=True)


def _counts(values: pl.Series) -> dict[str, int]:
    counted = values.value_counts().sort(values.name)
    return dict(zip(counted[values.name].to_list(), counted["count"].to_list(), strict=True))


def _of_malformed(malformed: pl.DataFrame) -> pl.DataFrame:
    """Malformed rows as suspense: their fault and text in `detail`, no canonical values."""
    return malformed.select(
        "row",
        pl.lit(Cause.MALFORMED.value).alias("why"),
        pl.concat_str("fault", pl.lit("; row: "), "raw").alias("detail"),
        *(pl.lit(None, kind).alias(name) for name, kind in SCHEMA.items()),
    )
