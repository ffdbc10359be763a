"""What a slot asks of a rule: the entry points, their leading parameters and their results, in order.

Parameters after the leading ones are the agreement's: the host binds them by name. Ranges are the
rule's own; the host calls through `LoadedRule.call`, which checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from abci_app.rules.check import MOST_COST
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.tree import Declared, Function, Kind, Program, entry_points


class Slot(IntEnum):
    """Where a rule serves. Frozen numbers; RULES.md lists who runs what."""

    RATING = 1
    VALIDATION = 2
    TOLERANCE = 3
    DISPUTE = 4
    SET_OFF = 5
    INVOICE = 6
    DEAL = 7


class DisputeStep(IntEnum):
    """What a dispute rule's `time_bar` is asked about. Frozen numbers."""

    RAISE = 1
    ANSWER = 2
    SAMPLE = 3
    RULE = 4


class EntryForm(NamedTuple):
    """An entry point as a slot wants it."""

    parameters: tuple[tuple[str, Kind], ...]
    results: tuple[tuple[str, Kind], ...]


def _integers(*names: str) -> tuple[tuple[str, Kind], ...]:
    return tuple((name, Kind.INTEGER) for name in names)


_RATING_1 = {
    # Durations in milliseconds; networks are the classes that the agreement gives its parties.
    "rate_record": EntryForm(
        (
            *_integers("service", "direction", "originating", "terminating"),
            ("a_number", Kind.DIGITS),
            ("b_number", Kind.DIGITS),
            ("local", Kind.BOOLEAN),
            *_integers("duration_ms", "units"),
        ),
        _integers("band", "units_billed"),
    ),
    "price_line": EntryForm(
        _integers(
            "service", "direction", "band", "calls", "units_actual", "units_billed", "originating", "terminating"
        ),
        _integers("amount_micro"),
    ),
}
_RATING_2 = {
    # Capacity: the host sorts the samples of a month, drops as many as told, and combines what is then highest.
    "dropped": EntryForm(_integers("samples"), _integers("dropped")),
    "combined": EntryForm(_integers("first", "second"), _integers("rate")),
    "price_line": _RATING_1["price_line"],
}
_RATING_3 = {
    # `instant`: seconds UTC of the answer, so that a rule can tell peak from off-peak.
    "rate_record": EntryForm(
        (*_RATING_1["rate_record"].parameters, *_integers("instant")), _RATING_1["rate_record"].results
    ),
    "price_line": _RATING_1["price_line"],
}
_VALIDATION_1 = {
    # A rejection is the cause of suspense, or of a refused file. Ages in seconds, from use to arrival.
    "validate_record": EntryForm(
        (
            *_integers("service", "direction"),
            ("a_number", Kind.DIGITS),
            ("b_number", Kind.DIGITS),
            *_integers("duration_ms", "units", "age"),
        ),
        _integers("late"),
    ),
    "validate_file": EntryForm(
        _integers(
            "records", "duration_ms", "units", "stated_records", "stated_duration_ms", "stated_units", "missing_files"
        ),
        _integers("doubtful"),
    ),
}
_TOLERANCE_1 = {"judge_line": EntryForm(_integers("creditor", "debtor"), _integers("verdict", "settled"))}
_TOLERANCE_2 = {
    # `bias`: creditor less debtor over the lines settled within tolerance before this one, of this pair and creditor.
    "judge_line": EntryForm(_integers("creditor", "debtor", "bias"), _integers("verdict", "settled", "bias_after")),
}
_DISPUTE_1 = {
    # Amounts in 10^-6 of the currency's unit; a rejection says why not. Steps: 1 raise, 2 answer, 3 sample, 4 rule.
    "may_raise": EntryForm(
        _integers("creditor", "debtor", "creditor_total", "debtor_total", "age"), _integers("raisable")
    ),
    "time_bar": EntryForm(_integers("step"), _integers("seconds")),
    "sample_size": EntryForm(_integers("records"), _integers("most")),
}
_SET_OFF_1 = {
    "include": EntryForm(_integers("amount", "held", "overdue"), _integers("included")),
    "small_amount": EntryForm(_integers("net", "threshold"), _integers("small")),
}
_SET_OFF_2 = {
    # Multilateral: the host computes each operator's net and who pays whom; a leg is a payment of the round.
    **_SET_OFF_1,
    "leg": EntryForm(_integers("amount", "threshold"), _integers("paid")),
}
# Minor units: what an invoice is written in.
_INVOICE_1 = {
    "tax": EntryForm(_integers("service", "net"), _integers("tax")),
    "rounded": EntryForm(_integers("amount_micro", "minor_micro"), _integers("minor")),
}
_INVOICE_2 = {"interest": EntryForm(_integers("principal", "days"), _integers("interest"))}
_DEAL_1 = {
    # Once a deal's time is over: what its totals change. Negative: a discount; positive: a shortfall to pay.
    "adjustment": EntryForm(_integers("units", "amount_micro"), _integers("adjustment_micro")),
}
WITH_BIAS = 2
"""The interface of the tolerance slot whose rules keep a running bias."""
TIME_BARS = 1
"""The interface of the dispute slot; its rules say how long there is for each step."""
TAX, INTEREST = 1, 2
"""The interfaces of the invoice slot."""
INTERFACES = {
    (Slot.RATING, 1): _RATING_1,
    (Slot.RATING, 2): _RATING_2,
    (Slot.RATING, 3): _RATING_3,
    (Slot.VALIDATION, 1): _VALIDATION_1,
    (Slot.TOLERANCE, 1): _TOLERANCE_1,
    (Slot.TOLERANCE, WITH_BIAS): _TOLERANCE_2,
    (Slot.DISPUTE, TIME_BARS): _DISPUTE_1,
    (Slot.SET_OFF, 1): _SET_OFF_1,
    (Slot.SET_OFF, 2): _SET_OFF_2,
    (Slot.INVOICE, TAX): _INVOICE_1,
    (Slot.INVOICE, INTEREST): _INVOICE_2,
    (Slot.DEAL, 1): _DEAL_1,
}


MOST_CHAIN_COST = 3_000
"""Static cost of an entry point that the chain calls: at 30 ns a unit what `kernel.costs.RULE_CALL` charges for it."""
_CALLED_BY_THE_CHAIN = frozenset(
    {"price_line", "judge_line", "validate_record", "validate_file", "include", "small_amount"}
    | {"tax", "rounded", "interest", "time_bar"}
)


def most_cost(entry: str) -> int:
    """The static cost that an entry point may have."""
    return MOST_CHAIN_COST if entry in _CALLED_BY_THE_CHAIN else MOST_COST


def check_costs(costs: Mapping[str, int]) -> None:
    """RuleRefused TOO_COSTLY where an entry point that the chain calls is above `MOST_CHAIN_COST`.

    What a message costs is known before its agreement and its rules are looked up, so a call has one price. Only what
    agents alone call may take as long as the checker allows.
    """
    for entry, cost in costs.items():
        if cost > most_cost(entry):
            expected = f"a cost of at most {most_cost(entry):_}, since the chain calls it"
            refuse(RuleCode.TOO_COSTLY, entry, expected, f"{cost:_}")


def check_interface(program: Program, slot: Slot, interface: int) -> None:
    """RuleRefused BAD_INTERFACE unless the program has exactly the entry points of its slot."""
    wanted = INTERFACES.get((slot, interface))
    if wanted is None:
        known = ", ".join(f"{one.name}/{number}" for one, number in INTERFACES)
        refuse(RuleCode.BAD_INTERFACE, "the manifest", f"one of {known}", f"{slot.name}/{interface}")
    functions = {function.name: function for function in entry_points(program)}
    if functions.keys() != wanted.keys():
        place = f"{slot.name}/{interface}"
        refuse(RuleCode.BAD_INTERFACE, place, f"the entry points {', '.join(wanted)}", ", ".join(functions))
    for name, form in wanted.items():
        _check_entry(functions[name], form)


def agreement_parameters(function: Function, slot: Slot, interface: int) -> tuple[Declared, ...]:
    """The parameters of an entry point that an agreement has to give, by name, in order."""
    return function.parameters[len(INTERFACES[slot, interface][function.name].parameters) :]


def _check_entry(function: Function, form: EntryForm) -> None:
    leading = _spelled(function.parameters[: len(form.parameters)])
    if leading != form.parameters:
        expected, actual = _words(form.parameters), _words(leading)
        refuse(RuleCode.BAD_INTERFACE, function.name, f"leading parameters {expected}", actual, function)
    results = _spelled(function.results)
    if results != form.results:
        refuse(RuleCode.BAD_INTERFACE, function.name, f"results {_words(form.results)}", _words(results), function)
    for one in function.parameters[len(form.parameters) :]:
        if one.kind is not Kind.INTEGER:
            expected = "integers as the agreement's parameters"
            refuse(RuleCode.BAD_INTERFACE, function.name, expected, f"{one.name}: {one.kind.name}", one)


def _spelled(declared: tuple[Declared, ...]) -> tuple[tuple[str, Kind], ...]:
    return tuple((one.name, one.kind) for one in declared)


def _words(form: tuple[tuple[str, Kind], ...]) -> str:
    return ", ".join(f"{name}: {kind.name}" for name, kind in form)
