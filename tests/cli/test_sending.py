"""Transactions by command: foreseen, sent once, told apart."""

from __future__ import annotations

from pathlib import Path

from abci_app.domain.members.schema import KeyRevoked
from abci_app.kernel.roles import Role
from settle.cli.facts import all_facts
from settle.cli.failures import Exit
from tests.cli.command import Command
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import CMCC, signer


def test_a_dry_run_shows_the_facts_and_changes_nothing(cmcc: Command, node: MemoryNode, tmp_path: Path) -> None:
    before = node.network.app_hash
    told = cmcc.json("keys", "propose", "--revoke", "maker", "--dry-run")
    assert [fact["kind"] for fact in told["dry_run"][0]["facts"]] == ["members.keys_proposed"]
    assert node.network.app_hash == before
    assert not node.seen
    assert not (tmp_path / f"home{CMCC}" / "agent" / "outbox.sqlite").exists()
    done = cmcc.json("keys", "propose", "--revoke", "maker")
    last = list(all_facts(node.client()))[-1]
    foreseen = told["dry_run"][0]["facts"][0]
    assert last.document() | {"number": -1} == foreseen | {"time": last.document()["time"]}
    assert done["transactions"][0]["height"] == foreseen["height"]


def test_a_dry_run_of_what_would_be_refused_tells_the_code(cmcc: Command) -> None:
    ran = cmcc("keys", "propose", "--revoke", "checker", "--key", "maker", "--dry-run", "--json")
    assert ran.status == 1
    assert ran.document["error"]["name"] == "WRONG_ROLE"
    assert "nothing was sent" in ran.document["error"]["next"]


def test_the_same_command_twice_is_one_transaction(cmcc: Command, node: MemoryNode) -> None:
    first = cmcc.json("keys", "propose", "--revoke", "maker")
    again = cmcc.json("keys", "propose", "--revoke", "maker")
    assert first == again
    assert len(node.seen) == 1


def test_what_was_refused_is_tried_again_when_it_is_wanted_again(cmcc: Command, node: MemoryNode) -> None:
    assert cmcc("keys", "propose", "--revoke", "maker", "--key", "checker").status == 1
    assert cmcc("keys", "propose", "--revoke", "maker", "--key", "checker").status == 1
    assert len(node.seen) == 2


def test_without_waiting_it_stands_in_the_outbox(cmcc: Command, node: MemoryNode) -> None:
    node.silent = True
    told = cmcc.json("keys", "propose", "--revoke", "maker", "--no-wait")
    assert told["transactions"][0]["state"] == "in the outbox"
    assert len(node.seen) == 1  # offered to the node all the same


def test_a_refusal_is_told_even_without_waiting(cmcc: Command, node: MemoryNode) -> None:
    cmcc.json("keys", "propose", "--revoke", "admin-2")
    cmcc.json("keys", "approve", "1", "--key", "admin")
    cmcc.json("keys", "approve", "1", "--key", "admin-2")
    ran = cmcc("keys", "propose", "--revoke", "maker", "--key", "admin-2", "--no-wait", "--json")
    assert ran.status == 1
    assert ran.document["error"]["name"] == "UNKNOWN_KEY"
    assert len(node.blocks) == 3


def test_key_files_are_listed_without_a_node(cmcc: Command, node: MemoryNode) -> None:
    node.down = True
    assert {row["on chain"] for row in cmcc.json("keys", "list")} == {"no node"}


def test_two_administrators_change_a_key_with_the_keys_of_one_home(cmcc: Command, node: MemoryNode) -> None:
    cmcc.json("keys", "propose", "--revoke", "maker")
    assert cmcc.json("keys", "status")[0]["row"]["state"] == "OPEN"
    cmcc.json("keys", "approve", "1")
    cmcc.json("keys", "approve", "1")  # the other administrator's key
    assert cmcc.json("keys", "status")[0]["row"]["state"] == "IN_FORCE"
    assert [each.fact.operator for each in all_facts(node.client()) if isinstance(each.fact, KeyRevoked)] == [CMCC]
    listed = {row["name"]: row["on chain"] for row in cmcc.json("keys", "list")}
    assert listed["maker"] == "revoked"
    assert cmcc.json("task", "list") == []


def test_a_new_key_of_the_home_signs_its_own_registration(cmcc: Command) -> None:
    public = cmcc.json("keys", "new", "checker-2", "--role", "checker")["public"]
    first = cmcc.json("keys", "propose", "--register", "checker-2", "--revoke", "checker")
    assert cmcc.json("keys", "propose", "--register", "checker-2", "--revoke", "checker") == first
    cmcc.json("keys", "approve", "1")
    cmcc.json("keys", "approve", "1")
    assert cmcc.json("keys", "show", public)["on chain"] == "active"


def test_a_key_whose_file_is_elsewhere_is_not_proposed_from_here(cmcc: Command, node: MemoryNode) -> None:
    elsewhere = signer(CMCC, Role.MAKER, 9).public.hex()
    ran = cmcc("keys", "propose", "--register", elsewhere)
    assert ran.status == Exit.BAD_INPUT
    assert f"no {elsewhere}.json" in ran.err
    assert "itself signs" in ran.err
    assert "settle keys new" in ran.err
    assert not node.seen


def test_a_trace_of_a_key_shows_who_registered_and_revoked_it(cmcc: Command) -> None:
    public = {row["name"]: row["public"] for row in cmcc.json("keys", "list")}["maker"]
    cmcc.json("keys", "propose", "--revoke", "maker")
    cmcc.json("keys", "approve", "1")
    cmcc.json("keys", "approve", "1")
    steps = cmcc.json("trace", public)["steps"]
    assert [(step["kind"], step["signer"]) for step in steps] == [
        ("members.key_registered", "genesis"),
        ("members.keys_proposed", "CMCC admin"),
        ("members.key_revoked", "CMCC admin"),
    ]
