"""Amounts in whole minor units, and the tax on them: what invoices and notes are written in.

Where an agreement binds a rule of the invoice slot, the chain asks it, by the version that was pinned at cut-off.
Else lines are rounded half up, and there is no tax.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from abci_app.domain.agreements.queries import TermsInForce, binding_for, bundle_for
from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.queries import ever_owed
from abci_app.domain.obligations.schema import Code
from abci_app.domain.periods.schema import Period
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context, RuleFunction
from abci_app.kernel.money import LARGEST, Rounding, minor_unit, to_minor_units
from abci_app.rules.interface import TAX, Slot
from abci_app.state.overlay import Reader

ROUNDING = Rounding.HALF_UP
"""Of each invoice line to whole minor units where no rule says otherwise; both parties' books round invoices so."""


class Writing(NamedTuple):
    """How an agreement's amounts are written. The functions take and give whole numbers of the rule's own units."""

    currency: int
    rule: bytes  # the bundle that is asked; empty where none is bound
    rounded: RuleFunction | None
    tax: RuleFunction | None


def writing_of(state: Reader, at: Context, governing: TermsInForce, row: Period, stated: bytes = b"") -> Writing:
    """How invoices of a period are written, or by which rule one states to be written already.

    Raises `Rejected` where a rule is bound and has no version in force.
    """
    bound = binding_for(state, at.rules.interface, governing.terms, Slot.INVOICE, TAX)
    if bound is None:
        return Writing(governing.terms.currency, b"", None, None)
    return _by(at, governing, bound, stated or bundle_in_force(state, at, governing, row, bound, TAX))


def corrected(state: Reader, at: Context, governing: TermsInForce, refused: Writing) -> Writing | None:
    """The version in force now in the place of one that refuses a period's figures; None where there is no other.

    A version that answers counts for ever. But one that was voted by mistake would leave its months without an
    invoice for ever too, whatever is voted after it.
    """
    bound = binding_for(state, at.rules.interface, governing.terms, Slot.INVOICE, TAX)
    if bound is None:
        return None
    rule = bundle_for(state, at.rules, bound, TAX, governing.row.usage_from, at.height)
    return _by(at, governing, bound, rule) if rule not in (b"", refused.rule) else None


def _by(at: Context, governing: TermsInForce, bound: SlotBinding, rule: bytes) -> Writing:
    rounded, tax = (at.rules.bound(rule, entry, bound.parameters) for entry in ("rounded", "tax"))
    return Writing(governing.terms.currency, rule, rounded, tax)


def bundle_in_force(
    state: Reader, at: Context, governing: TermsInForce, row: Period, bound: SlotBinding, interface: int
) -> bytes:
    """The version of a bound rule for a period's usage, as of its cut-off. Raises `Rejected` where there is none."""
    usage = governing.row.usage_from
    bundle = bundle_for(state, at.rules, bound, interface, usage, row.height, at.height)
    if not bundle:
        reject(Code.NO_RULE_IN_FORCE, expected=f"a version of rule {bound.rule} for usage at {usage}", actual="none")
    return bundle


def in_minor(writing: Writing, micro: int) -> int:
    """An amount rounded to whole minor units, in 10^-6 units.

    No rule gives more or less than one of the two whole units around an amount. Raises `Rejected`.
    """
    if writing.rounded is None:
        return to_minor_units(micro, writing.currency, ROUNDING)
    unit = minor_unit(writing.currency)
    (minor,) = writing.rounded(micro, unit)
    if not -unit < minor * unit - micro < unit:
        reject(Code.NO_ANSWER_OF_A_RULE, expected=f"{micro} rounded to {unit}", actual=minor)
    return minor * unit


def tax_on(writing: Writing, service: int, net: int) -> int:
    """The tax on a net amount of a service; both in 10^-6 units, whole minor units. Raises `Rejected`.

    No rule asks for more than the amount itself, or for less than nothing.
    """
    if writing.tax is None:
        return 0
    unit = minor_unit(writing.currency)
    (tax,) = writing.tax(service, net // unit)
    if not 0 <= tax * unit <= net:
        reject(Code.NO_ANSWER_OF_A_RULE, expected=f"a tax from 0 to {net // unit}", actual=tax)
    return tax * unit


def by_service(services: Iterable[int], amounts: Iterable[int]) -> dict[int, int]:
    """Amounts summed per service, in the order of first appearance."""
    found: dict[int, int] = {}
    for service, amount in zip(services, amounts, strict=True):
        found[service] = found.get(service, 0) + amount
    return found


def check_room(state: Reader, debtor: int, creditor: int, currency: int, amount: int) -> None:
    """The debtor's account can hold it, whatever rounds unwind later: fold has no way to refuse. Raises `Rejected`."""
    owed = ever_owed(state, debtor, creditor, currency)
    if owed + amount > LARGEST:
        reject(Code.ACCOUNT_FULL, expected=f"at most {LARGEST - owed}", actual=amount)
