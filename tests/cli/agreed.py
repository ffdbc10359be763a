"""A node whose chain has the shipped rules, and an agreement of two operators made on it by command."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from settle.cli import session
from settle.cli.agreement_file import EXAMPLE
from settle.rules.shipped import rulebook_facts
from tests.cli.command import Command
from tests.cli.node_in_memory import MemoryNode
from tests.support.chains import GENESIS_TIME, Network, genesis_facts

DATES = {"cut_off": 1000, "declare_by": 2000, "open_by": 3000, "agree_by": 10_000, "pay_by": 20_000}
"""Of every period, in seconds after genesis."""


def node_with_rules(monkeypatch: pytest.MonkeyPatch) -> MemoryNode:
    """The node that every command of the test meets."""
    made = MemoryNode(Network([*genesis_facts(), *rulebook_facts()]))
    monkeypatch.setattr(session, "open_node", made.client)
    return made


def terms_file(*usage: tuple[int, int]) -> Path:
    """The printed example as terms.toml in the working directory, with a period for each usage."""

    def at(second: int) -> str:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    text = EXAMPLE[: EXAMPLE.index("[[calendar]]")].replace("valid_from = 2026", "valid_from = 2014")
    dates = "".join(f"{name} = {at(GENESIS_TIME + seconds)}\n" for name, seconds in DATES.items())
    for ordinal, (start, end) in enumerate(usage, 1):
        text += f"[[calendar]]\nordinal = {ordinal}\nusage_from = {at(start)}\nusage_to = {at(end)}\n{dates}\n"
    file = Path("terms.toml")
    file.write_text(text, encoding="utf-8")
    return file


def agree(one: Command, other: Command, *usage: tuple[int, int]) -> None:
    """Agreement 1, proposed by the first and signed by both."""
    one.json("agreement", "propose", terms_file(*usage))
    for party in (one, other):
        party.json("agreement", "approve", "1")
        party.json("agreement", "approve", "1")
