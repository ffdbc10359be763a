"""A page that tests itself: its files are written, its commands run, what they say is compared.

| block | what is done |
|---|---|
| ```` ```console ```` | each `$ command` runs; what stands below is what it says, all of it; nothing below: anything |
| ```` ```console status=1 ```` | the block's command ends with 1; otherwise 0 |
| ```` ```python FILE ````, csv, toml, markdown | the file is written |
| ```` ```diff FILE ```` | the lines with `-` become those with `+`; lines without a mark stay |
| ```` ```sh ````, text | for people: not run |

`...` stands for anything in a line; alone, for any number of lines. Widths of tables do not count, nor empty lines.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]
_FOR_PEOPLE = frozenset({"sh", "text"})
_WRITTEN = frozenset({"python", "csv", "toml", "markdown"})
_STATUS = re.compile(r"status=(\d+)", re.ASCII)
_PROMPT = "$ "
_ANYTHING = "..."
_LONGEST = 150  # seconds of one command: the longest waits for a vote to take effect


class Block(NamedTuple):
    """A fenced block: its language, what follows that, its content, its first line in the page."""

    language: str
    about: str
    content: str
    line: int


class Broken(AssertionError):
    """The page says something that is not so."""


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page."""
    for token in MarkdownIt().parse(text):
        if token.type == "fence":
            assert token.map is not None
            language, _, about = token.info.strip().partition(" ")
            yield Block(language, about.strip(), token.content, token.map[0] + 1)


def links(text: str) -> Iterator[str]:
    """Where a page's links lead."""
    for token in MarkdownIt().enable("table").parse(text):
        for each in token.children or ():
            if each.type == "link_open":
                yield str(each.attrs["href"])


def run_page(page: Path, folder: Path) -> None:
    """Do in an empty folder all that a page says. Raises `Broken` at the first thing that is not so."""
    environment = _environment(folder)
    work = folder / "work"
    work.mkdir()
    try:
        for block in blocks(page.read_text(encoding="utf-8")):
            try:
                _do(block, work, environment)
            except Broken as fault:
                raise Broken(f"{page.name}, block of line {block.line}: {fault}") from None
    finally:
        for node in work.glob("*/node0"):
            _run(f"settle network down {node.parent.name}", work, environment)


def _do(block: Block, work: Path, environment: dict[str, str]) -> None:
    if block.language == "console":
        _console(block, work, environment)
    elif block.language == "diff" and block.about:
        file = work / block.about
        file.write_text(edited(file.read_text(encoding="utf-8"), block.content), encoding="utf-8")
    elif block.language in _WRITTEN and block.about:
        file = work / block.about
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.content, encoding="utf-8")
    elif block.language not in _FOR_PEOPLE or block.about:
        raise Broken(f"nobody tests a block of '{block.language} {block.about}'")


def _console(block: Block, work: Path, environment: dict[str, str]) -> None:
    found = _STATUS.fullmatch(block.about or "status=0")
    if found is None:
        raise Broken(f"expected status=NUMBER, got {block.about}")
    commands = list(_commands(block.content))
    if len(commands) > 1 and block.about:
        raise Broken("a block with a status has one command")
    for command, expected in commands:
        status, said = _run(command, work, environment)
        if status != int(found[1]):
            raise Broken(f"{_PROMPT}{command} ended with {status}:\n{said}")
        if expected.strip() and not says(said, expected):
            raise Broken(f"{_PROMPT}{command} said\n{said}\nand the page says\n{expected}")


def _commands(content: str) -> Iterator[tuple[str, str]]:
    """Each command with what the page says that it says."""
    lead, *parts = re.split(rf"^{re.escape(_PROMPT)}", content, flags=re.MULTILINE)
    if lead.strip() or not parts:
        raise Broken(f"expected a line that begins with '{_PROMPT}', got {lead or 'none'}")
    for part in parts:
        command, _, expected = part.partition("\n")
        yield command, expected


def says(said: str, expected: str) -> bool:
    """Whether an output is what a page expects."""
    pattern = "".join(
        r"(?:.*\n)*?" if line == _ANYTHING else re.escape(line).replace(re.escape(_ANYTHING), ".*") + r"\n"
        for line in _plain(expected)
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _plain(said))) is not None


def _plain(text: str) -> list[str]:
    """Lines without what a table's widths change."""
    lines = (" ".join(re.sub("─+", "─", line).split()) for line in text.splitlines())
    return [line for line in lines if line]


def edited(text: str, change: str) -> str:
    """A file's text after a change. Raises `Broken` where the old lines do not stand in it exactly once."""
    lines = change.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in "- ")
    new = "".join(line[1:] for line in lines if line[0] in "+ ")
    if not old or text.count(old) != 1:
        raise Broken(f"expected these lines once in the file, got them {text.count(old)} times:\n{old}")
    return text.replace(old, new)


def _run(command: str, work: Path, environment: dict[str, str]) -> tuple[int, str]:
    """The exit status of a command, and what it says, as a terminal shows it."""
    try:
        ran = subprocess.run(
            ["bash", "-c", command], cwd=work, env=environment, text=True, timeout=_LONGEST, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise Broken(f"{_PROMPT}{command} did not end within {_LONGEST} s: {late.output}") from late
    return ran.returncode, ran.stdout


def _environment(folder: Path) -> dict[str, str]:
    """A newcomer's: no settings, `settle` on the path, and what it says in the order in which it says it."""
    programs = folder / "bin"
    programs.mkdir()
    shim = programs / "settle"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m settle.cli "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SETTLE_", "PYTHON"))}
    return environment | {
        "PATH": f"{programs}{os.pathsep}{environment['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
