"""A carried proposal ends a suspension."""

from __future__ import annotations

from abci_app.domain.rulebook.decide.common import check_mandate, check_rule, find_suspended
from abci_app.domain.rulebook.schema import Fact, ResumeRule, RuleResumed
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def resume_rule(state: Reader, at: Context, message: ResumeRule) -> tuple[Fact, ...]:
    """The rule's versions are in force again from the next block on."""
    # WHO
    check_mandate(at)

    # WHETHER
    check_rule(state, message.rule)
    key, _ = find_suspended(state, at, message.rule)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (RuleResumed(message.rule, key.suspended_from, at.height + 1),)
