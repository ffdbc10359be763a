"""Agreement, periods and statements by command, over the state machine in memory: silence, many signatures at once."""

from __future__ import annotations

import pytest

from tests.cli.agreed import agree, node_with_rules
from tests.cli.command import Command
from tests.cli.conftest import As
from tests.cli.node_in_memory import MemoryNode
from tests.support.books import DAY
from tests.support.chains import CMCC, CTCC, CUCC, GENESIS_TIME

PERIODS = ("1/0/1", "1/0/2")
USAGE = ((GENESIS_TIME - 2 * DAY, GENESIS_TIME - DAY), (GENESIS_TIME - DAY, GENESIS_TIME))


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """A node whose chain has the shipped rules."""
    return node_with_rules(monkeypatch)


@pytest.fixture
def parties(node: MemoryNode, as_operator: As) -> tuple[Command, Command]:
    """CMCC and CUCC with an agreement of two periods in force."""
    del node  # the fixture puts it in place
    cmcc, cucc = as_operator(CMCC), as_operator(CUCC)
    agree(cmcc, cucc, *USAGE)
    return cmcc, cucc


def test_the_printed_example_is_an_agreement_that_the_chain_takes(parties: tuple[Command, Command]) -> None:
    cmcc, _ = parties
    shown = cmcc.json("agreement", "show", "1")
    assert (shown["state"], shown["missing"]) == ("ACTIVE", [])
    assert [
        each["name"] for each in cmcc.json("rule", "list") if each["rule"] == shown["terms"]["slots"][0]["rule"]
    ] == ["domestic_interconnect"] * 2
    assert cmcc.json("agreement", "list", "--operator", "CTCC") == []
    ran = cmcc("agreement", "approve", "1")
    assert ran.status == 1
    assert "maker and checker have" in ran.err


def test_a_further_version_is_numbered_and_judged_by_the_chain(parties: tuple[Command, Command]) -> None:
    ran = parties[0]("agreement", "propose", "terms.toml", "--agreement", "1", "--json")
    assert ran.document["error"]["name"] == "CALENDAR_NOT_CONTINUED"


def test_a_stranger_cannot_approve(parties: tuple[Command, Command], as_operator: As) -> None:
    del parties  # the agreement is theirs
    ran = as_operator(CTCC)("agreement", "approve", "1")
    assert ran.status == 2
    assert "one of CMCC and CUCC" in ran.err


def test_all_statements_are_signed_in_one_counted_action(parties: tuple[Command, Command], node: MemoryNode) -> None:
    cmcc, cucc = parties
    node.make_block(after=3500)  # nobody has declared: both periods come to provisional zeros
    assert {row["state"] for row in cmcc.json("period", "list")} == {"RECONCILED"}
    for period in PERIODS:
        cmcc.json("period", "advance", period)
    tasks = cmcc.json("task", "list")
    assert [(each["role"], each["seconds_left"] > 0) for each in tasks] == [("checker", True)] * 2 + [
        ("maker", True)
    ] * 2

    sent = len(node.seen)
    dry = cmcc.json("statement", "approve", "--all", "--dry-run")
    assert [each["verb"] for each in dry["dry_run"]] == [f"statement approve {period}" for period in PERIODS]
    assert len(node.seen) == sent
    signed = cmcc("statement", "approve", "--all", "--json")
    assert len(signed.document["transactions"]) == len(PERIODS)
    assert "one action: 2 statements approved" in signed.err
    assert cmcc("statement", "approve", "--all").status == 1  # none waits any more

    for party, role in ((cmcc, "maker"), (cucc, "maker"), (cucc, "checker")):
        party.json("statement", "approve", *PERIODS, "--role", role)
    assert {row["state"] for row in cucc.json("period", "list")} == {"CLOSED"}
    assert cucc.json("task", "list") == []


def test_what_was_refused_of_many_is_counted(parties: tuple[Command, Command], node: MemoryNode) -> None:
    cmcc, _ = parties
    node.make_block(after=3500)
    for period in PERIODS:
        cmcc.json("period", "advance", period)
    cmcc.json("statement", "approve", PERIODS[0])
    ran = cmcc("statement", "approve", *PERIODS, "--refuse", "--json")
    assert ran.document["error"]["name"] == "ALREADY_SIGNED"
    assert "refused 1 of 2, the other 1 are carried out" in ran.document["error"]["next"]


def test_a_period_is_traced_through_agreement_rules_and_signers(
    parties: tuple[Command, Command], node: MemoryNode
) -> None:
    cmcc, _ = parties
    node.make_block(after=3500)
    cmcc.json("period", "advance", PERIODS[0])
    cmcc.json("statement", "approve", PERIODS[0])
    steps = cmcc.json("trace", PERIODS[0])["steps"]
    told = [(step["because"], step["kind"].rpartition(".")[2], step["signer"]) for step in steps]
    assert told == [
        ("rule", "rule_published", "genesis"),
        ("rule", "rule_version_activated", "genesis"),
        ("rule", "rule_published", "genesis"),
        ("rule", "rule_version_activated", "genesis"),
        ("agreement", "agreement_proposed", "CMCC checker"),
        ("agreement", "agreement_signed", "CMCC maker"),
        ("agreement", "agreement_signed", "CMCC checker"),
        ("agreement", "agreement_signed", "CUCC maker"),
        ("agreement", "agreement_signed", "CUCC checker"),
        ("agreement", "agreement_activated", "CUCC checker"),
        ("period", "period_cut_off", "CMCC maker"),
        ("period", "statement_struck", "CMCC maker"),
        ("period", "statement_signed", "CMCC checker"),
    ]
    document = cmcc.json("statement", "show", PERIODS[0])["document"]
    by_hash = cmcc.json("trace", document)["steps"]
    assert [step["kind"] for step in by_hash] == ["periods.statement_struck", "periods.statement_signed"]


def test_nothing_is_invoiced_before_a_period_is_signed(parties: tuple[Command, Command]) -> None:
    ran = parties[0]("invoice", "issue", PERIODS[0], "--direction", "second-to-first", "--json")
    assert (ran.status, ran.document["error"]["name"]) == (1, "PERIOD_NOT_SIGNED")
