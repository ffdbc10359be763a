"""A month settled with nothing but the command line, on four real validators."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cometbft.home import Home
from settle.chain.rpc import RpcClient
from settle.cli.agreement_file import EXAMPLE
from settle.cli.localnet_processes import supervisor_of
from settle.cli.main import main
from settle.cli.plain import money
from settle.rules.plugin import SHIPPED
from tests.cli.command import Command

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]

OPERATORS = ("CMCC", "CUCC")
PERIOD = "1/0/1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A network that `settle network` made and started, with a month of traffic beside it."""
    base = tmp_path_factory.mktemp("settle")
    net = base / "net"
    assert main(["network", "create", str(net), "--chain-id", "settle-cli", "--empty-blocks", "1s"]) == 0
    assert main(["sample", "generate", str(base / "sample"), "--records", "4000", "--seed", "3"]) == 0
    try:
        assert main(["network", "up", str(net)]) == 0
        yield base
    finally:
        assert main(["network", "down", str(net)]) == 0
        assert [supervisor_of(Home(net / f"node{number}")) for number in range(4)] == [None] * 4


@pytest.fixture
def operators(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Command]:
    """`settle` of each operator, at its own node."""
    codes = ("CMCC", "CUCC", "CTCC", "CBN")
    return {code: Command(capsys, "--home", str(folder / "net" / f"node{n}")) for n, code in enumerate(codes)}


def test_the_doctor_finds_a_running_node_well(operators: dict[str, Command]) -> None:
    told = operators["CMCC"]("doctor", "--json")
    assert [each for each in told.document["checks"] if not each["fits"]] == []
    assert told.status == 0


def test_two_administrators_rotate_a_key_and_every_node_knows_it(operators: dict[str, Command]) -> None:
    cmcc = operators["CMCC"]
    public = cmcc.json("keys", "new", "checker-2", "--role", "checker")["public"]
    cmcc.json("keys", "propose", "--register", "checker-2")
    assert cmcc.json("keys", "show", public)["on chain"] == "unknown"
    cmcc.json("keys", "approve", "1")
    last = cmcc.json("keys", "approve", "1")["transactions"][0]
    assert cmcc.json("keys", "show", public)["on chain"] == "active"
    theirs = operators["CBN"]
    _until(lambda: theirs.json("node", "status")["app_height"] >= last["height"])
    assert theirs.json("query", "/members/key", public)["role"] == "CHECKER"


def test_a_month_is_settled_from_files_to_payment(folder: Path, operators: dict[str, Command]) -> None:
    cmcc = operators["CMCC"]
    _agree(folder, operators)
    _deliver(folder, operators)
    _work_until(operators, lambda: cmcc.json("period", "show", PERIOD)["row"]["statement"] != "")
    taken = cmcc.json("usage", "list")["taken"]
    assert all(each["rows"] == each["settled"] + sum(each["not_settled"].values()) for each in taken)
    statement = cmcc.json("statement", "show", PERIOD)["statement"]
    assert {line["verdict"] for line in statement["lines"]} == {"EQUAL"}
    assert all(amount > 0 for amount in statement["payable"])
    _sign(operators)
    owed = _net(operators)
    net = abs(statement["payable"][0] - statement["payable"][1])
    assert abs(owed["claim"]["amount"] - net) <= 5_000 * len(statement["lines"])  # a line rounds to a fen
    _pay(operators, owed)
    assert cmcc.json("period", "show", PERIOD)["stored_state"] == "CLOSED"
    [position] = cmcc.json("net-position")["positions"]
    assert (position["owes"], position["is_owed"]) == (0, 0)
    _assert_traced(cmcc.json("trace", f"{PERIOD}:0")["steps"], statement["lines"][0]["first"], owed, len(taken))


def _deliver(folder: Path, operators: dict[str, Command]) -> None:
    for number, (code, peer) in enumerate((OPERATORS, OPERATORS[::-1])):
        sample = folder / "sample" / code
        agent = folder / "net" / f"node{number}" / "agent"
        (agent / "trunks.toml").write_bytes((sample / "trunks.toml").read_bytes())
        operators[code].json("usage", "ingest", *sorted((sample / "records").glob(f"{code}-{peer}-*.parquet")))


def _sign(operators: dict[str, Command]) -> None:
    """The agents sign as makers; a person of each, one action, as checker."""
    cmcc = operators["CMCC"]
    _work_until(operators, lambda: len(cmcc.json("statement", "show", PERIOD)["signatures"]) == 2)
    commands = [task["command"] for task in cmcc.json("task", "list")]
    assert commands == [f"settle statement approve {PERIOD} --role checker"]
    for code in OPERATORS:
        signed = operators[code]("statement", "approve", "--all")
        assert signed.status == 0
        assert "one action: 1 statements approved" in signed.err
    assert cmcc.json("period", "show", PERIOD)["stored_state"] == "SIGNED"


def _net(operators: dict[str, Command]) -> Any:  # noqa: ANN401  # JSON
    """The round that an agent proposes, signed by both: the obligation that is left."""
    cmcc = operators["CMCC"]
    _work_until(operators, lambda: cmcc.json("net-position", "rounds") != [])
    [proposed] = cmcc.json("net-position", "rounds")
    assert sorted(proposed["missing"]) == sorted(OPERATORS)
    for code in OPERATORS:
        operators[code].json("net-position", "approve", "1")
    [owed] = [each for each in cmcc.json("pay", "list") if each["state"] == "DUE"]
    return owed


def _pay(operators: dict[str, Command], owed: Any) -> None:  # noqa: ANN401  # JSON
    debtor, creditor = operators[owed["debtor"]], operators[owed["creditor"]]
    debtor.json("pay", "notify", owed["obligation"], "--reference", "E2E-1")
    assert [task["role"] for task in creditor.json("task", "list")] == ["checker"]
    creditor.json("pay", "confirm", owed["obligation"])


def _assert_traced(steps: Any, line: Any, owed: Any, files: int) -> None:  # noqa: ANN401  # JSON
    """From the rule to the end: the files, the line's figures of both, the signatures, the payment."""
    kinds = [step["kind"] for step in steps]
    assert kinds[0] == "rulebook.rule_published"
    assert {"periods.usage_anchored", "periods.period_signed", "obligations.payment_confirmed"} <= set(kinds)
    assert (steps[-1]["signer"], steps[-1]["says"]) == (f"{owed['creditor']} checker", "nothing is owed any more")
    figures = f"{line['calls']:,} calls, {line['units_actual']:,} units, {line['units_billed']:,} billed"
    price = money(line["amount"], 156)
    opened = [step["says"] for step in steps if step["kind"] == "periods.figures_opened"]
    assert opened == [f"revision 1: {figures}, {price}; the rule's price {price}"] * 2
    assert (
        len({step["file"] for step in steps if step["file"]}) == files
    )  # CMCC's own; the peer's are no business of it


def test_running_nodes_say_themselves_that_they_are_ready_for_a_rule_that_was_voted(
    folder: Path, operators: dict[str, Command]
) -> None:
    cmcc, rule = operators["CMCC"], folder / "flat_minutes" / "v2"
    shutil.copytree(SHIPPED / "flat_minutes" / "v1", rule)
    cmcc.json("rule", "publish", rule)
    [draft] = cmcc.json("rule", "drafts")
    operators["CUCC"].json("rule", "sign", draft["bundle"])
    height = cmcc.json("node", "status")["height"] + 10_000
    cmcc.json("gov", "propose", "rule", draft["bundle"], "--at", height, "--backdated")
    for code in ("CMCC", "CUCC", "CTCC"):
        operators[code].json("gov", "vote", "CMCC/1")
    _until(lambda: cmcc.json("gov", "readiness", draft["bundle"])["missing"] == [])
    assert cmcc.json("gov", "readiness", draft["bundle"])["active_from"] == height
    for number in range(4):
        log = folder / "net" / f"node{number}" / "logs" / "supervisor.log"
        _until(lambda log=log: ": READY, in block" in log.read_text(encoding="utf-8"))
        assert f"bundle {draft['bundle'][:16]}…: checks, and all its vectors hold" in log.read_text(encoding="utf-8")


def test_a_node_that_is_rolled_back_comes_level_with_the_same_hash(
    folder: Path, operators: dict[str, Command], settle: Command
) -> None:
    net = folder / "net"
    refused = settle("node", "rollback", net / "node3", "--to", "2")
    assert refused.status == 1
    assert "no other supervisor" in refused.err
    heights = [each["height"] for each in settle.json("network", "status", net)["nodes"]]
    assert len(settle.json("network", "down", net)["stopped"]) == 4
    back = settle.json("node", "rollback", net / "node3", "--to", min(heights) - 5)
    assert f"rolled back to height {min(heights) - 5}," in back["application"]
    settle.json("network", "up", net)
    operators["CBN"].json("keys", "propose", "--revoke", "governance")  # its own node takes part again
    last = operators["CBN"].json("node", "status")["app_height"]
    _until(lambda: all(each["height"] > last for each in settle.json("network", "status", net)["nodes"]))
    assert _hash_after(operators["CMCC"], last) == _hash_after(operators["CBN"], last) != ""


def _hash_after(operator: Command, height: int) -> str:
    """The state after a block, as the header of the next one has it on the operator's own node."""
    with RpcClient(operator.json("config", "show")["node"]) as node:
        return node.block(height + 1).header.app_hash.hex()


def _agree(folder: Path, operators: dict[str, Command]) -> None:
    terms = folder / "terms.toml"
    terms.write_text(_terms(), encoding="utf-8")
    dry = operators["CMCC"].json("agreement", "propose", terms, "--dry-run")
    assert [fact["kind"] for fact in dry["dry_run"][0]["facts"]] == ["agreements.agreement_proposed"]
    assert operators["CMCC"].json("agreement", "list") == []
    operators["CMCC"].json("agreement", "propose", terms)
    for code in OPERATORS:
        for _ in ("maker", "checker"):
            operators[code].json("agreement", "approve", "1")
    assert operators["CUCC"].json("agreement", "show", "1")["state"] == "ACTIVE"


def _terms() -> str:
    """The printed example with lines for all services, usage of January 2014, and deadlines seconds away."""

    def at(seconds: int) -> str:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    lines = "".join(
        f'[[catalogue]]\nservice = {service}\ndirection = "{way}"\nband = {band}\n\n'
        for way, bands in (("FIRST_TO_SECOND", (0,)), ("SECOND_TO_FIRST", (0, 1)))
        for service in (1, 2, 3)
        for band in (bands if service == 1 else (0,))
    )
    head, rest = EXAMPLE.split("[[catalogue]]", 1)
    slots = rest[rest.index("[[slots]]") : rest.index("[[calendar]]")]
    dates = {"cut_off": 12, "declare_by": 60, "open_by": 90, "agree_by": 600, "pay_by": 900}
    usage = "usage_from = 2014-01-01T00:00:00+08:00\nusage_to = 2014-02-01T00:00:00+08:00\n"
    calendar = "".join(f"{name} = {at(seconds)}\n" for name, seconds in dates.items())
    valid = head.replace("valid_from = 2026", "valid_from = 2014").replace("valid_to = 2027", "valid_to = 2100")
    return f"{valid}{lines}{slots}[[calendar]]\nordinal = 1\n{usage}{calendar}"


def _work_until(operators: dict[str, Command], claim: Callable[[], bool]) -> None:
    def worked() -> bool:
        for code in OPERATORS:
            operators[code].json("agent", "step")
        return claim()

    _until(worked)


def _until(claim: Callable[[], bool], seconds: float = 60.0) -> None:
    began = time.monotonic()
    while not claim():
        assert time.monotonic() - began < seconds, f"did not come about within {seconds:.0f} s"
        time.sleep(0.2)
