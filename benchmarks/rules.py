"""Executor, columns and explanation of the reference rule beside plain Python and Polars' own scan, join and group
of the same records, in one run; and how long a rule takes to load: `python -m benchmarks.rules [--records N]`.

Rates are of process CPU over all threads, so records a second a core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from random import Random

import polars as pl

from abci_app.rules.bundle import LoadedRule, load_bundle
from settle.rules.build import shipped_bundle
from settle.rules.columns import REJECTION, Columns
from settle.rules.explain import explain

SERIES = ("157", "188", "86157", "86188")


def plain_rate_record(
    service: int,
    direction: int,  # noqa: ARG001  the rule's own parameters
    originating: int,  # noqa: ARG001
    terminating: int,
    a_number: str,  # noqa: ARG001
    b_number: str,
    local: bool,  # noqa: ARG001
    duration_ms: int,
    units: int,
) -> tuple[int, int]:
    """domestic_interconnect/v2 as a Python programmer would write it."""
    if service != 1:
        return 0, units
    billed = (duration_ms + 59_999) // 60_000 * 60_000
    if terminating == 1 and b_number.startswith(SERIES):
        return 1, billed
    return 0, billed


def records(count: int) -> list[tuple[int, int, int, int, str, str, bool, int, int]]:
    """Calls and some messages between two networks, the same every time."""
    chance = Random(506)
    drawn = []
    for _ in range(count):
        service = chance.choice((1, 1, 1, 1, 2))
        sender, receiver = chance.choice(((1, 2), (2, 1)))
        numbers = [f"861{chance.choice((38, 57, 88, 30, 86))}{chance.randrange(10**8):08}" for _ in range(2)]
        duration = chance.randrange(1, 600_000) if service == 1 else 0
        drawn.append((service, sender - 1, sender, receiver, *numbers, False, duration, int(service != 1)))
    return drawn  # type: ignore[return-value]  # two numbers


def best(run: Callable[[], object], rounds: int = 5) -> float:
    """Seconds of process CPU of the fastest round."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)


def frame(rule: LoadedRule, rows: list[tuple[int, int, int, int, str, str, bool, int, int]]) -> pl.DataFrame:
    """The records as columns named as the parameters."""
    names = [one.name for one in rule.program.functions[0].parameters]
    return pl.DataFrame(rows, schema=names, orient="row")


def raw_group(records: pl.DataFrame) -> pl.DataFrame:
    """What Polars does at best with the same records: cut a prefix, join it, add up by line."""
    series = pl.DataFrame({"prefix": [86157, 86188], "hit": [1, 1]})
    prefixed = records.lazy().with_columns(prefix=pl.col("b_number").str.slice(0, 5).cast(pl.Int64))
    joined = prefixed.join(series.lazy(), on="prefix", how="left")
    billed = ((pl.col("duration_ms") + 59_999) // 60_000 * 60_000).sum()
    return joined.group_by("service", "originating", "terminating", "hit").agg(billed, pl.len()).collect()


def measure_columns(rule: LoadedRule, rows: list[tuple[int, int, int, int, str, str, bool, int, int]]) -> None:
    """Columns against the executor's results, then their rates in memory."""
    columns, small = Columns.of_rule(rule, "rate_record"), frame(rule, rows)
    rated = columns.run(small)
    assert [row[:2] for row in rated.rows()] == [rule.functions["rate_record"](*row) for row in rows]
    assert rated[REJECTION].null_count() == rated.height
    large = pl.concat([small] * max(1, 4_000_000 // len(rows))).rechunk()
    rates = {
        "rate_record, columns": large.height / best(lambda: columns.run(large)),
        "Polars: cut, join, group": large.height / best(lambda: raw_group(large)),
    }
    for name, rate in rates.items():
        print(f"{name:<26} {rate:>12,.0f} records/s a core, {large.height:,} in memory")
    one = best(lambda: [explain(rule, "rate_record", *row) for row in rows[:200]]) / 200
    print(f"{'rate_record, explained':<26} {1 / one:>12,.0f} records/s a core")


def main() -> None:
    """Measure in one run, so that the ratios hold on a busy machine too."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=200_000)
    rows = records(options.parse_args().records)
    raw = shipped_bundle("domestic_interconnect", 2)
    rule = load_bundle(raw)
    rate = rule.functions["rate_record"]
    assert [rate(*row) for row in rows] == [plain_rate_record(*row) for row in rows]
    executor = len(rows) / best(lambda: [rate(*row) for row in rows])
    plain = len(rows) / best(lambda: [plain_rate_record(*row) for row in rows])
    print(f"rate_record, executor      {executor:>12,.0f} calls/s a core")
    print(f"rate_record, plain Python  {plain:>12,.0f} calls/s a core   executor / plain = {executor / plain:.2f}")
    measure_columns(rule, rows)
    line = (1, 0, 0, 1_000, 61_000_000, 120_000_000, 1, 2)
    checked = best(lambda: [rule.call("price_line", *line) for _ in range(20_000)]) / 20_000
    print(f"price_line, checked call   {1 / checked:>12,.0f} calls/s a core   static cost {rule.costs['price_line']}")
    for name, version in (("domestic_interconnect", 2), ("tolerance_percent", 1), ("set_off", 1)):
        bundle = shipped_bundle(name, version)
        print(f"load {name}/v{version}, {len(bundle)} bytes: {best(lambda b=bundle: load_bundle(b)) * 1e3:.2f} ms")  # type: ignore[misc]


if __name__ == "__main__":
    main()
