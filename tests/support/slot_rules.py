"""Small rules for the slots that no shipped rule of the books fills: tax, interest, a bias limit, a time bar.

Their arithmetic is plain on purpose: a test computes what it expects by hand.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding, Terms
from abci_app.domain.rulebook.schema import FOR_EVER, BundleStored, Fact, RulePublished, RuleVersionActivated
from abci_app.kernel.context import RuleFunction, Rules
from abci_app.rules.bundle import Bundle, EntryCost, Manifest, Vector, bundle_hash, read_bundle, write_bundle
from abci_app.rules.check import check_program
from abci_app.rules.interface import Slot
from abci_app.rules.tree import tree_hash, write_program
from settle.rules.parse import parse_rule
from tests.support.books import TERMS

VAT, LATE, BIASED, BARRED = 101, 102, 103, 104
"""Rule numbers. VAT: parameters (rate in basis points, rounding: 0 half up, 1 down). LATE: (basis points a year).
BIASED: (tolerance in basis points, limit of the bias). BARRED: (days to raise a claim)."""

_LARGEST = "4_611_686_018_427_387_904"
_MONEY = f"Annotated[int, 0, {_LARGEST}]"
_VAT = f"""
def tax(
    service: Annotated[int, 0, 255], net: {_MONEY}, rate: Annotated[int, 0, 15_000], down: Annotated[int, 0, 1],
) -> tuple[Annotated[int, "tax", 0, 9_223_372_036_854_775_807]]:
    if service == 3:
        reject("NO_SUCH_SERVICE")
    return Outcome(tax=mul_div(net, rate, 10_000, HALF_UP))


def rounded(
    amount_micro: {_MONEY}, minor_micro: Annotated[int, 1, 1_000_000], down: Annotated[int, 0, 1],
) -> tuple[Annotated[int, "minor", 0, {_LARGEST}]]:
    if down == 1:
        return Outcome(minor=mul_div(amount_micro, 1, minor_micro, FLOOR))
    return Outcome(minor=mul_div(amount_micro, 1, minor_micro, HALF_UP))
"""
_LATE = f"""
def interest(
    principal: Annotated[int, 1, 461_168_601_842_738],
    days: Annotated[int, 1, 36_500],
    rate: Annotated[int, 0, 100_000],
) -> tuple[Annotated[int, "interest", 0, {_LARGEST}]]:
    return Outcome(interest=mul_div(principal, days * rate, 3_650_000, HALF_UP))
"""
_BIASED = f"""
def judge_line(
    creditor: {_MONEY},
    debtor: {_MONEY},
    bias: Annotated[int, -2_305_843_009_213_693_952, 2_305_843_009_213_693_952],
    bps: Annotated[int, 0, 10_000],
    limit: Annotated[int, 0, 1_152_921_504_606_846_976],
) -> tuple[
    Annotated[int, "verdict", 0, 2],
    Annotated[int, "settled", 0, {_LARGEST}],
    Annotated[int, "bias_after", -9_223_372_036_854_775_807, 9_223_372_036_854_775_807],
]:
    if creditor == debtor:
        return Outcome(verdict=0, settled=creditor, bias_after=bias)
    if abs(creditor - debtor) > mul_div(creditor, bps, 10_000, FLOOR):
        return Outcome(verdict=2, settled=min(creditor, debtor), bias_after=bias)
    if abs(bias + creditor - debtor) > limit:
        return Outcome(verdict=2, settled=min(creditor, debtor), bias_after=bias)
    return Outcome(verdict=1, settled=creditor, bias_after=bias + creditor - debtor)
"""
_BARRED = f"""
def may_raise(
    creditor: {_MONEY}, debtor: {_MONEY}, creditor_total: {_MONEY}, debtor_total: {_MONEY},
    age: Annotated[int, 0, 1_099_511_627_776], days: Annotated[int, 0, 3650],
) -> tuple[Annotated[int, "raisable", 0, 1]]:
    return Outcome(raisable=1)


def time_bar(
    step: Annotated[int, 1, 4], days: Annotated[int, 0, 3650]
) -> tuple[Annotated[int, "seconds", 0, 315_360_000]]:
    return Outcome(seconds=days * 86_400)


def sample_size(
    records: Annotated[int, 0, 1_000_000_000], days: Annotated[int, 0, 3650]
) -> tuple[Annotated[int, "most", 0, 1_000_000_000]]:
    return Outcome(most=records)
"""


def flat(surcharge: int) -> str:
    """The text of a flat tariff as `flat_minutes`, `surcharge` basis points dearer."""
    return f"""
def rate_record(
    service: Annotated[int, 1, 3], direction: Annotated[int, 0, 1], originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255], a_number: Annotated[Digits, 0, 20], b_number: Annotated[Digits, 0, 20],
    local: bool, duration_ms: Annotated[int, 0, 2_678_400_000], units: Annotated[int, 0, 1_000_000],
) -> tuple[Annotated[int, "band", 0, 0], Annotated[int, "units_billed", 0, 2_678_459_999]]:
    return Outcome(band=0, units_billed=round_up_to(duration_ms, 60_000, 60_000))


def price_line(
    service: Annotated[int, 1, 3], direction: Annotated[int, 0, 1], band: Annotated[int, 0, 9],
    calls: Annotated[int, 0, 9_223_372_036_854_775_807], units_actual: Annotated[int, 0, 9_223_372_036_854_775_807],
    units_billed: Annotated[int, 0, 72_057_594_037_927_936], originating: Annotated[int, 0, 255],
    terminating: Annotated[int, 0, 255], rate_first: Annotated[int, 0, 1_000_000_000],
    rate_second: Annotated[int, 0, 1_000_000_000],
) -> tuple[Annotated[int, "amount_micro", 0, {_LARGEST}]]:
    if direction == 0:
        return Outcome(amount_micro=mul_div(units_billed, rate_first * {10_000 + surcharge}, 600_000_000_000, HALF_UP))
    return Outcome(amount_micro=mul_div(units_billed, rate_second * {10_000 + surcharge}, 600_000_000_000, HALF_UP))
"""


class SlotRule(NamedTuple):
    """A rule of this file."""

    name: str
    slot: Slot
    interface: int
    text: str
    vectors: tuple[Vector, ...]


def _vector(entry: str, arguments: tuple[int | bool | str, ...], *results: int) -> Vector:
    return Vector(entry, b"by hand", arguments, results, "")


_RATE_RECORD = _vector("rate_record", (1, 0, 1, 2, "", "", False, 61_000, 0), 0, 120_000)
RULES = {
    VAT: SlotRule(
        "vat", Slot.INVOICE, 1, _VAT, (_vector("tax", (1, 100, 600, 0), 6), _vector("rounded", (15_000, 10_000, 0), 2))
    ),
    LATE: SlotRule("late", Slot.INVOICE, 2, _LATE, (_vector("interest", (3_650_000, 10, 500), 5_000),)),
    BIASED: SlotRule(
        "biased", Slot.TOLERANCE, 2, _BIASED, (_vector("judge_line", (1000, 995, 3, 100, 10), 1, 1000, 8),)
    ),
    BARRED: SlotRule(
        "barred",
        Slot.DISPUTE,
        1,
        _BARRED,
        (
            _vector("may_raise", (0, 0, 0, 0, 0, 90), 1),
            _vector("time_bar", (1, 90), 7_776_000),
            _vector("sample_size", (5, 90), 5),
        ),
    ),
}


def bundle_of(rule: SlotRule, version: int = 1, usage: tuple[int, int] = (0, FOR_EVER), previous: bytes = b"") -> bytes:
    """The bytes of a rule's bundle; sequence and version are the same number."""
    program = parse_rule(f"from abci_app.rules.stub import *\n{rule.text}").program
    tree = write_program(program)
    costs = tuple(EntryCost(entry, cost) for entry, cost in check_program(program).items())
    kind, sequence = (rule.slot, rule.interface, rule.name), (version, version, previous, 0, b"")
    manifest = Manifest(*kind, *sequence, costs, *usage, tree_hash(tree), (), (), b"")
    return write_bundle(Bundle(manifest, tree, (), rule.vectors))


def tariff(surcharge: int, version: int, usage: tuple[int, int] = (0, FOR_EVER), previous: bytes = b"") -> bytes:
    """The bundle of a flat tariff, `surcharge` basis points above the agreement's rates."""
    price = _vector("price_line", (1, 0, 0, 1, 60_000, 60_000, 1, 2, 10_000, 0), 10 + surcharge // 1000)
    rule = SlotRule("flat", Slot.RATING, 1, flat(surcharge), (_RATE_RECORD, price))
    return bundle_of(rule, version, usage, previous)


def vat_that_refuses_service_1() -> bytes:
    """The bundle of VAT's second version, which taxes every service but 1."""
    first, rounded = RULES[VAT].vectors
    text = RULES[VAT].text.replace("service == 3", "service == 1")
    vectors = (replace(first, arguments=(2, *first.arguments[1:])), rounded)
    return bundle_of(RULES[VAT]._replace(text=text, vectors=vectors), 2, previous=bundle_hash(bundle_of(RULES[VAT])))


def version_facts(number: int, version: int, raw: bytes, active_from: int = 0) -> list[Fact]:
    """A bundle stored, and active from a height on for the usage that it says."""
    manifest = read_bundle(raw).manifest
    usage = (manifest.effective_from, manifest.effective_to)
    stored = BundleStored(bundle_hash(raw), raw)
    return [stored, RuleVersionActivated(number, version, bundle_hash(raw), *usage, active_from)]


def with_slots(*bound: SlotBinding, terms: Terms = TERMS) -> Terms:
    """Terms that bind these rules too; one of the tolerance slot in the place of the shipped one."""
    others = [one for one in terms.slots if one.slot != Slot.TOLERANCE or all(b.slot != one.slot for b in bound)]
    return replace(terms, slots=(*others, *bound))


TAXED = SlotBinding(Slot.INVOICE, VAT, (600, 0))
"""6 %, rounded half up."""
INTEREST_BEARING = SlotBinding(Slot.INVOICE, LATE, (3650,))
"""36.5 % a year of 365 days: a thousandth a day."""


@cache
def slot_rule_facts() -> tuple[Fact, ...]:
    """The rulebook's facts of every rule of this file, for all usage and from the first block on."""
    facts: list[Fact] = []
    for number, rule in RULES.items():
        facts += [RulePublished(number, rule.name.encode(), rule.slot), *version_facts(number, 1, bundle_of(rule))]
    return tuple(facts)


class Answering:
    """Rules of which one entry point answers as the test says."""

    def __init__(self, real: Rules, entry: str, answer: RuleFunction) -> None:
        self._real = real
        self._entry = entry
        self._answer = answer

    def __call__(self, bundle: bytes, entry: str) -> RuleFunction:
        return self._answer if entry == self._entry else self._real(bundle, entry)

    def bound(self, bundle: bytes, entry: str, parameters: tuple[int, ...]) -> RuleFunction:
        return self._answer if entry == self._entry else self._real.bound(bundle, entry, parameters)

    def interface(self, bundle: bytes) -> int:
        return self._real.interface(bundle)
