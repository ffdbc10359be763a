"""The three SIP switches' own records through the intake, held against the published table."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from settle.agent.intake import mappings
from settle.agent.intake.convert import from_local_text, from_low_julian_day
from settle.agent.intake.mapping import load_mapping
from settle.agent.intake.raw import read_raw
from settle.agent.intake.read import read_records
from settle.agent.intake.sort import Setting, split_legs
from settle.agent.intake.stream import Stream
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from tests.support.sip import DATA, FILES, TABLE, A, B, C, Leg, Legs, legs_of, matched_by_call_id

SIP = mappings.FOLDER / "sip"
FROM_MS, TO_MS = 1_795_534_200_000, 1_795_537_800_000  # 2026-11-24 15:30 to 16:30 UTC


def fen_a_minute(leg: Leg) -> int:
    """MIIT 2013-506: 0.06 CNY a minute, 0.04 towards China Mobile."""
    return 4 if leg[1] == A else 6


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def setting(operator: str) -> Setting:
    return Setting(TrunkMap.load(SIP / f"{operator.lower()}_trunks.toml"), load_number_plan(), FROM_MS, TO_MS)


def taken(folder: Path, operator: str, files: list[Path], layout: str) -> Stream:
    stream = Stream(folder, operator=operator, name=f"{operator} switch")
    mapping = load_mapping(SIP / f"{operator.lower()}_{layout}.toml")
    for file in files:
        stream.take(file, setting(operator), now_ms=TO_MS, mapping=mapping)
    return stream


def minutes(legs: pl.DataFrame) -> int:
    return int(((legs["duration_ms"] + 59_999) // 60_000).sum())


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stream]:
    return {name: taken(tmp_path_factory.mktemp(name), name, files, "export") for name, files in FILES.items()}


@pytest.fixture(scope="module")
def legs(streams: dict[str, Stream]) -> Legs:
    return legs_of({owner: [(stream, each) for each in stream.receipts()] for owner, stream in streams.items()})


@pytest.mark.parametrize("leg", TABLE)
def test_each_side_counts_what_the_table_says(legs: Legs, leg: Leg) -> None:
    calls, _, _, seconds, whole_minutes, money = TABLE[leg]
    for side, owner in enumerate(leg):
        own = legs[owner, *leg]
        assert own.height == calls[side]
        assert (own["duration_ms"].sum() + 500) // 1000 == seconds[side]
        assert minutes(own) == whole_minutes[side]
        assert yuan(minutes(own) * fen_a_minute(leg)) == money[side]


@pytest.mark.parametrize("leg", TABLE)
def test_calls_match_by_call_id_as_the_table_says(legs: Legs, leg: Leg) -> None:
    _, matched, only, *_ = TABLE[leg]
    assert matched_by_call_id(legs, leg) == (matched, only)


def test_a_delivered_file_with_copies_settles_each_call_once(tmp_path: Path) -> None:
    file = DATA / "opA" / "delivered_cdrs.csv.gz"
    stream = taken(tmp_path, A, [file], "delivered")
    (receipt,) = stream.receipts()
    assert receipt.duplicates == 2358
    assert receipt.accounted() == receipt.rows == 21_083
    to_b = stream.legs(receipt).collect().filter((pl.col("direction") == "OUT") & (pl.col("peer") == B))
    assert (minutes(to_b), yuan(minutes(to_b) * 6)) == (6340, "380.40")

    every_row = read_records(read_raw(file), load_mapping(SIP / "cmcc_delivered.toml")).records
    answered = every_row.filter(pl.col("outcome") == "ANSWERED")
    with_copies = split_legs(answered, setting(A).trunks).filter((pl.col("direction") == "OUT") & (pl.col("peer") == B))
    copied = with_copies.join(answered, on="row")
    assert (minutes(copied), yuan(minutes(copied) * 6)) == (7033, "421.98")


def test_delivered_and_exported_records_of_one_switch_are_the_same_calls(
    tmp_path: Path, streams: dict[str, Stream]
) -> None:
    delivered = taken(tmp_path, A, [DATA / "opA" / "delivered_cdrs.csv.gz"], "delivered")
    columns = ("call_id", "trunk_out", "start_ms", "duration_ms")
    (export,), (merged,) = streams[A].receipts(), delivered.receipts()
    exported = streams[A].legs(export).select(columns).collect()
    through_mediation = delivered.legs(merged).select(columns).collect()
    only_merged = through_mediation.join(exported, on=columns, how="anti")
    assert only_merged.height == 7  # of the ten rows the database lost: not two failed and one on-net
    assert exported.join(through_mediation, on=columns, how="anti").height == 0


def test_a_transit_call_is_two_legs(streams: dict[str, Stream]) -> None:
    stream = streams[C]
    by_record: dict[int, set[tuple[str, str]]] = defaultdict(set)
    (receipt,) = stream.receipts()
    for row, direction, peer in stream.legs(receipt).select("row", "direction", "peer").collect().iter_rows():
        by_record[row].add((direction, peer))
    assert sum(sides == {("IN", A), ("OUT", B)} for sides in by_record.values()) == 508


def test_no_row_of_any_switch_is_lost(streams: dict[str, Stream]) -> None:
    for owner, stream in streams.items():
        for receipt in stream.receipts():
            assert receipt.accounted() == receipt.rows
            assert not receipt.suspense
            assert not receipt.checked
        assert sum(receipt.rows for receipt in stream.receipts()) == {A: 18_715, B: 11_674, C: 4824}[owner]


def test_julian_days_stored_half_a_second_low_give_the_second_that_mediation_wrote_as_text() -> None:
    exported = pl.read_csv(read_raw(DATA / "opA" / "acc_cdrs.csv.gz").content, infer_schema=False)
    delivered = pl.read_csv(read_raw(DATA / "opA" / "delivered_cdrs.csv.gz").content, infer_schema=False)
    both = exported.join(delivered, left_on="id", right_on="rec_id").select(
        from_low_julian_day(pl.col("start_time")).alias("from_julian"),
        from_local_text(480)(pl.col("start_time_right")).alias("from_text"),
    )
    assert both.height == 18_715
    assert both.filter(pl.col("from_julian") != pl.col("from_text")).height == 0
