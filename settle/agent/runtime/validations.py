"""The validation rules that agreements bind, ready for the intake of record files."""

from __future__ import annotations

from collections.abc import Mapping

from abci_app.domain.agreements.queries import binding
from abci_app.rules.bundle import LoadedRule
from abci_app.rules.interface import Slot
from abci_app.rules.tables import describe, fits
from settle.agent.intake.validate import Validation
from settle.agent.runtime.rating import CannotRate, Side, numbering_of, parameters_of
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import NumberingSettings


def validation_of(side: Side, rulebook: Rulebook, settings: NumberingSettings, height: int) -> Validation | None:
    """The rule of one period as of a height: the version for its first usage, as with the tolerance.

    None where the agreement binds none, or none is in force. Raises `CannotRate` where its parameters are not the
    rule's or out of range, and what `Rulebook` raises.
    """
    bound = binding(side.known.terms, Slot.VALIDATION)
    dates = side.known.dates
    rule = None if bound is None else rulebook.rule_for(bound.rule, dates.usage_from, height)
    if bound is None or rule is None:
        return None
    parameters = parameters_of(rule, bound)
    _require_ranges(rule, parameters)
    own_unit, unit = side.units
    return Validation(
        peer=side.peer,
        unit=unit,
        own_unit=own_unit,
        from_ms=dates.usage_from * 1000,
        to_ms=dates.usage_to * 1000,
        services={str(service): number for service, number in settings.services.items()},
        directions=numbering_of(side, settings).directions,
        rule=rule,
        parameters=parameters,
    )


def _require_ranges(rule: LoadedRule, parameters: Mapping[str, int]) -> None:
    """Every entry point is proved for the parameters, so that records and files need not be blamed for them."""
    for entry in rule.functions:
        for declared in rule.agreement_parameters(entry):
            if not fits(parameters[declared.name], declared):
                raise CannotRate(
                    expected=f"{declared.name} of {rule.manifest.name}: {describe(declared)}",
                    actual=f"{parameters[declared.name]} in the agreement",
                    next_step="agree on a version with parameters in the rule's ranges",
                )
