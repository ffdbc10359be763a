"""An administrator names the nodes of the own operator."""

from __future__ import annotations

from abci_app.domain.members.schema import (
    MOST_NODES_PER_OPERATOR,
    Code,
    Fact,
    NodeRegistered,
    NodeRetired,
    RegisterNodes,
)
from abci_app.domain.members.tables import NODES, OPERATORS, NodeKey, OperatorKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def register_nodes(state: Reader, at: Context, message: RegisterNodes) -> tuple[Fact, ...]:
    """Peers with these node ids may connect from now on, or may not any more."""
    # WHO
    if at.role != Role.ADMIN:
        reject(Code.WRONG_ROLE, expected=Role.ADMIN.name, actual=at.role.name)

    # WHETHER
    known = {node: NODES.get(state, NodeKey(node)) for node in (*message.register, *message.retire)}
    new = [node for node in message.register if known[node] is None]
    for node in message.register:
        row = known[node]
        if row is not None and row.operator != at.operator:
            reject(Code.NODE_ALREADY_KNOWN, expected="a node of nobody else", actual=f"{node.hex()} of {row.operator}")
    for node in message.retire:
        row = known[node]
        if row is None or row.operator != at.operator:
            reject(Code.NODE_NOT_KNOWN, expected=f"a node of operator {at.operator}", actual=node.hex())
    count = OPERATORS.require(state, OperatorKey(at.operator)).nodes + len(new) - len(message.retire)
    if count > MOST_NODES_PER_OPERATOR:
        reject(Code.TOO_MANY_NODES, expected=f"at most {MOST_NODES_PER_OPERATOR}", actual=count)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    registered = tuple(NodeRegistered(at.operator, node) for node in new)
    return (*registered, *(NodeRetired(at.operator, node) for node in message.retire))


def check_nodes(message: RegisterNodes) -> None:
    """Something changes, and no node is named twice. Raises `Rejected`."""
    nodes = (*message.register, *message.retire)
    if not nodes:
        reject(Code.NOTHING_TO_CHANGE, expected="a node to register or to retire", actual="none")
    if len(set(nodes)) != len(nodes):
        reject(Code.NODE_NAMED_TWICE, expected="each node once", actual=len(nodes))
