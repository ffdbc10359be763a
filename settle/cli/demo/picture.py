"""The live picture: nodes, files, periods, money and the last things said; plain lines where there is no terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_LAST_WORDS = 8
_PER_SECOND = 4


class NodeLine(NamedTuple):
    """One validator: who, how far, which state."""

    name: str
    height: int
    app_hash: str
    note: str


class PeriodLine(NamedTuple):
    """One period, or several of one pair: files anchored, state, verdict and money."""

    pair: str
    files: str
    state: str
    verdict: str
    payable: str
    disputed: str


def in_one_line(periods: Sequence[PeriodLine]) -> PeriodLine:
    """The periods of one pair beside each other; what is the same in all is said once."""
    columns = list(zip(*periods, strict=True))
    return PeriodLine(*(column[0] if len(set(column)) == 1 else " / ".join(column) for column in columns))


class Picture:
    """What is shown; any thread may change it. Everything goes to standard error: the result is for standard output."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(file=sys.stderr, highlight=False, quiet=quiet)
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._act = ""
        self._nodes: Sequence[NodeLine] = ()
        self._periods: Sequence[PeriodLine] = ()
        self._words: deque[str] = deque(maxlen=_LAST_WORDS)
        self._live = Live(
            get_renderable=self._draw, console=self._console, refresh_per_second=_PER_SECOND, transient=True
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        if self._console.is_terminal:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Since the picture began."""
        return time.monotonic() - self._started

    def act(self, title: str) -> None:
        """A new act begins."""
        self._act = title
        self.say(f"— {title}")

    def say(self, words: str) -> None:
        """One line of the story."""
        line = f"{self.seconds:6.1f} s  {words}"
        with self._lock:
            self._words.append(line)
        if not self._console.is_terminal:
            self._console.print(line, markup=False, soft_wrap=True)

    def show(self, nodes: Sequence[NodeLine] | None = None, periods: Sequence[PeriodLine] | None = None) -> None:
        """Replace what is shown of nodes, of periods, or of both."""
        with self._lock:
            self._nodes = self._nodes if nodes is None else nodes
            self._periods = self._periods if periods is None else periods

    def _draw(self) -> RenderableType:
        with self._lock:
            nodes, periods, words = self._nodes, self._periods, list(self._words)
        return Panel(
            Group(_nodes_table(nodes), _periods_table(periods), Text("\n".join(words), style="dim")),
            title=f"settlement chain · {self._act}",
            subtitle=f"{self.seconds:.0f} s",
        )


def _nodes_table(nodes: Sequence[NodeLine]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("validator", "height", "app hash", ""):
        table.add_column(column, justify="right" if column == "height" else "left")
    top = max((node.height for node in nodes), default=0)
    for node in nodes:
        style = "red" if not node.height else "green" if node.height == top else "yellow"
        table.add_row(
            node.name, str(node.height) if node.height else "down", node.app_hash[:16], node.note, style=style
        )
    return table


def _periods_table(periods: Sequence[PeriodLine]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("period", "files", "state", "lines", "payable CNY", "in dispute CNY"):
        table.add_column(column, justify="right" if column.endswith("CNY") or column == "files" else "left")
    for line in periods:
        style = "yellow" if "differ" in line.verdict else ""
        table.add_row(line.pair, line.files, line.state, line.verdict, line.payable, line.disputed, style=style)
    return table
