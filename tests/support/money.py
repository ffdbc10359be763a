"""Books in which periods are signed already: what is invoiced, set off and paid, without the filing before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.agreements.queries import active_terms
from abci_app.domain.agreements.schema import Direction, Terms
from abci_app.domain.obligations import decide, schema
from abci_app.domain.obligations.fold import fold
from abci_app.domain.obligations.queries import open_amount
from abci_app.domain.obligations.schema import (
    ConfirmPayment,
    ContestPayment,
    IssueInvoice,
    NotifyPayment,
    Obligation,
    ObligationPosted,
    ProposeRound,
    Round,
    RoundProposed,
)
from abci_app.domain.obligations.tables import (
    OBLIGATIONS,
    ROUNDS,
    ObligationKey,
    RoundKey,
    accounts_are_what_is_owed,
    debits_equal_credits,
    notes_are_whole,
    obligations_are_whole,
    rounds_are_whole,
)
from abci_app.domain.periods.queries import period, signed_by, statement_over
from abci_app.domain.periods.schema import (
    Flags,
    LineFigures,
    PeriodClosed,
    PeriodState,
    StatementLine,
    StatementStruck,
    Verdict,
    statement_hash,
)
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.kernel.approvals import Advance, DocumentKind, ObjectKind
from abci_app.kernel.encoding import Value
from tests.support.books import CHECKERS, MAKERS, ROOMS, TERMS, Book, Room, agree, approval, month
from tests.support.chains import CHAIN, CMCC, CUCC

HELD_TO_BE_TRUE = (
    debits_equal_credits,
    accounts_are_what_is_owed,
    obligations_are_whole,
    notes_are_whole,
    rounds_are_whole,
)
MONEY_ROOMS = (
    *ROOMS,
    Room(schema, fold, decide, DocumentKind.NETTING_ROUND, ObjectKind.OBLIGATION, HELD_TO_BE_TRUE),
    Room(schema, fold, decide, None, ObjectKind.NETTING_ROUND),
)
FEN = 10_000  # 10^-6 yuan
JANUARY, FEBRUARY, MARCH = PeriodKey(1, 0, 1), PeriodKey(1, 0, 2), PeriodKey(1, 0, 3)
ELSEWHERE = PeriodKey(1, 1, 1)  # January of the other unit pair
OUT, IN = 0, 1  # CMCC owes CUCC for OUT, CUCC owes CMCC for IN
CMCC_OWES, CUCC_OWES = CMCC, CUCC
AGREE_BY, PAY_BY = month(1).agree_by, month(1).pay_by
CONTEST = TERMS.contest


class Amounts(NamedTuple):
    """What a period comes to on each line of the catalogue, 10^-6 yuan; `TERMS` has one line in each direction."""

    settled: tuple[int, ...]
    disputed: tuple[int, ...] = (0, 0)


def money_book(terms: Terms = TERMS, further: Sequence[Value] = ()) -> Book:
    """A book with one agreement, number 1, on the day after January's pay-by is set; `further` genesis facts."""
    book = Book(MONEY_ROOMS)
    book.write(*further)
    agree(book, terms)
    book.time = month(1).open_by
    return book


def sign_period(book: Book, amounts: Amounts, key: PeriodKey = JANUARY, *, deemed: bool = False) -> bytes:
    """A period whose statement says so, by the facts that the periods module would give; its hash."""
    governing = active_terms(book.state, key.agreement, key.ordinal)
    assert governing is not None
    lines: list[StatementLine] = []
    for settled, disputed in zip(*amounts, strict=True):
        whole = LineFigures(1, 1, 1, settled + disputed)
        verdict = Verdict.DIFFERENT if disputed else Verdict.EQUAL
        lines.append(StatementLine(whole, replace(whole, amount=settled), verdict, settled, disputed))
    flags = Flags.DEEMED if deemed else Flags.NONE
    statement = statement_over(governing, key, period(book.state, key), tuple(lines), flags)
    document = statement_hash(CHAIN, statement)
    book.write(StatementStruck(document, statement), *signed_by(document, statement, deemed=deemed))
    return document


def bill(direction: int, key: PeriodKey = JANUARY) -> IssueInvoice:
    """The invoice of a period's direction."""
    return IssueInvoice(*key, Direction(direction))


def invoice(book: Book, direction: int, key: PeriodKey = JANUARY, at: int | None = None) -> list[int]:
    """The numbers of the obligations that the creditor's invoice posts."""
    creditor = CUCC if direction == OUT else CMCC
    facts = book.send(MAKERS[creditor], bill(direction, key), at)
    return [fact.obligation for fact in facts if isinstance(fact, ObligationPosted)]


def owed(book: Book, *amounts: int) -> list[int]:
    """Obligations of CMCC (positive) and CUCC (negative), 10^-6 yuan, each of a period of its own."""
    numbers: list[int] = []
    taken = [key for key, _ in PERIODS.rows(book.state)]
    free = [PeriodKey(1, pair, ordinal) for ordinal in (1, 2, 3) for pair in (0, 1)]
    for amount, key in zip(amounts, [key for key in free if key not in taken], strict=False):
        sign_period(book, Amounts((max(amount, 0), max(-amount, 0))), key)
        numbers += invoice(book, OUT if amount > 0 else IN, key)
    assert len(numbers) == len(amounts), "six periods are all that the agreement has"
    return numbers


def obligation(book: Book, number: int) -> Obligation:
    return OBLIGATIONS.require(book.state, ObligationKey(number))


def left(book: Book, number: int) -> int:
    return open_amount(obligation(book, number))


def round_of(book: Book, number: int) -> Round:
    return ROUNDS.require(book.state, RoundKey(number))


def propose(book: Book, numbers: Sequence[int], deadline: int | None = None, by: int = CMCC) -> RoundProposed:
    """The proposal of a round of CMCC and CUCC; the deadline is ten days ahead."""
    when = book.time + 864_000 if deadline is None else deadline
    facts = book.send(MAKERS[by], ProposeRound(CMCC, CUCC, 156, tuple(sorted(numbers)), when))
    proposed = facts[-1]
    assert isinstance(proposed, RoundProposed)
    return proposed


def accept(book: Book, proposed: RoundProposed) -> tuple[Value, ...]:
    """Both checkers sign: the facts of the second signature."""
    facts: tuple[Value, ...] = ()
    for operator in (proposed.terms.first, proposed.terms.second):
        by = CHECKERS[operator]
        facts = book.send(by, approval(by, DocumentKind.NETTING_ROUND, proposed.document))
    return facts


def pay(book: Book, number: int, amount: int, reference: bytes) -> tuple[Value, ...]:
    """Notified and confirmed: the facts of the confirmation."""
    claim = obligation(book, number).claim
    book.send(CHECKERS[claim.debtor], NotifyPayment(number, amount, reference))
    return book.send(CHECKERS[claim.creditor], ConfirmPayment(number, amount, reference))


def contest(book: Book, number: int, reference: bytes, reason: bytes = b"not on our account") -> tuple[Value, ...]:
    """The payee contests."""
    return book.send(CHECKERS[obligation(book, number).claim.creditor], ContestPayment(number, reference, reason))


def record_due(book: Book, kind: ObjectKind, number: int, at: int) -> tuple[Value, ...]:
    """Someone who has nothing to do with it records what is due."""
    key = OBLIGATIONS.at(ObligationKey(number)) if kind == ObjectKind.OBLIGATION else ROUNDS.at(RoundKey(number))
    return book.send(MAKERS[4], Advance(kind, key), at)


def is_closed(book: Book, key: PeriodKey = JANUARY) -> bool:
    return PERIODS.require(book.state, key).state == PeriodState.CLOSED


def closed_by(facts: Sequence[Value]) -> list[PeriodKey]:
    """The periods that facts close."""
    return [PeriodKey(f.agreement, f.pair, f.ordinal) for f in facts if isinstance(f, PeriodClosed)]
