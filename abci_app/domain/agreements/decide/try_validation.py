"""The validation rule that an agreement binds takes its services and its parameters, tried with no use at all."""

from __future__ import annotations

from abci_app.domain.agreements.schema import Terms
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import RuleFunction
from abci_app.rules.codes import RuleCode

_NUMBER = "0" * 10


def try_validation(terms: Terms, validate_record: RuleFunction, validate_file: RuleFunction) -> None:
    """Ask about an empty use of every service and direction, and about an empty file. Raises `Rejected` where a range
    is left.

    Both with the agreement's parameters bound. That the rule takes no such use or file is its business.
    """
    for service, direction in sorted({(line.service, line.direction) for line in terms.catalogue}):
        _ask(validate_record, service, direction, _NUMBER, _NUMBER, 0, 0, 0)
    _ask(validate_file, 0, 0, 0, 0, 0, 0, 0)


def _ask(entry: RuleFunction, *leading: int | str) -> None:
    try:
        entry(*leading)
    except Rejected as refusal:
        if refusal.code != RuleCode.REJECTED_BY_RULE:
            raise
