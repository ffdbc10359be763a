"""How commands end when something is wrong: the status, and the three things a person needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.command import Command, Ran
from tests.cli.conftest import As
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import CMCC


def assert_explained(ran: Ran, status: int) -> None:
    assert ran.status == status, ran.err
    assert ran.out == ""
    lines = [line.split(maxsplit=1)[0] for line in ran.err.splitlines()]
    assert lines[-3:] == ["expected", "came", "next"]


def test_a_refusal_by_the_chain_ends_with_1_and_its_code(cmcc: Command) -> None:
    ran = cmcc("keys", "propose", "--revoke", "maker", "--key", "checker", "--json")
    assert ran.status == 1
    error = ran.document["error"]
    assert (error["code"], error["name"], error["expected"], error["actual"]) == (104, "WRONG_ROLE", "ADMIN", "CHECKER")
    assert ran.err.startswith("rejected: 104 WRONG_ROLE\n")


def test_what_is_not_there_ends_with_1(cmcc: Command) -> None:
    assert_explained(cmcc("query", "/members/operator", "77")._replace(out=""), 1)
    assert cmcc("query", "/members/operator", "77", "--json").document["error"]["code"] == 933


@pytest.mark.parametrize(
    "words",
    [
        ("bogus",),
        ("member", "show"),
        ("member", "list", "--bogus"),
        ("member", "show", "NOBODY"),
        ("query", "/bogus"),
        ("query", "/members/operator", "x"),
        ("query", "/members/operator"),
        ("keys", "show", "zz"),
        ("period", "show", "1/2/3/4"),
        ("period", "show", "1/0/1"),
        ("statement", "approve"),
        ("statement", "approve", "1/0/1", "--all"),
        ("trace", "nonsense"),
        ("pay", "show", "0"),
        ("network", "create", "there", "--operators", "9"),
        ("node", "rollback", "--to", "0"),
        ("member", "list", "--timeout", "x"),
    ],
    ids=" ".join,
)
def test_a_command_line_that_cannot_be_ends_with_2(cmcc: Command, words: tuple[str, ...]) -> None:
    assert_explained(cmcc(*words), 2)


def test_a_typing_error_is_guessed(settle: Command) -> None:
    assert settle("membr", "list").err.endswith("next did you mean member?\n")
    assert settle("keys", "lst").err.endswith("next did you mean list?\n")


def test_a_node_that_is_away_ends_with_3(cmcc: Command, node: MemoryNode) -> None:
    node.down = True
    ran = cmcc("member", "list")
    assert_explained(ran, 3)
    assert "Connection refused" in ran.err


def test_a_transaction_in_no_block_ends_with_4_and_goes_on(cmcc: Command, node: MemoryNode) -> None:
    node.silent = True
    ran = cmcc("keys", "propose", "--revoke", "maker", "--timeout", "0.2")
    assert_explained(ran, 4)
    assert "stays in the outbox" in ran.err
    node.silent = False
    for raw in node.seen:
        node.make_block(raw)
    done = cmcc.json("keys", "propose", "--revoke", "maker")
    assert done["transactions"][0]["height"] == 1  # the first bytes, not a second proposal
    assert len(cmcc.json("keys", "status")) == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("terms.toml", "first = 1", ("agreement", "propose", "terms.toml")),
        ("terms.toml", "first = ", ("agreement", "propose", "terms.toml")),
        ("terms.json", "[]", ("agreement", "propose", "terms.json")),
        ("rule.py", "import os", ("rule", "fmt", "rule.py")),
        ("records.csv.control.json", "{", ("usage", "ingest", "records.csv")),
        ("settle.toml", "nodes = 1", ("member", "list")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_used_ends_with_5(
    cmcc: Command, settle: Command, name: str, content: str, words: tuple[str, ...]
) -> None:
    Path(name).write_text(content)
    Path("records.csv").touch()
    assert_explained(settle(*words) if words[0] == "rule" else cmcc(*words), 5)


def test_a_missing_file_ends_with_5_and_is_named(cmcc: Command) -> None:
    ran = cmcc("agreement", "propose", "nowhere.toml")
    assert_explained(ran, 5)
    assert "nowhere.toml" in ran.err


def test_a_key_that_others_can_read_is_refused(cmcc: Command, tmp_path: Path) -> None:
    (tmp_path / f"home{CMCC}" / "agent" / "keys" / "maker.json").chmod(0o644)
    ran = cmcc("keys", "list")
    assert_explained(ran, 5)
    assert "chmod 600" in ran.err


def test_a_node_of_another_chain_is_told_apart(cmcc: Command, node: MemoryNode) -> None:
    cmcc.json("keys", "propose", "--revoke", "maker")
    node.chain_id = "another"
    ran = cmcc("keys", "propose", "--revoke", "node")
    assert_explained(ran, 1)
    assert "another" in ran.err


def test_errors_under_json_are_documents_too(cmcc: Command) -> None:
    ran = cmcc("member", "show", "NOBODY", "--json")
    assert ran.status == 2
    assert set(json.loads(ran.out)["error"]) == {"exit", "expected", "actual", "next"}


def test_the_doctor_ends_with_1_where_something_is_to_do(node: MemoryNode, as_operator: As) -> None:
    node.down = True
    ran = as_operator(CMCC)("doctor", "--json")
    assert ran.status == 1
    unfit = {each["check"]: each["next"] for each in ran.document["checks"] if not each["fits"]}
    assert set(unfit) == {"home", "node at http://127.0.0.1:26657"}
    assert all(unfit.values())
