"""Where records go: legs, not settled, duplicates, suspense; and that each goes to exactly one place."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settle.agent.intake.causes import EXPLANATIONS, NOT_SETTLED_EXPLANATIONS, Cause, NotSettled
from settle.agent.intake.duplicates import find_duplicates
from settle.agent.intake.sort import IN, OUT, sort_records, split_legs
from settle.agent.intake.stream import Receipt
from settle.agent.intake.trunks import Trunk, TrunkMap
from settle.agent.records import SCHEMA
from tests.agent.intake_world import (
    DAY_MS,
    FROM_MS,
    NOW_MS,
    PEER,
    THIRD,
    TO_MS,
    TRUNKS,
    csv_text,
    frame,
    record,
    setting,
    stream,
    with_rows,
    write_csv,
    write_totals,
)


def causes(*records: dict[str, object], **changed: object) -> list[str | None]:
    """Each record's cause of suspense, None where it has none."""
    found = sort_records(with_rows(frame(*records)), setting(**changed)).suspense
    why = dict(zip(found["row"], found["why"], strict=True))
    return [why.get(row) for row in range(1, len(records) + 1)]


def take(tmp_path: Path, file: Path) -> Receipt:
    return stream(tmp_path).take(file, setting(), now_ms=NOW_MS).receipt


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({}, None),
        ({"trunk_out": "T-NEW"}, Cause.UNKNOWN_TRUNK),
        ({"trunk_in": "T-NEW", "trunk_out": "T-U"}, Cause.UNKNOWN_TRUNK),
        ({"trunk_out": "T-MOVED", "start_ms": FROM_MS + 20 * DAY_MS}, Cause.UNKNOWN_TRUNK),
        ({"b_number": "0000000"}, Cause.UNKNOWN_PREFIX),
        ({"a_number": "0123"}, Cause.UNKNOWN_PREFIX),
        ({"a_number": ""}, None),  # withheld
        ({"duration_ms": -1}, Cause.NEGATIVE_DURATION),
        ({"duration_ms": DAY_MS + 1}, Cause.ABSURD_DURATION),
        ({"duration_ms": DAY_MS}, None),
        ({"start_ms": FROM_MS - 1}, Cause.OUTSIDE_PERIOD),
        ({"start_ms": FROM_MS}, None),
        ({"start_ms": TO_MS - 1}, None),
        ({"start_ms": TO_MS}, Cause.OUTSIDE_PERIOD),
        ({"start_ms": FROM_MS - DAY_MS - 1}, Cause.CLOCK_SKEW),
        ({"start_ms": TO_MS + DAY_MS}, Cause.CLOCK_SKEW),
    ],
)
def test_a_record_that_cannot_be_rated_goes_to_suspense_by_its_cause(
    changed: dict[str, object], cause: Cause | None
) -> None:
    assert causes(record(1), record(2, **changed)) == [None, cause]


def test_a_trunk_to_a_stranger_is_an_unknown_operator() -> None:
    both = record(1), record(2, trunk_out="T-T")
    assert causes(*both, members=frozenset({"CMCC", PEER})) == [None, Cause.UNKNOWN_OPERATOR]


def test_the_limits_are_the_operators_choice() -> None:
    long, early = record(1, duration_ms=DAY_MS + 1), record(2, start_ms=FROM_MS - 5)
    assert causes(long, early, longest_ms=2 * DAY_MS, usage_from_ms=FROM_MS - 5) == [None, None]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"outcome": "FAILED", "duration_ms": 0, "cause": 17}, NotSettled.FAILED),
        ({"outcome": "FAILED", "trunk_out": "T-NEW"}, NotSettled.FAILED),
        ({"trunk_out": "LOCAL"}, NotSettled.ON_NET),
        ({"duration_ms": 0}, NotSettled.NOTHING_USED),
        ({"trunk_out": "T-INTL"}, NotSettled.NO_PEER),
    ],
)
def test_a_good_record_for_which_nothing_is_owed_is_not_settled(changed: dict[str, object], reason: NotSettled) -> None:
    found = sort_records(with_rows(frame(record(1, **changed))), setting())
    assert found.not_settled.rows() == [(1, reason.value)]
    assert (found.legs.height, found.settled, found.suspense.height) == (0, 0, 0)


def legs_of(*records: dict[str, object]) -> list[tuple[object, ...]]:
    columns = ("row", "direction", "peer", "unit", "local")
    return sorted(sort_records(with_rows(frame(*records)), setting()).legs.select(columns).rows())


def test_the_trunk_alone_decides_peer_and_direction() -> None:
    # the dialled number is in the third operator's range, the trunk leads to the peer: a ported number
    assert legs_of(record(1, b_number="8613300000000")) == [(1, OUT, PEER, 11, False)]
    assert legs_of(record(1, trunk_in="T-T", trunk_out="LOCAL")) == [(1, IN, THIRD, 0, True)]


def test_a_transit_call_has_a_leg_on_each_side() -> None:
    assert legs_of(record(1, trunk_in="T-U", trunk_out="T-T")) == [(1, IN, PEER, 11, False), (1, OUT, THIRD, 0, True)]
    assert legs_of(record(1, trunk_in="T-U", trunk_out="T-INTL")) == [(1, IN, PEER, 11, False)]


def test_a_trunk_leads_where_the_map_says_at_the_time_of_the_call() -> None:
    moved_at = FROM_MS + 10 * DAY_MS
    before, after = (record(n, trunk_out="T-MOVED", start_ms=moved_at + n) for n in (-1, 0))
    assert [leg[2] for leg in legs_of(before, after)] == [PEER, THIRD]


# duplicates


def repeats(*records: dict[str, object]) -> list[tuple[int, str]]:
    found = find_duplicates(with_rows(frame(*records)))
    return [(int(row), str(why)) for row, why in sorted(found.rows())]


def test_a_copy_with_another_record_id_is_a_duplicate() -> None:
    assert repeats(record(1), record(2), record(1, record_id="LOG-1")) == [(3, "DUPLICATE")]


def test_copies_that_write_numbers_differently_are_duplicates(tmp_path: Path) -> None:
    lines = csv_text(record(1), record(1, record_id="LOG-1")).splitlines()
    lines[2] = lines[2].replace(",61000,0,", ",061000,00,")
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines) + "\n")
    assert take(tmp_path, file).duplicates == 1


def test_a_record_id_used_for_another_call_is_no_duplicate_but_waits() -> None:
    assert repeats(record(1), record(2, record_id="R1")) == [(2, "RECORD_ID_REUSED")]


def test_two_messages_without_reference_in_one_millisecond_are_two_messages() -> None:
    message = {"service": "SMS", "call_id": "", "duration_ms": 0, "units": 1, "outcome": "DELIVERED"}
    first, second = record(1, **message), record(1, **message, record_id="R2")
    assert repeats(first, second) == []
    assert repeats(first, first) == [(2, "DUPLICATE")]


def test_a_call_with_the_same_reference_but_other_trunk_is_another_leg() -> None:
    assert repeats(record(1), record(1, record_id="R2", trunk_out="T-T")) == []


def test_records_of_an_earlier_file_are_duplicates_in_a_later_one(tmp_path: Path) -> None:
    take(tmp_path, write_csv(tmp_path / "1.csv", record(1), record(2)))
    again = record(2, record_id="other")
    receipt = take(tmp_path, write_csv(tmp_path / "2.csv", again, record(3), record(4, record_id="R1")))
    assert (receipt.settled, receipt.duplicates, receipt.suspense) == (1, 1, {"RECORD_ID_REUSED": 1})


def test_the_same_bytes_again_answer_with_the_first_receipt(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1))
    first = stream(tmp_path).take(file, setting(), now_ms=NOW_MS)
    renamed = tmp_path / "b.csv"
    renamed.write_bytes(file.read_bytes())
    again = stream(tmp_path).take(renamed, setting(), now_ms=NOW_MS + 1)
    assert (first.repeated, again.repeated) == (False, True)
    assert again.receipt == first.receipt
    assert stream(tmp_path).receipts() == [first.receipt]


def test_the_same_records_packed_anew_are_all_duplicates(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1), record(2))
    take(tmp_path, file)
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    receipt = take(tmp_path, packed)
    assert (receipt.duplicates, receipt.settled) == (2, 0)


# suspense


def test_good_rows_go_on_and_bad_rows_are_counted_with_their_text(tmp_path: Path) -> None:
    rows = csv_text(record(1), record(2), record(3), record(4), record(5), record(6)).splitlines()
    rows[2] = rows[2].replace("61000", "61.0")
    rows[3] = rows[3].rsplit(",", 1)[0]
    rows[4] += ",9"
    rows[5] = rows[5].replace("VOICE", "FAX")
    file = tmp_path / "a.csv"
    file.write_text("\n".join(rows) + "\n")
    receipt = take(tmp_path, file)
    assert (receipt.settled, receipt.suspense, receipt.records) == (2, {"MALFORMED": 4}, 2)
    told = stream(tmp_path).suspense(receipt).sort("row")
    assert told["row"].to_list() == [2, 3, 4, 5]
    details = told["detail"].to_list()
    assert details[0].startswith("duration_ms: expected a whole number from -9007199254740992")
    assert "came 61.0; row: R2|C2|" in details[0]
    assert "cause: expected a whole number from 0 to 65535, came nothing" in details[1]
    assert "expected 12 fields, came more: 9" in details[2]
    assert "service: expected one of VOICE, SMS, MMS, DATA, came FAX" in details[3]
    assert told["since_ms"].to_list() == [NOW_MS] * 4


def test_reprocessing_releases_what_new_reference_data_heals_and_keeps_the_rest(tmp_path: Path) -> None:
    late, copy = record(3, duration_ms=-5), record(2, record_id="copy")
    file = write_csv(tmp_path / "a.csv", record(1), record(2), copy, late, record(4, trunk_out="T-NEW"))
    before = take(tmp_path, file)
    assert before.suspense == {"NEGATIVE_DURATION": 1, "UNKNOWN_TRUNK": 1}
    assert stream(tmp_path).reprocess(setting()) == []

    healed = setting(trunks=TrunkMap((*TRUNKS.rows, Trunk(trunk="T-NEW", peer=THIRD))))
    (after,) = stream(tmp_path).reprocess(healed)
    assert (after.settled, after.legs, after.duplicates) == (3, 3, 1)
    assert after.suspense == {"NEGATIVE_DURATION": 1}
    assert after.accounted() == after.rows == 5
    assert sorted(stream(tmp_path).legs(after).collect()["record_id"]) == ["R1", "R2", "R4"]
    assert stream(tmp_path).receipts() == [after]
    assert stream(tmp_path).reprocess(healed) == []


def test_a_crash_before_the_receipt_leaves_the_file_untaken(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1))
    receipt = take(tmp_path, file)
    (tmp_path / "stream" / "000001.receipt.json").unlink()
    assert stream(tmp_path).receipts() == []
    assert take(tmp_path, file) == receipt


def test_every_cause_says_what_to_do() -> None:
    assert set(EXPLANATIONS) == set(Cause)
    assert set(NOT_SETTLED_EXPLANATIONS) == set(NotSettled)


# forms


def test_parquet_csv_and_packed_csv_of_the_same_records_give_the_same(tmp_path: Path) -> None:
    records = [
        record(n, trunk_in="T-U" if n % 3 else "LOCAL", trunk_out="T-T", call_id="" if n % 5 else "C")
        for n in range(50)
    ]
    files = [tmp_path / name for name in ("a.csv", "a.csv.gz", "a.parquet")]
    write_csv(files[0], *records)
    files[1].write_bytes(gzip.compress(files[0].read_bytes()))
    frame(*records).write_parquet(files[2])
    found = []
    for number, file in enumerate(files):
        own = stream(tmp_path / str(number))
        receipt = own.take(file, setting(), now_ms=NOW_MS).receipt
        figures = receipt.model_dump(exclude={"file", "sha256"})
        found.append((own.records(receipt), own.legs(receipt).collect(), figures))
    for other in found[1:]:
        assert other[0].equals(found[0][0])
        assert other[1].equals(found[0][1])
        assert other[2] == found[0][2]


def test_line_ends_of_windows_a_byte_order_mark_and_quotes_change_nothing(tmp_path: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", record(1), record(2))
    other = tmp_path / "other.csv"
    text = csv_text(record(1), record(2)).replace("VOICE", '"VOICE"').replace("\n", "\r\n")
    other.write_bytes(b"\xef\xbb\xbf" + text.encode())
    first, second = (stream(tmp_path / file.stem) for file in (plain, other))
    taken = [own.take(file, setting(), now_ms=NOW_MS).receipt for own, file in ((first, plain), (second, other))]
    assert first.records(taken[0]).equals(second.records(taken[1]))


def test_totals_of_the_sender_are_checked_and_the_receipt_says_so(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1), record(2, outcome="FAILED", duration_ms=0))
    write_totals(file)
    receipt = take(tmp_path, file)
    assert receipt.checked
    assert (receipt.records, receipt.duration_ms, receipt.units) == (2, 61_000, 0)
    unchecked = take(tmp_path, write_csv(tmp_path / "b.csv", record(3)))
    assert not unchecked.checked


# the invariant

_RECORDS = st.lists(
    st.builds(
        lambda number, changed: record(number, **changed),
        st.integers(1, 6),
        st.fixed_dictionaries(
            {},
            optional={
                "record_id": st.sampled_from(["R1", "R2", "x"]),
                "service": st.sampled_from(["VOICE", "SMS", "DATA"]),
                "call_id": st.sampled_from(["", "C1"]),
                "trunk_in": st.sampled_from(["LOCAL", "T-U", "T-INTL", "T-NEW", "T-MOVED"]),
                "trunk_out": st.sampled_from(["LOCAL", "T-T", "T-INTL", "T-NEW", "T-MOVED"]),
                "b_number": st.sampled_from(["8613000000000", "0", "49151"]),
                "start_ms": st.sampled_from([FROM_MS, FROM_MS + 15 * DAY_MS, FROM_MS - 1, 0]),
                "duration_ms": st.sampled_from([0, 1, -1, 10**9, 2**52]),
                "units": st.sampled_from([0, 1, -1]),
                "outcome": st.sampled_from(["ANSWERED", "FAILED", "DELIVERED", "LOST"]),
            },
        ),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(first=_RECORDS, second=_RECORDS)
def test_every_row_is_rated_not_settled_duplicate_or_in_suspense_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, first: list[dict[str, object]], second: list[dict[str, object]]
) -> None:
    folder = tmp_path_factory.mktemp("invariant")
    own = stream(folder)
    for number, records in enumerate(([record(90), *first], [record(91), *second])):
        receipt = own.take(write_csv(folder / f"{number}.csv", *records), setting(), now_ms=NOW_MS).receipt
        if number < len(own.receipts()) - 1:
            return  # both files came out byte for byte the same
        legs, waiting = own.legs(receipt).collect(), own.suspense(receipt)
        assert receipt.accounted() == receipt.rows == len(records)
        assert legs["row"].n_unique() == receipt.settled
        assert waiting.height == receipt.duplicates + sum(receipt.suspense.values())
        assert waiting["row"].n_unique() == waiting.height
        assert not set(legs["row"]) & set(waiting["row"])
        readable = own.records(receipt)
        assert (receipt.records, receipt.duration_ms) == (readable.height, sum(readable["duration_ms"].to_list()))


def test_legs_of_all_records_include_those_that_are_not_settled() -> None:
    failed = record(1, outcome="FAILED")
    assert split_legs(with_rows(frame(failed)), TRUNKS).select("row", "direction", "peer").rows() == [(1, OUT, PEER)]


def test_the_schema_is_the_one_that_files_carry() -> None:
    assert csv_text().strip() == (
        "record_id,call_id,service,trunk_in,trunk_out,a_number,b_number,start_ms,duration_ms,units,outcome,cause"
    )
    assert [str(kind) for kind in SCHEMA.values()].count("Int64") == 4
    assert pl.DataFrame(schema=SCHEMA).width == 12
