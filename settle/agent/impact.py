"""What another rule would change in money: line by line, pair by pair, operator by operator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.bundle import LoadedRule
from settle.agent.bulk_rating import Charge, LineName, Rated, Terms, rate_traffic
from settle.agent.traffic import Traffic

NO_CHARGE: Final = Charge(0, 0, 0, 0)
"""The figures of a line that a rule does not have."""


class Change(NamedTuple):
    """A line under both rules. Amounts in 10^-6; a line without a price counts as nothing owed."""

    name: LineName
    old: Charge
    new: Charge

    @property
    def difference(self) -> int:
        """The new amount less the old."""
        return (self.new.amount or 0) - (self.old.amount or 0)


class PairChange(NamedTuple):
    """What `second` owes `first` on balance; negative where `first` owes. `gross_*`: what both owe together."""

    first: str
    second: str
    old: int
    new: int
    gross_old: int
    gross_new: int


class Standing(NamedTuple):
    """What one operator receives from all others and owes to them."""

    operator: str
    receives_old: int
    receives_new: int
    owes_old: int
    owes_new: int

    @property
    def net_old(self) -> int:
        """What is left to it under the old rule; negative where it pays."""
        return self.receives_old - self.owes_old

    @property
    def net_new(self) -> int:
        """What is left to it under the new rule."""
        return self.receives_new - self.owes_new

    @property
    def gain(self) -> int:
        """What the change is worth to it. The gains of all operators add up to 0."""
        return self.net_new - self.net_old


@dataclass(frozen=True)
class Impact:
    """Both ratings of the same traffic."""

    old: Rated
    new: Rated
    terms: Terms

    def changes(self) -> list[Change]:
        """Every line of either rule, sorted."""
        names = sorted(self.old.lines.keys() | self.new.lines.keys())
        return [Change(name, _charge(self.old, name), _charge(self.new, name)) for name in names]

    def pairs(self) -> list[PairChange]:
        """Every pair of operators with traffic, in the order of the terms."""
        order = list(self.terms.networks)
        sums: dict[tuple[str, str], list[int]] = {}
        for line in self.changes():
            pair = sorted((line.name.sender, line.name.receiver), key=order.index)
            balance = sums.setdefault((pair[0], pair[1]), [0, 0, 0, 0])
            owing = self.terms.owes(line.name)
            if owing is None:
                continue
            sign = 1 if owing[1] == pair[0] else -1
            for place, amount in enumerate((line.old.amount or 0, line.new.amount or 0)):
                balance[place] += sign * amount
                balance[place + 2] += amount
        return [PairChange(*pair, *balance) for pair, balance in sums.items()]

    def standings(self) -> list[Standing]:
        """Every operator, the one that gains most first."""
        sums: dict[str, list[int]] = {}
        for line in self.changes():
            for operator in (line.name.sender, line.name.receiver):
                sums.setdefault(operator, [0, 0, 0, 0])
            owing = self.terms.owes(line.name)
            if owing is None:
                continue
            payer, payee = owing
            for place, amount in enumerate((line.old.amount or 0, line.new.amount or 0)):
                sums[payee][place] += amount
                sums[payer][place + 2] += amount
        found = [Standing(operator, *amounts) for operator, amounts in sums.items()]
        return sorted(found, key=lambda each: (-each.gain, each.operator))


def impact_of(seen: Sequence[Traffic], old: LoadedRule, new: LoadedRule, terms: Terms) -> Impact:
    """Rates the same traffic by both rules. Raises `BadInput` as `rate_traffic` does."""
    return Impact(rate_traffic(seen, old, terms), rate_traffic(seen, new, terms), terms)


def per_mille(difference: int, of: int) -> int | None:
    """A change in thousandths of what was before, rounded half away from zero; None where there was nothing."""
    return mul_div(difference, 1000, abs(of), Rounding.HALF_UP) if of else None


def refusals(impact: Impact) -> Mapping[str, tuple[int, int]]:
    """Legs in no line by the code of their refusal: old, new."""
    codes = sorted(impact.old.rejected.keys() | impact.new.rejected.keys())
    return {code: (impact.old.rejected.get(code, 0), impact.new.rejected.get(code, 0)) for code in codes}


def _charge(rated: Rated, name: LineName) -> Charge:
    return rated.lines.get(name, NO_CHARGE)
