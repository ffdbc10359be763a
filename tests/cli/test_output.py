"""What commands say: one document, nothing else on stdout, the same figures for people."""

from __future__ import annotations

import json
import re

import pytest

from abci_app.kernel.money import MINOR_DIGITS
from settle.cli.main import NOUNS, build
from settle.cli.plain import CURRENCIES, iso, money, read_money
from tests.cli.command import Command
from tests.cli.node_in_memory import MemoryNode

READS = (
    ("member", "list"), ("member", "show", "CUCC"), ("member", "show", "2"), ("keys", "list"), ("keys", "status"),
    ("node", "status"), ("query", "/members/operator", "1"), ("query", "marker"), ("query", "facts"),
    ("query", "paths"), ("config", "show"), ("config", "show", "--origin"), ("agreement", "list"), ("period", "list"),
    ("invoice", "list"), ("net-position",), ("net-position", "rounds"), ("pay", "list"), ("task", "list"),
    ("rule", "list"),
)  # fmt: skip


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(cmcc: Command, words: tuple[str, ...]) -> None:
    ran = cmcc(*words, "--json")
    assert ran.status == 0, ran.err
    json.loads(ran.out)


@pytest.mark.parametrize("words", READS, ids=" ".join)
def test_text_has_no_control_codes_where_stdout_is_no_terminal(cmcc: Command, words: tuple[str, ...]) -> None:
    ran = cmcc(*words)
    assert ran.status == 0, ran.err
    assert "\x1b" not in ran.out + ran.err


def test_hints_go_to_stderr(cmcc: Command) -> None:
    ran = cmcc("keys", "new", "checker-2", "--role", "checker", "--json")
    assert "next:" in ran.err
    assert json.loads(ran.out)["name"] == "checker-2"


def test_tables_show_what_documents_hold(cmcc: Command) -> None:
    listed = cmcc.json("member", "list")
    assert [row["code"] for row in listed] == ["CMCC", "CUCC", "CTCC", "CBN"]
    table = cmcc("member", "list").out
    assert all(re.search(rf"^ *{row['number']} +{row['code']} ", table, re.MULTILINE) for row in listed)


@pytest.mark.parametrize(
    ("micro", "currency", "text"),
    [
        (0, 156, "CNY 0.00"),
        (1_234_500_000, 156, "CNY 1,234.50"),
        (3_600, 156, "CNY 0.0036"),
        (-5_000_000, 840, "USD -5.00"),
        (-1, 978, "EUR -0.000001"),
        (12_000_000, 392, "JPY 12"),
        (12_500_000, 392, "JPY 12.5"),
        (2**62, 156, "CNY 4,611,686,018,427.387904"),
    ],
)
def test_money_is_grouped_exact_and_has_its_currency(micro: int, currency: int, text: str) -> None:
    assert money(micro, currency) == text


@pytest.mark.parametrize(
    ("text", "micro"), [("1", 1_000_000), ("1234.5", 1_234_500_000), ("1,234.50", 1_234_500_000), ("0.000001", 1)]
)
def test_amounts_are_read_exactly(text: str, micro: int) -> None:
    assert read_money(text) == micro


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.00", "-1", "+1", "1e3", "NaN", "1.2345678", "1.", ".5", "1,2", "\uff11", "9999999999999", "1 000"],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_money(text)


def test_every_currency_of_the_chain_has_its_letters() -> None:
    assert set(CURRENCIES) == set(MINOR_DIGITS)
    assert len(set(CURRENCIES.values())) == len(CURRENCIES)


def test_times_are_utc() -> None:
    assert iso(1_388_505_600) == "2013-12-31T16:00:00Z"  # midnight in Beijing, MIIT 2013-506 comes into force
    assert iso(2**40) == "for ever"


def test_every_noun_explains_itself(node: MemoryNode, capsys: pytest.CaptureFixture[str]) -> None:
    del node
    for noun, about in NOUNS:
        ran = Command(capsys)(noun, "--help")
        assert ran.status == 0
        assert ran.out.startswith(f"Usage: settle {noun}")
        assert about


def test_completion_knows_every_noun(capsys: pytest.CaptureFixture[str]) -> None:
    script = Command(capsys)("completion", "show", "bash").out
    assert all(noun in script for noun, _ in NOUNS)
    assert build().name == ("settle",)


def test_the_version_is_the_releases(capsys: pytest.CaptureFixture[str]) -> None:
    assert Command(capsys)("--version").out == "settle 0.1.0\n"
