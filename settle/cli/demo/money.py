"""Settled money against the ground truth, priced by the law's own figures and by nothing of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from abci_app.domain.agreements.schema import Terms
from abci_app.domain.periods.schema import LineFigures, Statement, Verdict
from settle.chain.consortium import CHINA, CNY
from settle.cli.demo.terms import LINE_NAMES, period_name
from settle.cli.plain import money
from settle.sample.lines import TruthLine, truth_lines

_SERIES = ("86157", "86188")
_CHINA_MOBILE, _UNICOM, _TELECOM = "CMCC", "CUCC", "CTCC"
_PER_MESSAGE = {"SMS": 10_000, "MMS": 50_000}
"""10^-6 CNY a message: MIIT order 2013 no. 506."""
_PER_MESSAGE_BEFORE = {"SMS": 30_000, "MMS": 100_000}

Owed = Mapping[tuple[int, str, str], int]
"""(ordinal of the period, sender, receiver) → what is owed by the ground truth, in 10^-6 CNY."""


def lawful_price(sender: str, receiver: str, service: str, called_series: bool, units: int) -> int:
    """What the sender owes for `units` (started minutes, or messages), in 10^-6 CNY.

    MIIT order 2013 no. 506, from 2014-01-01: 0.06 a minute between mobile networks; Telecom and Unicom pay
    China Mobile 0.04, but 0.06 for its numbers 157 and 188; SMS 0.01, MMS 0.05. A network that the order
    does not name pays and gets 0.06.
    """
    if service in _PER_MESSAGE:
        return units * _PER_MESSAGE[service]
    cheaper = receiver == _CHINA_MOBILE and sender in (_UNICOM, _TELECOM) and not called_series
    return units * (40_000 if cheaper else 60_000)


def by_the_order(line: TruthLine) -> int:
    """What a line of the truth is worth from 2014 on, in 10^-6 CNY."""
    return lawful_price(line.sender, line.receiver, line.service, line.called_special, line.units_started)


def before_the_order(line: TruthLine) -> int:
    """What a line of the truth was worth until the end of 2013, in 10^-6 CNY.

    The Ministry's earlier rules, as the trade press of 2013-12-24 has them beside the new ones (txwb.com): 0.06 a
    minute; 0.012 by a number 157 or 188 of China Mobile inside its local network; SMS 0.03, MMS 0.10.
    """
    if line.service in _PER_MESSAGE_BEFORE:
        return line.units_started * _PER_MESSAGE_BEFORE[line.service]
    cheaper = line.sender == _CHINA_MOBILE and line.local and line.caller_special
    return line.units_started * (12_000 if cheaper else 60_000)


def truth(sample: Path, price: Callable[[TruthLine], int] = by_the_order) -> dict[tuple[str, str], int]:
    """(sender, receiver) → what is owed by the ground truth, in 10^-6 CNY."""
    owed: dict[tuple[str, str], int] = {}
    for line in truth_lines(sample, special=_SERIES):
        names = line.sender, line.receiver
        owed[names] = owed.get(names, 0) + price(line)
    return owed


class Compared(NamedTuple):
    """One direction of one period: settled and true amounts, 10^-6 CNY. `rating` is the bundle that priced it."""

    period: str
    sender: str
    receiver: str
    rating: str
    settled: int
    disputed: int
    true: int | None  # None where nobody knows
    differs: bool  # whether some line of the period is not agreed

    @property
    def error(self) -> int | None:
        """What is settled above the truth; None where nobody knows it."""
        return None if self.true is None else self.settled - self.true


def compare(statements: Iterable[tuple[Terms, Statement]], owed: Owed) -> list[Compared]:
    """Every direction of every statement; each comes with the terms of its agreement."""
    found = []
    for terms, statement in statements:
        both = codes_of(terms)
        period, rating = period_name(terms, statement.ordinal), statement.rating.hex()
        differs = bool(differences(statement, terms))
        for direction, names in enumerate((both, both[::-1])):
            payable, disputed = statement.payable[direction], statement.disputed[direction]
            true = owed.get((statement.ordinal, *names), 0) if owed else None
            found.append(Compared(period, *names, rating, payable, disputed, true, differs))
    return found


def codes_of(terms: Terms) -> tuple[str, str]:
    """The codes of the two parties."""
    codes = {member.number: member.code for member in CHINA}
    return codes[terms.first], codes[terms.second]


class SideBySide(NamedTuple):
    """One line of a statement as both parties see it: calls, units billed (ms or messages), 10^-6 CNY."""

    period: str
    line: str
    first: LineFigures
    second: LineFigures
    verdict: str
    settled: int

    @property
    def differs(self) -> bool:
        """Whether the line is not agreed."""
        return self.verdict not in (Verdict.EQUAL.name, Verdict.WITHIN.name)

    def text(self) -> str:
        """The line for people."""
        first, second = self.first.amount, self.second.amount
        return f"{self.line}: {yuan(first)} against {yuan(second)}, difference {yuan(first - second)}"


def side_by_side(statement: Statement, terms: Terms) -> list[SideBySide]:
    """Every line of a statement, named for people."""
    codes, period = codes_of(terms), period_name(terms, statement.ordinal)
    found = []
    for sort, line in zip(terms.catalogue, statement.lines, strict=True):
        sender, receiver = codes if sort.direction == 0 else codes[::-1]
        name = f"{LINE_NAMES[sort.service, sort.band]} {sender} to {receiver}"
        found.append(SideBySide(period, name, line.first, line.second, line.verdict.name, line.settled))
    return found


def differences(statement: Statement, terms: Terms) -> list[SideBySide]:
    """The lines that differ."""
    return [line for line in side_by_side(statement, terms) if line.differs]


def yuan(micro: int) -> str:
    """An amount of the demonstration's currency for people."""
    return money(micro, CNY)
