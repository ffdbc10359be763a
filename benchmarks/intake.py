"""Intake to anchored root and rated lines: records a second of process CPU (`python benchmarks/intake.py`).

The path is the agent's own: a canonical file with control totals is checked, sorted and stored (durably), its
salted record root computed, its legs rated by the shipped rule of 2014 and summed into lines. CPU time is that of
all threads of this process. The goal is 150,000 records a second; durations are in milliseconds, so hardly two
legs are alike and the rule is called for nearly every one.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import polars as pl

from abci_app.rules.bundle import load_bundle
from settle.agent.intake.control import sidecar_path
from settle.agent.intake.sort import IN, OUT, Setting
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.intake.trunks import Trunk, TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.record_roots import Salts, record_root
from settle.agent.records import SCHEMA, Service
from settle.agent.summarise import Numbering, Rating, Summary, summarise
from settle.rules.build import build_bundle
from settle.rules.plugin import SHIPPED

GOAL = 150_000
FROM_MS = 1_767_225_600_000  # 2026-01-01
MONTH_MS = 31 * 86_400_000
PEERS = {"T1": "CUCC", "T2": "CTCC", "T3": "CUCC"}
T = TypeVar("T")


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


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result, and the seconds of process CPU that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def one_round(file: Path, form: str, folder: Path, setting: Setting, rating: Rating) -> dict[str, float]:
    """Seconds of CPU by stage for one file."""
    numbering = Numbering(
        own="CMCC",
        services={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 4},
        directions={OUT: 0, IN: 1},
        networks={"CMCC": 1, "CUCC": 2, "CTCC": 3},
        head_digits=8,
    )
    stream = Stream(folder, operator="CMCC", name=form)

    def take() -> Receipt:
        return stream.take(file, setting, now_ms=FROM_MS + MONTH_MS).receipt

    def root(receipt: Receipt) -> bytes:
        salts = Salts.derive(bytes(32), stream=b"CMCC", sequence=1, content=bytes.fromhex(receipt.sha256))
        return record_root(stream.records(receipt), salts)

    def rate(receipt: Receipt) -> Summary:
        return summarise(stream.legs(receipt), rating, numbering)

    receipt, taking = timed(take)
    assert receipt.checked
    assert receipt.accounted() == receipt.rows == receipt.records
    _, rooting = timed(lambda: root(receipt))
    summary, summing = timed(lambda: rate(receipt))
    assert sum(line.calls for line in summary.lines.values()) == receipt.legs
    return {"take": taking, "record root": rooting, "rate and sum": summing}


def main() -> None:
    """Prints one table: microseconds of CPU a record by stage, records a second of CPU over the whole path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best round counts")
    options = parser.parse_args()
    records = synthetic(options.records)
    setting = Setting(
        TrunkMap(tuple(Trunk(trunk=trunk, peer=peer) for trunk, peer in PEERS.items())),
        load_number_plan(),
        FROM_MS,
        FROM_MS + MONTH_MS,
    )
    rating = Rating.of(load_bundle(build_bundle(SHIPPED / "domestic_interconnect" / "v2")), {})
    print(f"{options.records:,} records, best of {options.rounds} rounds, Polars threads {pl.thread_pool_size()}")
    print(f"{'form':8}{'take':>10}{'root':>10}{'rate':>10}{'all':>10}  records/s of CPU  of the goal")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        records.write_csv(folder / "records.csv")
        records.write_parquet(folder / "records.parquet")
        for form in ("csv", "parquet"):
            file = folder / f"records.{form}"
            write_totals(file, records, form)
            rounds = [
                one_round(file, form, folder / f"{form}{number}", setting, rating) for number in range(options.rounds)
            ]
            best = min(rounds, key=lambda stages: sum(stages.values()))
            whole = sum(best.values())
            cells = "".join(f"{seconds / options.records * 1e6:>8.2f}us" for seconds in (*best.values(), whole))
            speed = options.records / whole
            print(f"{form:8}{cells}{speed:>18,.0f}{speed / GOAL:>12.2f}x")


if __name__ == "__main__":
    main()
