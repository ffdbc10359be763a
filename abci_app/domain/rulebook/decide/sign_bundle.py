"""The publisher signs its bundle, another operator countersigns it; or the publisher takes it back."""

from __future__ import annotations

from abci_app.domain.members.queries import is_member, signatures_in_force
from abci_app.domain.rulebook.queries import is_countersigned
from abci_app.domain.rulebook.schema import (
    BundleCountersigned,
    BundleSigned,
    BundleWithdrawn,
    Code,
    DraftState,
    Fact,
)
from abci_app.domain.rulebook.tables import DRAFTS, BundleKey
from abci_app.kernel.approvals import (
    MOST_OF_ONE_PARTY,
    MOST_SIGNATURES,
    Approve,
    Signature,
    Verdict,
    has_signed,
    has_used_its_places,
)
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def sign_bundle(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """A governance key signs; two operators' signatures in force let the bundle be voted on."""
    draft = DRAFTS.get(state, BundleKey(message.document))
    if draft is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a published bundle", actual=message.document.hex())

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if at.role != Role.GOVERNANCE or not is_member(state, at.operator):
        expected = "the governance key of a member that is not suspended"
        reject(Code.NOT_ASKED_TO_SIGN, expected=expected, actual=f"{at.role.name} of {at.operator}")

    # WHETHER
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in draft.signatures:
        return ()
    if draft.state == DraftState.WITHDRAWN:
        reject(Code.DOCUMENT_CLOSED, expected=DraftState.PUBLISHED.name, actual=draft.state.name)
    taken_back = message.verdict == Verdict.REFUSE and at.operator == draft.publisher
    if has_signed(draft.signatures, at.key) and not taken_back:
        reject(Code.ALREADY_SIGNED, expected="a key that has not signed", actual=at.key.hex())
    signed = {given.operator for given in signatures_in_force(state, draft.signatures)}
    if at.operator in signed and not taken_back:
        reject(Code.ALREADY_SIGNED, expected="an operator that has not signed", actual=at.operator)
    if has_used_its_places(draft.signatures, at.operator):
        expected = f"at most {MOST_OF_ONE_PARTY} of one operator"
        reject(Code.TOO_MANY_SIGNATURES, expected=expected, actual=MOST_OF_ONE_PARTY + 1)
    if len(draft.signatures) == MOST_SIGNATURES:
        reject(Code.TOO_MANY_SIGNATURES, expected=f"at most {MOST_SIGNATURES}", actual=MOST_SIGNATURES + 1)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    fact = BundleSigned(message.document, signature)
    if taken_back:
        return (fact, BundleWithdrawn(message.document))
    if draft.state == DraftState.PUBLISHED and is_countersigned(state, draft, (signature,)):
        return (fact, BundleCountersigned(message.document))
    return (fact,)
