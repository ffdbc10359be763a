"""What CMCC and CUCC settle in a quarter, with every kind of message and of fact that this brings about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from abci_app.application.interface import BlockResult, Misbehaviour
from abci_app.application.router import read_fact
from abci_app.domain.agreements.schema import AgreementDocument, ProposeAgreement, SlotBinding, agreement_hash
from abci_app.domain.members.schema import KeyChange, key_change_hash
from abci_app.domain.obligations.schema import ClaimInterest, ConfirmPayment, NotifyPayment, Rerate
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.approvals import DocumentKind, ObjectKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.facts import read_record
from abci_app.kernel.roles import Role
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Overlay
from settle.chain.keys import Signer, propose_keys
from settle.rules.build import shipped_bundle
from settle.rules.shipped import ShippedRule, rulebook_facts
from tests.support.books import CHECKERS, DAY, MAKERS, RATES, TERMS, YUAN, Book, agree, approval, month
from tests.support.chains import CBN, CHAIN, CMCC, CUCC, Network, signed, signer
from tests.support.filings import advance, anchor, day, file, minutes, present_statement, reconcile, reissue, sign
from tests.support.money import (
    CONTEST,
    ELSEWHERE,
    FEBRUARY,
    IN,
    JANUARY,
    MARCH,
    MONEY_ROOMS,
    OUT,
    accept,
    contest,
    invoice,
    left,
    pay,
    propose,
    record_due,
    round_of,
)
from tests.support.slot_rules import (
    BARRED,
    BIASED,
    INTEREST_BEARING,
    TAXED,
    slot_rule_facts,
    tariff,
    version_facts,
    with_slots,
)

FIRST_NUMBER = 129
"""Of a key's transactions here: the lower ones stay free, within the replay window, for what is drawn afterwards."""
AGREED = replace(TERMS, slots=(SlotBinding(Slot.RATING, ShippedRule.FLAT_MINUTES, RATES), *TERMS.slots[1:]))
"""`TERMS` by the numbers of the shipped rulebook."""
FEBRUARY_ELSEWHERE = PeriodKey(1, 1, 2)
BY_FURTHER_RULES = with_slots(
    SlotBinding(Slot.TOLERANCE, BIASED, (100, YUAN)),
    SlotBinding(Slot.DISPUTE, BARRED, (90,)),
    TAXED,
    INTEREST_BEARING,
    terms=replace(AGREED, calendar=(replace(month(4), ordinal=1),), contest=2 * CONTEST),
)
"""A second agreement of the two: a bias, a time bar, tax and interest, for one further month."""
APRIL = PeriodKey(2, 0, 1)
BACKDATED_FROM = 160  # height; January is cut off long before
BACKDATED = tariff(1000, 2, (month(1).usage_from, month(1).usage_to), bundle_hash(shipped_bundle("flat_minutes", 1)))
TRAFFIC, LESS, SHADED = minutes(1000, 500), minutes(1000, 300), minutes(1005, 500)
ANYONE = MAKERS[CBN]


Decide: TypeAlias = Callable[[Sequence[bytes], int, tuple[Misbehaviour, ...]], BlockResult]
"""Executes a block of these transactions, so many seconds after the one before, with this evidence in it."""


class ChainBook(Book):
    """A book on a whole state machine: every message is signed, and decided in a block of its own."""

    def __init__(self, network: Network, decide: Decide) -> None:
        super().__init__(MONEY_ROOMS, ())
        self._network = network
        self._decide = decide
        self._sent: Counter[bytes] = Counter()
        self._follow()

    def send(self, by: Signer, message: Value, at: int | None = None) -> tuple[Value, ...]:
        """The facts of the message, which must be accepted. Time goes on with every block, to `at` if it is ahead."""
        raw = signed(by, FIRST_NUMBER + self._sent[by.public], message)
        self._sent[by.public] += 1
        before = len(self._network.store.records)
        after = 1 if at is None else max(1, at - self.time)
        (outcome,) = self._decide([raw], after, ()).outcomes
        assert outcome.code == 0, outcome.log
        facts = tuple(read_fact(read_record(record).body) for record in self._network.store.records[before:])
        self.facts += facts
        self._follow()
        self.check()
        return facts

    def accuse(self, *evidence: Misbehaviour) -> None:
        """A block of nothing but evidence, or of nothing at all."""
        self._decide((), 1, evidence)
        self._follow()
        self.check()

    def _follow(self) -> None:
        self.state, self.height, self.time = Overlay(self._network.store), self._network.height, self._network.time


def rulebook() -> list[Value]:
    """The shipped rules, those of the further slots, and a tariff for January that comes after January's cut-off."""
    backdated = version_facts(ShippedRule.FLAT_MINUTES, 2, BACKDATED, BACKDATED_FROM)
    return [*rulebook_facts(), *slot_rule_facts(), *backdated]


def settle_a_quarter(book: Book) -> None:
    """January is agreed and paid, February ends by silence and with a difference, in March a key is rotated. April is
    taxed and paid late; then January's tariff has changed.
    """
    for terms in (AGREED, BY_FURTHER_RULES):
        agree(book, terms)
    _refuse_a_further_version(book)
    _agree_on_january(book)
    _set_off_and_pay(book)
    _leave_february_to_time(book)
    _rotate_a_key_in_march(book)
    _tax_april_and_pay_late(book)
    while book.height < BACKDATED_FROM:
        book.send(ANYONE, advance(JANUARY))  # nothing is due: only the height goes on
    book.send(MAKERS[CUCC], Rerate(*JANUARY))


def _refuse(book: Book, by: Signer, kind: DocumentKind, document: bytes) -> None:
    book.send(by, approval(by, kind, document, Verdict.REFUSE))


def _refuse_a_further_version(book: Book) -> None:
    further = replace(AGREED, calendar=(month(4),))
    book.send(CHECKERS[CMCC], ProposeAgreement(1, 2, further))
    document = agreement_hash(CHAIN, AgreementDocument(1, 2, further))
    _refuse(book, CHECKERS[CUCC], DocumentKind.AGREEMENT, document)


def _agree_on_january(book: Book) -> None:
    """One unit pair agrees at once. In the other a line differs: refused, filed late, re-issued, signed."""
    for key in (JANUARY, ELSEWHERE):
        for operator, stream in ((CMCC, 0), (CMCC, 1), (CUCC, 0)):
            book.send(MAKERS[operator], anchor(1, stream, key=key))
    reconcile(book, TRAFFIC, TRAFFIC, JANUARY)
    sign(book, key=JANUARY)
    reconcile(book, TRAFFIC, LESS, ELSEWHERE)
    _refuse(book, CHECKERS[CMCC], DocumentKind.STATEMENT, present_statement(book, ELSEWHERE))
    book.send(MAKERS[CUCC], anchor(2, key=ELSEWHERE, late=True))
    reissue(book, CUCC, TRAFFIC, key=ELSEWHERE)
    sign(book, key=ELSEWHERE)


def _set_off_and_pay(book: Book) -> None:
    """A round lapses, one is refused, one is settled, one unwinds; what it leaves is paid one by one."""
    here = invoice(book, OUT, JANUARY) + invoice(book, IN, JANUARY)
    there = invoice(book, OUT, ELSEWHERE) + invoice(book, IN, ELSEWHERE)
    lapsing = propose(book, here)
    record_due(book, ObjectKind.NETTING_ROUND, lapsing.terms.round, lapsing.terms.deadline)
    _refuse(book, CHECKERS[CUCC], DocumentKind.NETTING_ROUND, propose(book, here).document)
    settled = propose(book, here)
    accept(book, settled)
    net = round_of(book, settled.terms.round).net
    pay(book, net, left(book, net), b"NET 3")
    unwinding = propose(book, there, by=CUCC)
    accept(book, unwinding)
    pay(book, round_of(book, unwinding.terms.round).net, 5 * YUAN, b"NET 4, a part")
    record_due(book, ObjectKind.NETTING_ROUND, unwinding.terms.round, unwinding.terms.deadline)
    outward, inward = there
    pay(book, inward, left(book, inward), b"INWARD")
    book.send(CHECKERS[CMCC], NotifyPayment(outward, left(book, outward), b"OUTWARD"))
    contest(book, outward, b"OUTWARD")
    book.send(CHECKERS[CMCC], NotifyPayment(outward, left(book, outward), b"OUTWARD AGAIN"))
    record_due(book, ObjectKind.OBLIGATION, outward, book.time + CONTEST)


def _leave_february_to_time(book: Book) -> None:
    """CUCC does not file in one pair, and in the other nobody signs: both bind by their dates, and are invoiced."""
    filing = file(book, CMCC, TRAFFIC, key=FEBRUARY)
    book.send(MAKERS[CMCC], filing.declare, day(2).cut_off)
    reconcile(book, TRAFFIC, LESS, FEBRUARY_ELSEWHERE)
    book.send(MAKERS[CMCC], filing.open, day(2).declare_by)
    for key in (FEBRUARY, FEBRUARY_ELSEWHERE):
        book.send(ANYONE, advance(key), day(2).agree_by)
    (held,) = invoice(book, IN, FEBRUARY)
    invoice(book, IN, FEBRUARY_ELSEWHERE)  # CMCC counts more: a part is disputed
    record_due(book, ObjectKind.OBLIGATION, held, day(2).agree_by + CONTEST)


def _rotate_a_key_in_march(book: Book) -> None:
    """Nobody files: January's figures stand again, and CMCC's new maker signs them."""
    book.send(ANYONE, advance(MARCH), day(3).declare_by)
    new = signer(CMCC, Role.MAKER, 1)
    proposal = propose_keys(CHAIN, 1, (new,), (MAKERS[CMCC].public,))
    document = key_change_hash(CHAIN, KeyChange(CMCC, 1, proposal.register, proposal.revoke))
    administrators = [signer(CMCC, Role.ADMIN, which) for which in (0, 1)]
    book.send(administrators[0], proposal)
    for by in administrators:
        book.send(by, approval(by, DocumentKind.KEY_CHANGE, document))
    sign(book, (new, CHECKERS[CMCC], MAKERS[CUCC], CHECKERS[CUCC]), MARCH)


def _tax_april_and_pay_late(book: Book) -> None:
    """CUCC shades its figures within tolerance; CMCC pays a part four days late, the rest later still."""
    maker = signer(CMCC, Role.MAKER, 1)
    filings = {maker: file(book, CMCC, TRAFFIC, key=APRIL), MAKERS[CUCC]: file(book, CUCC, SHADED, key=APRIL)}
    for by, filing in filings.items():
        book.send(by, filing.declare, month(4).cut_off)
    for by, filing in filings.items():
        book.send(by, filing.open)
    sign(book, (maker, CHECKERS[CMCC], MAKERS[CUCC], CHECKERS[CUCC]), APRIL)
    (owed,) = invoice(book, OUT, APRIL)
    book.send(CHECKERS[CMCC], NotifyPayment(owed, 20 * YUAN, b"APRIL 1"), month(4).pay_by + 4 * DAY)
    book.send(CHECKERS[CUCC], ConfirmPayment(owed, 20 * YUAN, b"APRIL 1"))
    book.send(MAKERS[CUCC], ClaimInterest(owed), month(4).pay_by + 9 * DAY)
