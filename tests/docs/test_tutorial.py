"""The tutorial is true: every command of it runs here and says what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from settle.cli.main import main
from tests.docs.page import ROOT, Broken, blocks, edited, links, run_page, says

TUTORIAL = ROOT / "docs" / "tutorial"
PAGES = sorted(TUTORIAL.glob("*.md"))


@pytest.mark.network
@pytest.mark.timeout(240)
def test_a_first_rule_goes_live_on_four_validators(tmp_path: Path) -> None:
    run_page(TUTORIAL / "first-rule.md", tmp_path)


def test_a_decision_table_becomes_a_rule(tmp_path: Path) -> None:
    run_page(TUTORIAL / "decision-table.md", tmp_path)


def test_a_sheet_is_read_as_excel_saves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says "CSV UTF-8": a mark before the text, and line ends of two characters."""
    text = (TUTORIAL / "decision-table.md").read_text(encoding="utf-8")
    sheet = next(block.content for block in blocks(text) if block.about == "tariff.csv").splitlines()
    sheet[1], sheet[2] = sheet[2], sheet[1]
    (tmp_path / "tariff.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(sheet).encode())
    monkeypatch.chdir(tmp_path)
    assert main(["rule", "table", "tariff.csv", "-o", "sheet/v1", "--slot", "rating"]) == 0
    assert main(["rule", "test", "sheet/v1"]) == 0


def test_every_page_with_commands_is_run() -> None:
    told = {page.name for page in PAGES if any(block.language == "console" for block in blocks(page.read_text()))}
    assert told == {"first-rule.md", "decision-table.md"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    inside = [link for link in links(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in inside if not (page.parent / link.partition("#")[0]).exists()] == []


# ------------------------------------------------------------------------------------------ a page that is not so fails


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a\nb\n", "a\nb\n"),
        ("name    state\n──────────\nx       ACTIVE\n", "name  state\n───\nx  ACTIVE\n"),
        ("in block 17, transaction AB\nnext: x\n", "in block ...\nnext: x\n"),
        ("1\n2\n3\n4\n", "1\n...\n4\n"),
        ("1\n4\n", "1\n...\n4\n"),
        ("1\n2\n", "1\n...\n"),
    ],
)
def test_what_is_said_as_the_page_has_it(said: str, expected: str) -> None:
    assert says(said, expected)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a\nb\n", "b\na\n"),
        ("a\nb\n", "a\n"),
        ("a\n", "a\nb\n"),
        ("a.c\n", "abc\n"),
        ("abc\n", "a.c\n"),
        ("1\n2\n3\n", "1\n3\n"),
        ("state APPROVED\n", "state ACTIVE\n"),
    ],
)
def test_what_is_not_said_as_the_page_has_it(said: str, expected: str) -> None:
    assert not says(said, expected)


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("```console\n$ exit 3\n```\n", "ended with 3"),
        ("```console status=3\n$ true\n```\n", "ended with 0"),
        ("```console status=3\n$ exit 3\n$ exit 3\n```\n", "one command"),
        ("```console\n$ echo yes\nno\n```\n", "the page says\nno"),
        ("```console\nno prompt\n```\n", "begins with"),
        ("```python\nx = 1\n```\n", "nobody tests"),
        ("```ruby a.rb\nx = 1\n```\n", "nobody tests"),
        ("```csv a.csv\n1\n```\n```diff a.csv\n-2\n+3\n```\n", "got them 0 times"),
    ],
)
def test_a_page_that_is_not_so_is_broken(page: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(page)
    with pytest.raises(Broken, match=told):
        run_page(tmp_path / "page.md", tmp_path)


def test_a_page_writes_and_changes_files_and_sees_its_settle(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "```csv new/a.csv\n1\n2\n3\n```\n"
        "```diff new/a.csv\n 1\n-2\n+4\n+5\n```\n"
        "```console\n$ cat new/a.csv\n1\n4\n5\n3\n$ settle --version\nsettle ...\n```\n"
        "```console status=2\n$ settle nonsense\nexpected one of doctor, ...\n...\n```\n"
    )
    run_page(tmp_path / "page.md", tmp_path)


def test_a_change_that_fits_twice_is_broken() -> None:
    with pytest.raises(Broken, match="2 times"):
        edited("a\na\n", "-a\n+b\n")
