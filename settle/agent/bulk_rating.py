"""A rule over the traffic of many operators at once: the lines between senders and receivers, and their money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from abci_app.domain.agreements.schema import Flow
from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RejectedByRule, RuleRefused
from abci_app.rules.interface import Slot
from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.sort import IN, OUT
from settle.agent.records import Outcome, Service
from settle.agent.summarise import COUNTED, LineKey, Numbering, Quantities, Rating, Summary, summarise
from settle.agent.traffic import Traffic, ends


class LineName(NamedTuple):
    """Whose traffic to whom, of which service, in which band of the rule."""

    sender: str
    receiver: str
    service: Service
    band: int


class Charge(NamedTuple):
    """A line's figures. `amount` is in 10^-6 of the currency's unit; None where the rule has no price."""

    calls: int
    units_actual: int
    units_billed: int
    amount: int | None


@dataclass(frozen=True)
class Terms:
    """What agreements would say, for traffic that is rated without them.

    `networks`: operator → class of its network in the rule's numbers; of two operators the one that comes first here
    is the first party of their agreement. `services`: the rule's number of each service. `parameters`: the rule's own,
    by name. `flow`: who owes. `counted`: which outcomes are usage.
    """

    networks: Mapping[str, int]
    services: Mapping[Service, int]
    parameters: Mapping[str, int]
    flow: Flow = Flow.CALLING_PARTY_PAYS
    counted: Mapping[Service, frozenset[Outcome]] = field(default_factory=lambda: COUNTED)

    def party(self, operator: str, peer: str) -> int:
        """0 where the operator is the first party of its agreement with the peer, else 1."""
        order = list(self.networks)
        return int(order.index(operator) > order.index(peer))

    def owes(self, line: LineName) -> tuple[str, str] | None:
        """Who owes for a line, and to whom; None where nobody does."""
        match self.flow:
            case Flow.CALLING_PARTY_PAYS:
                return line.sender, line.receiver
            case Flow.RECEIVER_PAYS:
                return line.receiver, line.sender
            case Flow.BILL_AND_KEEP:
                return None


@dataclass(frozen=True)
class Rated:
    """The lines, sorted. `rejected`: legs in no line, by the code of the refusal. `unpriced`: lines without a price,
    by code. `uncounted`: legs whose outcome is not usage."""

    lines: Mapping[LineName, Charge]
    rejected: Mapping[str, int]
    unpriced: Mapping[LineName, str]
    uncounted: int


def require_rating(rule: LoadedRule) -> None:
    """Raises `BadInput` unless the rule rates single records."""
    manifest = rule.manifest
    if manifest.slot is not Slot.RATING or "rate_record" not in rule.functions:
        raise BadInput(
            file=f"{manifest.name} v{manifest.version}",
            expected="a rule that rates records",
            came=f"slot {manifest.slot.name}, interface {manifest.interface}",
            next_step="name a rating rule",
        )


def rate_traffic(seen: Sequence[Traffic], rule: LoadedRule, terms: Terms, *, executor: bool = False) -> Rated:
    """Rates every leg, and prices each line over all of them. `executor`: leg by leg, instead of in columns.

    Raises `BadInput` where the terms lack an operator's network or a parameter of the rule.
    """
    require_rating(rule)
    _require_terms(seen, rule, terms)
    rating = Rating.of(rule, terms.parameters)
    if executor:
        rating = rating.by_executor()
    sums: dict[LineName, Counter[str]] = {}
    rejected: Counter[str] = Counter()
    uncounted = 0
    for traffic in seen:
        for peer in traffic.peers():
            numbering = _numbering(traffic.operator, peer, terms)
            summary = summarise(traffic.legs.lazy().filter(pl.col("peer") == peer), rating, numbering)
            rejected.update(dict(summary.rejected.group_by("code").len().iter_rows()))
            uncounted += summary.uncounted
            for name, found in _named(summary, traffic.operator, peer, numbering):
                sums.setdefault(name, Counter()).update(found._asdict())
    lines, unpriced = {}, {}
    for name, total in sorted(sums.items()):
        quantities = Quantities(**total)
        amount, code = _price(name, quantities, rating, terms)
        lines[name] = Charge(*quantities, amount)
        if code:
            unpriced[name] = code
    return Rated(lines, dict(sorted(rejected.items())), unpriced, uncounted)


def _require_terms(seen: Sequence[Traffic], rule: LoadedRule, terms: Terms) -> None:
    operators = {each.operator for each in seen} | {peer for each in seen for peer in each.peers()}
    strangers = sorted(operators - terms.networks.keys())
    if strangers:
        raise BadInput(
            file=f"{rule.manifest.name} v{rule.manifest.version}",
            expected=f"the class of each operator's network ({', '.join(sorted(operators))})",
            came=f"none for {', '.join(strangers)}",
            next_step=f"add --network {strangers[0]}=CLASS; the rule's README has its classes",
        )
    wanted = {one.name for entry in ("rate_record", "price_line") for one in rule.agreement_parameters(entry)}
    lacking = sorted(wanted - terms.parameters.keys())
    if lacking:
        raise BadInput(
            file=f"{rule.manifest.name} v{rule.manifest.version}",
            expected=f"the agreement's parameters {', '.join(sorted(wanted))}",
            came=f"no {', '.join(lacking)}",
            next_step=f"add --parameter {lacking[0]}=NUMBER",
        )


def _numbering(operator: str, peer: str, terms: Terms) -> Numbering:
    party = terms.party(operator, peer)
    return Numbering(operator, terms.services, {OUT: party, IN: 1 - party}, terms.networks, terms.counted)


def _named(summary: Summary, operator: str, peer: str, numbering: Numbering) -> list[tuple[LineName, Quantities]]:
    services = {number: service for service, number in numbering.services.items()}
    directions = {number: direction for direction, number in numbering.directions.items()}
    return [
        (LineName(*ends(operator, directions[key.direction], peer), services[key.service], key.band), found)
        for key, found in summary.lines.items()
    ]


def _price(name: LineName, quantities: Quantities, rating: Rating, terms: Terms) -> tuple[int | None, str]:
    key = LineKey(terms.services[name.service], terms.party(name.sender, name.receiver), name.band)
    classes = terms.networks[name.sender], terms.networks[name.receiver]
    try:
        return rating.price_line(*key, *quantities, *classes)[0], ""
    except RejectedByRule as refusal:
        return None, refusal.code
    except RuleRefused as refusal:
        return None, refusal.code.name
