"""What a command says: its result and nothing else on stdout, everything else on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table

_WIDE = 200
"""Columns where stdout is no terminal: a pipe has no width, and a wrapped table is no use in one."""


class Output:
    """One command's answer: `result` once, hints any number of times."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, document: object, *shown: RenderableType) -> None:
        """The result: `document` under `--json`, else what is shown in its place."""
        if self.as_json:
            sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
            return
        console = _console(sys.stdout.isatty())
        for each in shown:
            console.print(each)

    def hint(self, text: str) -> None:
        """Progress, advice, the next command: for people, on stderr."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def table(*columns: str, rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> Table:
    """A table for people; columns named in `right` hold numbers."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        drawn.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if cell is None else str(cell) for cell in row))
    return drawn


def facts_of(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values of one thing, one a line."""
    drawn = Table.grid(padding=(0, 2))
    for name, value in pairs:
        drawn.add_row(name, "" if value is None else str(value))
    return drawn


def _console(terminal: bool) -> Console:
    # markup off: file names and amounts may hold brackets
    return Console(
        file=sys.stdout, width=None if terminal else _WIDE, markup=False, emoji=False, highlight=False, soft_wrap=False
    )
