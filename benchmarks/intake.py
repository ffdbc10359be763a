"""Intake to anchored root and rated lines: records a second of process CPU (`python -m benchmarks.intake`).

The path is the agent's own: a canonical file with control totals is checked, sorted and stored (durably), its
salted record root computed, its legs rated in columns by the shipped rule of 2014 and summed into lines. CPU time
is that of all threads of this process. Beside it, in turn and on the same file: the same with the executor, where
hardly two legs are alike, so that the rule is called for nearly every one; the same as a plain Python program
would do it; and what Polars alone needs to scan, join and group, with no check, nothing stored and no root.
"""

from __future__ import annotations

import argparse
import csv
import hmac
import json
import random
import tempfile
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import polars as pl

from abci_app.kernel.merkle import node
from benchmarks.rules import SERIES
from benchmarks.turns import cpu_of, in_turn, timed
from settle.agent.intake.control import sidecar_path
from settle.agent.intake.sort import IN, OUT, Setting
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.intake.trunks import Trunk, TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.record_roots import Salts, record_root
from settle.agent.records import SCHEMA, Service
from settle.agent.summarise import LineKey, Numbering, Quantities, Rating, Summary, summarise
from settle.rules.build import shipped_rule

GOAL = 1_000_000
FROM_MS = 1_767_225_600_000  # 2026-01-01
MONTH_MS = 31 * 86_400_000
PEERS = {"T1": "CUCC", "T2": "CTCC", "T3": "CUCC"}
NUMBERING = Numbering(
    own="CMCC",
    services={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 4},
    directions={OUT: 0, IN: 1},
    networks={"CMCC": 1, "CUCC": 2, "CTCC": 3},
)
PLAIN = "plain Python, csv"
Lines = dict[LineKey, Quantities]


class Stages(NamedTuple):
    """Seconds of CPU by stage of one file."""

    take: float
    root: float
    rate: float


def synthetic(count: int) -> pl.DataFrame:
    """A month of calls in and out over three trunks: log-normal durations with mean 137 s, 6 % not answered."""
    chance = random.Random(1)

    def numbers() -> list[str]:
        heads = ("86139", "86138", "86130", "86189", "86157", "86188", "86133")
        return [f"{chance.choice(heads)}{chance.randrange(10**8):08d}" for _ in range(count)]

    outward = [chance.random() < 0.5 for _ in range(count)]
    trunks = [chance.choice(tuple(PEERS)) for _ in range(count)]
    answered = [chance.random() < 0.94 for _ in range(count)]
    columns = {
        "record_id": [f"CMCC-MSC1-{number:09d}" for number in range(count)],
        "call_id": [f"{chance.randrange(2**48):012x}" for _ in range(count)],
        "service": ["VOICE"] * count,
        "trunk_in": ["LOCAL" if out else trunk for out, trunk in zip(outward, trunks, strict=True)],
        "trunk_out": [trunk if out else "LOCAL" for out, trunk in zip(outward, trunks, strict=True)],
        "a_number": numbers(),
        "b_number": numbers(),
        "start_ms": [FROM_MS + chance.randrange(MONTH_MS) for _ in range(count)],
        "duration_ms": [int(1000 * chance.lognormvariate(4.3, 1.1)) if good else 0 for good in answered],
        "units": [0] * count,
        "outcome": ["ANSWERED" if good else "FAILED" for good in answered],
        "cause": [16 if good else 17 for good in answered],
    }
    return pl.DataFrame(columns, schema=SCHEMA)


def write_totals(file: Path, records: pl.DataFrame, stream: str) -> None:
    """The sender's control totals beside a file."""
    totals = {
        "operator": "CMCC",
        "stream": stream,
        "sequence": 1,
        "records": records.height,
        "duration_ms": int(records["duration_ms"].sum()),
        "units": 0,
        "sha256": sha256(file.read_bytes()).hexdigest(),
    }
    sidecar_path(file).write_text(json.dumps(totals), encoding="utf-8")


def one_round(file: Path, form: str, folder: Path, setting: Setting, rating: Rating) -> tuple[Stages, Lines]:
    """The agent's path over one file: the stages, and the lines of all peers together."""
    stream = Stream(folder, operator="CMCC", name=form)

    def take() -> Receipt:
        return stream.take(file, setting, now_ms=FROM_MS + MONTH_MS).receipt

    def root(receipt: Receipt) -> bytes:
        salts = Salts.derive(bytes(32), stream=b"CMCC", sequence=1, content=bytes.fromhex(receipt.sha256))
        return record_root(stream.records(receipt).drop("row"), salts)

    def rate(receipt: Receipt) -> Summary:
        return summarise(stream.legs(receipt), rating, NUMBERING)

    receipt, taking = timed(take)
    assert receipt.checked
    assert receipt.accounted() == receipt.rows == receipt.records
    found, rooting = timed(lambda: root(receipt))
    assert len(found) == 32
    summary, summing = timed(lambda: rate(receipt))
    assert sum(line.calls for line in summary.lines.values()) == receipt.legs
    return Stages(taking, rooting, summing), dict(summary.lines)


def plain_python(file: Path) -> tuple[bytes, Lines]:
    """The root and the lines of a CSV file as a Python programmer would write it: no checks, nothing stored."""
    key = hmac.digest(bytes(32), file.name.encode(), "sha256")
    level: list[bytes] = []
    sums: dict[LineKey, list[int]] = {}
    with file.open(newline="") as text:
        rows = csv.reader(text)
        next(rows)
        for at, row in enumerate(rows):
            salt = sha256(key + at.to_bytes(8, "big")).digest()
            level.append(sha256(b"\x00" + sha256(salt + "\x1f".join(row).encode()).digest()).digest())
            duration = int(row[8])
            if row[10] != "ANSWERED" or not duration:
                continue
            outward = row[4] in PEERS
            own = not outward and row[6].startswith(SERIES)
            line = sums.setdefault(LineKey(1, 0 if outward else 1, int(own)), [0, 0, 0])
            line[0] += 1
            line[1] += duration
            line[2] += -(-duration // 60_000) * 60_000
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [node(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
    return level[0], {key: Quantities(*found) for key, found in sums.items()}


def raw_polars(file: Path) -> pl.DataFrame:
    """Polars at its best with the same file: scan, join the trunks, cut and join a prefix, group."""
    trunks = pl.LazyFrame({"trunk": list(PEERS), "peer": list(PEERS.values())})
    series = pl.LazyFrame({"prefix": [one for one in SERIES if len(one) == 5], "own": [True, True]})
    outward = pl.col("trunk_out") != "LOCAL"
    answered = pl.scan_parquet(file).filter((pl.col("outcome") == "ANSWERED") & (pl.col("duration_ms") > 0))
    sides = answered.select(
        outward.alias("outward"),
        pl.when(outward).then("trunk_out").otherwise("trunk_in").alias("trunk"),
        pl.col("b_number").str.slice(0, 5).alias("prefix"),
        "duration_ms",
    )
    joined = sides.join(trunks, on="trunk").join(series, on="prefix", how="left")
    billed = ((pl.col("duration_ms") + 59_999) // 60_000 * 60_000).sum().alias("billed")
    return joined.group_by("outward", "peer", "own").agg(pl.len(), pl.col("duration_ms").sum(), billed).collect()


def hashing_alone(count: int) -> None:
    """The four SHA-256 of a record (salt, digest, leaf, node) at their lengths: no path by hashlib goes below."""
    salt, record, leaf, inner = (bytes(length) for length in (40, 168, 33, 65))
    for _ in range(count):
        sha256(salt).digest()
        sha256(record).digest()
        sha256(leaf).digest()
        sha256(inner).digest()


def speed(name: str, count: int, seconds: Stages | float, beside: float | None = None) -> str:
    """A line of the table: microseconds a record by stage and together, records a second, the ratio."""
    stages = seconds if isinstance(seconds, Stages) else ()
    whole = sum(seconds) if isinstance(seconds, Stages) else seconds
    cells = "".join(f"{one / count * 1e6:>8.2f}us" for one in (*stages, whole)).rjust(40)
    ratio = f"{beside / whole:>9.2f}x" if beside else ""
    return f"{name:26}{cells}{count / whole:>18,.0f}{ratio}"


def main() -> None:
    """Prints one table: microseconds of CPU a record by stage, records a second of CPU over the whole path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best round counts")
    options = parser.parse_args()
    count = options.records
    records = synthetic(count)
    trunks = TrunkMap(tuple(Trunk(trunk=trunk, peer=peer) for trunk, peer in PEERS.items()))
    setting = Setting(trunks, load_number_plan(), FROM_MS, FROM_MS + MONTH_MS)
    columns = Rating.of(shipped_rule("domestic_interconnect", 2), {})
    ways = {"in columns": columns, "by the executor": columns.by_executor()}
    measured: dict[str, list[Stages]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = {form: folder / f"records.{form}" for form in ("parquet", "csv")}
        records.write_parquet(files["parquet"])
        records.write_csv(files["csv"])
        for form, file in files.items():
            write_totals(file, records, form)
        _, lines = plain_python(files["csv"])

        def path(form: str, way: str) -> float:
            rounds = measured.setdefault(f"{form}, {way}", [])
            fresh = folder / f"{form} {way} {len(rounds)}"
            stages, found = one_round(files[form], form, fresh, setting, ways[way])
            assert found == lines, "the path and plain Python differ"
            rounds.append(stages)
            return sum(stages)

        apart = {
            PLAIN: cpu_of(lambda: plain_python(files["csv"])),
            "Polars alone, parquet": cpu_of(lambda: raw_polars(files["parquet"])),
            "the root's SHA-256": cpu_of(lambda: hashing_alone(count)),
        }
        paths = {f"{form}, {way}": partial(path, form, way) for form in files for way in ways}
        seconds = in_turn({**apart, **paths}, options.rounds)
    print(f"{count:,} records, best of {options.rounds} rounds in turn, Polars threads {pl.thread_pool_size()}")
    print(f"{'':26}{'take':>10}{'root':>10}{'rate':>10}{'all':>10}  records/s of CPU    of plain Python")
    for name in paths:
        print(speed(name, count, min(measured[name], key=sum), min(seconds[PLAIN])))
    for name in apart:
        print(speed(name, count, min(seconds[name])))
    best = sum(min(measured["parquet, in columns"], key=sum))
    print(f"of the goal of {GOAL:,} records/s a core: {count / best / GOAL:.2f}x")


if __name__ == "__main__":
    main()
