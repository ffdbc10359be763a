"""A carried proposal makes a suspension last."""

from __future__ import annotations

from abci_app.domain.rulebook.decide.common import check_mandate, check_rule, find_suspended
from abci_app.domain.rulebook.schema import Fact, RatifySuspension, SuspensionRatified
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def ratify_suspension(state: Reader, at: Context, message: RatifySuspension) -> tuple[Fact, ...]:
    """Only while it has not lapsed."""
    # WHO
    check_mandate(at)

    # WHETHER
    check_rule(state, message.rule)
    key, row = find_suspended(state, at, message.rule)
    if row.ratified:
        return ()

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (SuspensionRatified(message.rule, key.suspended_from),)
