"""`settle rule peak`: a month of capacity settled by its 5-minute samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from settle.cli.failures import Exit
from settle.rules.plugin import SHIPPED
from tests.cli.command import Command, Ran

RULE = SHIPPED / "ip_interconnect_95" / "v1"
MBIT = 10**6
APRIL = 1_774_972_800  # 2026-04-01T00:00:00+08:00
SLOTS = 8_640
SPAN = ("--from", "2026-04-01T00:00:00+08:00", "--to", "2026-05-01T00:00:00+08:00")
PRICES = ("--parameter", "rate_first=80000000000", "--parameter", "rate_second=0")
AGREED = ("--parameter", "drop_bps=500", "--parameter", "method=1", *PRICES)


def written(path: Path, *rates: int, begin: int = 0) -> Path:
    lines = [f"{APRIL + at * 300},{rate}" for at, rate in enumerate(rates, begin)]
    path.write_text("\n".join(["start,bits_per_second", *lines]) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[object, ...]:
    """300 Mbit/s one way and 100 the other, above them bursts as many as are dropped; the other way's last three
    samples lack."""
    burst = [1_000 * MBIT] * 432
    first = written(tmp_path / "first.csv", *burst, *[300 * MBIT] * (SLOTS - 432))
    second = written(tmp_path / "second.csv", *burst[1:], *[100 * MBIT] * (SLOTS - 434))
    return "--first", first, "--second", second


def test_the_worked_example_of_the_rule_is_what_a_month_comes_to(settle: Command, files: tuple[object, ...]) -> None:
    """The README of ip_interconnect_95: the mean is 200 Mbit/s, 16,000 CNY a month; the higher way 300, 24,000."""
    told = settle.json("rule", "peak", RULE, *files, *SPAN, *AGREED)
    assert (told["rule"]["name"], told["samples_of_month"]) == ("ip_interconnect_95", SLOTS)
    assert told["rate_bits_per_second"] == 200 * MBIT
    assert told["amount_micro"] == {"first_pays": 16_000_000_000, "second_pays": 0}
    assert told["first"] == {
        "samples": 8_640, "dropped": 432, "peak": 1_000 * MBIT, "highest_left": 300 * MBIT, "gaps": [], "lacking": 0,
    }  # fmt: skip
    assert (told["second"]["samples"], told["second"]["dropped"], told["second"]["lacking"]) == (8_637, 431, 3)
    assert told["second"]["gaps"] == [{"from": "2026-04-30T15:45:00Z", "to": "2026-04-30T16:00:00Z"}]
    higher = settle.json("rule", "peak", RULE, *files, *SPAN, *AGREED[:2], "--parameter", "method=2", *PRICES)
    assert (higher["rate_bits_per_second"], higher["amount_micro"]["first_pays"]) == (300 * MBIT, 24_000_000_000)


def test_it_is_shown_to_people_with_what_lacks(settle: Command, files: tuple[object, ...]) -> None:
    ran = settle("rule", "peak", RULE, *files, *SPAN, *AGREED)
    assert ran.status == Exit.DONE, ran.err
    assert "2026-03-31T16:00:00Z to 2026-04-30T16:00:00Z, 8,640 samples" in ran.out
    rows = [line.split() for line in ran.out.splitlines() if line.startswith(("first to", "second to"))]
    assert rows == [
        ["first", "to", "second", "8,640", "0", "432", "1,000,000,000", "300,000,000"],
        ["second", "to", "first", "8,637", "3", "431", "1,000,000,000", "100,000,000"],
    ]
    assert "200,000,000 bit/s" in ran.out
    assert "CNY 16,000.00" in ran.out
    assert "3 samples lack" in ran.err


def refused(ran: Ran, status: Exit, *words: str) -> None:
    assert ran.status == status, ran.err
    assert [line.split()[0] for line in ran.err.splitlines()] == ["expected", "came", "next"]
    assert all(word in ran.err for word in words), ran.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("start,bits\n1,2\n", ("the columns start, bits_per_second", "start, bits")),
        ("\ufeff", ("the columns start, bits_per_second", "an empty line")),
        ("\n1,2\n", ("the columns start, bits_per_second", "an empty line")),
        ("start,bits_per_second\n1,2\n1,x\n", ("row 2", "1,x")),
        ("start,bits_per_second\n1,2,3\n", ("row 1", "1,2,3")),
        ("start,bits_per_second\n1,-2\n", ("row 1", "1,-2")),
        (f"start,bits_per_second\n{APRIL},1000", ("a line end after the last row",)),
    ],
)
def test_a_file_that_holds_no_samples_is_refused(
    settle: Command, tmp_path: Path, files: tuple[object, ...], text: str, words: tuple[str, ...]
) -> None:
    (tmp_path / "first.csv").write_text(text)
    refused(settle("rule", "peak", RULE, *files, *SPAN, *AGREED), Exit.BAD_INPUT, "first.csv", *words)


def test_samples_beside_the_month_are_refused(settle: Command, tmp_path: Path, files: tuple[object, ...]) -> None:
    written(tmp_path / "second.csv", 1, 2, begin=SLOTS - 1)
    ran = settle("rule", "peak", RULE, *files, *SPAN, *AGREED)
    refused(ran, Exit.REJECTED, "samples that start in", "second to first")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (AGREED[:6], ("drop_bps, method, rate_first, rate_second", "add --parameter rate_second=NUMBER")),
        ((*AGREED, "--parameter", "rate_third=1"), ("leave out --parameter rate_third",)),
        (("--parameter", "drop_bps=10000", *AGREED[2:]), ("dropped: drop_bps", "10000", "correct that --parameter")),
        ((*AGREED[:2], "--parameter", "method=3", *PRICES), ("combined: method", "3")),
    ],
)
def test_parameters_that_are_not_the_rules_are_refused(
    settle: Command, files: tuple[object, ...], given: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(settle("rule", "peak", RULE, *files, *SPAN, *given), Exit.USAGE, *words)


def test_a_rate_that_the_rule_is_not_proved_for_is_refused(
    settle: Command, tmp_path: Path, files: tuple[object, ...]
) -> None:
    """`combined` takes up to 10^15 bit/s."""
    written(tmp_path / "first.csv", *[10**15 + 1] * SLOTS)
    refused(settle("rule", "peak", RULE, *files, *SPAN, *AGREED), Exit.USAGE, "combined: first", str(10**15 + 1))


def test_a_rule_that_rates_records_settles_no_samples(settle: Command, files: tuple[object, ...]) -> None:
    ran = settle("rule", "peak", SHIPPED / "flat_minutes" / "v1", *files, *SPAN, *AGREED)
    refused(ran, Exit.USAGE, "a rule with dropped, combined, price_line", "rate_record, price_line")
