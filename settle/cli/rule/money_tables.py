"""Lines, pairs and operators in money, as voters read them: every figure with the point under the point."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from abci_app.kernel.money import MINOR_DIGITS
from settle.agent.bulk_rating import Charge, LineName, Rated
from settle.agent.impact import Change, Impact, PairChange, Standing, per_mille, refusals
from settle.agent.records import Service
from settle.agent.summarise import OUT_OF_RANGE
from settle.cli.output import table
from settle.cli.plain import CURRENCIES

_MICRO_DIGITS = 6
_MILLISECONDS_A_MINUTE = 60_000
_NO_PRICE = "no price"
MEANINGS = {OUT_OF_RANGE: "outside what the rule declares, such as a service that it does not know"}
"""What a code means that the rule's author did not write."""


class Amounts:
    """Amounts of one currency, in 10^-6, with as many digits after the point as the finest of them needs."""

    def __init__(self, currency: int, amounts: Sequence[int | None]) -> None:
        self.name = CURRENCIES.get(currency, f"{currency:03d}")
        self._digits = MINOR_DIGITS.get(currency, 2)
        while self._digits < _MICRO_DIGITS and any(
            (each or 0) % 10 ** (_MICRO_DIGITS - self._digits) for each in amounts
        ):
            self._digits += 1

    def text(self, amount: int | None) -> str:
        """An amount without its currency."""
        if amount is None:
            return _NO_PRICE
        whole, rest = divmod(abs(amount), 10**_MICRO_DIGITS)
        digits = f"{rest:0{_MICRO_DIGITS}d}"[: self._digits]
        return f"{'-' if amount < 0 else ''}{whole:,}{'.' if digits else ''}{digits}"

    def signed(self, amount: int) -> str:
        """A difference: with its sign, a dash where there is none."""
        return "-" if amount == 0 else f"{'+' if amount > 0 else ''}{self.text(amount)}"


def lines_of(rated: Rated, currency: int) -> Table:
    """The lines of one rule."""
    money = Amounts(currency, [each.amount for each in rated.lines.values()])
    rows = [
        (*_named(name), f"{each.calls:,}", _units(name.service, each.units_actual),
         _units(name.service, each.units_billed), money.text(each.amount))
        for name, each in rated.lines.items()
    ]  # fmt: skip
    figures = ("calls", "actual", "billed", money.name)
    return table("from", "to", "service", "band", *figures, rows=rows, right=("band", *figures))


def impact_tables(impact: Impact, currency: int) -> list[RenderableType]:
    """What a voter reads: line by line, pair by pair, operator by operator, and then in words."""
    changes, pairs, standings = impact.changes(), impact.pairs(), impact.standings()
    every: list[int | None] = [amount for each in changes for amount in (each.old.amount, each.new.amount)]
    money = Amounts(currency, every)
    shown: list[RenderableType] = [_changes(changes, money), pairs_table(pairs, money), _standings(standings, money)]
    codes = refusals(impact)
    if codes:
        refused = [(code, f"{old:,}", f"{new:,}", MEANINGS.get(code, "")) for code, (old, new) in codes.items()]
        shown.append(table("legs in no line", "old", "new", "", rows=refused, right=("old", "new")))
    for which, rated in (("old", impact.old), ("new", impact.new)):
        if rated.unpriced:
            unpriced = [(*_named(name), code) for name, code in rated.unpriced.items()]
            shown.append(table("from", "to", "service", "band", f"why the {which} rule has no price", rows=unpriced))
    spaced = [part for each in shown for part in ("", each)]
    return [*spaced, "", in_words(changes, standings, money)]


def in_words(changes: Sequence[Change], standings: Sequence[Standing], money: Amounts) -> str:
    """The whole change in one paragraph."""
    old = sum(each.old.amount or 0 for each in changes)
    new = sum(each.new.amount or 0 for each in changes)
    head = f"Owed for all traffic: {money.name} {money.text(old)} before, {money.text(new)} after"
    if old == new and all(each.difference == 0 for each in changes):
        return f"{head}. No line changes."
    share = _percent(per_mille(new - old, old))
    told = [_gain(each, money) for each in standings if each.gain]
    return f"{head}{f' ({share})' if share else ''}. {', '.join(told) or 'Nobody gains or loses on balance'}."


def _gain(standing: Standing, money: Amounts) -> str:
    return f"{standing.operator} {'gains' if standing.gain > 0 else 'loses'} {money.text(abs(standing.gain))}"


def change_document(change: Change, total: int) -> dict[str, object]:
    """A line for `--json`; amounts in 10^-6, shares in per mille."""
    return {
        **_name_document(change.name),
        "old": _charge_document(change.old),
        "new": _charge_document(change.new),
        "difference_micro": change.difference,
        "change_per_mille": per_mille(change.difference, change.old.amount or 0),
        "share_per_mille": per_mille(abs(change.difference), total) or 0,
    }


def line_document(name: LineName, charge: Charge) -> dict[str, object]:
    """A line of one rule for `--json`."""
    return {**_name_document(name), **_charge_document(charge)}


def moved(changes: Sequence[Change]) -> int:
    """What changes hands anew: all differences, without their signs."""
    return sum(abs(each.difference) for each in changes)


def _name_document(name: LineName) -> dict[str, object]:
    return {"from": name.sender, "to": name.receiver, "service": name.service.value, "band": name.band}


def _charge_document(charge: Charge) -> dict[str, object]:
    return {
        "calls": charge.calls, "units_actual": charge.units_actual, "units_billed": charge.units_billed,
        "amount_micro": charge.amount,
    }  # fmt: skip


def _changes(changes: Sequence[Change], money: Amounts) -> Table:
    total = moved(changes)
    rows = [
        (
            *_named(each.name),
            _both(f"{each.old.calls:,}", f"{each.new.calls:,}"),
            _both(_units(each.name.service, each.old.units_billed), _units(each.name.service, each.new.units_billed)),
            money.text(each.old.amount),
            money.text(each.new.amount),
            money.signed(each.difference),
            _percent(per_mille(each.difference, each.old.amount or 0)),
            _percent(per_mille(abs(each.difference), total), sign=False),
        )
        for each in changes
    ]
    figures = ("calls", "billed", f"old {money.name}", f"new {money.name}", "difference", "change", "share of all")
    return table("from", "to", "service", "band", *figures, rows=rows, right=("band", *figures))


def pairs_table(pairs: Sequence[PairChange], money: Amounts) -> Table:
    """Pair by pair: what both owe together, and who owes whom on balance."""
    rows = [
        (
            f"{each.first} and {each.second}",
            money.text(each.gross_old),
            money.text(each.gross_new),
            _balance(each, each.old, money),
            _balance(each, each.new, money),
            money.signed(each.new - each.old),
        )
        for each in pairs
    ]
    figures = (
        f"both owe, old {money.name}",
        f"new {money.name}",
        "balance, old",
        "balance, new",
        "first gains",
    )
    return table("pair", *figures, rows=rows, right=figures)


def _balance(pair: PairChange, balance: int, money: Amounts) -> str:
    if balance == 0:
        return "even"
    payer, payee = (pair.second, pair.first) if balance > 0 else (pair.first, pair.second)
    return f"{payer} owes {payee} {money.text(abs(balance))}"


def _standings(standings: Sequence[Standing], money: Amounts) -> Table:
    rows = [
        (
            each.operator,
            *(money.text(amount) for amount in (each.receives_old, each.receives_new, each.owes_old, each.owes_new)),
            *(money.text(amount) for amount in (each.net_old, each.net_new)),
            money.signed(each.gain),
            "gains" if each.gain > 0 else "loses" if each.gain < 0 else "",
        )
        for each in standings
    ]
    figures = (f"receives, old {money.name}", "new", "owes, old", "new ", "net, old", "net, new", "gain or loss")
    return table("operator", *figures, "", rows=rows, right=figures)


def _named(name: LineName) -> tuple[str, str, str, int]:
    return name.sender, name.receiver, name.service.value, name.band


def _units(service: Service, units: int) -> str:
    """Minutes of calls, messages, bytes."""
    match service:
        case Service.VOICE:
            minutes, rest = divmod(units, _MILLISECONDS_A_MINUTE)
            seconds = f"{minutes:,}:{rest // 1000:02d}" if rest else f"{minutes:,}"
            return f"{seconds} min"
        case Service.DATA:
            return f"{units:,} B"
        case _:
            return f"{units:,} msg"


def _both(old: str, new: str) -> str:
    return old if old == new else f"{old} > {new}"


def _percent(share: int | None, *, sign: bool = True) -> str:
    if not share:
        return "" if share is None else "-"
    mark = "-" if share < 0 else "+" if share > 0 and sign else ""
    return f"{mark}{abs(share) // 10}.{abs(share) % 10} %"
