"""READY: a node tries every rule that is voted on, and signs under those that a vote has carried what it got.

What is signed holds the outcomes of the bundle's vectors as this machine's own executor gives them (rulebook,
"The life of a version"). A machine that computes otherwise refuses, with the same key, so that all see who it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from abci_app.domain.governance.schema import Ballot, ProposalState
from abci_app.domain.members.schema import RegisteredKey, Validator
from abci_app.domain.rulebook.queries import ReadinessAt
from abci_app.domain.rulebook.schema import (
    Bundle,
    Readiness,
    ScheduleVersion,
    outcomes_digest,
    readiness_hash,
)
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Decoder, Hash32, Malformed, encode
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import Vector, bundle_hash, compile_bundle, read_bundle
from abci_app.rules.codes import RejectedByRule, RuleRefused
from settle.chain.errors import ChainError, QueryRefused
from settle.chain.keys import Signer
from settle.chain.outbox import Outbox, Ticket
from settle.chain.rpc import Node

_read_bundle: Final[Decoder[Bundle]] = Decoder(Bundle)
_read_waiting: Final[Decoder[tuple[ReadinessAt, ...]]] = Decoder(tuple[ReadinessAt, ...])
_read_proposals: Final[Decoder[tuple[tuple[bytes, ProposalState, Ballot], ...]]] = Decoder(
    tuple[tuple[Hash32, ProposalState, Ballot], ...]
)
_read_validators: Final[Decoder[tuple[tuple[bytes, Validator], ...]]] = Decoder(tuple[tuple[Hash32, Validator], ...])
_read_key: Final[Decoder[RegisteredKey]] = Decoder(RegisteredKey)
_read_schedule: Final[Decoder[ScheduleVersion]] = Decoder(ScheduleVersion)


class Examined(NamedTuple):
    """What this machine makes of a bundle."""

    stated: bytes  # digest of the outcomes that the bundle states
    own: bytes  # digest of those that the executor here gave; empty where the rule does not check
    failure: str  # why this machine cannot run it; empty where it can


def examine(raw: bytes) -> Examined:
    """Check the bundle, compile it, and run its vectors. Raises `RuleRefused` where the bytes are no bundle."""
    bundle = read_bundle(raw)
    stated = outcomes_digest(bundle.vectors)
    try:
        rule = compile_bundle(bundle, bundle_hash(raw))
        given = tuple(_outcome(rule.call, vector) for vector in bundle.vectors)
    except RuleRefused as refusal:
        return Examined(stated, b"", str(refusal))
    own = outcomes_digest(given)
    wrong = [
        at for at, pair in enumerate(zip(given, bundle.vectors, strict=True), 1) if encode(pair[0]) != encode(pair[1])
    ]
    return Examined(stated, own, f"{len(wrong)} of {len(given)} vectors differ, first {wrong[0]}" if wrong else "")


def _outcome(call: Callable[..., tuple[int | bool, ...]], vector: Vector) -> Vector:
    try:
        return replace(vector, results=call(vector.entry, *vector.arguments), rejection="")
    except RejectedByRule as rejection:
        return replace(vector, results=(), rejection=rejection.code)


class ReadinessWatch:
    """One operator's node key at work; `told` hears each thing once. Not for several threads."""

    def __init__(self, node: Node, outbox: Outbox, signer: Signer, chain_id: str, told: Callable[[str], None]) -> None:
        self._node = node
        self._outbox = outbox
        self._signer = signer
        self._chain = chain_hash(chain_id.encode())
        self._told = told
        self._examined: dict[bytes, Examined] = {}
        self._sent: dict[Ticket, str] = {}

    def step(self) -> None:
        """Try what is new, sign what is asked for, hear what became of it. Raises `ChainError`: the node is away."""
        for each in self._asked():
            self._sign(each)
        if self._sent:
            self._outbox.pump()
            self._hear()
        for bundle in self._voted_on():
            self._examine(bundle)

    def _voted_on(self) -> Iterator[bytes]:
        """The bundles in open votes: who is to vote should hear early what this machine makes of them.

        None where there are more proposals than an answer holds: what is carried is signed all the same.
        """
        try:
            proposals = _read_proposals(self._node.query("/governance/proposals", b""))
        except QueryRefused:
            return
        for _, state, ballot in proposals:
            if state == ProposalState.VOTING:
                for raw in ballot.proposal.messages:
                    try:
                        yield _read_schedule(raw).bundle
                    except Malformed:
                        continue  # another kind of message

    def _asked(self) -> list[ReadinessAt]:
        """The versions that wait for this operator's node, if it validates at all."""
        waiting = _read_waiting(self._node.query("/rulebook/waiting", b""))
        if not waiting:
            return []
        validators = _read_validators(self._node.query("/members/validators", b""))
        if not any(row.operator == self._signer.operator and row.power for _, row in validators):
            return []
        return [each for each in waiting if not self._has_signed(each)]

    def _has_signed(self, each: ReadinessAt) -> bool:
        """Whether the operator is ready, or has refused and nothing is better now."""
        mine = [given for given in each.row.ready if given.operator == self._signer.operator]
        own = [given for given in mine if self._is_active(given.key)]  # a revoked key's word is not counted
        if any(given.verdict == Verdict.APPROVE for given in own):
            return True
        return bool(own) and bool(self._examine(each.row.bundle).failure)

    def _is_active(self, key: bytes) -> bool:
        return _read_key(self._node.query("/members/key", encode(key))).active

    def _examine(self, bundle: bytes) -> Examined:
        found = self._examined.get(bundle)
        if found is None:
            raw = _read_bundle(self._node.query("/rulebook/bundle", encode(bundle))).raw
            if bundle_hash(raw) != bundle:
                raise ChainError(
                    expected=f"the bundle {bundle.hex()} of the rulebook",
                    actual=f"the bundle {bundle_hash(raw).hex()}",
                    next_step="look at this node: it does not tell the truth",
                )
            found = self._examined[bundle] = examine(raw)
            self._told(f"bundle {bundle.hex()[:16]}…: {found.failure or 'checks, and all its vectors hold'}")
        return found

    def _sign(self, each: ReadinessAt) -> None:
        found = self._examine(each.row.bundle)
        document = readiness_hash(self._chain, Readiness(each.rule, each.version, each.row.bundle, found.stated))
        verdict = Verdict.REFUSE if found.failure else Verdict.APPROVE
        wish, by = Approve(DocumentKind.READINESS, document, Role.NODE, verdict), self._signer.public.hex()
        ticket = self._outbox.submit(f"readiness {document.hex()} {verdict.name} {by}", [wish], self._signer)
        if self._outbox.result(ticket) is None:
            self._sent[ticket] = (
                f"version {each.version} of rule {each.rule}: {'REFUSED' if found.failure else 'READY'}"
            )

    def _hear(self) -> None:
        for ticket, said in list(self._sent.items()):
            result = self._outbox.result(ticket)
            if result is not None:
                del self._sent[ticket]
                self._told(f"{said}, in block {result.height}" if not result.code else f"{said}, refused: {result.log}")
