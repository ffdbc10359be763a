"""Approval: the one way to sign a document, whatever the document.

A document is anything with a hash: a key change, an agreement, a statement, a netting round.
Its module stores who has signed; the policy here says when that is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Annotated, NamedTuple, TypeAlias

from msgspec import Meta

from abci_app.kernel.encoding import U8, U32, Hash32, KeyBytes, Value
from abci_app.kernel.roles import Role


class DocumentKind(IntEnum):
    """What is signed; the router finds the owning module by it. Frozen numbers."""

    KEY_CHANGE = 1
    AGREEMENT = 2
    STATEMENT = 3
    NETTING_ROUND = 4
    BUNDLE = 5
    PROPOSAL = 6
    READINESS = 7


class Verdict(IntEnum):
    """What a signature says."""

    REFUSE = 0
    APPROVE = 1


class Approve(Value, frozen=True, tag="approve"):
    """The signer approves or refuses a document, in the role of its key."""

    kind: DocumentKind
    document: Hash32
    role: Role
    verdict: Verdict


class ObjectKind(IntEnum):
    """What `Advance` moves along. Frozen numbers."""

    PERIOD = 1
    OBLIGATION = 2
    NETTING_ROUND = 3
    PROPOSAL = 4


class Advance(Value, frozen=True, tag="advance"):
    """Anyone's request to record what has fallen due on an object; does nothing that time has not done."""

    kind: ObjectKind
    object: Annotated[bytes, Meta(min_length=1, max_length=64)]


class Signature(Value, frozen=True):
    """One approval as it is stored beside its document."""

    operator: U32
    role: U8
    key: KeyBytes
    verdict: Verdict


MOST_SIGNATURES = 32
"""What a document's row holds; only keys revoked while it is open make it more than a policy asks for."""
MOST_OF_ONE_PARTY = MOST_SIGNATURES // 2
"""Of a document of two operators: neither fills the row with keys that it revokes, so the other can always answer."""
Signatures: TypeAlias = Annotated[tuple[Signature, ...], Meta(max_length=MOST_SIGNATURES)]
MOST_VOTES = 256
"""What a row holds where every operator is asked: votes on a proposal, the readiness of nodes."""
MOST_OF_ONE_NODE = 4
"""Of a readiness, by one operator: a refusal, the approval after it, and two keys revoked meanwhile."""
Votes: TypeAlias = Annotated[tuple[Signature, ...], Meta(max_length=MOST_VOTES)]


class Need(NamedTuple):
    """So many distinct keys of this role at this operator."""

    operator: int
    role: Role
    keys: int


Policy: TypeAlias = tuple[Need, ...]


def both_make_and_check(first: int, second: int) -> Policy:
    """Agreements and statements: maker and checker of both parties."""
    return tuple(Need(party, role, 1) for party in (first, second) for role in (Role.MAKER, Role.CHECKER))


def both_check(first: int, second: int) -> Policy:
    """Netting rounds: a checker of both parties."""
    return (Need(first, Role.CHECKER, 1), Need(second, Role.CHECKER, 1))


def administrators(operator: int, active: int) -> Policy:
    """Key changes: two administrators, or one where the operator has only one."""
    return (Need(operator, Role.ADMIN, min(2, max(1, active))),)


class Standing(IntEnum):
    """Where a document stands: it waits, its policy is met, or an asked party refused."""

    OPEN = 0
    MET = 1
    REFUSED = 2


def is_asked(policy: Policy, operator: int, role: int) -> bool:
    """Whether the policy waits for anything of this operator in this role."""
    return any(need.operator == operator and need.role == role for need in policy)


def has_signed(given: Sequence[Signature], key: bytes) -> bool:
    """Whether the key has already signed; keys of one document are distinct."""
    return any(signature.key == key for signature in given)


def approving(given: Sequence[Signature]) -> set[int]:
    """The operators that approve, each once; one that has also refused with another key is among them."""
    return {signature.operator for signature in given if signature.verdict == Verdict.APPROVE}


def has_used_its_places(given: Sequence[Signature], operator: int, most: int = MOST_OF_ONE_PARTY) -> bool:
    """Whether an operator has as many signatures under a document as it may, revoked ones included."""
    return sum(1 for signature in given if signature.operator == operator) >= most


def role_has_signed(policy: Policy, in_force: Sequence[Signature], operator: int, role: int) -> bool:
    """Whether another approval by this operator in this role would add nothing."""
    needs = tuple(need for need in policy if need.operator == operator and need.role == role)
    return standing(needs, in_force) == Standing.MET


def standing(policy: Policy, given: Sequence[Signature]) -> Standing:
    """Where a document stands. One refusal by an asked party closes it."""
    if any(s.verdict == Verdict.REFUSE and is_asked(policy, s.operator, s.role) for s in given):
        return Standing.REFUSED
    met = all(
        sum(1 for s in given if s.operator == need.operator and s.role == need.role) >= need.keys for need in policy
    )
    return Standing.MET if met else Standing.OPEN
