"""What another version of the rating rule changes in money, by the files that the operators have taken in so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from abci_app.rules.bundle import LoadedRule
from settle.agent.bulk_rating import Terms
from settle.agent.impact import PairChange, impact_of
from settle.agent.number_plan.plan import load_number_plan
from settle.agent.runtime.settings import NumberingSettings, agent_folder
from settle.agent.traffic import counted_once, find_files, read_traffic
from settle.cli.demo.money import yuan
from settle.cli.demo.stage import Operator
from settle.cli.demo.terms import USAGE_FROM, USAGE_TO


class OrderImpact(NamedTuple):
    """Every pair of operators under both versions; `legs` of the month were rated, each use once."""

    legs: int
    pairs: tuple[PairChange, ...]


def impact_on(operators: Sequence[Operator], old: LoadedRule, new: LoadedRule) -> OrderImpact:
    """What `settle rule impact` tells of the month's files in the operators' homes. Raises `BadInput`."""
    taken = [agent_folder(operator.home) / "taken" for operator in operators]
    seen = counted_once(read_traffic(find_files(taken, "", None), load_number_plan()))
    month = [one.during(USAGE_FROM * 1000, USAGE_TO * 1000) for one in seen]
    networks = {operator.code: operator.number for operator in operators}
    terms = Terms(networks=networks, services=NumberingSettings().services, parameters={})
    return OrderImpact(sum(one.legs.height for one in month), tuple(impact_of(month, old, new, terms).pairs()))


def pair_said(pair: PairChange) -> str:
    """A pair's change for people."""
    gain = pair.new - pair.old
    verb, link = ("gains", "from") if gain > 0 else ("loses", "to")
    gross = f"both owe {yuan(pair.gross_old)} by v1, {yuan(pair.gross_new)} by v2"
    return f"{pair.first}-{pair.second}: {gross}; {pair.first} {verb} {yuan(abs(gain))} {link} {pair.second}"
