"""What a slot asks of a rule: the entry points, their leading parameters and their results, in order.

Parameters after the leading ones are the agreement's: the host binds them by name. Ranges are the
rule's own; the host calls through `LoadedRule.call`, which checks them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

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
_TOLERANCE_1 = {"judge_line": EntryForm(_integers("creditor", "debtor"), _integers("verdict", "settled"))}
_SET_OFF_1 = {
    "include": EntryForm(_integers("amount", "held", "overdue"), _integers("included")),
    "small_amount": EntryForm(_integers("net", "threshold"), _integers("small")),
}
INTERFACES = {(Slot.RATING, 1): _RATING_1, (Slot.TOLERANCE, 1): _TOLERANCE_1, (Slot.SET_OFF, 1): _SET_OFF_1}


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
