"""A carried proposal stops a rule at once."""

from __future__ import annotations

from abci_app.domain.rulebook.decide.common import check_mandate, check_rule
from abci_app.domain.rulebook.queries import last_suspension, suspended_at
from abci_app.domain.rulebook.schema import Code, Fact, RuleSuspended, SuspendRule
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def suspend_rule(state: Reader, at: Context, message: SuspendRule) -> tuple[Fact, ...]:
    """From the next block on no version of the rule is in force; what periods have pinned replays as before."""
    # WHO
    check_mandate(at)

    # WHETHER
    check_rule(state, message.rule)
    first = at.height + 1
    if suspended_at(state, message.rule, first):
        reject(Code.ALREADY_SUSPENDED, expected=f"rule {message.rule} in force", actual="suspended")
    last = last_suspension(state, message.rule)
    if last is not None and at.time < last[1].time + at.parameters.suspension_pause:
        expected = f"{last[1].time + at.parameters.suspension_pause} or later"
        reject(Code.SUSPENDED_LATELY, expected=expected, actual=at.time)

    # HOW MUCH
    until = first + at.parameters.suspension

    # WHAT FOLLOWS
    return (RuleSuspended(message.rule, first, until, at.time),)
