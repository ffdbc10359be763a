"""The reference rule, domestic_interconnect/v2, in its three back ends beside plain Python and Polars alone, and
how long a rule takes to load: `python -m benchmarks.rules [--records N] [--rounds N]`.

All of it in one run and in turn. Plain Python is the same rule as a programmer would write it by hand, in integers;
Polars alone scans, joins and groups the same file into the same lines without any rule, which is what no rule over
columns goes below. Results are compared before anything is timed. Rates are of process CPU over all threads: calls
or records a second a core.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple, TypeAlias

import polars as pl

from abci_app.rules.bundle import LoadedRule, load_bundle
from benchmarks.turns import cpu_of, in_turn, ratio
from settle.rules.build import shipped_bundle, shipped_rule
from settle.rules.columns import REJECTION, Columns
from settle.rules.explain import explain

SERIES = ("157", "188", "86157", "86188")
LOADED = (("domestic_interconnect", 2), ("international_voice", 1), ("tolerance_percent", 2), ("set_off", 1))
"""The rules whose loading is measured: the reference rule, a large one, two small ones."""
EXPLAINED = 200
"""Explaining is slow: so many records are enough."""
GOAL_COLUMNS, GOAL_LOAD_MS = 4_000_000, 20
Record: TypeAlias = tuple[int, int, int, int, str, str, bool, int, int]
Line: TypeAlias = tuple[int, int, int, int, int, int, int, int]
GROUP = ("service", "originating", "terminating", "band")


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
    """rate_record as a Python programmer would write it."""
    if service != 1:
        return 0, units
    billed = (duration_ms + 59_999) // 60_000 * 60_000
    if terminating == 1 and b_number.startswith(SERIES):
        return 1, billed
    return 0, billed


class PlainPrices:
    """price_line as a Python programmer would write it."""

    def __init__(self, rates: dict[tuple[int, ...], int]) -> None:
        self._rates = rates

    def price_line(
        self,
        service: int,
        direction: int,
        band: int,
        calls: int,
        units_actual: int,
        units_billed: int,
        originating: int,
        terminating: int,
    ) -> tuple[int]:
        """10^-6 CNY, rounded half up. LookupError or ValueError where the rule rejects."""
        nano = self._rates[service, originating, terminating, band]
        if service == 1:
            return ((units_billed * nano + 30_000_000) // 60_000_000,)
        if units_billed > 1_000_000_000_000:
            raise ValueError("TOO_MANY_MESSAGES")
        return ((units_billed * nano + 500) // 1000,)


def records(count: int) -> list[Record]:
    """Calls and some messages between two networks, the same every time."""
    chance = Random(506)
    drawn: list[Record] = []
    for _ in range(count):
        service = chance.choice((1, 1, 1, 1, 2))
        sender, receiver = chance.choice(((1, 2), (2, 1)))
        a, b = (f"861{chance.choice((38, 57, 88, 30, 86))}{chance.randrange(10**8):08}" for _ in range(2))
        duration = chance.randrange(1, 600_000) if service == 1 else 0
        drawn.append((service, sender - 1, sender, receiver, a, b, False, duration, int(service != 1)))
    return drawn


def lines(rated: list[tuple[Record, tuple[int, int]]]) -> list[Line]:
    """A line to price for every record, of between one and a thousand times its units."""
    chance = Random(2013)
    found = []
    for record, (band, billed) in rated:
        service, direction, originating, terminating, *_ = record
        calls = chance.randrange(1, 1_000)
        actual = (record[7] if service == 1 else record[8]) * calls
        found.append((service, direction, band, calls, actual, billed * calls, originating, terminating))
    return found


class Reference(NamedTuple):
    """The loaded rule and what it is measured on."""

    rule: LoadedRule
    records: list[Record]
    lines: list[Line]
    prices: PlainPrices


def reference(count: int) -> Reference:
    """The reference rule with so many records and lines, after it and plain Python have given the same for all."""
    rule = shipped_rule("domestic_interconnect", 2)
    rows = records(count)
    rated = [rule.call("rate_record", *row) for row in rows]
    assert rated == [plain_rate_record(*row) for row in rows], "the rule and plain Python rate differently"
    to_price = lines([(row, (int(band), int(billed))) for row, (band, billed) in zip(rows, rated, strict=True)])
    prices = PlainPrices({tuple(map(int, row[:4])): int(row[4]) for row in rule.tables["RATES"].rows})
    priced = [rule.call("price_line", *line) for line in to_price]
    assert priced == [prices.price_line(*line) for line in to_price], "the rule and plain Python price differently"
    assert [rule.functions["price_line"](*line) for line in to_price] == priced
    return Reference(rule, rows, to_price, prices)


def frame(rule: LoadedRule, rows: list[Record]) -> pl.DataFrame:
    """The records as columns named as the parameters."""
    names = [one.name for one in rule.program.functions[0].parameters]
    return pl.DataFrame(rows, schema=names, orient="row")


def raw_lines(file: Path) -> pl.DataFrame:
    """Polars at its best with the file: scan, cut and join a prefix, group. A band is the join's; no rule runs."""
    series = pl.LazyFrame({"prefix": [one for one in SERIES if len(one) == 5], "band": [1, 1]})
    prefixed = pl.scan_parquet(file).with_columns(prefix=pl.col("b_number").str.slice(0, 5))
    joined = prefixed.join(series, on="prefix", how="left")
    voice = pl.col("service") == 1
    hit = pl.when(voice & (pl.col("terminating") == 1)).then(pl.col("band")).fill_null(0)
    started = (pl.col("duration_ms") + 59_999) // 60_000 * 60_000
    billed = pl.when(voice).then(started).otherwise("units")
    kept = joined.select(*GROUP[:3], band=hit, billed=billed)
    return kept.group_by(GROUP).agg(calls=pl.len(), units_billed=pl.col("billed").sum()).collect()


def ruled_lines(columns: Columns, file: Path) -> pl.DataFrame:
    """The same lines by the rule over columns: read, rate, group."""
    read = pl.read_parquet(file)
    return _grouped(read.select(GROUP[:3]).hstack(columns.run(read)))


def executed_lines(rule: LoadedRule, file: Path) -> pl.DataFrame:
    """The same lines by the executor, a record at a time."""
    rate, read = rule.functions["rate_record"], pl.read_parquet(file)
    rated = pl.DataFrame([rate(*row) for row in read.iter_rows()], schema=["band", "units_billed"], orient="row")
    return _grouped(read.select(GROUP[:3]).hstack(rated))


def _grouped(rated: pl.DataFrame) -> pl.DataFrame:
    return rated.group_by(GROUP).agg(calls=pl.len(), units_billed=pl.col("units_billed").sum())


def show_calls(given: Reference, rounds: int) -> None:
    """A call at a time: the executor as the agent runs it, as the chain calls it with its arguments checked, the
    explanation, and plain Python."""
    rule, plain = given.rule, {"rate_record": plain_rate_record, "price_line": given.prices.price_line}
    print(f"{'calls/s a core':16}{'plain Python':>14}{'executor':>12}{'of plain':>9}{'checked':>10}{'explained':>12}")
    for entry, calls in (("rate_record", given.records), ("price_line", given.lines)):
        few = calls[:EXPLAINED]
        for cells in few:
            assert tuple(explain(rule, entry, *cells).results) == plain[entry](*cells), "explained differently"
        contenders = {
            "plain": cpu_of(_over(plain[entry], calls)),
            "executor": cpu_of(_over(rule.functions[entry], calls)),
            "checked": cpu_of(_over(lambda *cells, entry=entry: rule.call(entry, *cells), calls)),
            "explained": cpu_of(_over(lambda *cells, entry=entry: explain(rule, entry, *cells), few)),
        }
        seconds = in_turn(contenders, rounds)
        rates = {name: len(few if name == "explained" else calls) / median(one) for name, one in seconds.items()}
        print(
            f"{entry:16}{rates['plain']:>14,.0f}{rates['executor']:>12,.0f}"
            f"{ratio(seconds['executor'], seconds['plain']):>8.2f}x"
            f"{rates['checked']:>10,.0f}{rates['explained']:>12,.0f}"
        )


def _over(call: Callable[..., object], calls: list[Record] | list[Line]) -> Callable[[], object]:
    return lambda: [call(*cells) for cells in calls]


def show_columns(given: Reference, height: int, rounds: int) -> None:
    """Records into lines from one Parquet file, and the rule alone on records in memory."""
    rule = given.rule
    columns, small = Columns.of_rule(rule, "rate_record"), frame(rule, given.records)
    rated = columns.run(small)
    assert rated[REJECTION].null_count() == rated.height
    assert [row[:2] for row in rated.iter_rows()] == [rule.functions["rate_record"](*row) for row in given.records]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "records.parquet"
        memory = pl.concat([small] * max(1, height // small.height)).rechunk()
        memory.write_parquet(file)
        alone = raw_lines(file).sort(GROUP)
        for same in (ruled_lines(columns, file), executed_lines(rule, file)):
            assert same.sort(GROUP).rows() == alone.rows(), "the lines differ from those of Polars alone"
        work: Mapping[str, Callable[[], object]] = {
            "Polars alone: scan, join, group": lambda: raw_lines(file),
            "columns: read, rate, group": lambda: ruled_lines(columns, file),
            "executor: read, rate, group": lambda: executed_lines(rule, file),
            "columns, in memory, rate only": lambda: columns.run(memory),
        }
        seconds = in_turn({name: cpu_of(one) for name, one in work.items()}, rounds)
    base = next(iter(seconds.values()))
    print(f"\n{f'{memory.height:,} records':34}{'records/s a core':>18}{'of Polars alone':>18}")
    for name, each in seconds.items():
        print(f"{name:34}{memory.height / median(each):>18,.0f}{ratio(each, base):>17.2f}x")
    reached = memory.height / median(seconds["columns, in memory, rate only"]) / GOAL_COLUMNS
    print(f"of the goal of {GOAL_COLUMNS:,} records/s a core in memory: {reached:.2f}x")


def show_loading(rounds: int) -> None:
    """From a bundle's bytes to functions that can be called: decoding, checks, tables, compilation, its vectors."""
    bundles = {f"{name}/v{version}": shipped_bundle(name, version) for name, version in LOADED}
    seconds = in_turn({name: cpu_of(lambda raw=raw: load_bundle(raw)) for name, raw in bundles.items()}, 4 * rounds)
    print(f"\n{'bundle to callable':34}{'bytes':>10}{'ms':>10}   goal {GOAL_LOAD_MS} ms")
    for name, each in seconds.items():
        print(f"{name:34}{len(bundles[name]):>10,}{median(each) * 1e3:>10.2f}")


def main() -> None:
    """Measure in one run, so that the ratios hold on a busy machine too."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=100_000, help="records that are called one by one")
    options.add_argument("--height", type=int, default=1_000_000, help="records of the file, the same repeated")
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    found = reference(given.records)
    print(f"{given.records:,} records and lines, medians of {given.rounds} rounds in turn, ", end="")
    print(f"Polars threads {pl.thread_pool_size()}\n")
    show_calls(found, given.rounds)
    show_columns(found, given.height, given.rounds)
    show_loading(given.rounds)


if __name__ == "__main__":
    main()
