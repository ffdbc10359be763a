"""What anyone may ask about periods, and what has fallen due on one."""

from __future__ import annotations

from abci_app.domain.periods.queries.due import (
    Present,
    due_facts,
    one_sided,
    pinned_rules,
    present,
    signed_by,
)
from abci_app.domain.periods.queries.lines import line_of, settled_before, statement_over, undisputed
from abci_app.domain.periods.queries.questions import QUERIES, EffectivePeriod, PairOfUnits, PeriodQuery
from abci_app.domain.periods.queries.stored import (
    AGREED,
    bias_of,
    creditor_of,
    has_difference,
    owes_nothing,
    period,
    shifts_of,
    statement_of,
    streams_of,
)

__all__ = [
    "AGREED",
    "QUERIES",
    "EffectivePeriod",
    "PairOfUnits",
    "PeriodQuery",
    "Present",
    "bias_of",
    "creditor_of",
    "due_facts",
    "has_difference",
    "line_of",
    "one_sided",
    "owes_nothing",
    "period",
    "pinned_rules",
    "present",
    "settled_before",
    "shifts_of",
    "signed_by",
    "statement_of",
    "statement_over",
    "streams_of",
    "undisputed",
]
