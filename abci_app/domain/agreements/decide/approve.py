"""Makers and checkers of both parties sign or refuse an agreement."""

from __future__ import annotations

from abci_app.domain.agreements.schema import (
    AgreementActivated,
    AgreementRefused,
    AgreementSigned,
    Code,
    Fact,
    VersionState,
)
from abci_app.domain.agreements.tables import DOCUMENTS, VERSIONS, DocumentKey, VersionKey
from abci_app.domain.members.queries import signatures_in_force
from abci_app.kernel.approvals import (
    MOST_OF_ONE_PARTY,
    Approve,
    Signature,
    Standing,
    Verdict,
    both_make_and_check,
    has_signed,
    has_used_its_places,
    is_asked,
    role_has_signed,
    standing,
)
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def approve(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """A party signs or refuses; the last needed signature puts the version in force."""
    place = DOCUMENTS.get(state, DocumentKey(message.document))
    if place is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a proposed agreement", actual=message.document.hex())
    version = VERSIONS.require(state, VersionKey(place.agreement, place.version))
    policy = both_make_and_check(version.terms.first, version.terms.second)

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if not is_asked(policy, at.operator, at.role):
        expected = f"maker or checker of operator {version.terms.first} or {version.terms.second}"
        reject(Code.NOT_ASKED_TO_SIGN, expected=expected, actual=f"{at.role.name} of {at.operator}")

    # WHETHER
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in version.signatures:
        return ()
    if version.state != VersionState.PROPOSED:
        reject(Code.DOCUMENT_CLOSED, expected=VersionState.PROPOSED.name, actual=version.state.name)
    if has_signed(version.signatures, at.key):
        reject(Code.ALREADY_SIGNED, expected="a key that has not signed", actual=at.key.hex())
    in_force = signatures_in_force(state, version.signatures)
    if message.verdict == Verdict.APPROVE and role_has_signed(policy, in_force, at.operator, at.role):
        reject(Code.ALREADY_SIGNED, expected="a role that has not signed", actual=at.role.name)
    if has_used_its_places(version.signatures, at.operator):
        expected = f"at most {MOST_OF_ONE_PARTY} of one operator"
        reject(Code.TOO_MANY_SIGNATURES, expected=expected, actual=MOST_OF_ONE_PARTY + 1)
    outcome = standing(policy, (*in_force, signature))

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    signed = AgreementSigned(message.document, place.agreement, place.version, signature)
    if outcome == Standing.MET:
        return (signed, AgreementActivated(message.document, place.agreement, place.version))
    if outcome == Standing.REFUSED:
        return (signed, AgreementRefused(message.document, place.agreement, place.version))
    return (signed,)
