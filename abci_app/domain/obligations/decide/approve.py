"""Checkers of both operators sign or refuse a set-off round."""

from __future__ import annotations

from abci_app.domain.members.queries import signatures_in_force
from abci_app.domain.obligations.decide.common import next_number
from abci_app.domain.obligations.queries import PAYABLE, Fact, due_on_round, fold_all, items_of, open_amount, settlement
from abci_app.domain.obligations.schema import (
    Claim,
    Code,
    Hold,
    ObligationPosted,
    Origin,
    Round,
    RoundAccepted,
    RoundRefused,
    RoundSigned,
    RoundState,
)
from abci_app.domain.obligations.tables import DOCUMENTS, OBLIGATIONS, ROUNDS, DocumentKey, ObligationKey, RoundKey
from abci_app.kernel.approvals import (
    MOST_OF_ONE_PARTY,
    Approve,
    Policy,
    Signature,
    Standing,
    Verdict,
    both_check,
    has_signed,
    has_used_its_places,
    is_asked,
    role_has_signed,
    standing,
)
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Overlay, Reader


def approve(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """The last needed signature nets the items and posts what is left in their place."""
    place = DOCUMENTS.get(state, DocumentKey(message.document))
    if place is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a proposed round", actual=message.document.hex())
    key = RoundKey(place.round)
    before = ROUNDS.require(state, key)
    policy = both_check(before.terms.first, before.terms.second)

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if not is_asked(policy, at.operator, at.role):
        expected = f"checker of operator {before.terms.first} or {before.terms.second}"
        reject(Code.NOT_ASKED_TO_SIGN, expected=expected, actual=f"{at.role.name} of {at.operator}")

    # WHETHER
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in before.signatures:
        return ()
    view = Overlay(state)
    fold_all(view, due_on_round(view, place.round, at.time))
    row = ROUNDS.require(view, key)
    in_force = signatures_in_force(state, row.signatures)
    _check_signable(row, policy, in_force, signature)
    outcome = standing(policy, (*in_force, signature))
    if outcome == Standing.MET:
        _check_unchanged(view, row)

    # HOW MUCH
    number = next_number(view, 1) if outcome == Standing.MET and row.terms.net else 0

    # WHAT FOLLOWS
    signed = RoundSigned(message.document, place.round, signature)
    if outcome == Standing.REFUSED:
        return (signed, RoundRefused(message.document, place.round))
    if outcome == Standing.OPEN:
        return (signed,)
    accepted = RoundAccepted(message.document, place.round, number)
    if number:
        return (signed, accepted, ObligationPosted(number, _net_claim(view, row)))
    fold_all(view, (accepted,))
    return (signed, accepted, *settlement(view, place.round))


def _check_signable(row: Round, policy: Policy, in_force: tuple[Signature, ...], signature: Signature) -> None:
    if row.state != RoundState.PROPOSED:
        reject(Code.DOCUMENT_CLOSED, expected=RoundState.PROPOSED.name, actual=row.state.name)
    if has_signed(row.signatures, signature.key):
        reject(Code.ALREADY_SIGNED, expected="a key that has not signed", actual=signature.key.hex())
    if signature.verdict == Verdict.APPROVE and role_has_signed(policy, in_force, signature.operator, signature.role):
        reject(Code.ALREADY_SIGNED, expected="an operator that has not signed", actual=signature.operator)
    if has_used_its_places(row.signatures, signature.operator):
        expected = f"at most {MOST_OF_ONE_PARTY} of one operator"
        reject(Code.TOO_MANY_SIGNATURES, expected=expected, actual=MOST_OF_ONE_PARTY + 1)


def _check_unchanged(view: Reader, row: Round) -> None:
    """What was signed is still so: nothing of it has been paid or notified meanwhile."""
    for item in row.terms.items:
        now = OBLIGATIONS.require(view, ObligationKey(item.obligation))
        if now.state not in PAYABLE or open_amount(now) != item.open:
            expected = f"obligation {item.obligation} with {item.open} open"
            reject(Code.OBLIGATION_CHANGED, expected=expected, actual=f"{now.state.name}, {open_amount(now)} open")


def _net_claim(view: Reader, row: Round) -> Claim:
    """The obligation in the items' place: due at the deadline, contestable as long as any of them."""
    terms = row.terms
    owes, is_owed = (terms.first, terms.second) if terms.net > 0 else (terms.second, terms.first)
    contest = max(OBLIGATIONS.require(view, ObligationKey(item)).claim.contest for item in items_of(row))
    origin = Origin(0, 0, 0, 0, terms.round)
    return Claim(origin, owes, is_owed, terms.currency, abs(terms.net), terms.deadline, Hold.NONE, 0, contest)
