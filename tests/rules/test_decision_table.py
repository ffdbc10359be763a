"""A decision table becomes a rule that decides as the table says, and what is doubtful in the table is told."""

from __future__ import annotations

import itertools
from pathlib import Path
from random import Random

import pytest

from abci_app.rules.interface import Slot
from abci_app.rules.tables import Cell
from settle.rules.arguments import Outcome, outcome
from settle.rules.boxes import Box, sweep
from settle.rules.build import FolderRule, build_bundle, compile_folder
from settle.rules.decision_csv import DecisionTable, TableUnreadable, read_decision_table
from settle.rules.decision_table import rule_of
from settle.rules.draft import RuleDraft, write_files
from settle.rules.lint_folder import lint
from settle.rules.table_doubts import NO_LINE, look_at
from settle.rules.template import templates
from settle.rules.vectors import run_vectors

FILE = Path("cases.csv")
RATES = """service,originating 1..3,terminating 1..3,band,=amount_micro * units_billed / 60000000 HALF_UP,reject,source
1,1,2..3,*,60000000,,MIIT order 2013 no. 506
1,2..3,1,0,40000000,,MIIT order 2013 no. 506
1,2..3,1,1,60000000,,MIIT order 2013 no. 506
1,2,3,*,60000000,,
1,3,2,*,60000000,,
2..3,*,*,*,,VOICE_ONLY,
"""
"""Source: the rates of MIIT order 2013 no. 506; networks 1 China Mobile, 2 China Unicom, 3 China Telecom."""
BANDS = """local,duration_ms,service 1..3,=band,=units_billed * duration_ms / 60000 CEIL
true,*,1,1,1
false,..59999,1,2,0
false,60000..,1,0,1
,,2,0,0
"""


def default_draft(slot: Slot, interface: int) -> RuleDraft:
    where = slot, interface
    return next(one.draft for one in templates() if one.default and (one.draft.slot, one.draft.interface) == where)


def read(text: str, slot: Slot = Slot.RATING, interface: int = 1, entry: str = "") -> DecisionTable:
    return read_decision_table(FILE, text, default_draft(slot, interface).entries, entry)


def made(tmp_path: Path, text: str, slot: Slot = Slot.RATING, interface: int = 1) -> tuple[Path, FolderRule]:
    folder = tmp_path / "by_table" / "v1"
    draft = default_draft(slot, interface)
    write_files(folder, rule_of(read(text, slot, interface), draft).files("by_table", 1, "a test"))
    return folder, compile_folder(folder)


def told(text: str, slot: Slot = Slot.RATING, interface: int = 1) -> list[tuple[int, bool, str]]:
    return [(one.line, one.error, one.told) for one in look_at(read(text, slot, interface))]


def unreadable(text: str, slot: Slot = Slot.RATING) -> list[tuple[int, str]]:
    with pytest.raises(TableUnreadable) as refused:
        read(text, slot)
    return [(one.line, one.told) for one in refused.value.findings]


# -------------------------------------------------------------------------------------------------------- to the rule


@pytest.mark.parametrize("text", [RATES, BANDS], ids=["rates", "bands"])
def test_a_table_becomes_a_folder_that_lints_builds_and_passes(tmp_path: Path, text: str) -> None:
    folder, (rule, vectors) = made(tmp_path, text)
    assert lint(folder) == ()
    assert build_bundle(folder)
    assert [one.failure for one in run_vectors(folder) if one.failure] == []
    own = [one for one in vectors if one.source.startswith(b"from the table itself")]
    lines = {one.source.split(b"line ")[-1].split(b",")[0] for one in own}
    assert lines >= {str(at).encode() for at in range(2, text.count("\n") + 1)}
    assert rule.manifest.name == "by_table"
    assert (folder / "decision_table.csv").read_text(encoding="utf-8") == text


def by_hand(service: int, originating: int, terminating: int, band: int, units: int) -> Outcome:
    """The table of rates, read by a person."""
    if service != 1:
        return "VOICE_ONLY"
    if originating == terminating:
        return NO_LINE
    rate = 40 if terminating == 1 and band == 0 else 60
    return ((units * rate * 2 + 60) // 120,)


def test_the_rule_decides_as_the_table_says(tmp_path: Path) -> None:
    _, (rule, _) = made(tmp_path, RATES)
    for service, originating, terminating, band in itertools.product((1, 2, 3), (1, 2, 3), (1, 2, 3), (0, 1)):
        for units in (0, 1, 59_999, 60_000, 380_220_000):
            line: tuple[Cell, ...] = (service, 0, band, 1, units, units, originating, terminating)
            expected = by_hand(service, originating, terminating, band, units)
            assert outcome(rule.functions["price_line"], *line) == expected


def test_conditions_may_be_true_or_false_and_open_at_one_end(tmp_path: Path) -> None:
    _, (rule, _) = made(tmp_path, BANDS)

    def rated(service: int, local: bool, duration: int) -> Outcome:
        return outcome(rule.functions["rate_record"], service, 0, 1, 2, "", "", local, duration, 0)

    assert rated(1, True, 60_001) == (1, 2)
    assert rated(1, False, 59_999) == (2, 0)
    assert rated(1, False, 60_000) == (0, 1)
    assert rated(2, True, 60_000) == (0, 0)
    assert rated(3, True, 60_000) == NO_LINE


def test_ranges_come_from_the_cells_the_header_or_the_slot() -> None:
    text = "service 1..4,direction,calls,=amount_micro\n2,0,5..9,1\n3,1,7..,2\n3,*,..3,2\n"
    found = [(one.name, one.low, one.high) for one in read(text).conditions]
    assert found == [("service", 1, 4), ("direction", 0, 1), ("calls", 0, 2**63 - 1)]
    closed = read("service,=amount_micro\n2,1\n3,1\n")
    assert [(one.low, one.high) for one in closed.conditions] == [(2, 3)]


def test_what_the_slot_does_not_give_the_agreement_has_to(tmp_path: Path) -> None:
    text = "debtor_class,days,=interest * principal / 10000 FLOOR\n1,..30,0\n1,31..,100\n2,*,200\n"
    _, (rule, _) = made(tmp_path, text, Slot.INVOICE, 2)
    assert [one.name for one in rule.agreement_parameters("interest")] == ["debtor_class"]
    assert rule.call("interest", 10_000, 31, 1) == (100,)
    ((line, error, what),) = told(text, Slot.INVOICE, 2)
    assert (line, error, "debtor_class is nothing that the slot gives" in what) == (1, False, True)


def test_tables_of_the_template_that_nothing_uses_any_more_go(tmp_path: Path) -> None:
    folder, (rule, _) = made(tmp_path, "service,net,=tax * net / 10000 HALF_UP\n1,*,900\n2..4,*,600\n", Slot.INVOICE)
    assert list(rule.tables) == ["CASES"]
    assert not (folder / "tables" / "TAXES.csv").exists()
    assert rule.call("tax", 1, 38_022) == (3_422,)  # 9 % of 380.22, rounded half up


# ------------------------------------------------------------------------------------------------------------- doubts


def test_a_sound_table_leaves_gaps_where_it_says_nothing() -> None:
    ((line, error, what),) = told(RATES)
    assert (line, error) == (0, False)
    assert [one.strip() for one in what.split("\n")[1:]] == [
        "service 1, originating 3, terminating 3",
        "service 1, originating 2, terminating 2",
        "service 1, originating 1, terminating 1",
    ]


def test_lines_that_are_never_reached_are_errors_with_the_lines_that_cover_them() -> None:
    found = told("step,=seconds\n1..3,86400\n2,1000\n4,100\n*,5\n", Slot.DISPUTE)
    assert found == [
        (3, True, "line 3 is never reached: line 2 covers all of it"),
        (5, True, "line 5 is never reached: lines 2, 3, 4 cover all of it"),
    ]


def test_lines_that_overlap_with_another_outcome_are_told_and_others_are_not() -> None:
    exception = told("held,amount,=included\n1,*,0\n*,0,0\n*,1..,1\n", Slot.SET_OFF)
    assert exception == [(4, False, "line 2 comes before line 4 where they overlap, with another outcome")]
    assert told("held,amount,=included\n1,*,0\n*,*,0\n", Slot.SET_OFF) == []


def test_a_table_without_gaps_has_none() -> None:
    assert told("step,=seconds\n1,5\n2..3,6\n4,7\n", Slot.DISPUTE) == []


def test_a_table_that_a_rule_cannot_hold_is_an_error() -> None:
    names = [f"p{at} 0..9" for at in range(8)]
    ((_, error, what),) = told(",".join([*names, "=amount_micro"]) + "\n" + ",".join(["*"] * 8 + ["1"]) + "\n")
    assert (error, "a table has 16" in what) == (True, True)
    many = "calls,=amount_micro\n" + "".join(f"{at},1\n" for at in range(10_001))
    ((_, error, what),) = told(many)
    assert (error, "a rule can search" in what) == (True, True)


def test_a_large_table_has_vectors_from_all_over_and_stays_within_a_bundle(tmp_path: Path) -> None:
    text = "calls,=amount_micro\n" + "".join(f"{at * 10}..{at * 10 + 8},{at % 7}\n" for at in range(500))
    folder, (rule, vectors) = made(tmp_path, text)
    assert build_bundle(folder)
    own = [one.arguments[3] for one in vectors if one.source.startswith(b"from the table itself")]
    assert 100 < len(own) <= 1_000
    assert max(cell for cell in own if isinstance(cell, int)) > 4_000
    assert rule.call("price_line", 1, 0, 0, 4_998, 0, 0, 1, 2) == (499 % 7,)


# ------------------------------------------------------------------------------------------------------------- faults

FAULTS = [
    ("", 0, "a header and at least one line"),
    ("service,=amount_micro\n", 0, "a header and at least one line"),
    ("service,=amount_micro\n1,2,3\n", 2, "3 cells under a header of 2"),
    ("Service,=amount_micro\n1,2\n", 1, "the header 'Service' is none of"),
    ("service,service,=amount_micro\n1,1,2\n", 1, "service stands there twice"),
    ("service\n1\n", 1, "at least one condition and one =RESULT"),
    ("service,=amount\n1,2\n", 1, "price_line gives amount_micro"),
    ("service,=amount_micro*rate/0 CEIL\n1,2\n", 1, "a divisor above 0 and a rounding"),
    ("service,=amount_micro*calls/5 NEAREST\n1,2\n", 1, "a divisor above 0 and a rounding"),
    ("service,=amount_micro*rate/5 CEIL\n1,2\n", 1, "rate, which is no parameter"),
    ("service,=amount_micro\n1;2,2\n", 2, "'1;2' is none of"),
    ("service,=amount_micro\n2..1,2\n", 2, "'2..1' is none of"),
    ("service,=amount_micro\n..,2\n", 2, "'..' is none of"),
    ("service,=amount_micro\n1.5,2\n", 2, "'1.5' is none of"),
    ("service 1..2,=amount_micro\n3,2\n", 2, "3..3 is outside 1..2"),
    ("service,=amount_micro\n1,\n", 2, "expected a whole number, got ''"),
    ("service,=amount_micro\n1,0.5\n", 2, "expected a whole number, got '0.5'"),
    ("service,=amount_micro,reject\n1,5,NO\n", 2, "no results"),
    ("service,=amount_micro,reject\n1,,no\n", 2, "a code such as NO_RATE"),
    ("class,=amount_micro\n1,5\n", 1, "class is no name for a parameter"),
    ("size,=amount_micro\n*,5\n", 1, "size is no parameter of the slot"),
]


@pytest.mark.parametrize(("text", "line", "words"), FAULTS)
def test_a_table_that_cannot_be_read_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    ((found, what),) = unreadable(text)
    assert found == line
    assert words in what


def test_conditions_on_digits_lead_to_the_rate_sheet() -> None:
    with pytest.raises(TableUnreadable) as refused:
        read("b_number,=band,=units_billed\n86,1,1\n")
    (found,) = refused.value.findings
    assert "holds digits" in found.told
    assert "rate_sheet" in found.advice


def test_all_faults_of_a_table_come_at_once() -> None:
    assert [line for line, _ in unreadable("service,bnd,=amount_micro\n1,x,3\n9..2,1,x\n1,1\n")] == [2, 3, 4]


# -------------------------------------------------------------------------------------------------------------- boxes


def points(box: Box) -> set[tuple[int, ...]]:
    return set(itertools.product(*(range(low, high + 1) for low, high in box)))


def test_boxes_take_from_a_domain_what_counting_every_point_says() -> None:
    chance = Random(12)

    def span(most: int) -> tuple[int, int]:
        low, high = sorted((chance.randint(0, most), chance.randint(0, most)))
        return low, high

    for _ in range(300):
        domain: Box = ((0, 4), (0, 3), (0, 5))
        boxes: list[Box] = [(span(4), span(3), span(5)) for _ in range(chance.randint(0, 6))]
        swept = sweep(domain, boxes)
        left = points(domain)
        for box, taken in zip(boxes, swept.taken, strict=True):
            pieces = [points(piece) for piece in taken]
            assert sum(map(len, pieces)) == len(set().union(*pieces)), "pieces do not meet"
            assert set().union(*pieces) == left & points(box)
            left -= points(box)
        assert set().union(*map(points, swept.left)) == left
