"""Tax, interest and re-rates as people see them: the quarter of the determinism corpus, asked about by command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from abci_app.kernel.roles import Role
from settle.chain.consortium import key_folder
from settle.cli import session
from tests.cli.command import Command
from tests.cli.conftest import As
from tests.cli.node_in_memory import MemoryNode
from tests.determinism.settlement import ChainBook, rulebook, settle_a_quarter
from tests.support.books import DAY, units
from tests.support.chains import CMCC, CUCC, Network, genesis_facts, signer

APRIL, JANUARY = "2/0/1", "1/0/1"
OUTWARD = ("--direction", "first-to-second")


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """A node whose chain has settled a quarter."""
    made = MemoryNode(Network([*genesis_facts(), *units(), *rulebook()]))

    def decide(raws: Sequence[bytes], after: int, *_: object) -> SimpleNamespace:
        return SimpleNamespace(outcomes=made.make_block(*raws, after=after))

    settle_a_quarter(ChainBook(made.network, decide))
    monkeypatch.setattr(session, "open_node", made.client)
    return made


@pytest.fixture
def cucc(node: MemoryNode, as_operator: As) -> Command:
    """`settle` of China Unicom, which is owed for April."""
    del node  # the fixture puts it in place
    return as_operator(CUCC)


def test_an_invoice_shows_net_tax_gross_and_the_rule(cucc: Command) -> None:
    """The biased rule settles the creditor's 60.30 yuan; 6 % of it are 3.618, half up 3.62."""
    shown = cucc.json("invoice", "show", APRIL, *OUTWARD)
    assert shown["payable"] == {"net": 60_300_000, "tax": 3_620_000, "gross": 63_920_000}
    assert [line["payable_tax"] for line in shown["taxes"]] == [3_620_000]
    assert len(shown["rule"]) == 64
    ran = cucc("invoice", "show", APRIL, *OUTWARD)
    assert "CNY 63.92 (net CNY 60.30, tax CNY 3.62)" in ran.out
    assert shown["rule"] in ran.out
    rows = {each["period"]: each["payable"] for each in cucc.json("invoice", "list") if "CMCC ->" in each["traffic"]}
    assert rows[APRIL] == "CNY 63.92"
    assert "no rule: half up, without tax" in cucc("invoice", "show", JANUARY, *OUTWARD).out


def test_obligations_say_whether_an_invoice_or_a_note_posted_them(cucc: Command) -> None:
    listed = cucc("pay", "list", "--everything")
    sources = [line.rpartition("Z")[2].strip() for line in listed.out.splitlines()]
    assert f"invoice {APRIL}" in sources
    assert f"debit note {JANUARY}" in sources
    [interest] = [source for source in sources if source.startswith("interest on obligation")]
    number = interest.rpartition(" ")[2]
    [note] = [each for each in cucc.json("pay", "list", "--everything") if each["note"] and each["note"]["about"]]
    assert (note["note"]["kind"], str(note["note"]["about"])) == ("INTEREST", number)


def test_delays_are_a_task_for_a_person_and_claimed_by_command(cucc: Command, node: MemoryNode) -> None:
    """43.92 yuan of April's invoice are open; nine days were claimed, three more have passed."""
    assert not [each for each in cucc.json("task", "list") if "interest" in each["task"]]
    node.make_block(after=3 * DAY)
    [task] = [each for each in cucc.json("task", "list") if "interest" in each["task"]]
    assert (task["role"], task["task"]) == ("maker", "claim interest from CMCC, or leave it")
    number = task["command"].rpartition(" ")[2]
    shown = cucc.json("pay", "show", number)
    assert [each["amount"] for each in shown["unclaimed_delays"]] == [43_920_000]
    assert shown["unclaimed_delays"][0]["owed_from"].endswith("Z")
    assert "bears interest" in cucc("pay", "show", number).out
    cucc.json("pay", "claim-interest", number)
    assert not [each for each in cucc.json("task", "list") if "interest" in each["task"]]
    newest = max(cucc.json("pay", "list"), key=lambda each: each["obligation"])
    assert newest["claim"]["amount"] == 130_000, "0.527 for twelve days is 0.53, less the 0.40 of nine"


def test_the_payer_cannot_claim_and_january_is_re_rated_once(cucc: Command, as_operator: As, tmp_path: Path) -> None:
    number = next(each["obligation"] for each in cucc.json("pay", "list") if each["debtor"] == "CMCC")
    cmcc, key = as_operator(CMCC), key_folder(tmp_path / f"home{CMCC}") / "maker.json"
    key.unlink()  # the quarter revoked it
    signer(CMCC, Role.MAKER, 1).write(key)
    ran = cmcc("pay", "claim-interest", number, "--json")
    assert ran.document["error"]["name"] == "NOT_THE_PAYEE"
    before = len(cucc.json("pay", "list", "--everything"))
    cucc.json("invoice", "rerate", JANUARY)
    assert len(cucc.json("pay", "list", "--everything")) == before, "the book has done it, and it changes nothing again"
    ran = cucc("invoice", "rerate", APRIL, "--json")
    assert ran.document["error"]["name"] == "RATED_ALREADY"


def test_a_trace_tells_tax_bias_delays_and_re_rates_in_sentences(cucc: Command) -> None:
    april = cucc("trace", APRIL).out
    assert "once signed, moves the pair's bias by CNY 0.30 and CNY 0.00" in april
    assert "tax on CNY 60.30 is CNY 3.62, by" in april
    assert "CNY 20.00 owed from" in april
    assert "4 days on CNY 20.00, 9 days on CNY 43.92 bear CNY 0.48, by" in april
    assert "debit note" in cucc("trace", JANUARY).out
    line = cucc("trace", f"{JANUARY}:0").out
    assert "CNY 60.00 became CNY 66.00" in line
    kinds = {step["kind"] for step in cucc.json("trace", APRIL)["steps"]}
    assert kinds >= {"rulebook.rule_version_activated", "obligations.interest_claimed", "obligations.paid_late"}
