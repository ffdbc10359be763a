"""Figures of a period and the messages that file them, as an honest agent makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from abci_app.domain.periods.queries import period, streams_of
from abci_app.domain.periods.schema import (
    AnchorUsage,
    Committed,
    ControlTotals,
    Declare,
    KnowledgeStatement,
    LineFigures,
    Open,
    StatementStruck,
    detail_hash,
    values_digest,
)
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.kernel.approvals import Advance, DocumentKind, ObjectKind
from abci_app.kernel.commitments import blinding, commit, derive_seed, prove
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.bundle import bundle_hash
from settle.chain.keys import Signer
from tests.support.books import (
    FLAT,
    MAKERS,
    MINUTE,
    RATES,
    Book,
    agree,
    approval,
    both_parties,
    bundle,
    digest,
    month,
)
from tests.support.chains import CHAIN, CMCC, CUCC

JANUARY = PeriodKey(1, 0, 1)
FLAT_RATING = bundle_hash(bundle(FLAT))
NOTHING = LineFigures(0, 0, 0, 0)
Lines = tuple[LineFigures, ...]


def minutes(outward: int, inward: int) -> Lines:
    """Figures of so many minutes in the two directions, priced by the agreement's rates."""
    return tuple(
        LineFigures(count, count * MINUTE, count * MINUTE, mul_div(count, rate, 1000, Rounding.HALF_UP))
        for count, rate in zip((outward, inward), RATES, strict=True)
    )


class Filing(NamedTuple):
    """A declaration, and the opening that belongs to it."""

    declare: Declare
    open: Open


def file(
    book: Book, operator: int, lines: Lines, revision: int = 1, key: PeriodKey = JANUARY, shown: Lines | None = None
) -> Filing:
    """What an operator's agent files over its streams as they are now.

    `shown` are lines that it binds and opens instead of those that it has committed to.
    """
    shown = lines if shown is None else shown
    root = digest(f"vault of {operator}")
    seed = derive_seed(root, chain=CHAIN, **key._asdict(), revision=revision, values=values_digest(lines))
    values: list[int] = []
    blindings: list[int] = []
    for index, line in enumerate(lines):
        values += [line.units_billed, line.amount]
        blindings += [blinding(seed, index, measure) for measure in Committed]
    commitments = tuple(commit(value, r) for value, r in zip(values, blindings, strict=True))
    party = 0 if operator == CMCC else 1
    streams, detail = streams_of(book.state, key, party), detail_hash(seed, shown)
    known = KnowledgeStatement(CHAIN, operator, *key, revision, streams, detail)
    proof = prove(encode(known), values, blindings, commitments, seed)
    declare = Declare(*key, revision, FLAT_RATING, streams, detail, commitments, proof)
    return Filing(declare, Open(*key, revision, seed, shown))


def anchor(sequence: int = 1, stream: int = 0, *, key: PeriodKey = JANUARY, late: bool = False) -> AnchorUsage:
    """The anchor of one file."""
    totals = ControlTotals(100 * sequence, 6_000_000, 0)
    return AnchorUsage(*key, stream, sequence, digest(f"file {stream} {sequence}"), totals, late)


def advance(key: PeriodKey = JANUARY) -> Advance:
    """Anyone's request to record what is due on a period."""
    return Advance(ObjectKind.PERIOD, PERIODS.at(key))


class Day(NamedTuple):
    """The moments of a period's calendar that tests name."""

    usage: int
    cut_off: int
    declare_by: int
    open_by: int
    agree_by: int


def day(ordinal: int = 1) -> Day:
    row = month(ordinal)
    return Day(row.usage_from, row.cut_off, row.declare_by, row.open_by, row.agree_by)


def agreed_book() -> Book:
    """A book in which CMCC and CUCC have the agreement `TERMS`, number 1."""
    book = Book()
    agree(book)
    return book


def reconcile(
    book: Book, first: Lines, second: Lines, key: PeriodKey = JANUARY, at: int | None = None
) -> tuple[Value, ...]:
    """Both declare and both open, right after cut-off: the facts of the last opening."""
    when = day(key.ordinal).cut_off if at is None else at
    filings = {CMCC: file(book, CMCC, first, key=key), CUCC: file(book, CUCC, second, key=key)}
    for operator, filing in filings.items():
        book.send(MAKERS[operator], filing.declare, when)
    book.send(MAKERS[CMCC], filings[CMCC].open)
    return book.send(MAKERS[CUCC], filings[CUCC].open)


def reissue(book: Book, operator: int, lines: Lines, revision: int = 2, key: PeriodKey = JANUARY) -> tuple[Value, ...]:
    """A party declares and opens corrected figures: the facts of the opening."""
    filing = file(book, operator, lines, revision, key)
    book.send(MAKERS[operator], filing.declare)
    return book.send(MAKERS[operator], filing.open)


def statement_in(facts: Sequence[Value]) -> StatementStruck:
    """The one statement among facts."""
    (struck,) = [fact for fact in facts if isinstance(fact, StatementStruck)]
    return struck


def present_statement(book: Book, key: PeriodKey = JANUARY) -> bytes:
    """The hash that there is to sign now."""
    return period(book.state, key).statement


def sign(book: Book, by: Sequence[Signer] | None = None, key: PeriodKey = JANUARY) -> tuple[Value, ...]:
    """The present statement signed by all who are asked: the facts of the last signature."""
    facts: tuple[Value, ...] = ()
    for one in both_parties() if by is None else by:
        facts = book.send(one, approval(one, DocumentKind.STATEMENT, present_statement(book, key)))
    return facts
