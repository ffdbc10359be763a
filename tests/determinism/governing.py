"""What the four operators decide together: every kind of message and of fact that governance brings about."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from msgspec.structs import replace

from abci_app.application.interface import Misbehaviour
from abci_app.domain.governance.schema import Propose, SetParameters, SetThresholds
from abci_app.domain.governance.tables import BALLOTS, BallotKey
from abci_app.domain.members.schema import (
    AdmitOperator,
    ChangeMembership,
    KeyChange,
    Kind,
    Membership,
    NamedUnit,
    RegisterNodes,
    RemoveValidator,
    key_change_hash,
)
from abci_app.domain.rulebook.schema import (
    PublishBundle,
    RatifySuspension,
    ResumeRule,
    RollBack,
    ScheduleVersion,
    SuspendRule,
)
from abci_app.kernel.approvals import Advance, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Share, Track
from abci_app.rules.bundle import bundle_hash, read_bundle
from settle.chain.keys import propose_keys
from settle.rules.shipped import ShippedRule
from tests.determinism.settlement import BACKDATED, ChainBook
from tests.support.books import MAKERS, approval
from tests.support.chains import CBN, CHAIN, CMCC, CODES, CTCC, CUCC, signer
from tests.support.governing import (
    FAST,
    address_of,
    appointment,
    document_of,
    edited,
    governor,
    new_rule,
    readiness_of,
)
from tests.support.slot_rules import RULES

REGULATOR = 5
VALIDATING = (CMCC, CUCC, CTCC, CBN)
RULE, OTHER_RULE = ShippedRule.FLAT_MINUTES, max(RULES) + 1
OTHER = new_rule()
THIRD = edited(sequence=3, previous=bundle_hash(BACKDATED))
WITHDRAWN, LOST = (edited(THIRD, change_note=note) for note in (b"withdrawn", b"lost"))


class Council:
    """The consortium on a book's chain. Everything is proposed by CMCC, but for what a regulator orders."""

    def __init__(self, book: ChainBook) -> None:
        self._book = book
        self._proposals = 0

    def set_up(self) -> None:
        """Before the quarter: short delays, other thresholds, a regulator, nodes; one validator more, and not two."""
        self._carry(Track.CONSORTIUM, SetParameters(replace(FAST, voting=600)))
        self._carry(Track.CONSTITUTION, SetThresholds(replace(FIRST_THRESHOLDS, emergency=Share(3, 8))))
        for document in [self._propose(Track.CONSORTIUM, appointment(CTCC, which)) for which in (77, 78)]:
            self._vote(document, CMCC, CUCC, CTCC)
        keys = [signer(REGULATOR, role) for role in (Role.ADMIN, Role.GOVERNANCE)]
        grants, proofs = tuple(key.grant for key in keys), tuple(key.possession(CHAIN) for key in keys)
        said = (b"REG", b"Regulator", Kind.REGULATOR, 156, (NamedUnit(1, b"north"),))
        self._carry(Track.CONSORTIUM, AdmitOperator(REGULATOR, *said, grants, proofs))
        for membership in (Membership.SUSPENDED, Membership.ACTIVE):
            self._carry(Track.CONSORTIUM, ChangeMembership(CBN, membership), concerned=CBN)
        admin = signer(CMCC, Role.ADMIN)
        self._book.send(admin, RegisterNodes((b"\x01" * 20, b"\x02" * 20), ()))
        self._book.send(admin, RegisterNodes((), (b"\x02" * 20,)))

    def change(self) -> None:
        """After it: rules come, go and are suspended; votes are lost; who signs twice is out."""
        self._switch_and_return()
        self._suspend_and_resume()
        self._obey_an_order()
        self._reject()
        self._carry(Track.CONSORTIUM, RemoveValidator(sha256(CODES[CBN]).digest()))
        self._book.accuse(Misbehaviour(address_of(77), 7))
        self._lose_a_mandate()

    def _switch_and_return(self) -> None:
        height = self._schedule(THIRD)
        self._ready(THIRD, RULE, 3)
        while self._book.height < height:
            self._book.accuse()
        self._carry(Track.ROLLBACK, RollBack(RULE, 1, self._book.height + 10))

    def _suspend_and_resume(self) -> None:
        self._carry(Track.EMERGENCY, SuspendRule(RULE), voters=(CMCC, CUCC))
        self._carry(Track.CONSORTIUM, RatifySuspension(RULE))
        self._carry(Track.CONSORTIUM, ResumeRule(RULE))

    def _obey_an_order(self) -> None:
        wish = ScheduleVersion(self._publish(OTHER), self._book.height + 10, backdated=True)
        order = sha256(b"an order").digest()
        self._book.send(governor(REGULATOR), Propose(1, Track.MANDATED, 0, (), 0, order, (encode(wish),), b""))
        self._ready(OTHER, OTHER_RULE, 1)

    def _reject(self) -> None:
        """A bundle taken back, a proposal voted down, and one that nobody votes on in time."""
        publisher = governor(CMCC)
        self._book.send(publisher, PublishBundle(WITHDRAWN))
        self._book.send(publisher, approval(publisher, DocumentKind.BUNDLE, bundle_hash(WITHDRAWN), Verdict.REFUSE))
        self._vote(self._propose(Track.CONSORTIUM, SetParameters(FAST)), CTCC, verdict=Verdict.REFUSE)
        document = self._propose(Track.CONSORTIUM, SetParameters(FAST))
        late = Advance(ObjectKind.PROPOSAL, BALLOTS.at(BallotKey(document)))
        self._book.send(MAKERS[CBN], late, self._book.time + 600)

    def _lose_a_mandate(self) -> None:
        """CUCC's vote goes with its key before the version runs."""
        self._schedule(LOST)
        admin, new, old = signer(CUCC, Role.ADMIN), signer(CUCC, Role.GOVERNANCE, 1), governor(CUCC)
        wish = propose_keys(CHAIN, 1, (new,), (old.public,))
        self._book.send(admin, wish)
        document = key_change_hash(CHAIN, KeyChange(CUCC, 1, wish.register, wish.revoke))
        self._book.send(admin, approval(admin, DocumentKind.KEY_CHANGE, document))

    def _schedule(self, raw: bytes) -> int:
        """The height from which a published version is to run."""
        bundle = self._publish(raw)
        height = self._book.height + 15
        self._carry(Track.CONSORTIUM, ScheduleVersion(bundle, height, backdated=True))
        return height

    def _publish(self, raw: bytes) -> bytes:
        """The hash of CMCC's bundle, countersigned by CUCC."""
        self._book.send(governor(CMCC), PublishBundle(raw))
        for by in (governor(CMCC), governor(CUCC)):
            self._book.send(by, approval(by, DocumentKind.BUNDLE, bundle_hash(raw)))
        return bundle_hash(raw)

    def _ready(self, raw: bytes, rule: int, version: int) -> None:
        document = readiness_of(read_bundle(raw), raw, rule, version)
        for operator in VALIDATING:
            by = signer(operator, Role.NODE)
            self._book.send(by, approval(by, DocumentKind.READINESS, document))

    def _carry(
        self, track: Track, message: Value, concerned: int = 0, voters: Sequence[int] = (CMCC, CUCC, CTCC)
    ) -> None:
        self._vote(self._propose(track, message, concerned), *voters)

    def _propose(self, track: Track, message: Value, concerned: int = 0) -> bytes:
        self._proposals += 1
        wish = Propose(self._proposals, track, 0, (), concerned, b"", (encode(message),), b"")
        self._book.send(governor(CMCC), wish)
        return document_of(CMCC, wish)

    def _vote(self, document: bytes, *voters: int, verdict: Verdict = Verdict.APPROVE) -> None:
        for by in map(governor, voters):
            self._book.send(by, approval(by, DocumentKind.PROPOSAL, document, verdict))
