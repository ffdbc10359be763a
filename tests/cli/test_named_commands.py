"""Every command that a message tells people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from settle.cli.main import NOUNS, build

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(r"`?settle ([a-z]+(?:-[a-z]+)?)(?: ([a-z]+))?")
_QUOTED = re.compile(r"`settle [^`\n]*`|next: settle [a-z -]+|then=f?\"settle [^\"]*\"")


def _named() -> set[tuple[str, str]]:
    found = set()
    for folder in ("abci_app", "cometbft", "settle"):
        for path in (ROOT / folder).rglob("*.py"):
            for quoted in _QUOTED.findall(path.read_text(encoding="utf-8")):
                for noun, verb in _NAMED.findall(quoted):
                    found.add((noun, verb))
    return found


@pytest.mark.parametrize(("noun", "verb"), sorted(_named()))
def test_a_command_that_a_message_names_exists(noun: str, verb: str) -> None:
    assert noun in dict(NOUNS)
    sub = build()[noun]
    if verb:
        assert verb in {name for name in sub if not name.startswith("-")} or sub.default_command is not None


def test_the_search_finds_what_it_should() -> None:
    assert {("node", "run"), ("keys", "list"), ("doctor", ""), ("net-position", "rounds")} <= _named()
