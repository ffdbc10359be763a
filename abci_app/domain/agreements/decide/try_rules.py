"""The rules that an agreement binds take its lines and its parameters, tried with no traffic and no money."""

from __future__ import annotations

from abci_app.domain.agreements.decide.try_validation import try_validation
from abci_app.domain.agreements.queries import ends_of
from abci_app.domain.agreements.schema import SlotBinding, Terms
from abci_app.kernel.context import Context, RuleFunction
from abci_app.kernel.money import minor_unit
from abci_app.rules.interface import TAX, WITH_BIAS, DisputeStep, Slot


def try_rule(at: Context, terms: Terms, bound: SlotBinding, bundle: bytes, interface: int) -> None:
    """Call the entry points that are called later. Raises `Rejected` with the rule's own code.

    A misfit found at the first opening would leave every line without a price, one found at the first invoice
    would leave a month unpaid, one at the first file would leave every record untaken.
    """

    def entry(name: str) -> RuleFunction:
        return at.rules.bound(bundle, name, bound.parameters)

    match bound.slot:
        case Slot.RATING:
            price_line = entry("price_line")
            for line in terms.catalogue:
                price_line(line.service, line.direction, line.band, 0, 0, 0, *ends_of(terms, line.direction))
        case Slot.TOLERANCE:
            entry("judge_line")(*((0, 0, 0) if interface == WITH_BIAS else (0, 0)))
        case Slot.VALIDATION:
            try_validation(terms, entry("validate_record"), entry("validate_file"))
        case Slot.INVOICE if interface == TAX:
            entry("rounded")(0, minor_unit(terms.currency))
            tax = entry("tax")
            for service in sorted({line.service for line in terms.catalogue}):
                tax(service, 0)
        case Slot.INVOICE:
            entry("interest")(1, 1)
        case Slot.DISPUTE:
            entry("time_bar")(DisputeStep.RAISE.value)
        case _:
            pass  # set-off is asked when a round is proposed; deals are the agents'
