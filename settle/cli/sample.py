"""`settle sample`: generated traffic seen from both sides, and transactions for load and conformance tools."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Literal

from settle.cli.failures import usage
from settle.cli.options import noun
from settle.cli.output import Output, facts_of, table

app = noun("sample", "Generated traffic, seen from both sides.")

_REPORT_EVERY = 1.0  # seconds


@app.command
def generate(
    out: Path,
    *,
    records: int = 200_000,
    seed: int = 1,
    month: str = "2014-01",
    faults: int = 0,
    form: Literal["parquet", "csv"] = "parquet",
    json: bool = False,
) -> None:
    """Generate a month of traffic of four operators as two switches of every pair wrote it, and keep the truth.

    Parameters
    ----------
    out
        A new or empty folder.
    records
        Events of the truth; each is recorded on both sides.
    seed
        The same seed gives the same rows.
    month
        YYYY-MM, in local time (UTC+8).
    faults
        So many faults are drawn, each on another side of a pair.
    form
        How record files are written.
    json
        Answer with one JSON document.
    """
    # polars takes a third of a second to import: only those who need it wait for it
    from settle.sample.generate import generate as write_sample  # noqa: PLC0415
    from settle.sample.plan import Form, SamplePlan  # noqa: PLC0415
    from settle.sample.plan import month as span_of  # noqa: PLC0415
    from settle.sample.sealed import draw_faults  # noqa: PLC0415

    year, _, number = month.partition("-")
    if not (year.isdecimal() and number.isdecimal()):
        raise usage(
            expected="--month such as 2014-01",
            actual=month,
            next_step="see `settle sample generate --help`",
        )
    usage_from, usage_to = span_of(int(year), int(number))
    plan = SamplePlan(seed=seed, records=records, usage_from=usage_from, usage_to=usage_to, form=Form(form))
    drawn = draw_faults(seed, plan.pairs, faults)
    plan = SamplePlan(
        seed=seed, records=records, usage_from=usage_from, usage_to=usage_to, form=Form(form), faults=drawn
    )
    told = Output(as_json=json)
    result = write_sample(plan, out, _Progress(told))
    rows = [(each.path.relative_to(out), each.control.records, "late" if each.late else "") for each in result.files]
    document = {
        "folder": str(out), "events": result.events, "records": result.records, "faults": len(drawn.faults),
        "files": [{"file": str(path), "records": count, "late": bool(late)} for path, count, late in rows],
    }  # fmt: skip
    head = facts_of([("folder", out), ("events", f"{result.events:,}"), ("records", f"{result.records:,}")])
    told.result(document, head, table("file", "records", "", rows=rows, right=("records",)))


@app.command
def transactions(*, count: int, out: Path, seed: int = 1, json: bool = False) -> None:
    """Write a genesis and signed transactions: valid ones in order, and one of every way to be refused.

    Parameters
    ----------
    count
        How many valid ones.
    out
        A new or empty folder: app_state.json, transactions.hex, faulty.hex.
    seed
        The same seed gives the same bytes.
    json
        Answer with one JSON document.
    """
    from settle.sample.transactions import write  # noqa: PLC0415  # compiles the shipped rules

    written = write(count, out, seed)
    told = written._asdict() | {"setup": list(written.setup), "folder": str(out)}
    Output(as_json=json).result(told, facts_of(told.items()))


class _Progress:
    """Says now and then how far the generator is, on a terminal only."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._next = time.monotonic() + _REPORT_EVERY

    def __call__(self, done: int, of: int) -> None:
        if sys.stderr.isatty() and time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_EVERY
            self._out.hint(f"{done:,} of {of:,} events")
