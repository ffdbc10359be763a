"""A node says that it can run a version that a vote has carried."""

from __future__ import annotations

from abci_app.domain.members.queries import node_powers, signatures_in_force
from abci_app.domain.rulebook.queries import activation
from abci_app.domain.rulebook.schema import ActivationSet, Code, Fact, ReadinessSigned
from abci_app.domain.rulebook.tables import READINESS, VERSIONS, ReadinessKey, VersionKey
from abci_app.kernel.approvals import MOST_OF_ONE_NODE, MOST_VOTES, Approve, Signature, approving, has_used_its_places
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def sign_readiness(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """The last node needed sets the height from which the version runs; a refusal names a node that cannot run it.

    What is signed holds what the node's own executor gave for the bundle's vectors, so a node that computes
    otherwise signs another document, which is not found.
    """
    place = READINESS.get(state, ReadinessKey(message.document))
    if place is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="the readiness of a scheduled version", actual=message.document.hex())
    key = VersionKey(place.rule, place.version)
    row = VERSIONS.require(state, key)

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if at.role != Role.NODE or at.operator not in node_powers(state):
        expected = "the node key of a member that validates"
        reject(Code.NOT_ASKED_TO_SIGN, expected=expected, actual=f"{at.role.name} of {at.operator}")

    # WHETHER
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in row.ready:
        return ()
    if row.withdrawn:
        reject(Code.DOCUMENT_CLOSED, expected="a version that waits", actual="one whose vote was lost")
    if at.operator in approving(signatures_in_force(state, row.ready)):
        reject(Code.ALREADY_SIGNED, expected="an operator that is not ready yet", actual=at.operator)
    if has_used_its_places(row.ready, at.operator, MOST_OF_ONE_NODE):
        expected = f"at most {MOST_OF_ONE_NODE} of one operator"
        reject(Code.TOO_MANY_SIGNATURES, expected=expected, actual=MOST_OF_ONE_NODE + 1)
    if len(row.ready) == MOST_VOTES:
        reject(Code.TOO_MANY_SIGNATURES, expected=f"at most {MOST_VOTES}", actual=MOST_VOTES + 1)

    # HOW MUCH
    active_from = activation(state, row, at.height, at.parameters.grace, (signature,))

    # WHAT FOLLOWS
    fact = ReadinessSigned(*key, signature)
    if row.active_from <= at.height or active_from == row.active_from:
        return (fact,)
    return (fact, ActivationSet(*key, active_from))
