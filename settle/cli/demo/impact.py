"""What another version of the rating rule changes in money, by the operators' own records, before it is ordered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from abci_app.domain.agreements.schema import Terms
from abci_app.domain.periods.schema import LineFigures
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.anchors import files_of
from settle.agent.runtime.rating import figures_of, legs_of
from settle.cli.demo.money import codes_of, yuan

Both = tuple[int, int]
"""What the first owes the second, and the second the first; 10^-6 CNY."""


class PairImpact(NamedTuple):
    """One pair of operators under both versions, on the same records; 10^-6 CNY."""

    first: str
    second: str
    calls: int
    old: Both
    new: Both

    @property
    def change(self) -> int:
        """What the new version brings the first operator on balance; the second loses as much."""
        return (self.new[1] - self.new[0]) - (self.old[1] - self.old[0])

    def text(self) -> str:
        """The pair for people."""
        verb, link = ("gains", "from") if self.change > 0 else ("loses", "to")
        moved = f"{self.first} {verb} {yuan(abs(self.change))} {link} {self.second}"
        gross = f"both owe {yuan(sum(self.old))} by v1, {yuan(sum(self.new))} by v2"
        return f"impact on {self.first}-{self.second}, {self.calls:,} calls and messages so far: {gross}; {moved}"


def impact_of(agents: Iterable[Agent], usage_from: int, old: bytes, new: bytes) -> tuple[PairImpact, ...]:
    """Every pair's period from `usage_from` on, as far as its first operator's agent has records of it.

    `old` and `new` are bundles that the chain has stored. Raises `CannotRate`.
    """
    found = []
    for agent in agents:
        desk = agent.desk()
        for known in agent.periods():
            side = desk.side_of(known)
            if known.dates.usage_from != usage_from or side.party != 0:
                continue
            legs = [legs_of(side, *file) for file in files_of(desk, side, agent.index)]
            lines = [
                figures_of(side, legs, bundle, desk.rulebook.rule, desk.settings.numbering, None).lines
                for bundle in (old, new)
            ]
            calls = sum(line.calls for line in lines[1])
            owed = (_owed(known.terms, each) for each in lines)
            found.append(PairImpact(*codes_of(known.terms), calls, *owed))
    return tuple(found)


def _owed(terms: Terms, lines: tuple[LineFigures, ...]) -> Both:
    sums = [0, 0]
    for sort, line in zip(terms.catalogue, lines, strict=True):
        sums[sort.direction] += line.amount
    return sums[0], sums[1]
