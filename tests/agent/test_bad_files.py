"""Files that cannot be taken: each refused with what was expected, what came and what to do."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.control import sidecar_path
from settle.agent.intake.mapping import load_mapping
from settle.agent.intake.mappings import FOLDER
from settle.agent.intake.raw import RawFile, read_raw
from settle.agent.intake.read import read_records
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.traffic import RecordFile, read_traffic
from tests.agent.intake_world import NOW_MS, OWN, csv_text, frame, record, setting, stream, write_csv, write_totals

GOOD = csv_text(record(1), record(2), record(3))


def take(tmp_path: Path, file: Path) -> None:
    stream(tmp_path).take(file, setting(), now_ms=NOW_MS)


def refused(tmp_path: Path, content: bytes, name: str = "a.csv") -> BadInput:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(BadInput) as refusal:
        take(tmp_path, file)
    assert stream(tmp_path).receipts() == []
    assert not list((tmp_path / "stream").iterdir())
    assert refusal.value.expected in str(refusal.value)
    assert refusal.value.came in str(refusal.value)
    assert refusal.value.next_step in str(refusal.value)
    return refusal.value


def parquet(records: pl.DataFrame, path: Path) -> bytes:
    records.write_parquet(path)
    return path.read_bytes()


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a readable file"):
        take(tmp_path, tmp_path / "nothing.csv")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, b"").came == "an empty file"


def test_a_file_with_its_header_only_is_a_period_without_traffic(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv")
    assert stream(tmp_path).take(file, setting(), now_ms=NOW_MS).receipt.rows == 0


def test_a_gzip_file_cut_short_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD.encode())
    assert refused(tmp_path, packed[:-10], "a.csv.gz").expected == "a whole gzip file"


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(GOOD.encode()))
    packed[len(packed) // 2] ^= 0xFF
    assert refused(tmp_path, bytes(packed), "a.csv.gz").expected == "a whole gzip file"


def test_a_file_that_ends_inside_a_row_is_refused_when_nothing_else_tells_its_size(tmp_path: Path) -> None:
    refusal = refused(tmp_path, GOOD.encode()[:-3])
    assert refusal.expected == "a line end after the last row"
    assert refusal.row == 3


def test_the_same_is_refused_when_files_are_read_without_an_agent(tmp_path: Path) -> None:
    """Rating by hand would rate a number or duration whose end is missing."""
    file = tmp_path / "a.csv"
    trunks = tmp_path / "trunks.toml"
    trunks.write_text('[[trunk]]\ntrunk = "T-U"\npeer = "CUCC"\n')
    given = [RecordFile(file, OWN, "msc1", trunks)]
    file.write_text(GOOD)
    [whole] = read_traffic(given, load_number_plan())
    assert (whole.rows, whole.legs.height) == (3, 3)
    file.write_text(GOOD[:-2])  # the last cause is 1 instead of 16
    with pytest.raises(BadInput, match="a line end after the last row") as refusal:
        read_traffic(given, load_number_plan())
    assert refusal.value.row == 3


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    whole = parquet(frame(record(1)), tmp_path / "whole")
    assert refused(tmp_path, whole[:-20], "a.parquet").expected == "a whole Parquet file"


def test_parquet_that_aborts_its_reader_is_refused_and_the_agent_lives(tmp_path: Path) -> None:
    whole = parquet(frame(*(record(number) for number in range(200))), tmp_path / "whole")
    chance = random.Random(3)
    for _ in range(6):
        damaged = bytearray(whole)
        for _ in range(40):
            damaged[chance.randrange(4, len(damaged))] = chance.randrange(256)
        assert refused(tmp_path, bytes(damaged), "a.parquet").file == "a.parquet"


def test_a_parquet_file_with_other_types_is_refused(tmp_path: Path) -> None:
    wrong = frame(record(1)).with_columns(pl.col("start_ms").cast(pl.Float64))
    refusal = refused(tmp_path, parquet(wrong, tmp_path / "wrong"), "a.parquet")
    assert (refusal.expected, refusal.came) == ("start_ms Int64", "start_ms Float64")


def test_binary_is_refused(tmp_path: Path) -> None:
    noise = random.Random(5).randbytes(5000)
    assert refused(tmp_path, noise).expected in ("text", "UTF-8 text")


def test_another_encoding_is_refused_with_the_row(tmp_path: Path) -> None:
    latin = csv_text(record(1), record(2, call_id="Zürich"), record(3)).encode("latin-1")
    refusal = refused(tmp_path, latin)
    assert refusal.expected == "UTF-8 text"
    assert refusal.row == 3  # the header is the first line of the file


def test_wrong_columns_are_refused_by_name(tmp_path: Path) -> None:
    refusal = refused(tmp_path, GOOD.replace("duration_ms", "duration_s").encode())
    assert "without duration_ms and with 'duration_s'" in refusal.came


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, GOOD.replace("call_id", "record_id").encode()).came == "record_id more than once"


def test_a_file_of_another_layout_is_refused_rather_than_put_into_suspense_row_by_row(tmp_path: Path) -> None:
    header = GOOD.splitlines()[0]
    refusal = refused(tmp_path, f"{header}\n1|2|3\n4|5|6\n".encode())
    assert "no readable row among 2" in refusal.came


def test_a_quote_that_never_closes_does_not_lose_rows_silently(tmp_path: Path) -> None:
    rows = GOOD.splitlines(keepends=True)
    torn = "".join([rows[0], rows[1], rows[2].replace("R2", '"R2'), rows[3]])
    file = tmp_path / "torn.csv"
    file.write_text(torn)
    write_totals_for(file, records=3)
    with pytest.raises(BadInput):
        take(tmp_path, file)


def write_totals_for(file: Path, records: int) -> None:
    other = file.with_name("whole.csv")
    write_csv(other, record(1), record(2), record(3))
    write_totals(other)
    text = sidecar_path(other).read_text().replace('"records": 3', f'"records": {records}')
    digest, own = read_raw(other).digest.hex(), read_raw(file).digest.hex()
    sidecar_path(file).write_text(text.replace(digest, own))


# control totals


@pytest.mark.parametrize(
    ("changed", "expected", "came"),
    [
        ({"records": 4}, "records 4 by its control totals", "records 3"),
        ({"duration_ms": 1}, "duration_ms 1 by its control totals", "duration_ms 183000"),
        ({"units": 9}, "units 9 by its control totals", "units 0"),
        ({"sequence": 2}, "file 1 of stream msc1 of CMCC", "file 2 of stream msc1 of CMCC"),
        ({"stream": "msc2"}, "file 1 of stream msc1 of CMCC", "file 1 of stream msc2 of CMCC"),
        ({"operator": "CUCC"}, "file 1 of stream msc1 of CMCC", "file 1 of stream msc1 of CUCC"),
    ],
)
def test_a_file_that_differs_from_its_control_totals_is_refused(
    tmp_path: Path, changed: dict[str, object], expected: str, came: str
) -> None:
    file = write_csv(tmp_path / "a.csv", record(1), record(2), record(3))
    write_totals(file, **changed)
    with pytest.raises(BadInput) as refusal:
        take(tmp_path, file)
    assert (refusal.value.expected, refusal.value.came) == (expected, came)
    assert stream(tmp_path).receipts() == []


def test_a_file_changed_after_its_totals_were_written_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1))
    write_totals(file)
    write_csv(file, record(1, duration_ms=61_001))
    with pytest.raises(BadInput, match="sha256"):
        take(tmp_path, file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"operator": "CMCC"}', "\x00\xff"])
def test_unreadable_control_totals_are_refused(tmp_path: Path, text: str) -> None:
    file = write_csv(tmp_path / "a.csv", record(1))
    sidecar_path(file).write_text(text)
    with pytest.raises(BadInput) as refusal:
        take(tmp_path, file)
    assert refusal.value.file == "a.csv.control.json"


# reference files


def _mapping_text(change: Callable[[str], str]) -> str:
    return change((FOLDER / "sip" / "cmcc_export.toml").read_text())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda text: text + "[", "TOML"),
        (lambda text: text.replace("seconds_decimal", "seconds_float"), "fields.duration_ms"),
        (lambda text: text.replace("units = { constant = 0 }\n", ""), "fields.units"),
        (lambda text: text.replace("constant = 0", 'constant = 0, column = "id"'), "exactly one"),
        (lambda text: "header = false\n" + text, "a file without header needs columns"),
        (lambda text: 'columns = ["id"]\n' + text, "not listed"),
        (lambda text: "speed = 1\n" + text, "speed"),
        (lambda text: text.replace('convert = "epoch_seconds"', 'convert = "local_text"'), "utc_offset"),
    ],
)
def test_a_wrong_mapping_file_is_refused_by_its_entry(tmp_path: Path, change: Callable[[str], str], named: str) -> None:
    path = tmp_path / "layout.toml"
    path.write_text(_mapping_text(change))
    with pytest.raises(BadInput) as refusal:
        load_mapping(path)
    assert named in refusal.value.came or named in refusal.value.expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[[trunk]]\ntrunk = "LOCAL"\npeer = "CUCC"\n', "LOCAL is the own side"),
        ('[[trunk]]\ntrunk = "T"\npeer = "A"\nfrom_ms = 5\nto_ms = 5\n', "not before"),
        ('[[trunk]]\ntrunk = "T"\npeer = "A"\nto_ms = 9\n[[trunk]]\ntrunk = "T"\npeer = "B"\nfrom_ms = 8\n', "trunk T"),
        ('[[trunk]]\ntrunk = "T"\n', "peer"),
        ("trunk = 1\n", "trunk"),
    ],
)
def test_a_wrong_trunk_map_is_refused_by_its_entry(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "trunks.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as refusal:
        TrunkMap.load(path)
    assert named in refusal.value.came


def test_a_header_with_a_lone_carriage_return_is_refused() -> None:
    with pytest.raises(BadInput) as refusal:
        read_records(RawFile(Path("x.csv"), bytes(32), b"\r\x01"))
    assert refusal.value.expected == "a header of column names"


# arbitrary bytes


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(min_size=1, max_size=300), st.integers(0, len(GOOD) - 1)), st.randoms(use_true_random=False))
def test_arbitrary_bytes_are_records_or_bad_input_and_nothing_else(damage: bytes | int, chance: random.Random) -> None:
    if isinstance(damage, bytes):
        content = damage
    else:
        broken = bytearray(GOOD.encode())
        for _ in range(chance.randrange(1, 8)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        content = bytes(broken[damage:] if damage % 3 == 0 else broken)
    raw = RawFile(Path("x.csv"), bytes(32), content or b"\n")
    try:
        reading = read_records(raw)
    except BadInput:
        return
    assert reading.rows == reading.records.height + reading.malformed.height + reading.left_out
