"""The compiled number plan: equal to a recompilation, and of one mind with phonenumbers."""

from __future__ import annotations

import random
from pathlib import Path

import phonenumbers
import polars as pl
import pytest
from phonenumbers import carrier

from settle.agent.intake.bad_input import BadInput
from settle.agent.number_plan import plan as plan_module
from settle.agent.number_plan.compile import OPERATOR_CODES, compile_table
from settle.agent.number_plan.plan import TABLE_PATH, NumberPlan, WrongNumberPlan, load_number_plan, load_ported


def test_the_committed_table_is_what_the_locked_phonenumbers_compiles_to() -> None:
    assert compile_table() == TABLE_PATH.read_bytes()


def test_carriers_agree_with_phonenumbers_on_random_chinese_numbers() -> None:
    chance = random.Random(20261124)
    plan = load_number_plan()
    numbers = [f"861{chance.randrange(10**10):010d}" for _ in range(3000)]
    expected = []
    for number in numbers:
        name = carrier.name_for_valid_number(phonenumbers.parse("+" + number), "en")
        expected.append(OPERATOR_CODES[name] if name else "")
    assert len(set(expected)) == 5  # four carriers, and numbers of none
    assert plan.operators_of(pl.Series(numbers)).to_list() == expected


def test_every_country_code_of_the_world_is_known() -> None:
    plan = load_number_plan()
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        assert plan.operator_of(f"{code}5550123") is not None
    assert plan.operator_of("0123") is None
    assert plan.operator_of("") is None


def test_columns_and_single_numbers_give_the_same() -> None:
    plan = load_number_plan().with_ported({"8613900000001": "CUCC"})
    numbers = ["8613900000001", "8613900000002", "4915700010328", "", "0", "86157", "8"]
    assert plan.operators_of(pl.Series(numbers)).to_list() == [plan.operator_of(number) for number in numbers]


def test_a_ported_number_belongs_to_the_operator_that_serves_it() -> None:
    plan = load_number_plan()
    assert plan.operator_of("8613900000001") == "CMCC"
    assert plan.with_ported({"8613900000001": "CTCC"}).operator_of("8613900000001") == "CTCC"


def test_portability_data_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "ported_numbers.csv"
    path.write_text("number,holder,serving\n8613900000001,CMCC,CTCC\n")
    assert load_ported(path) == {"8613900000001": "CTCC"}
    path.write_text("msisdn,operator\n8613900000001,CTCC\n")
    with pytest.raises(BadInput, match="the columns number and serving"):
        load_ported(path)


def test_the_longest_prefix_decides() -> None:
    plan = NumberPlan({"86": "", "8613": "A", "86134": "B"})
    assert [plan.operator_of(number) for number in ("8612", "8613", "861340", "86133")] == ["", "A", "B", "A"]


def test_a_table_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "number_plan.csv"
    changed.write_bytes(TABLE_PATH.read_bytes().replace(b"CMCC", b"CUCC", 1))
    monkeypatch.setattr(plan_module, "TABLE_PATH", changed)
    with pytest.raises(WrongNumberPlan, match="expected sha256"):
        load_number_plan()
