"""Everything that is wrong with a rule comes at once, with its place, what may be reached and what to do."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from abci_app.rules.codes import RuleCode
from abci_app.rules.printer import print_program
from settle.rules.finding import ADVICE, Finding
from settle.rules.lint import lint_text
from settle.rules.lint_folder import lint
from settle.rules.parse import check_text
from settle.rules.plugin import SHIPPED
from settle.rules.source import RuleTextError
from tests.rules.folders import change, template_folder
from tests.rules.programs import STUB
from tests.rules.random_programs import RandomProgram

FILE = Path("rule.py")
HEAD = 'a: Annotated[int, 0, 9]) -> tuple[Annotated[int, "r", 0, 9]]:'


def rule(*parts: str) -> str:
    return STUB + "\n" + "\n\n".join(parts) + "\n"


def entry(name: str, *lines: str) -> str:
    return f"def {name}({HEAD}\n" + "\n".join(f"    {line}" for line in lines)


def places(found: tuple[Finding, ...]) -> list[tuple[int, int, str]]:
    return [(one.line, one.column, one.code) for one in found]


def test_every_function_has_its_finding() -> None:
    text = rule(
        entry("f", "return Outcome(r=a + 1)"), entry("g", "return Outcome(r=b)"), entry("h", "return Outcome(r=a // a)")
    )
    assert places(lint_text(FILE, text)) == [
        (4, 5, "RESULT_OUT_OF_RANGE"),
        (7, 22, "UNDEFINED"),
        (10, 22, "DIVISOR_NOT_POSITIVE"),
    ]


def test_every_statement_that_is_none_has_its_finding_and_other_functions_are_checked() -> None:
    text = rule(
        entry("f", "while a:", "    pass", "b = a / 2", "if a > 1:", "    return a", "return Outcome(r=a ** 2)"),
        entry("g", "return Outcome(r=a * a)"),
    )
    found = lint_text(FILE, text)
    assert places(found) == [(4, 5, ""), (6, 9, ""), (8, 9, ""), (9, 22, ""), (12, 5, "RESULT_OUT_OF_RANGE")]
    assert "loop over a table or a range" in found[0].told
    assert "return Outcome(r=...)" in found[2].told


def test_the_range_that_may_be_reached_and_the_way_out_are_told() -> None:
    (found,) = lint_text(FILE, rule(entry("f", "return Outcome(r=a * 3)")))
    assert found.expected == "0 to 9"
    assert found.actual == "what may reach 0 to 27"
    assert found.advice == ADVICE[RuleCode.RESULT_OUT_OF_RANGE]


def test_a_finding_shows_its_line_with_a_caret_under_its_column() -> None:
    text = rule(entry("f", "return Outcome(r=a // a)"))
    (found,) = lint_text(FILE, text)
    shown = found.text(text).split("\n")
    assert shown[0] == "rule.py:4:22: error DIVISOR_NOT_POSITIVE in f: a // a"
    source, caret = shown[1], shown[2]
    assert source[caret.index("^") :] == "a // a)"


def test_what_follows_from_another_fault_is_not_told() -> None:
    """The caller is checked against the faulty helper's declaration; a table that is none is not missed again."""
    helper = "def h(x: Annotated[int, 0, 9]) -> Annotated[int, 0, 9]:\n    return x + 1"
    table = "T = Table(rows=1, key=1, k=Annotated[int, 9, 0])"
    text = rule(
        table,
        helper,
        entry("f", "return Outcome(r=h(a))"),
        entry("g", "row = lookup(T, a)", "return Outcome(r=a)"),
        entry("i", "return Outcome(r=h(a) + 1)"),
    )
    codes = [one.code for one in lint_text(FILE, text)]
    assert codes == ["BAD_DECLARATION", "RESULT_OUT_OF_RANGE", "RESULT_OUT_OF_RANGE"]


def test_costs_that_only_the_whole_shows_are_found() -> None:
    """Each function may cost 100,000: the helper does not, two calls of it do."""
    loop = "    for i in range(7_000):\n        x = min(x + i, 9)"
    helper = f"def h(x: Annotated[int, 0, 9]) -> Annotated[int, 0, 9]:\n{loop}\n    return x"
    text = rule(helper, entry("f", "return Outcome(r=max(h(a), h(a)))"))
    assert [(one.code, one.line) for one in lint_text(FILE, text)] == [("TOO_COSTLY", 8)]


def test_what_nothing_uses_is_a_doubt_and_no_error() -> None:
    table = "T = Table(rows=1, key=1, k=Annotated[int, 0, 9])"
    helper = "def h(x: Annotated[int, 0, 9]) -> Annotated[int, 0, 9]:\n    return x"
    found = lint_text(FILE, rule(table, helper, entry("f", "b = a + 1", "return Outcome(r=a)")))
    assert [(one.line, one.error) for one in found] == [(3, False), (5, False), (9, False)]
    assert ["T" in found[0].told, "h" in found[1].told, "b in f" in found[2].told] == [True] * 3


def test_text_that_is_no_python_has_one_finding() -> None:
    (found,) = lint_text(FILE, STUB + "def f(:\n")
    assert (found.line, found.error) == (2, True)
    assert "not Python syntax" in found.told


def test_lint_finds_an_error_exactly_where_the_checker_refuses() -> None:
    chance = Random(17)
    refusals = 0
    for _ in range(150):
        text = print_program(RandomProgram(chance, 1).program)
        try:
            check_text(text)
        except RuleTextError as fault:
            refused, place = True, (fault.line, fault.column)
        else:
            refused, place = False, (0, 0)
        errors = [one for one in lint_text(FILE, text) if one.error]
        assert bool(errors) == refused
        assert not refused or (errors[0].line, errors[0].column) <= place
        refusals += refused
    assert 10 < refusals < 140


def test_every_refusal_of_a_checker_has_an_advice() -> None:
    never_in_lint = {RuleCode.MALFORMED, RuleCode.NOT_SUPPORTED, RuleCode.BAD_MANIFEST, RuleCode.REJECTED_BY_RULE}
    assert set(RuleCode) - never_in_lint == set(ADVICE)


# ------------------------------------------------------------------------------------------------------------ folders


@pytest.mark.parametrize("folder", sorted(SHIPPED.glob("*/v*")), ids=lambda one: f"{one.parent.name}/{one.name}")
def test_nothing_is_wrong_with_a_shipped_rule(folder: Path) -> None:
    assert lint(folder) == ()


FAULTS = [
    ("plugin.toml", 'slot = "RATING"', 'slot = "TAXI"', "plugin.toml", 0, "slot"),
    ("rule.py", '    band = 0\n', '    band = 00\n', "rule.py", 42, "canonical"),
    ("rule.py", "def rate_record", "def rate_records", "rule.py", 0, "entry points rate_record, price_line"),
    ("rule.py", "    direction: Annotated[int, 0, 1],\n", "", "rule.py", 27, "leading parameters"),
    ("tables/RATES.csv", "1,1,2,1,30000", "9,1,2,1,30000", "RATES.csv", 3, "an integer from 1 to 4"),
    ("tables/RATES.csv", "1,1,2,2,", "1,1,2,1,", "RATES.csv", 4, "each key once"),
    ("tables/RATES.csv", "1,1,2,1,30000", "1,1,2,1,3e4", "RATES.csv", 3, "expected a whole number"),
    ("tables/DESTINATIONS.csv", "prefix,band", "prefix", "DESTINATIONS.csv", 1, "expected prefix,band"),
    ("vectors.csv", "rate_record,", "rate_recrod,", "vectors.csv", 2, "expected an entry of"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "found_in", "line", "words"), FAULTS)
def test_a_fault_in_a_folder_is_found_in_its_file_and_line(
    tmp_path: Path, file: str, old: str, new: str, found_in: str, line: int, words: str
) -> None:
    folder = template_folder(tmp_path, "rate_sheet")
    assert lint(folder) == ()
    change(folder / file, old, new)
    found = next(one for one in lint(folder) if one.error)
    assert (found.file.name, found.line) == (found_in, line)
    assert words in f"{found.where} {found.told} {found.expected}"


def test_faults_of_several_files_come_together(tmp_path: Path) -> None:
    folder = template_folder(tmp_path, "rate_sheet")
    change(folder / "tables" / "RATES.csv", "60000000", "6000000000")
    change(folder / "tables" / "RATES.csv", "2,1,2,0,1,1,", "2,1,2,0,0,0,")
    change(folder / "plugin.toml", "interface = 1", "interface = 9")
    (folder / "tables" / "DESTINATIONS.csv").unlink()
    (folder / "README.md").unlink()
    lines = (folder / "vectors.csv").read_text(encoding="utf-8").split("\n")
    kept = [one for one in lines if not one.startswith("price_line")]
    (folder / "vectors.csv").write_text("\n".join(kept), encoding="utf-8")
    found = lint(folder)
    codes = [one.code for one in found if one.error]
    assert codes == ["BAD_INTERFACE", "", "BAD_TABLE", "BAD_TABLE", "BAD_TABLE", "NO_VECTORS"]
    assert [one.file.name for one in found if not one.error] == ["README.md"]


def test_a_vector_without_source_and_a_parameter_that_is_never_read_are_doubts(tmp_path: Path) -> None:
    folder = template_folder(tmp_path, "late_interest")
    change(folder / "vectors.csv", "paid in time", "")
    change(
        folder / "rule.py",
        "bps: Annotated[int, 0, 10_000],",
        "bps: Annotated[int, 0, 10_000],\n    more: Annotated[int, 0, 1],",
    )
    change(folder / "vectors.csv", ",days,bps,", ",days,bps,more,")
    for at in range(7):
        lines = (folder / "vectors.csv").read_text(encoding="utf-8").split("\n")
        cells = lines[at + 1].rsplit(",", 2)
        lines[at + 1] = ",".join((cells[0], "0", *cells[1:]))
        (folder / "vectors.csv").write_text("\n".join(lines), encoding="utf-8")
    found = lint(folder)
    assert not any(one.error for one in found)
    assert [(one.file.name, one.line) for one in found] == [("rule.py", 10), ("vectors.csv", 4)]


def test_a_file_that_is_missing_is_a_finding(tmp_path: Path) -> None:
    (found,) = lint(tmp_path / "nothing.py")
    assert found.error
    assert {one.file.name for one in lint(tmp_path) if one.error} >= {"plugin.toml", "rule.py"}
