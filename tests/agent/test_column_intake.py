"""Bulk and leg by leg are one: the columns say what the executor says, and a file is the same however it is kept."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from settle.agent.intake.control import sidecar_path
from settle.agent.intake.sort import IN, OUT, Setting, sort_records, with_records
from settle.agent.intake.stream import Receipt, Stream
from settle.agent.intake.trunks import TrunkMap
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.record_roots import Salts, record_root
from settle.agent.records import SCHEMA, Service, well_formed
from settle.agent.summarise import InColumns, LineKey, Numbering, Rating, Summary, summarise
from settle.rules.build import shipped_rule
from settle.rules.columns import Columns
from settle.rules.parse import parse_rule
from settle.sample.faults import SETTINGS
from settle.sample.generate import generate
from settle.sample.plan import SamplePlan, domestic_operators
from settle.sample.sealed import VISIBLE, draw_faults
from tests.agent.intake_world import NOW_MS, OWN, PEER, THIRD, frame, record, setting, with_rows
from tests.agent.runtime_world import USAGE

RULES = {
    "MIIT 2014": Rating.of(shipped_rule("domestic_interconnect", 2), {}),
    "before 2014": Rating.of(shipped_rule("domestic_interconnect", 1), {}),
    "flat": Rating.of(shipped_rule("flat_minutes", 1), {"rate_first": 1, "rate_second": 2}),
}
NUMBERING = Numbering(
    own=OWN,
    services={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 4},
    directions={OUT: 0, IN: 1},
    networks={OWN: 1, PEER: 2, THIRD: 3},
)
SPOILING = [cause for cause in VISIBLE if cause.value not in {fault.__struct_config__.tag for fault in SETTINGS}]


def both_ways(legs: pl.LazyFrame, rating: Rating, numbering: Numbering = NUMBERING) -> Summary:
    """The summary of the columns, after the executor has said the same."""
    found, expected = (summarise(legs, each, numbering) for each in (rating, rating.by_executor()))
    assert found.lines == expected.lines
    assert found.uncounted == expected.uncounted
    assert found.rejected.sort("row", "code").equals(expected.rejected.sort("row", "code"))
    return found


# rating

_LEGS = st.lists(
    st.tuples(
        st.sampled_from(["VOICE", "VOICE", "VOICE", "SMS", "MMS", "DATA"]),
        st.sampled_from([("LOCAL", "T-U"), ("T-U", "LOCAL"), ("LOCAL", "T-T"), ("T-T", "LOCAL"), ("T-U", "T-T")]),
        st.sampled_from(["8613900000001", "8615712345678", "8618812345678", "", "15712345678"]),
        st.sampled_from(["8613000000001", "8615712345678", "8618812345678"]),
        st.integers(1, 86_400_000) | st.sampled_from([1, 59_999, 60_000, 60_001]),
        st.integers(1, 2_000_000),
        st.sampled_from(["ANSWERED", "DELIVERED", "SUBMITTED", "FAILED"]),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(drawn=_LEGS, rule=st.sampled_from(sorted(RULES)))
def test_columns_and_executor_give_the_same_lines_and_rejections(drawn: list[tuple[object, ...]], rule: str) -> None:
    rows = []
    for at, (service, trunks, a, b, duration, units, outcome) in enumerate(drawn):
        assert isinstance(trunks, tuple)
        voice = service == "VOICE"
        rows.append(
            record(
                at, service=service, trunk_in=trunks[0], trunk_out=trunks[1], a_number=a, b_number=b,
                duration_ms=duration if voice else 0, units=0 if voice else units, outcome=outcome,
            )
        )  # fmt: skip
    records = with_rows(frame(*rows))
    legs = with_records(sort_records(records, setting()).legs, records.lazy())
    both_ways(legs, RULES[rule])


def test_columns_and_executor_agree_on_a_sample_with_every_fault(tmp_path: Path) -> None:
    codes = [one.code for one in domestic_operators()]
    drawn = draw_faults(4, tuple(combinations(codes, 2)), len(SPOILING), causes=SPOILING)
    assert {fault.__struct_config__.tag for fault in drawn.faults} == {cause.value for cause in SPOILING}
    operators = tuple(replace(one, subscribers=2_000) for one in domestic_operators())
    plan = SamplePlan(
        seed=7, records=6_000, usage_from=USAGE[0], usage_to=USAGE[1], days_per_file=7, operators=operators,
        faults=drawn,
    )  # fmt: skip
    generate(plan, tmp_path / "sample")
    networks = {code: number for number, code in enumerate(codes, 1)}
    for operator in codes:
        numbering = Numbering(operator, NUMBERING.services, NUMBERING.directions, networks)
        legs = pl.concat(stream.legs(receipt) for stream, receipt in _taken(tmp_path / "sample", operator, tmp_path))
        assert both_ways(legs, RULES["MIIT 2014"], numbering).lines


def _taken(folder: Path, operator: str, home: Path) -> list[tuple[Stream, Receipt]]:
    trunks = TrunkMap.load(folder / operator / "trunks.toml")
    judged = Setting(trunks, load_number_plan(), USAGE[0] * 1000, USAGE[1] * 1000)
    found = []
    for file in sorted((folder / operator / "records").glob("*.parquet")):
        name = json.loads(sidecar_path(file).read_bytes())["stream"]
        stream = Stream(home / operator / name, operator=operator, name=name)
        found.append((stream, stream.take(file, judged, now_ms=judged.usage_to_ms).receipt))
    return found


WIDE = """from abci_app.rules.stub import *


def rate_record(
    service: Annotated[int, 1, 4],
    direction: Annotated[int, 0, 1],
    originating: Annotated[int, 0, 9],
    terminating: Annotated[int, 0, 9],
    a_number: Annotated[Digits, 0, 20],
    b_number: Annotated[Digits, 0, 20],
    local: bool,
    duration_ms: Annotated[int, 0, 0],
    units: Annotated[int, 0, 9_007_199_254_740_992],
) -> tuple[
    Annotated[int, "band", 0, 0],
    Annotated[int, "units_billed", 0, 9_007_199_254_740_992],
]:
    return Outcome(band=0, units_billed=units)
"""


def test_sums_beyond_64_bits_are_exact() -> None:
    in_columns = InColumns(Columns(parse_rule(WIDE).program, {}, "rate_record"), {})
    rating = Rating(lambda *arguments: (0, arguments[8]), lambda *_: (0,), {}, in_columns)
    count, most = 1_500, 2**53
    session = {"service": "DATA", "duration_ms": 0, "units": most}
    records = with_rows(frame(*(record(at, **session) for at in range(count))))
    found = both_ways(with_records(sort_records(records, setting()).legs, records.lazy()), rating)
    assert found.lines[LineKey(4, 0, 0)] == (count, count * most, count * most)
    assert count * most > 2**63


def test_a_rating_with_a_simulated_fault_is_a_plain_function_and_takes_the_executors_way() -> None:
    faulty = Rating(lambda *_: (7, 1), lambda *_: (0,))
    records = with_rows(frame(record(1), record(2)))
    found = summarise(with_records(sort_records(records, setting()).legs, records.lazy()), faulty, NUMBERING)
    assert found.lines == {LineKey(1, 0, 7): (2, 122_000, 2)}


# intake


def _delivered(folder: Path, form: str, records: pl.DataFrame) -> Path:
    file = folder / f"in.{form}"
    if form == "parquet":
        records.write_parquet(file)
    else:
        records.write_csv(file)
    totals = {
        "operator": OWN, "stream": form, "sequence": 1, "records": records.height,
        "duration_ms": int(records["duration_ms"].sum()), "units": 0, "sha256": sha256(file.read_bytes()).hexdigest(),
    }  # fmt: skip
    sidecar_path(file).write_text(json.dumps(totals), encoding="utf-8")
    return file


def _take(folder: Path, form: str, records: pl.DataFrame) -> tuple[Stream, Receipt]:
    stream = Stream(folder / form, operator=OWN, name=form)
    return stream, stream.take(_delivered(folder, form, records), setting(), now_ms=NOW_MS).receipt


_MIXED = (
    record(1), record(2, b_number="8615700000001"), record(1), record(3, duration_ms=-5), record(4, trunk_out="T-X"),
    record(5, outcome="FAILED"), record(6, call_id=""), record(7, trunk_in="T-T", trunk_out="T-U"),
)  # fmt: skip


def test_a_parquet_file_of_good_records_is_kept_as_it_came_and_means_what_the_csv_file_means(tmp_path: Path) -> None:
    records = frame(*_MIXED)
    (parquet, one), (csv, other) = (_take(tmp_path, form, records) for form in ("parquet", "csv"))
    kept = (tmp_path / "parquet" / "000001.records.parquet").read_bytes()
    assert sha256(kept).hexdigest() == one.sha256
    apart = {"stream", "file", "sha256"}
    assert one.model_dump(exclude=apart) == other.model_dump(exclude=apart)
    assert parquet.records(one).equals(csv.records(other))
    assert parquet.legs(one).collect().equals(csv.legs(other).collect())
    assert parquet.suspense(one).equals(csv.suspense(other))
    salts = Salts.derive(bytes(32), stream=b"s", sequence=1, content=bytes(32))
    roots = {record_root(stream.records(each).drop("row"), salts) for stream, each in ((parquet, one), (csv, other))}
    assert roots == {record_root(records, salts)}


def test_a_parquet_file_with_a_malformed_row_or_an_absent_text_is_written_anew(tmp_path: Path) -> None:
    malformed = frame(record(1), record(2, b_number="+86"), record(3))
    absent = pl.concat([frame(record(1)), frame(record(2, call_id=None)), frame(record(3))])
    for at, records in enumerate((malformed, absent)):
        folder = tmp_path / str(at)
        folder.mkdir()
        stream, receipt = _take(folder, "parquet", records)
        assert "row" in pl.read_parquet_schema(folder / "parquet" / "000001.records.parquet")
        assert stream.records(receipt)["record_id"].to_list() == (["R1", "R3"] if at == 0 else ["R1", "R2", "R3"])
        legs = stream.legs(receipt).select("row", "record_id").collect()
        assert legs.rows() == ([(1, "R1"), (3, "R3")] if at == 0 else [(1, "R1"), (2, "R2"), (3, "R3")])


def test_a_use_delivered_again_in_a_later_file_is_found_however_the_first_was_kept(tmp_path: Path) -> None:
    for first in ("parquet", "csv"):
        stream = Stream(tmp_path / f"kept {first}", operator=OWN, name="any")
        for sequence, form in enumerate((first, "csv", "parquet"), 1):
            records = frame(record(1, record_id="again" * sequence), record(10 + sequence))
            file = _delivered(tmp_path, form, records)
            sidecar = json.loads(sidecar_path(file).read_bytes()) | {"stream": "any", "sequence": sequence}
            sidecar_path(file).write_text(json.dumps(sidecar), encoding="utf-8")
            receipt = stream.take(file, setting(), now_ms=NOW_MS).receipt
            assert (receipt.settled, receipt.duplicates) == ((2, 0) if sequence == 1 else (1, 1))
        shutil.rmtree(tmp_path / f"kept {first}")


_NUMBERS = st.text(st.sampled_from("0123456789+-_. eE,\t\n\0\u0663\uff11"), max_size=20) | st.from_regex(
    r"[0-9]{0,20}\Z"
)


@settings(max_examples=10, deadline=None)
@given(numbers=st.lists(_NUMBERS, min_size=50, max_size=50))
def test_digits_are_ascii_digits_and_nothing_else(numbers: list[str]) -> None:
    for column, shortest in (("a_number", 0), ("b_number", 1)):
        records = frame(*(record(at, **{column: number}) for at, number in enumerate(numbers)))
        expected = [re.fullmatch(f"[0-9]{{{shortest},18}}", number, re.ASCII) is not None for number in numbers]
        assert records.select(ok=well_formed())["ok"].to_list() == expected


def test_no_column_of_a_record_is_left_out_beside_its_leg() -> None:
    records = with_rows(frame(record(1), record(2, trunk_in="T-T", trunk_out="T-U")))
    found = sort_records(records, setting())
    joined = found.legs.join(records, on="row", how="left", maintain_order="left")
    assert with_records(found.legs, records.lazy()).collect().select(joined.columns).equals(joined)
    assert set(SCHEMA) <= set(joined.columns)
