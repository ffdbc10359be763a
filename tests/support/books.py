"""Little books of the domain: messages in, facts out, over one state in memory, without signatures or blocks.

Four operators from `chains`, the shipped rules as the rulebook, and an agreement of CMCC and CUCC. A test
says who sends what and when; the book holds after every message what must always hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from types import ModuleType
from typing import Any, NamedTuple, get_args

import pytest

from abci_app.application.rules import RuleCache
from abci_app.domain.agreements import decide as agreements_decide
from abci_app.domain.agreements import fold as agreements_fold
from abci_app.domain.agreements import schema as agreements_schema
from abci_app.domain.agreements.schema import (
    AgreementActivated,
    AgreementDocument,
    CalendarRow,
    CatalogueLine,
    DataClass,
    Evidence,
    Flow,
    Profile,
    ProposeAgreement,
    SlotBinding,
    Terms,
    UnitPair,
    agreement_hash,
)
from abci_app.domain.agreements.tables import calendar_is_the_active_versions, one_version_open
from abci_app.domain.members import decide as members_decide
from abci_app.domain.members import fold as members_fold
from abci_app.domain.members import schema as members_schema
from abci_app.domain.members.schema import UnitRegistered
from abci_app.domain.members.tables import key_counts_are_true
from abci_app.domain.periods import decide as periods_decide
from abci_app.domain.periods import fold as periods_fold
from abci_app.domain.periods import schema as periods_schema
from abci_app.domain.periods.tables import bias_is_what_was_signed, periods_are_whole, statements_add_up
from abci_app.domain.rulebook import decide as rulebook_decide
from abci_app.domain.rulebook import fold as rulebook_fold
from abci_app.domain.rulebook import schema as rulebook_schema
from abci_app.domain.rulebook.schema import FOR_EVER, BundleStored, RulePublished, RuleVersionActivated
from abci_app.domain.rulebook.tables import suspensions_do_not_overlap, versions_are_whole
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import Context, Moment, Rules
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Empty, Overlay, Reader
from settle.chain.keys import Signer
from settle.rules.build import shipped_bundle
from tests.support.chains import CHAIN, CMCC, CUCC, genesis_facts, signer

YUAN = 1_000_000
MINUTE = 60_000  # milliseconds
DAY = 86_400
USAGE = 1_700_000_000  # where the first period's usage begins
BEIJING, SHANGHAI = 11, 31

FLAT, PERCENT, NETTING, TARIFF = 1, 2, 3, 4  # rule numbers
SHIPPED_RULES = {
    FLAT: (Slot.RATING, "flat_minutes", 1),
    PERCENT: (Slot.TOLERANCE, "tolerance_percent", 1),
    NETTING: (Slot.SET_OFF, "set_off", 1),
    TARIFF: (Slot.RATING, "domestic_interconnect", 2),
}
RATES = (60_000_000, 40_000_000)  # 10^-9 yuan a minute: 0.06 where CMCC sends, 0.04 where CUCC does
TOLERANCE = 100  # basis points: 1 %


@cache
def bundle(rule: int) -> bytes:
    """The bytes of a shipped rule."""
    _, name, version = SHIPPED_RULES[rule]
    return shipped_bundle(name, version)


def rulebook_facts() -> list[rulebook_schema.Fact]:
    """Every shipped rule as version 1, for all usage and from the first block on."""
    facts: list[rulebook_schema.Fact] = []
    for rule, (slot, name, _) in SHIPPED_RULES.items():
        raw = bundle(rule)
        facts.append(RulePublished(rule, name.encode(), slot))
        facts.append(BundleStored(bundle_hash(raw), raw))
        facts.append(RuleVersionActivated(rule, 1, bundle_hash(raw), 0, FOR_EVER, 0))
    return facts


def units() -> list[UnitRegistered]:
    """Two provinces for every operator."""
    names = {BEIJING: b"Beijing", SHANGHAI: b"Shanghai"}
    return [UnitRegistered(number, unit, name) for number in (1, 2, 3, 4) for unit, name in names.items()]


def month(ordinal: int) -> CalendarRow:
    """A period of 30 days with its deadlines."""
    starts = USAGE + 30 * DAY * (ordinal - 1)
    ends = starts + 30 * DAY
    dates = (ends + DAY, ends + 5 * DAY, ends + 7 * DAY, ends + 20 * DAY, ends + 30 * DAY)
    return CalendarRow(ordinal, starts, ends, *dates)


OUTWARD, INWARD = CatalogueLine(1, 0, 0, 1, 1), CatalogueLine(1, 1, 0, 1, 1)
TERMS = Terms(
    evidence=Evidence.TWO_SIDED,
    first=CMCC,
    second=CUCC,
    networks=(1, 2),
    pairs=(UnitPair(BEIJING, BEIJING), UnitPair(SHANGHAI, SHANGHAI)),
    currency=156,
    profile=Profile.MIIT,
    data_class=DataClass.PUBLIC,
    flow=Flow.CALLING_PARTY_PAYS,
    valid_from=USAGE,
    valid_to=USAGE + 365 * DAY,
    calendar=tuple(month(ordinal) for ordinal in range(1, 4)),
    contest=10 * DAY,
    catalogue=(OUTWARD, INWARD),
    slots=(
        SlotBinding(Slot.RATING, FLAT, RATES),
        SlotBinding(Slot.TOLERANCE, PERCENT, (TOLERANCE,)),
        SlotBinding(Slot.SET_OFF, NETTING, ()),
    ),
    set_off=True,
)
"""CMCC and CUCC, calling party pays, two provinces, three months, one voice line in each direction."""

MAKERS = {operator: signer(operator, Role.MAKER) for operator in (1, 2, 3, 4)}
CHECKERS = {operator: signer(operator, Role.CHECKER) for operator in (1, 2, 3, 4)}


class Room(NamedTuple):
    """A domain module as the book routes to it."""

    schema: ModuleType
    fold: Callable[[Any, Any], None]
    decide: ModuleType | None
    document: DocumentKind | None = None
    object: ObjectKind | None = None
    invariants: tuple[Callable[[Reader], bool], ...] = ()


ROOMS = (
    Room(members_schema, members_fold.fold, members_decide, DocumentKind.KEY_CHANGE, None, (key_counts_are_true,)),
    Room(
        rulebook_schema,
        rulebook_fold.fold,
        rulebook_decide,
        DocumentKind.BUNDLE,
        None,
        (versions_are_whole, suspensions_do_not_overlap),
    ),
    Room(
        agreements_schema,
        agreements_fold.fold,
        agreements_decide,
        DocumentKind.AGREEMENT,
        None,
        (calendar_is_the_active_versions, one_version_open),
    ),
    Room(
        periods_schema,
        periods_fold.fold,
        periods_decide,
        DocumentKind.STATEMENT,
        ObjectKind.PERIOD,
        (statements_add_up, periods_are_whole, bias_is_what_was_signed),
    ),
)


def _kinds(union: object) -> tuple[object, ...]:
    return get_args(union) or (union,)


class Book:
    """One state and everything that has happened to it.

    `send` gives the facts of an accepted message and raises `Rejected` for a refused one, which leaves
    no trace. `at` is the header time; heights count up by themselves.
    """

    def __init__(self, rooms: Sequence[Room] = ROOMS, facts: Sequence[Value] | None = None) -> None:
        self.state = Overlay(Empty())
        self.facts: list[Value] = []
        self.height = 0
        self.time = USAGE
        self.rules: Rules = RuleCache().bound(self.state)
        self._rooms = rooms
        first = [*genesis_facts(), *units(), *rulebook_facts()] if facts is None else facts
        self.write(*first)

    def write(self, *facts: Value) -> None:
        """Fold facts, as genesis does."""
        for fact in facts:
            self._room_of(fact, "Fact").fold(self.state, fact)
        self.facts += facts

    def send(self, by: Signer, message: Value, at: int | None = None) -> tuple[Value, ...]:
        """Decide and fold one message in a block of its own."""
        self.time = self.time if at is None else at
        self.height += 1
        decide = self._room(message).decide
        assert decide is not None
        decide.check_form(message)
        context = Context(self.height, self.time, CHAIN, by.operator, by.role, by.public, self.rules)
        facts: tuple[Value, ...] = decide.decide(self.state, context, message)
        for fact in facts:
            room = self._room_of(fact, "Fact")
            assert Decoder[Value](room.schema.Fact)(encode(fact)) == fact
        self.write(*facts)
        self.check()
        return facts

    def refuses(self, by: Signer, message: Value, code: object, at: int | None = None) -> None:
        """The message is refused with this code and changes nothing."""
        before = dict(self.state.writes)
        with pytest.raises(Rejected) as refused:
            self.send(by, message, at)
        assert refused.value.code is code
        assert self.state.writes == before

    def moment(self, at: int | None = None) -> Moment:
        """As of when a question is answered: the next block, at the last header time or another."""
        return Moment(self.height + 1, self.time if at is None else at)

    def check(self) -> None:
        """What must always hold."""
        for room in self._rooms:
            for invariant in room.invariants:
                assert invariant(self.state), invariant.__name__

    def refolded(self) -> dict[bytes, bytes | None]:
        """The state that the facts alone give."""
        fresh = Overlay(Empty())
        for fact in self.facts:
            self._room_of(fact, "Fact").fold(fresh, fact)
        return fresh.writes

    def _room(self, message: Value) -> Room:
        if isinstance(message, Approve):
            return next(room for room in self._rooms if room.document == message.kind)
        if isinstance(message, Advance):
            return next(room for room in self._rooms if room.object == message.kind)
        return self._room_of(message, "Message")

    def _room_of(self, value: Value, union: str) -> Room:
        return next(room for room in self._rooms if type(value) in _kinds(getattr(room.schema, union)))


def digest(text: str) -> bytes:
    """32 bytes that stand for something."""
    return sha256(text.encode()).digest()


def approval(by: Signer, kind: DocumentKind, document: bytes, verdict: Verdict = Verdict.APPROVE) -> Approve:
    """The signer's approval in its own role."""
    return Approve(kind, document, by.role, verdict)


def both_parties(first: int = CMCC, second: int = CUCC) -> tuple[Signer, ...]:
    """Maker and checker of both."""
    return (MAKERS[first], CHECKERS[first], MAKERS[second], CHECKERS[second])


def agree(book: Book, terms: Terms = TERMS, number: int = 0, version: int = 1) -> int:
    """The number of an agreement that both parties have signed."""
    document = agreement_hash(CHAIN, AgreementDocument(number, version, terms))
    book.send(CHECKERS[terms.first], ProposeAgreement(number, version, terms))
    last: tuple[Value, ...] = ()
    for by in both_parties(terms.first, terms.second):
        last = book.send(by, approval(by, DocumentKind.AGREEMENT, document))
    activated = last[-1]
    assert isinstance(activated, AgreementActivated)
    return activated.agreement
