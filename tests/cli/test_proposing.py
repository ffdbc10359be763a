"""`settle gov propose VERB`: what each verb proposes, and what is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from settle.rules.shipped import ShippedRule
from tests.cli.command import Command
from tests.cli.conftest import As
from tests.cli.governed import governed_node
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import CBN, CMCC, CODES
from tests.support.governing import FAST, validator

FLAT = int(ShippedRule.FLAT_MINUTES)


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """A node whose chain has the shipped rules and short delays."""
    return governed_node(monkeypatch)


@pytest.fixture
def members(node: MemoryNode, as_operator: As) -> Mapping[int, Command]:
    """`settle` of each operator."""
    del node  # the fixture puts it in place
    return {number: as_operator(number) for number in CODES}


@pytest.mark.parametrize(
    ("words", "carries"),
    [
        (("parameters", "delay=7", "agreement_slots=1,7"), "delay 7"),
        (("parameters", "agreement_slots=7"), "agreement_slots [7]"),
        (("parameters", "agreement_slots="), "agreement_slots []"),
        (("thresholds", "consortium=3/4", "few=8"), "consortium 3/4, constitution 5/6, emergency 1/3, few 8"),
        (("membership", "CBN", "suspended"), "operator 4 is suspended"),
        (("dismiss", validator(CBN).public.hex()), "loses its power"),
        (("suspend", FLAT), f"rule {FLAT} is suspended"),
        (("suspend", "flat_minutes"), f"rule {FLAT} is suspended"),
    ],
)
def test_each_verb_proposes_its_message(
    words: tuple[object, ...], carries: str, members: Mapping[int, Command]
) -> None:
    cmcc = members[CMCC]
    [foreseen] = cmcc.json("gov", "propose", *words, "--dry-run")["dry_run"]
    assert [fact["kind"] for fact in foreseen["facts"]] == ["governance.proposal_made"]
    assert cmcc.json("gov", "list") == []
    cmcc.json("gov", "propose", *words)
    [listed] = cmcc.json("gov", "list")
    assert carries in listed["carries"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("ratify", FLAT), "NOT_SUSPENDED"),
        (("ratify", "flat_minutes"), "NOT_SUSPENDED"),
        (("resume", FLAT), "NOT_SUSPENDED"),
        (("resume", "flat_minutes"), "NOT_SUSPENDED"),
        (("rollback", FLAT, 1, "--at", 30), "NOTHING_TO_ROLL_BACK"),
        (("rollback", "flat_minutes", 1, "--at", 30), "NOTHING_TO_ROLL_BACK"),
    ],
)
def test_what_would_be_refused_is_told_at_once(
    words: tuple[object, ...], name: str, members: Mapping[int, Command]
) -> None:
    ran = members[CMCC]("gov", "propose", *words, "--json")
    assert (ran.status, ran.document["error"]["name"]) == (1, name)


@pytest.mark.parametrize(
    "words",
    [
        ("show", "CMCC/9"),
        ("vote", "abc"),
        ("readiness", "4/9"),
        ("readiness", "flat_minutes/v9"),
        ("history", "no_such_rule"),
        ("propose", "rule", "00" * 32, "--at", "30"),
        ("propose", "rule", "flat_minutes/v1", "--at", "30"),
        ("propose", "parameters"),
        ("propose", "parameters", "speed=1"),
        ("propose", "parameters", "delay=soon"),
        ("propose", "parameters", "delay=0"),
        ("propose", "parameters", "agreement_slots"),
        ("propose", "parameters", "agreement_slots=1,,7"),
        ("propose", "suspend", "no_such_rule"),
        ("propose", "dismiss", "xyz"),
    ],
)
def test_a_command_that_names_nothing_is_told_what_there_is(
    words: tuple[str, ...], members: Mapping[int, Command]
) -> None:
    assert members[CMCC]("gov", *words).status == 2


def test_the_delays_and_thresholds_are_told(members: Mapping[int, Command]) -> None:
    told = members[CBN].json("gov", "parameters")
    assert (told["parameters"]["delay"], told["thresholds"]["few"]) == (FAST.delay, 6)
