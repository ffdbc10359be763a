"""One corpus of blocks gives byte-equal hashes, results and events wherever and however it is replayed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from abci_app.application.router import Fact, Message, read_fact
from abci_app.domain.members.schema import ValidatorAppointed
from abci_app.domain.rulebook.schema import RuleVersionActivated
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind
from abci_app.kernel.encoding import Value
from tests.determinism import corpus, make, pythons

SURROUNDINGS = {
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 1": {"PYTHONHASHSEED": "1"},
    "hash seed random": {"PYTHONHASHSEED": "random"},
    "Shanghai": {"TZ": "Asia/Shanghai"},
    "St. John's, half an hour off": {"TZ": "America/St_Johns"},
    "C locale": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8"},
    "comma as decimal point": {"LC_ALL": "de_DE.UTF-8"},
    "development mode": {"PYTHONDEVMODE": "1"},
    "other allocator": {"PYTHONMALLOC": "malloc"},
}
FROM_GENESIS = {ValidatorAppointed, RuleVersionActivated}
"""No message brings these about: by vote a validator is added, a version scheduled."""


@cache
def replayed(python: Path, surroundings: tuple[tuple[str, str], ...] = ()) -> str:
    """What a process of its own prints about the corpus."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LC_", "LANG"))}
    ended = subprocess.run(
        [python, "-m", "tests.determinism.replay"],
        cwd=corpus.FILE.parents[2],
        env={**inherited, **dict(surroundings)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_corpus_is_rich_and_small() -> None:
    blocks = corpus.load()["blocks"]
    assert corpus.FILE.stat().st_size < 300_000
    assert len({block["app_hash"] for block in blocks}) > 30
    assert {block["accepted"] for block in blocks} == {True, False}


def tag_of(kind: type[Value]) -> str:
    return str(kind.__struct_config__.tag)


def counted(what: str) -> Counter[str]:
    """How often each kind of `what` stands in the blocks of the corpus."""
    lines = [json.loads(line) for line in replayed(Path(sys.executable)).splitlines()]
    return Counter(kind for line in lines for kind in line[what])


def test_every_kind_of_message_is_accepted_and_changes_something() -> None:
    """Approvals of every kind of document, advances of every kind of object. Teach `settlement` what is missing."""
    routed: dict[type[Value], type[IntEnum]] = {Approve: DocumentKind, Advance: ObjectKind}
    every = {tag_of(kind) for kind in get_args(Message) if kind not in routed}
    every |= {f"{tag_of(kind)} {about.name}" for kind, abouts in routed.items() for about in abouts}
    assert set(counted("messages")) == every


def test_every_kind_of_fact_is_brought_about() -> None:
    """By a message in a block, except those that only genesis brings. Teach `settlement` what is missing."""
    assert set(counted("facts")) == {tag_of(kind) for kind in get_args(Fact) if kind not in FROM_GENESIS}
    genesis = {type(read_fact(bytes.fromhex(fact))) for fact in corpus.load()["facts"]}
    assert genesis >= FROM_GENESIS


def test_the_default_python_gives_the_recorded_hashes_results_and_events() -> None:
    """A format pin: `python -m tests.determinism.make` makes it anew where a change is meant."""
    lines = [json.loads(line) for line in replayed(Path(sys.executable)).splitlines()]
    blocks = corpus.load()["blocks"]
    assert len(lines) == len(blocks)
    for line, block in zip(lines, blocks, strict=True):
        recorded = {name: block[name] for name in ("height", "accepted", "app_hash", "results")}
        assert {name: line[name] for name in recorded} == recorded


def test_the_corpus_can_be_made_again_and_comes_out_the_same() -> None:
    """Not compared with the committed one: a new message changes what is drawn, not what the old blocks mean."""
    assert make.make() == make.make()


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_surroundings_change_nothing(name: str) -> None:
    python = Path(sys.executable)
    assert replayed(python, tuple(SURROUNDINGS[name].items())) == replayed(python)


@pytest.mark.parametrize("minor", pythons.MINORS)
@pytest.mark.timeout(700)
def test_every_python_gives_the_same(minor: str) -> None:
    try:
        python = pythons.interpreter(minor)
    except pythons.NotAtHand as reason:
        if pythons.all_asked_for():
            raise
        pytest.skip(f"Python {minor}: {reason}")
    assert replayed(python) == replayed(Path(sys.executable))
