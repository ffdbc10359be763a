"""A carried proposal suspends a member, lets it take part again, or removes it."""

from __future__ import annotations

from abci_app.domain.members.decide.common import check_mandate, find_operator
from abci_app.domain.members.queries import seats
from abci_app.domain.members.schema import (
    ChangeMembership,
    Code,
    Fact,
    KeyRevoked,
    Membership,
    MembershipChanged,
    NodeRetired,
)
from abci_app.domain.members.tables import KEYS, NODES, VALIDATORS
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def change_membership(state: Reader, at: Context, message: ChangeMembership) -> tuple[Fact, ...]:
    """Removal is for ever and takes the keys; who still validates gives up its validators first, one at a time."""
    operator, to = message.operator, message.membership

    # WHO
    check_mandate(at)

    # WHETHER
    row = find_operator(state, operator)
    if row.membership == Membership.REMOVED:
        reject(Code.NOT_AN_ACTIVE_MEMBER, expected="a member that was not removed", actual=operator)
    if row.membership == to:
        reject(Code.MEMBERSHIP_UNCHANGED, expected="another state than the present one", actual=to.name)
    if to != Membership.ACTIVE and not any(seat.power for seat in seats(state) if seat.operator != operator):
        reject(Code.LAST_MEMBER, expected="another member that votes and validates", actual="none")
    if to == Membership.REMOVED and any(v.operator == operator and v.power for _, v in VALIDATORS.rows(state)):
        reject(Code.STILL_VALIDATES, expected="an operator without validators", actual=operator)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    changed = MembershipChanged(operator, to)
    if to != Membership.REMOVED:
        return (changed,)
    keys = tuple(KeyRevoked(operator, key.key) for key, k in KEYS.rows(state) if k.operator == operator and k.active)
    nodes = tuple(NodeRetired(operator, key.node) for key, node in NODES.rows(state) if node.operator == operator)
    return (changed, *keys, *nodes)
