"""The end of the demonstration: what was settled, against the truth, and what it took."""

from __future__ import annotations

from textwrap import shorten
from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table

from settle.chain.consortium import CNY
from settle.cli.demo.attacks import Attempt, summary
from settle.cli.demo.money import Compared, SideBySide, yuan
from settle.cli.demo.order import Ordered
from settle.cli.demo.stage import RULE
from settle.cli.output import facts_of, table
from settle.cli.rule.money_tables import Amounts, pairs_table


class Rated(NamedTuple):
    """One month of all pairs: the bundle that priced it, and its money in 10^-6 CNY."""

    period: str
    rating: str
    directions: int
    settled: int
    true: int | None
    held: int


class Report(NamedTuple):
    """Everything that the last table says. `hashes`: every node's app hash at one height."""

    seal: str | None
    faults: tuple[str, ...]
    attempts: tuple[Attempt, ...]
    order: Ordered | None
    revived: str
    faults_found: bool
    directions: tuple[Compared, ...]
    lines: tuple[SideBySide, ...]
    closed: int
    periods: int
    human_actions: int
    seconds_to_signed: float
    bytes_per_period: int
    hashes: tuple[str, ...]
    seconds: float

    @property
    def problems(self) -> list[str]:
        """What a demonstration must not show; empty where all went as it should."""
        found = [
            f"not refused: {attempt.what}, code {attempt.code}" for attempt in self.attempts if not attempt.refused
        ]
        if len(set(self.hashes)) != 1:
            found.append(f"different app hashes: {', '.join(self.hashes)}")
        if not self.faults_found:
            found.append("the pairs that differ are not those of the sealed faults")
        if self.order is not None:
            found += self.order.problems
            priced = [(each.period, each.rating) for each in self.rated]
            if [rating for _, rating in priced] != [self.order.old, self.order.new]:
                found.append(f"not v1 for the old year and v2 for the new one: {priced}")
        return found + [
            f"{each.period}: {each.sender} to {each.receiver} settled {yuan(each.error)} off the truth"
            for each in self.directions
            if each.error and not each.differs
        ]

    @property
    def rated(self) -> list[Rated]:
        """Which bundle priced which month, the earlier month first."""
        found = []
        for period, rating in sorted({(each.period, each.rating) for each in self.directions}):
            mine = [each for each in self.directions if (each.period, each.rating) == (period, rating)]
            known = [each.true for each in mine if each.true is not None]
            settled, held = sum(each.settled for each in mine), sum(each.disputed for each in mine)
            found.append(Rated(period, rating, len(mine), settled, sum(known) if known else None, held))
        return found

    def document(self) -> dict[str, object]:
        """For `--json`; amounts in 10^-6 CNY."""
        return {
            "seal": self.seal,
            "faults": self.faults,
            "attempts": summary(self.attempts),
            "order": None if self.order is None else _order_document(self.order),
            "rated": [each._asdict() for each in self.rated],
            "directions": [each._asdict() | {"error": each.error} for each in self.directions],
            "lines": [each._asdict() for each in self.lines],
            "periods": self.periods,
            "closed": self.closed,
            "human_actions": self.human_actions,
            "seconds_from_last_file_to_signed": round(self.seconds_to_signed, 1),
            "bytes_on_chain_per_period": self.bytes_per_period,
            "app_hashes": self.hashes,
            "seconds": round(self.seconds, 1),
            "problems": self.problems,
        }

    def tables(self) -> tuple[RenderableType, ...]:
        """For people: the attempts, the order or the lines, the money, and what it took."""
        told: list[tuple[str, Table]] = [("Attempts to cheat", self._attempts())]
        if self.seal is None:
            told.append(("Line by line, as both parties counted", self._lines()))
        if self.order is not None:
            told += [
                (f"Impact of v2, shown before the order on {self.order.impact.legs:,} uses", _impact_table(self.order)),
                ("The order", facts_of(_order_facts(self.order))),
                ("Which version priced which usage", self._rated(self.order)),
            ]
        told += [("Settled money and the ground truth", self._money()), ("In all", self._facts())]
        return tuple(part for title, shown in told for part in (f"\n{title}", shown))

    def _attempts(self) -> Table:
        rows = [(each.what, each.code, shorten(each.log, 90, placeholder=" …")) for each in self.attempts]
        return table("attempt", "code", "refused because", rows=rows, right=("code",))

    def _rated(self, order: Ordered) -> Table:
        rows = [
            (
                each.period,
                f"{RULE.name.lower()} {order.version(each.rating)}",
                f"{each.rating[:16]}…",
                yuan(each.settled),
                "unknown" if each.true is None else yuan(each.true),
                yuan(each.held),
            )
            for each in self.rated
        ]
        columns = ("usage of", "priced by", "bundle", "settled", "ground truth", "held for dispute")
        return table(*columns, rows=rows, right=columns[3:])

    def _lines(self) -> Table:
        columns = ("line", "calls", "", "minutes", "", "CNY", "", "verdict", "settled")
        rows = [
            (
                each.line,
                f"{each.first.calls:,}",
                f"{each.second.calls:,}",
                f"{each.first.units_billed // 60_000:,}",
                f"{each.second.units_billed // 60_000:,}",
                yuan(each.first.amount),
                yuan(each.second.amount),
                each.verdict,
                yuan(each.settled),
            )
            for each in self.lines
        ]
        return table(*columns, rows=rows, right=("calls", "", "minutes", "CNY", "settled"))

    def _money(self) -> Table:
        rows = [
            (
                each.period,
                each.sender,
                each.receiver,
                yuan(each.settled),
                "unknown" if each.true is None else yuan(each.true),
                "" if each.error is None else yuan(each.error),
                yuan(each.disputed) if each.differs else "",
            )
            for each in sorted(self.directions, key=lambda each: each.period)
        ]
        columns = ("usage of", "from", "to", "settled", "ground truth", "difference", "held for dispute")
        return table(*columns, rows=rows, right=columns[3:])

    def _facts(self) -> Table:
        settled = sum(each.settled for each in self.directions)
        exact = sum(each.settled for each in self.directions if each.error == 0)
        lies = "on exactly the pairs that differed" if self.faults_found else "NOT on the pairs that differed"
        known = [("of it equal to the ground truth to the last unit", yuan(exact)), ("sealed faults", lies)]
        return facts_of(
            [
                ("settled money", yuan(settled)),
                *(known if self.seal is not None else []),
                ("periods closed", f"{self.closed} of {self.periods}; the rest wait for a dispute's end"),
                ("human actions in the month", self.human_actions),
                ("seconds from the last file to signed", f"{self.seconds_to_signed:.0f}"),
                ("bytes on chain per period", f"{self.bytes_per_period:,}"),
                ("killed validator", self.revived),
                ("app hash on every node", self.hashes[0]),
                ("seconds in all", f"{self.seconds:.0f}"),
            ]
        )


def _impact_table(order: Ordered) -> Table:
    pairs = order.impact.pairs
    amounts = [amount for each in pairs for amount in (each.old, each.new, each.gross_old, each.gross_new)]
    return pairs_table(pairs, Amounts(CNY, amounts))


def _order_facts(order: Ordered) -> list[tuple[str, object]]:
    return [
        ("regulator's order, its document", order.document),
        ("bundle of v2", order.new),
        (
            "people's signatures",
            f"publisher {order.published_by}, countersigner {order.countersigned_by}, regulator MIIT",
        ),
        ("nodes READY", f"{len(order.ready)} of {order.nodes}: {', '.join(order.ready)}"),
        ("v2 active from height", f"{order.active_from}, asked for {order.asked_for}; nothing was stopped for it"),
        ("transactions in the ten blocks before it and from it on", f"{order.before} and {order.after}"),
        ("app hash of every node after that block", order.hashes[0]),
    ]


def _order_document(order: Ordered) -> dict[str, object]:
    pairs = [each._asdict() | {"first_gains": each.new - each.old} for each in order.impact.pairs]
    return order._asdict() | {"impact": {"legs": order.impact.legs, "pairs": pairs}}
