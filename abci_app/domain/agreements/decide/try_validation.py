"""The validation rule that an agreement binds takes its services and its parameters, tried with no use at all."""

from __future__ import annotations

from abci_app.domain.agreements.schema import Terms
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import RuleFunction
from abci_app.rules.codes import RuleCode

_NUMBER = "0" * 10


def try_validate_record(terms: Terms, validate_record: RuleFunction, parameters: tuple[int, ...]) -> None:
    """Ask about an empty use of every service and direction. Raises `Rejected` where a range is left.

    `parameters`: the agreement's, in the order of `validate_record`, which names them all. That it takes no such use
    is the rule's business.
    """
    for service, direction in sorted({(line.service, line.direction) for line in terms.catalogue}):
        try:
            validate_record(service, direction, _NUMBER, _NUMBER, 0, 0, 0, *parameters)
        except Rejected as refusal:
            if refusal.code != RuleCode.REJECTED_BY_RULE:
                raise
