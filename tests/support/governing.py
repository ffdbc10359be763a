"""A consortium that governs itself: whole blocks, real signatures, and the facts of every message.

Operators 1 to n with a validator each, a regulator after them, one rule in the rulebook, short delays. After every
message the invariants hold and the state is the fold of all facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.application.interface import Block, BlockResult, Misbehaviour
from abci_app.application.router import BY_FACT, read_fact
from abci_app.domain.governance.schema import Ballot, ParametersSet, Proposal, Propose, proposal_hash
from abci_app.domain.governance.tables import BALLOTS, BallotKey, ballots_are_sound
from abci_app.domain.members.schema import (
    AppointValidator,
    KeyChange,
    KeyRegistered,
    Kind,
    OperatorAdmitted,
    ValidatorAppointed,
    key_change_hash,
    possession,
)
from abci_app.domain.members.tables import key_counts_are_true
from abci_app.domain.rulebook.queries import QUERIES, AtHeight, VersionAt, version_for
from abci_app.domain.rulebook.schema import (
    PublishBundle,
    Readiness,
    RulePublished,
    ScheduleVersion,
    VersionInForce,
    VersionState,
    outcomes_digest,
    readiness_hash,
)
from abci_app.domain.rulebook.tables import suspensions_do_not_overlap, versions_are_whole
from abci_app.kernel import ed25519
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.facts import read_record
from abci_app.kernel.parameters import DAY, Parameters
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Track
from abci_app.rules.bundle import Bundle, bundle_hash, read_bundle, write_bundle
from abci_app.rules.interface import Slot
from abci_app.state.forest import sentinels
from abci_app.state.overlay import Empty, Overlay
from settle.chain.keys import Signer, propose_keys
from settle.rules.build import shipped_bundle
from tests.support.chains import CHAIN, GENESIS_TIME, Network, signer
from tests.support.chains import signed as sign
from tests.support.slot_rules import version_facts

_read_history: Decoder[tuple[VersionAt, ...]] = Decoder(tuple[VersionAt, ...])
RULE = 1
FIRST = shipped_bundle("flat_minutes", 1)
FAST = Parameters(
    voting=1000,
    delay=3,
    rollback_delay=2,
    notice=5,
    grace=4,
    suspension=6,
    suspension_pause=30 * DAY,
    validator_gap=100,
    agreement_slots=(int(Slot.RATING),),
)


def edited(raw: bytes = FIRST, **changes: object) -> bytes:
    """A bundle with another manifest, for this chain; by default the next of its rule."""
    bundle = read_bundle(raw)
    following = {"chain": CHAIN, "sequence": bundle.manifest.sequence + 1, "previous": bundle_hash(raw)}
    return write_bundle(replace(bundle, manifest=replace(bundle.manifest, **(following | changes))))


def new_rule(name: str = "other_minutes", **changes: object) -> bytes:
    """The first bundle of a rule of another name."""
    return edited(name=name, sequence=1, previous=b"", **changes)


SECOND = edited(change_note=b"second")
FAR = GENESIS_TIME + 400 * DAY
"""Usage that is still to come in every test."""
SECOND_LATER = edited(change_note=b"later usage only", effective_from=FAR)


def members(operators: int = 4) -> list[Value]:
    """Operators with a key for every role and a validator, and a regulator as the last number."""
    facts: list[Value] = []
    for number in range(1, operators + 2):
        kind = Kind.MOBILE if number <= operators else Kind.REGULATOR
        facts.append(OperatorAdmitted(number, f"OP{number}".encode(), b"", kind, 156))
        facts.extend(KeyRegistered(number, 1, signer(number, role).public, role) for role in Role)
        if number <= operators:
            facts.append(ValidatorAppointed(number, validator(number).public, 10))
    return facts


def rulebook(raw: bytes = FIRST) -> list[Value]:
    """One rule with one version, for all usage from the first block on."""
    manifest = read_bundle(raw).manifest
    return [RulePublished(RULE, manifest.name.encode(), manifest.slot), *version_facts(RULE, 1, raw)]


class ValidatorKeyPair(NamedTuple):
    """A validator's key."""

    seed: bytes
    public: bytes

    def sign(self, message: bytes) -> bytes:
        """64 bytes, R then S."""
        return ed25519.sign(self.seed, message)


def validator(which: int) -> ValidatorKeyPair:
    """The same key every time."""
    seed = which.to_bytes(32, "big")
    return ValidatorKeyPair(seed, ed25519.public_of(seed))


def address_of(which: int) -> bytes:
    """A validator's address (CometBFT, crypto/ed25519): the first 20 bytes of sha256 of the key."""
    return sha256(validator(which).public).digest()[:20]


def appointment(operator: int, which: int) -> AppointValidator:
    """A validator's appointment with its proof of possession."""
    pair = validator(which)
    return AppointValidator(operator, pair.public, pair.sign(possession(CHAIN, operator, pair.public)))


class Council:
    """One node of the consortium, its blocks made of what the tests send."""

    def __init__(self, operators: int = 4, further: Sequence[Value] = (), parameters: Parameters = FAST) -> None:
        self.operators = operators
        self.facts = [*members(operators), *rulebook(), ParametersSet(parameters), *further]
        self.network = Network(self.facts)
        self.results: list[BlockResult] = []
        self.blocks: list[Block] = []
        self._numbers: dict[bytes, int] = {}
        self._serials: dict[int, int] = {}

    @property
    def height(self) -> int:
        return self.network.height

    # --- sending

    def send(self, by: Signer, *messages: Value, after: int = 1) -> tuple[int, list[Value]]:
        """One transaction in a block of its own: its code and its facts."""
        (code,), facts = self.block([(by, messages)], after=after)
        return code, facts

    def block(
        self,
        wishes: Iterable[tuple[Signer, Sequence[Value]]] = (),
        after: int = 1,
        evidence: tuple[Misbehaviour, ...] = (),
    ) -> tuple[list[int], list[Value]]:
        """A block of transactions: their codes and all its facts."""
        raws = [self.signed(by, messages) for by, messages in wishes]
        size = len(self.network.store.records)
        block = self.network.propose(*raws, after=after)._replace(misbehaviour=evidence)
        taken = self.network.chain.prepare(block._replace(hash=b""), 1 << 22)
        assert taken == raws, "an honest proposer takes all"
        assert self.network.chain.process(block)
        result = self.network.decide(block)
        self.results.append(result)
        self.blocks.append(block)
        self.check()
        return [outcome.code for outcome in result.outcomes], self.facts_since(size)

    def checked(self, by: Signer, message: Value) -> int:
        """What CheckTx says, which looks at the form only."""
        return self.network.chain.check(self.signed(by, [message]), recheck=False).code

    def empty(self, blocks: int = 1) -> None:
        """Blocks without transactions."""
        for _ in range(blocks):
            self.block()

    def signed(self, by: Signer, messages: Sequence[Value]) -> bytes:
        """The bytes of a transaction with the key's next number."""
        number = self._numbers[by.public] = self._numbers.get(by.public, 0) + 1
        return sign(by, number, *messages, expiry=self.height + 1000)

    # --- bundles

    def publish(self, raw: bytes, by: int = 1, signers: Sequence[int] = (1, 2)) -> bytes:
        """A bundle on chain with these operators' signatures; its hash."""
        assert self.send(governor(by), PublishBundle(raw))[0] == 0, self.log()
        for operator in signers:
            assert self.sign_bundle(raw, operator)[0] == 0, self.log()
        return bundle_hash(raw)

    def sign_bundle(self, raw: bytes, operator: int, verdict: Verdict = Verdict.APPROVE) -> tuple[int, list[Value]]:
        document = bundle_hash(raw)
        return self.send(governor(operator), Approve(DocumentKind.BUNDLE, document, Role.GOVERNANCE, verdict))

    # --- votes

    def proposal(self, by: int, track: Track, *messages: Value, **changes: object) -> Propose:
        """A proposal of the operator's next serial."""
        carried = tuple(encode(message) for message in messages)
        wish = Propose(self._serials.get(by, 0) + 1, track, 0, (), 0, b"", carried, b"")
        return replace(wish, **changes)

    def propose(self, by: int, track: Track, *messages: Value, **changes: object) -> tuple[int, bytes, list[Value]]:
        """The code, the document and the facts of a proposal."""
        wish = self.proposal(by, track, *messages, **changes)
        code, facts = self.send(governor(by), wish)
        if not code:
            self._serials[by] = wish.serial
        return code, document_of(by, wish), facts

    def ballot_paper(self, document: bytes, verdict: Verdict = Verdict.APPROVE) -> Approve:
        """A vote as a message."""
        return Approve(DocumentKind.PROPOSAL, document, Role.GOVERNANCE, verdict)

    def vote(
        self, document: bytes, by: int | Signer, verdict: Verdict = Verdict.APPROVE, after: int = 1
    ) -> tuple[int, list[Value]]:
        voter = governor(by) if isinstance(by, int) else by
        return self.send(voter, Approve(DocumentKind.PROPOSAL, document, voter.role, verdict), after=after)

    def carry(
        self, track: Track, *messages: Value, voters: Sequence[int] | None = None, by: int = 1, **changes: object
    ) -> tuple[bytes, list[Value]]:
        """Propose and vote until it is decided: the document and the facts of the last vote."""
        code, document, facts = self.propose(by, track, *messages, **changes)
        assert code == 0, self.log()
        for operator in range(1, self.operators + 1) if voters is None else voters:
            code, facts = self.vote(document, operator)
            assert code == 0, self.log()
            if self.ballot(document).state:
                break
        return document, facts

    def schedule(self, raw: bytes, ahead: int = 12, *, backdated: bool = True, track: Track = Track.CONSORTIUM) -> int:
        """Publish a bundle, sign it and carry it; the height that was asked for."""
        bundle = self.publish(raw)
        height = self.height + ahead
        self.carry(track, ScheduleVersion(bundle, height, backdated))
        return height

    def ready(
        self, raw: bytes, operator: int, version: int = 2, verdict: Verdict = Verdict.APPROVE, rule: int = RULE
    ) -> tuple[int, list[Value]]:
        node = signer(operator, Role.NODE)
        document = readiness_of(read_bundle(raw), raw, rule, version)
        return self.send(node, Approve(DocumentKind.READINESS, document, Role.NODE, verdict))

    # --- keys

    def change_keys(self, operator: int, serial: int, register: Sequence[Signer], revoke: Sequence[bytes]) -> int:
        """The operator's administrator changes its keys; the code of the signature that puts it in force."""
        administrator = signer(operator, Role.ADMIN)
        proposal = propose_keys(CHAIN, serial, register, revoke)
        change = KeyChange(operator, serial, proposal.register, proposal.revoke)
        code, _ = self.send(administrator, proposal)
        assert code == 0, self.log()
        document = key_change_hash(CHAIN, change)
        wish = Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, Verdict.APPROVE)
        return self.send(administrator, wish)[0]

    # --- looking

    def moment(self) -> Moment:
        """As of when a question is answered: the next block."""
        return Moment(self.height + 1, self.network.time)

    def log(self) -> str:
        return self.results[-1].outcomes[-1].log

    def facts_since(self, size: int) -> list[Value]:
        """The facts from a number on."""
        return [read_fact(read_record(raw).body) for raw in self.network.store.records[size:]]

    def ballot(self, document: bytes) -> Ballot:
        return BALLOTS.require(self.network.store, BallotKey(document))

    def in_force(self, height: int, usage: int = GENESIS_TIME, rule: int = RULE) -> VersionInForce | None:
        return version_for(self.network.store, rule, usage, height)

    def state_of(self, version: int, height: int | None = None, rule: int = RULE) -> VersionState:
        asked = AtHeight(rule, self.height if height is None else height)
        told = _read_history(encode(QUERIES["/rulebook/history"](self.network.store, self.moment(), encode(asked))))
        return next(each.state for each in told if each.version == version)

    def put(self, key: bytes, row: bytes) -> None:
        """A row that no message would leave in so few blocks, as committed."""
        self.network.store.rows[key] = row
        self.network.chain._recent.commit({key: row})

    def check(self) -> None:
        """What must hold after every block."""
        store = self.network.store
        for invariant in (key_counts_are_true, ballots_are_sound, versions_are_whole, suspensions_do_not_overlap):
            assert invariant(store), invariant.__name__

    def refolded(self) -> dict[bytes, bytes]:
        """The state that the facts alone give, without the replay windows."""
        state = Overlay(Empty())
        for key, value in sentinels().items():
            state.put(key, value)
        for raw in self.network.store.records:
            fact = read_fact(read_record(raw).body)
            BY_FACT[type(fact)].fold(state, fact)
        return {key: value for key, value in state.writes.items() if value is not None and key[:2] != b"\x09\x01"}

    def rows(self) -> dict[bytes, bytes]:
        """The state itself, without the replay windows."""
        return {key: value for key, value in self.network.store.rows.items() if key[:2] != b"\x09\x01"}


def governor(operator: int) -> Signer:
    """The operator's key that publishes and votes."""
    return signer(operator, Role.GOVERNANCE)


def document_of(by: int, wish: Propose) -> bytes:
    """The hash that votes on a proposal name."""
    said = (wish.track, wish.agreement, wish.parties, wish.concerned, wish.order, wish.messages, wish.note)
    return proposal_hash(CHAIN, Proposal(by, wish.serial, *said))


def readiness_of(bundle: Bundle, raw: bytes, rule: int = RULE, version: int = 2) -> bytes:
    """What an honest node signs for a version, having run the bundle's vectors."""
    outcomes = outcomes_digest(bundle.vectors)
    return readiness_hash(CHAIN, Readiness(rule, version, bundle_hash(raw), outcomes))
