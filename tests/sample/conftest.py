from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl
import pytest

from settle.agent.records import SCHEMA
from settle.sample.faults import Fault, FaultList
from settle.sample.generate import SampleResult, generate
from settle.sample.lines import truth_events
from settle.sample.plan import SamplePlan, domestic_operators, month

JANUARY = month(2014, 1)


class Sample(NamedTuple):
    """A generated sample and how its files read."""

    plan: SamplePlan
    result: SampleResult

    def records(self, operator: str, peer: str, *, late: bool = False) -> pl.DataFrame:
        """All records of one operator's side of one pair, in file order."""
        files = [f for f in self.result.files if (f.control.stream, f.late) == (f"{operator}-{peer}", late)]
        read = pl.read_parquet if files and files[0].path.suffix == ".parquet" else _read_csv
        return pl.concat([read(file.path) for file in files]) if files else pl.DataFrame()

    def truth(self) -> pl.DataFrame:
        return truth_events(self.result.folder).collect()

    def pair_truth(self, one: str, other: str) -> pl.DataFrame:
        both = pl.col("sender").is_in([one, other]) & pl.col("receiver").is_in([one, other])
        return self.truth().filter(both).sort("start_ms", "call")


def _read_csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, schema=pl.Schema(SCHEMA))


@pytest.fixture
def january() -> SamplePlan:
    """Three operators, two files to each side of a pair: small enough to generate in a blink."""
    operators = tuple(msgspec.structs.replace(one, subscribers=5_000) for one in domestic_operators()[:3])
    return SamplePlan(
        seed=20140101, records=6_000, usage_from=JANUARY[0], usage_to=JANUARY[1], days_per_file=16, operators=operators
    )


@pytest.fixture
def sampled(tmp_path: Path, january: SamplePlan) -> Callable[..., Sample]:
    """Generate a sample of January with the given faults and changes to the plan."""

    def make(*faults: Fault, **changes: object) -> Sample:
        plan = msgspec.structs.replace(january, faults=FaultList(faults), **changes)
        folder = tmp_path / f"sample{len(list(tmp_path.iterdir()))}"
        return Sample(plan, generate(plan, folder))

    return make
