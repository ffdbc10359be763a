"""Conversions of foreign layouts: exact, and null instead of a guess."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settle.agent.intake import convert
from settle.agent.intake.mapping import Mapping
from settle.agent.intake.raw import RawFile
from settle.agent.intake.read import Reading, read_records
from tests.agent.intake_world import FROM_MS


def one(conversion: convert.Conversion, text: str | None) -> int | None:
    value = pl.DataFrame({"x": [text]}, schema={"x": pl.String}).select(conversion(pl.col("x")))["x"][0]
    return None if value is None else int(value)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0), ("0.0", 0), ("0.000000", 0), ("3.579", 3579), ("7.62", 7620), ("199.846000", 199_846),
        ("1795534458.538934", 1_795_534_458_538), ("-1.5", -1500), ("-0.25", -250), ("12.", 12_000),
        ("1.0009", 1000), ("4.35", 4350), ("1.1", 1100),
        ("", None), (None, None), ("1e3", None), ("1,5", None), (".5", None), ("+1", None), ("NaN", None),
    ],
)  # fmt: skip
def test_decimal_seconds_become_milliseconds_without_floating_point(text: str | None, milliseconds: int | None) -> None:
    assert one(convert.from_decimal_seconds, text) == milliseconds


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6, allow_nan=False, allow_infinity=False))
def test_decimal_seconds_agree_with_decimal_arithmetic(seconds: Decimal) -> None:
    assert one(convert.from_decimal_seconds, f"{seconds:f}") == int(seconds * 1000)


@given(st.integers(0, 4_000_000_000), st.integers(7, 9))
def test_a_second_stored_half_a_second_low_as_julian_day_comes_back(second: int, places: int) -> None:
    stored = Decimal("2440587.5") + (Decimal(second) - Decimal("0.5")) / 86_400
    text = str(stored.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN))
    assert one(convert.from_low_julian_day, text) == second * 1000


@pytest.mark.parametrize("text", ["", "2461369,5", "24613690.1", "day", "-2461369.5"])
def test_what_is_no_julian_day_gives_nothing(text: str) -> None:
    assert one(convert.from_low_julian_day, text) is None


@given(st.integers(30_000_000, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_local_text_at_a_fixed_offset_is_the_instant(second: int, offset: int) -> None:
    local = datetime.fromtimestamp(second, timezone(timedelta(minutes=offset)))
    instant = second * 1000
    for form in ("%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        assert one(convert.from_local_text(offset), local.strftime(form)) == instant


@pytest.mark.parametrize("text", ["20260230000000", "2026-01-01", "20260101250000", "x"])
def test_what_is_no_local_time_gives_nothing(text: str) -> None:
    assert one(convert.from_local_text(0), text) is None


def mapping(**changed: object) -> Mapping:
    base: dict[str, object] = {
        "name": "a switch",
        "delimiter": ";",
        "header": False,
        "columns": ["id", "from", "to", "begin", "seconds", "code"],
        "fields": {
            "record_id": {"column": "id"},
            "call_id": {"constant": ""},
            "service": {"constant": "VOICE"},
            "trunk_in": {"constant": "LOCAL"},
            "trunk_out": {"constant": "T-U"},
            "a_number": {"column": "from"},
            "b_number": {"column": "to"},
            "start_ms": {"column": "begin", "convert": "epoch_ms"},
            "duration_ms": {"column": "seconds", "convert": "seconds_decimal"},
            "units": {"constant": 0},
            "outcome": {"column": "code", "convert": "values", "values": {"16": "ANSWERED", "17": "FAILED"}},
            "cause": {"column": "code", "convert": "integer"},
        },
    }
    return Mapping.model_validate({**base, **changed})


def read(text: str, **changed: object) -> Reading:
    return read_records(RawFile(Path("x"), bytes(32), text.encode()), mapping(**changed))


ROW = f"1;8613900000001;8613000000001;{FROM_MS};61.5;16\n"


def test_a_file_without_header_is_read_by_position() -> None:
    (found,) = read(ROW).records.drop("row").rows(named=True)
    assert (found["record_id"], found["duration_ms"], found["outcome"], found["cause"]) == ("1", 61_500, "ANSWERED", 16)


def test_a_value_that_the_map_does_not_list_is_malformed_with_the_files_own_text() -> None:
    reading = read(ROW + ROW.replace(";16", ";99"))
    assert reading.records.height == 1
    (fault,) = reading.malformed["fault"]
    assert fault == "outcome: expected one of ANSWERED, FAILED, DELIVERED, SUBMITTED, came 99"
    assert reading.malformed["raw"].to_list() == [f"1|8613900000001|8613000000001|{FROM_MS}|61.5|99"]


def test_failed_calls_are_kept_or_left_out_as_the_mapping_says_and_counted_either_way() -> None:
    text = ROW + ROW.replace(";16", ";17")
    kept, without = read(text), read(text, failed="leave_out")
    assert (kept.records.height, kept.left_out) == (2, 0)
    assert (without.records.height, without.left_out, without.rows) == (1, 1, 2)
