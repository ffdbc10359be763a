"""Makers and checkers of both parties sign or refuse a statement."""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce, active_terms
from abci_app.domain.members.queries import signatures_in_force
from abci_app.domain.periods.queries import present, signed_by
from abci_app.domain.periods.schema import (
    Code,
    Fact,
    Flags,
    Period,
    PeriodState,
    Statement,
    StatementRefused,
    StatementSigned,
)
from abci_app.domain.periods.tables import STATEMENTS, PeriodKey, StatementKey
from abci_app.kernel.approvals import (
    MOST_OF_ONE_PARTY,
    Approve,
    Policy,
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
    """A party signs or refuses the present statement; the last needed signature binds both."""
    statement, governing = _find(state, message.document)
    terms = governing.terms
    policy = both_make_and_check(terms.first, terms.second)

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if not is_asked(policy, at.operator, at.role):
        expected = f"maker or checker of operator {terms.first} or {terms.second}"
        reject(Code.NOT_ASKED_TO_SIGN, expected=expected, actual=f"{at.role.name} of {at.operator}")

    # WHETHER
    key = PeriodKey(statement.agreement, statement.pair, statement.ordinal)
    due, _, row = present(state, at.chain, key, governing, at.time, at.height)
    if row.statement != message.document:
        reject(Code.STATEMENT_SUPERSEDED, expected=row.statement.hex(), actual=message.document.hex())
    signature = Signature(at.operator, at.role, at.key, message.verdict)
    if signature in row.signatures:
        return ()
    in_force = signatures_in_force(state, row.signatures)
    _check_signable(row, policy, in_force, signature)
    outcome = standing(policy, (*in_force, signature))

    # HOW MUCH: the statement's totals, computed when it was struck

    # WHAT FOLLOWS
    signed = StatementSigned(*key, message.document, signature)
    if outcome == Standing.MET:
        return (*due, signed, *signed_by(message.document, statement, deemed=False))
    if outcome == Standing.REFUSED:
        return (*due, signed, StatementRefused(*key, message.document))
    return (*due, signed)


def _find(state: Reader, document: bytes) -> tuple[Statement, TermsInForce]:
    statement = STATEMENTS.get(state, StatementKey(document))
    if statement is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a statement that the chain has struck", actual=document.hex())
    governing = active_terms(state, statement.agreement, statement.ordinal)
    assert governing is not None, "a statement's period is in the calendar"
    return statement, governing


def _check_signable(row: Period, policy: Policy, in_force: tuple[Signature, ...], signature: Signature) -> None:
    if row.state >= PeriodState.SIGNED:
        reject(Code.DOCUMENT_CLOSED, expected=PeriodState.RECONCILED.name, actual=row.state.name)
    if row.flags & Flags.REFUSED:
        reject(Code.DOCUMENT_CLOSED, expected="a statement that nobody refused", actual=Flags.REFUSED.name)
    if has_signed(row.signatures, signature.key):
        reject(Code.ALREADY_SIGNED, expected="a key that has not signed", actual=signature.key.hex())
    if signature.verdict == Verdict.APPROVE and role_has_signed(policy, in_force, signature.operator, signature.role):
        reject(Code.ALREADY_SIGNED, expected="a role that has not signed", actual=signature.role)
    if has_used_its_places(row.signatures, signature.operator):
        expected = f"at most {MOST_OF_ONE_PARTY} of one operator"
        reject(Code.TOO_MANY_SIGNATURES, expected=expected, actual=MOST_OF_ONE_PARTY + 1)
