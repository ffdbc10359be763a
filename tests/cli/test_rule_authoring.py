"""A rule from nothing to a bundle by commands, and what each says where something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from abci_app.rules.interface import INTERFACES
from settle.cli.failures import Exit
from settle.rules import differ
from settle.rules.differ import by_executor
from settle.rules.plugin import SHIPPED
from tests.cli.command import Command
from tests.rules.folders import change

DOMESTIC = SHIPPED / "domestic_interconnect" / "v2"
LINE = "price_line service=1 direction=0 band=0 calls=1 units_actual=60000 units_billed=60000"
NETWORKS = "originating=2 terminating=1"


@pytest.fixture
def rule(settle: Command) -> Path:
    """A new rule in the working folder."""
    return Path(settle.json("rule", "new", "sheet", "--template", "rate_sheet")["folder"])


def test_a_new_rule_goes_all_the_way_to_a_bundle(settle: Command, tmp_path: Path) -> None:
    told = settle.json("rule", "new", "domestic_voice", "--slot", "rating", "--into", tmp_path, "--author", "CMCC")
    folder = told["folder"]
    assert told["slot"] == "RATING/1"
    assert all(Path(file).is_file() for file in told["files"])
    assert settle("rule", "fmt", folder, "--check").status == Exit.DONE
    assert settle.json("rule", "lint", folder) == {"findings": []}
    assert settle.json("rule", "test", folder)["failed"] == []
    assert settle.json("rule", "cover", folder)["unreached"] == []
    built = settle.json("rule", "build", folder, "--output", tmp_path / "bundle")
    assert built["manifest"]["authors"] == ["CMCC"]
    assert (tmp_path / "bundle").stat().st_size == built["bytes"]


@pytest.mark.parametrize(("slot", "interface"), INTERFACES, ids=lambda one: str(getattr(one, "name", one)))
def test_every_interface_starts_by_its_slot(settle: Command, slot: object, interface: int) -> None:
    name = str(getattr(slot, "name", ""))
    told = settle.json("rule", "new", "mine", "--slot", name.replace("_", "-").lower(), "--interface", interface)
    assert told["slot"] == f"{name}/{interface}"
    assert settle("rule", "build", told["folder"]).status == Exit.DONE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x",), "TOLERANCE/1 tolerance"),
        (("x", "--slot", "deal", "--interface", "4"), "came DEAL/4"),
        (("x", "--template", "lottery"), "came lottery"),
        (("X1", "--slot", "deal"), "came X1"),
        (("lookup", "--slot", "deal"), "no word of the language"),
    ],
)
def test_what_no_rule_can_start_from_is_refused(settle: Command, words: tuple[str, ...], said: str) -> None:
    ran = settle("rule", "new", *words)
    assert ran.status == Exit.USAGE
    assert said in ran.err
    assert list(Path().iterdir()) == []


def test_no_rule_is_written_over(settle: Command, rule: Path) -> None:
    ran = settle("rule", "new", "sheet", "--slot", "rating")
    assert ran.status == Exit.BAD_INPUT
    assert f"expected no {rule} yet" in ran.err
    assert settle("rule", "test", rule).status == Exit.DONE


# --------------------------------------------------------------------------------------------------------------- lint


def test_lint_shows_every_rule_with_place_caret_and_what_to_do(settle: Command, rule: Path) -> None:
    change(rule / "rule.py", "    band = 0\n", "    band = 1 / 2\n")
    change(rule / "rule.py", "units_billed > 1_000_000_000_000", "units_billed > 10_000_000_000_000_000_000")
    (rule / "README.md").unlink()
    ran = settle("rule", "lint", rule, DOMESTIC, "nothing.py")
    assert ran.status == Exit.REJECTED
    assert f"{rule}/rule.py:42:12: error" in ran.out
    assert "    42 |     band = 1 / 2\n       |            ^\n" in ran.out
    assert "next" in ran.out
    assert "nothing.py: error" in ran.out
    assert ran.out.endswith("3 errors, 1 warning in 3 rules\n")
    found = settle("rule", "lint", rule, "--json").document["findings"]
    assert [(one["line"], one["level"]) for one in found] == [(42, "error"), (70, "error"), (0, "warning")]


def test_a_folder_of_rules_is_all_its_rules(settle: Command) -> None:
    for folder, rules in ((SHIPPED, len(list(SHIPPED.glob("*/v*")))), (DOMESTIC.parent, 2)):
        assert settle("rule", "lint", folder).out == f"0 errors, 0 warnings in {rules} rules\n"


def test_warnings_alone_are_no_reason_to_end_with_1(settle: Command, rule: Path) -> None:
    (rule / "README.md").unlink()
    ran = settle("rule", "lint", rule)
    assert (ran.status, ran.out.endswith("0 errors, 1 warning in 1 rule\n")) == (Exit.DONE, True)


# ----------------------------------------------------------------------------------------------------- test and cover


def test_a_vector_that_fails_leads_to_its_explanation(settle: Command, rule: Path) -> None:
    change(rule / "vectors.csv", "12000000", "12000001")
    ran = settle("rule", "test", rule)
    assert ran.status == Exit.REJECTED
    line = settle("rule", "test", rule, "--json").document["failed"][0]["line"]
    assert f"settle rule explain {rule} --vector {line}" in ran.err
    assert settle.json("rule", "explain", rule, "--vector", line)["results"] == {"amount_micro": 12_000_000}


def test_cover_lists_lines_without_a_vector_and_ends_with_1(settle: Command, rule: Path) -> None:
    lines = (rule / "vectors.csv").read_text(encoding="utf-8").split("\n")
    kept = [one for one in lines if "TOO_MANY_MESSAGES" not in one]
    (rule / "vectors.csv").write_text("\n".join(kept), encoding="utf-8")
    ran = settle("rule", "cover", rule)
    assert ran.status == Exit.REJECTED
    assert 'reject("TOO_MANY_MESSAGES")' in ran.out
    assert "add a vector" in ran.err
    (unreached,) = settle("rule", "cover", rule, "--json").document["unreached"]
    assert (unreached["line"], unreached["function"]) == (71, "price_line")


def test_a_missing_vector_is_a_call_that_can_be_typed(settle: Command, rule: Path) -> None:
    lines = (rule / "vectors.csv").read_text(encoding="utf-8").split("\n")
    kept = [one for one in lines if "as many as can be" not in one]
    (rule / "vectors.csv").write_text("\n".join(kept), encoding="utf-8")
    out = settle("rule", "cover", rule, "--mutants").out
    call = next(line for line in out.split("\n") if line.startswith("  settle rule explain"))
    assert "units_billed > 1_000_000_000_000  ->  units_billed >= 1_000_000_000_000" in out
    assert settle(*call.split()[1:]).status == Exit.DONE
    survivors = settle.json("rule", "cover", rule, "--mutants")["mutants"]["survivors"]
    assert any(one.get("missing_vector", {}).get("wrong") == "TOO_MANY_MESSAGES" for one in survivors)


# ------------------------------------------------------------------------------------------------------------ numbers


def test_back_ends_are_compared(settle: Command) -> None:
    told = settle.json("rule", "diff-backends", DOMESTIC, "--count", 200)
    assert told["difference"] is None
    assert [(one["entry"], one["drawn"], one["agree"]) for one in told["entries"]] == [
        ("rate_record", 200, True),
        ("price_line", 200, True),
    ]
    assert settle("rule", "diff-backends", DOMESTIC, "--count", -1).status == Exit.USAGE


def test_a_difference_is_shown_with_its_arguments(settle: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(*call: object) -> list[object]:
        return ["NEVER" for _ in by_executor(*call)]  # type: ignore[arg-type]  # passed through

    monkeypatch.setitem(differ.BACK_ENDS, "columns", lying)  # type: ignore[arg-type]  # a dict behind the mapping
    ran = settle("rule", "diff-backends", SHIPPED / "tolerance_percent" / "v1", "--count", 0)
    assert ran.status == Exit.REJECTED
    assert "judge_line creditor=100000000 debtor=100000000 bps=100" in ran.out
    assert "rejects NEVER" in ran.out
    assert "report it with these arguments" in ran.err


def test_costs_are_shown_by_entry_and_line(settle: Command) -> None:
    rating, pricing = settle.json("rule", "cost", DOMESTIC)
    assert sum(one["total"] for one in rating["lines"]) == rating["cost"] == 75
    assert 0 < pricing["of_block"] < pricing["of_most"] < 0.1
    out = settle("rule", "cost", DOMESTIC).out
    assert "called = prefix_lookup(SERIES, b_number)" in out
    assert 'reject("NO_RATE")' not in out
    assert 'reject("NO_RATE")' in settle("rule", "cost", DOMESTIC, "--all-lines").out


def test_a_rule_is_measured(settle: Command) -> None:
    told = settle.json("rule", "bench", DOMESTIC, "--seconds", 0.05)
    assert told["load_ms"] > 0
    assert told["goal_ms"] == 20
    assert all(one["columns"] > 0 for one in told["entries"])
    assert settle("rule", "bench", DOMESTIC, "--seconds", 0).status == Exit.USAGE


# ------------------------------------------------------------------------------------------------------------ explain


def test_a_call_is_explained_line_by_line(settle: Command) -> None:
    """China Unicom to China Mobile, a minute at 0.04 (MIIT order 2013 no. 506)."""
    ran = settle("rule", "explain", DOMESTIC, *LINE.split(), *NETWORKS.split())
    assert ran.status == Exit.DONE
    assert "rate = row (1, 2, 1, 0, 40_000_000)" in ran.out
    assert ran.out.endswith("amount_micro = 40_000\n")
    told = settle.json("rule", "explain", DOMESTIC, *LINE.split(), *NETWORKS.split())
    assert told["results"] == {"amount_micro": 40_000}
    assert [step["line"] for step in told["steps"]] == [63, 64, 66, 67]
    refused = settle.json("rule", "explain", DOMESTIC, *LINE.split(), "originating=1", "terminating=1")
    assert (refused["results"], refused["rejection"]) == ({}, "NO_RATE")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "one entry point of rate_record, price_line"),
        (("price_lines",), "one entry point of rate_record, price_line"),
        (("price_line", "service=1"), "terminating: an integer from 1 to 4"),
        ((*LINE.split(), *NETWORKS.split(), "colour=1"), "came colour, which it does not have"),
        ((*LINE.split(), "originating=9", "terminating=1"), "expected originating: an integer from 1 to 4"),
        ((*LINE.split(), "originating=one", "terminating=1"), "came one"),
        (("--vector", "1"), "a line of vectors.csv from 2"),
        (("--vector", "9999"), "a line of vectors.csv from 2"),
        (("price_line", "service=1", "--vector", "2"), "a call, or --vector LINE"),
    ],
)
def test_a_call_that_cannot_be_says_what_can(settle: Command, words: tuple[str, ...], said: str) -> None:
    ran = settle("rule", "explain", DOMESTIC, *words)
    assert ran.status == Exit.USAGE
    assert said in ran.err


# -------------------------------------------------------------------------------------------------------------- table


def test_a_decision_table_becomes_a_rule(settle: Command) -> None:
    Path("bars.csv").write_text("step,=seconds\n1,7776000\n2..3,2592000\n4,5184000\n", encoding="ascii")
    told = settle.json("rule", "table", "bars.csv", "-o", "bars/v1", "--slot", "dispute")
    assert told["findings"] == []
    assert settle.json("rule", "lint", "bars/v1") == {"findings": []}
    assert settle.json("rule", "test", "bars/v1")["failed"] == []
    assert settle("rule", "build", "bars/v1").status == Exit.DONE
    assert settle.json("rule", "explain", "bars/v1", "time_bar", "step=2")["results"] == {"seconds": 2_592_000}


def test_a_decision_table_with_errors_writes_nothing_and_says_where(settle: Command) -> None:
    Path("bars.csv").write_text("step,=seconds\n1..3,7776000\n2,86400\n", encoding="ascii")
    ran = settle("rule", "table", "bars.csv", "-o", "bars/v1", "--slot", "dispute")
    assert ran.status == Exit.REJECTED
    assert "bars.csv:3: error" in ran.out
    assert "line 2 covers all of it" in ran.out
    assert "nothing was written" in ran.err
    assert not Path("bars").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("no.csv", "-o", "a/v1", "--slot", "dispute"), Exit.BAD_INPUT, "is missing"),
        (("bars.csv", "-o", "a", "--slot", "dispute"), Exit.BAD_INPUT, "NAME/vN"),
        (("bars.csv", "-o", "A/v1", "--slot", "dispute"), Exit.USAGE, "a name of a to z"),
        (("bars.csv", "-o", "a/v1", "--slot", "dispute", "--interface", "3"), Exit.USAGE, "DISPUTE/3"),
        (("bars.csv", "-o", "a/v1", "--slot", "taxi"), Exit.USAGE, "taxi"),
        (("bars.csv", "-o", "here", "--slot", "dispute"), Exit.BAD_INPUT, "it is there"),
    ],
)
def test_what_no_table_can_be_made_of_is_refused(
    settle: Command, words: tuple[str, ...], status: Exit, said: str
) -> None:
    Path("bars.csv").write_text("step,=seconds\n1,7776000\n", encoding="ascii")
    Path("here").mkdir()
    ran = settle("rule", "table", *words)
    assert ran.status == status
    assert said in ran.err
    assert not Path("a").exists()
