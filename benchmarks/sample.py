"""Records a second and core that the two-view generator writes: `python -m benchmarks.sample [EVENTS]`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from settle.sample.generate import generate
from settle.sample.plan import SamplePlan, month

GOAL = 500_000


def main(events: int) -> None:
    """Generate a month and print its speed by processor time, which all cores' work adds to."""
    start, end = month(2014, 1)
    with tempfile.TemporaryDirectory() as place:
        cpu, wall = time.process_time(), time.perf_counter()
        result = generate(SamplePlan(seed=1, records=events, usage_from=start, usage_to=end), Path(place) / "sample")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(
        f"{result.records:,} records of {result.events:,} events in {len(result.files)} files: "
        f"{result.records / cpu:,.0f} records/s a core, {result.records / wall:,.0f} records/s (goal {GOAL:,} a core)"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
