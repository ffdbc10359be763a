"""What anyone may ask about obligations, and what has fallen due on one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from abci_app.domain.obligations.fold import fold
from abci_app.domain.obligations.schema import (
    NOTHING_NUMBERED,
    NOTHING_OWED,
    Account,
    Counters,
    Hold,
    Obligation,
    ObligationReleased,
    PaymentConfirmed,
    Round,
    RoundLapsed,
    RoundSettled,
    RoundState,
    RoundUnwound,
    State,
)
from abci_app.domain.obligations.schema import Fact as OwnFact
from abci_app.domain.obligations.tables import (
    ACCOUNTS,
    COUNTERS,
    INVOICES,
    LAST_ROUNDS,
    LISTINGS,
    OBLIGATIONS,
    PAYMENTS,
    ROUNDS,
    THE_COUNTERS,
    AccountKey,
    CorridorKey,
    InvoiceKey,
    ObligationKey,
    RoundKey,
)
from abci_app.domain.periods.fold import fold as fold_period
from abci_app.domain.periods.queries import statement_of
from abci_app.domain.periods.schema import Fact as PeriodFact
from abci_app.domain.periods.schema import PeriodClosed, PeriodState
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U8, U16, U32, Currency, Decoder, Micro, SignedMicro, Value
from abci_app.state.overlay import Overlay, Reader

Fact: TypeAlias = OwnFact | PeriodFact
"""What an obligation's decide may give: money that is final closes periods, and time signs them."""
PAYABLE = (State.DUE, State.PARTIAL)
"""States in which a payment may be notified and an obligation set off."""


def fold_all(state: Overlay, facts: Iterable[Fact]) -> None:
    """Fold facts of this module and of periods into a scratch view."""
    for fact in facts:
        if isinstance(fact, OwnFact):
            fold(state, fact)
        else:
            fold_period(state, fact)


# the state as it is stored


def open_amount(row: Obligation) -> int:
    """What is not yet paid of an obligation, 10^-6 units."""
    return row.claim.amount - row.paid


def counters(state: Reader) -> Counters:
    """The last numbers given."""
    return COUNTERS.get(state, THE_COUNTERS) or NOTHING_NUMBERED


def account(state: Reader, operator: int, counterparty: int, currency: int) -> Account:
    """One operator's account with another."""
    return ACCOUNTS.get(state, AccountKey(operator, counterparty, currency)) or NOTHING_OWED


def last_round(state: Reader, one: int, other: int, currency: int) -> Round | None:
    """The latest round of two operators in a currency: the only one that may still be open."""
    place = LAST_ROUNDS.get(state, CorridorKey(min(one, other), max(one, other), currency))
    return None if place is None else ROUNDS.require(state, RoundKey(place.round))


def ever_owed(state: Reader, debtor: int, creditor: int, currency: int) -> int:
    """All that a debtor's account has to hold: what is pending, what was paid, what an open round may bring back."""
    row = account(state, debtor, creditor, currency)
    total = row.debits_pending + row.debits_posted
    current = last_round(state, debtor, creditor, currency)
    if current is not None and current.state == RoundState.ACCEPTED:
        terms = current.terms
        total += terms.owed_by_first if debtor == terms.first else terms.owed_by_second
    return total


def is_final(state: Reader, number: int) -> bool:
    """Whether nothing can become of an obligation any more: paid, or netted in a round that is settled."""
    row = OBLIGATIONS.require(state, ObligationKey(number))
    if row.state == State.NETTED:
        return ROUNDS.require(state, RoundKey(row.round)).state == RoundState.SETTLED
    return row.state in (State.PAID, State.VOID)


def closings(state: Reader, numbers: Iterable[int]) -> tuple[PeriodClosed, ...]:
    """The periods that are closed now that these invoiced obligations are final, each once."""
    found: list[PeriodKey] = []
    for number in numbers:
        origin = OBLIGATIONS.require(state, ObligationKey(number)).claim.origin
        key = PeriodKey(origin.agreement, origin.pair, origin.ordinal)
        if key not in found and closes(state, key):
            found.append(key)
    return tuple(PeriodClosed(*key) for key in found)


def closes(state: Reader, key: PeriodKey) -> bool:
    """Whether a signed period has been invoiced in every direction that it owes in, and all of it is final."""
    row = PERIODS.require(state, key)
    statement = statement_of(state, row)
    if row.state != PeriodState.SIGNED or statement is None:
        return False
    for direction, (payable, disputed) in enumerate(zip(statement.payable, statement.disputed, strict=True)):
        if not payable and not disputed:
            continue
        invoice = INVOICES.get(state, InvoiceKey(*key, direction))
        if invoice is None:
            return False
        posted = [number for number in (invoice.payable, invoice.disputed) if number]
        if not all(is_final(state, number) for number in posted):
            return False
    return True


# what follows from a payment


def confirmation(state: Reader, number: int, bank_reference: bytes, amount: int, *, deemed: bool) -> tuple[Fact, ...]:
    """A payment, and what it makes final: the obligation, the round whose net it is, their periods."""
    confirmed = PaymentConfirmed(number, bank_reference, amount, deemed)
    view = Overlay(state)
    fold(view, confirmed)
    row = OBLIGATIONS.require(view, ObligationKey(number))
    if row.state != State.PAID:
        return (confirmed,)
    if row.claim.origin.round:
        return (confirmed, *settlement(view, row.claim.origin.round))
    return (confirmed, *closings(view, (number,)))


def settlement(state: Reader, number: int) -> tuple[Fact, ...]:
    """A round whose net is paid, or is nothing: its items are final."""
    settled = RoundSettled(number)
    view = Overlay(state)
    fold(view, settled)
    return (settled, *closings(view, items_of(ROUNDS.require(view, RoundKey(number)))))


def items_of(row: Round) -> tuple[int, ...]:
    """The obligations of a round, oldest first."""
    return tuple(item.obligation for item in row.terms.items)


def shares_of(state: Reader, row: Round) -> tuple[int, ...]:
    """What was paid of a round's net, given to the payer's items from the oldest on; 10^-6 units, one for each item."""
    net = OBLIGATIONS.require(state, ObligationKey(row.net))
    left = net.paid
    shares: list[int] = []
    for item in row.terms.items:
        debtor = OBLIGATIONS.require(state, ObligationKey(item.obligation)).claim.debtor
        share = min(left, item.open) if debtor == net.claim.debtor else 0
        shares.append(share)
        left -= share
    return tuple(shares)


# what has fallen due


def due_on_obligation(state: Reader, number: int, time: int) -> tuple[Fact, ...]:
    """What time has done to an obligation, or to the round that it is part of, and nobody has recorded."""
    row = OBLIGATIONS.require(state, ObligationKey(number))
    within = row.round or row.claim.origin.round
    return due_on_round(state, within, time) if within else _due_alone(number, row, state, time)


def due_on_round(state: Reader, number: int, time: int) -> tuple[Fact, ...]:
    """A proposal lapses at its deadline; an accepted round unwinds then, unless a payment waits for its answer."""
    row = ROUNDS.require(state, RoundKey(number))
    if row.state == RoundState.PROPOSED and time >= row.terms.deadline:
        return (RoundLapsed(number),)
    if row.state != RoundState.ACCEPTED:
        return ()
    facts = _due_alone(row.net, OBLIGATIONS.require(state, ObligationKey(row.net)), state, time)
    view = Overlay(state)
    fold_all(view, facts)
    net = OBLIGATIONS.require(view, ObligationKey(row.net))
    if time < row.terms.deadline or net.state not in PAYABLE:
        return facts
    unwound = RoundUnwound(number, shares_of(view, row))
    fold(view, unwound)
    revived = [n for n in items_of(row) if OBLIGATIONS.require(view, ObligationKey(n)).state == State.PAID]
    return (*facts, unwound, *closings(view, revived))


def _due_alone(number: int, row: Obligation, state: Reader, time: int) -> tuple[Fact, ...]:
    """A hold by time ends; a notice that nobody answered counts as paid."""
    claim = row.claim
    if row.state == State.HELD and claim.hold == Hold.DEEMED and time >= claim.held_until:
        return (ObligationReleased(number),)
    if row.state == State.NOTIFIED and time >= row.notice[0].answer_by:
        notice = row.notice[0]
        return confirmation(state, number, notice.bank_reference, notice.amount, deemed=True)
    return ()


class Present(NamedTuple):
    """An obligation as time has left it: what is due, and the state with it."""

    due: tuple[Fact, ...]
    view: Overlay
    row: Obligation


def present(state: Reader, number: int, time: int) -> Present:
    """The effective obligation: the fold of what is due. `view` is scratch; nothing reaches the state."""
    due = due_on_obligation(state, number, time)
    view = Overlay(state)
    fold_all(view, due)
    return Present(due, view, OBLIGATIONS.require(view, ObligationKey(number)))


def is_overdue(row: Obligation, time: int) -> bool:
    """Whether the payer is late: a due date passes without anyone acting."""
    return row.state in PAYABLE and time >= row.claim.due


def effective(row: Obligation, time: int) -> Obligation:
    """A row as people see it: overdue is not stored."""
    return replace(row, state=State.OVERDUE) if is_overdue(row, time) else row


# questions


class InvoiceQuery(Value, frozen=True):
    """Which invoice is asked for."""

    agreement: U32
    pair: U8
    ordinal: U16
    direction: U8


class PairQuery(Value, frozen=True):
    """Two operators and a currency."""

    operator: U32
    counterparty: U32
    currency: Currency


class NetPosition(Value, frozen=True):
    """Where an operator stands with another, 10^-6 units; held obligations included."""

    owes: Micro
    is_owed: Micro
    net: SignedMicro  # what it owes less what it is owed
    has_paid: Micro
    was_paid: Micro


_read_number: Decoder[int] = Decoder(U32)
_read_invoice: Decoder[InvoiceQuery] = Decoder(InvoiceQuery)
_read_pair: Decoder[PairQuery] = Decoder(PairQuery)
_NUMBER = Struct(">I")


def _obligation(state: Reader, now: Moment, data: bytes) -> object:
    return OBLIGATIONS.get(state, ObligationKey(_read_number(data)))


def _of_operator(state: Reader, now: Moment, data: bytes) -> object:
    listed = LISTINGS.rows(state, _NUMBER.pack(_read_number(data)))
    numbers = sorted(key.obligation for key, _ in listed)
    return tuple((number, OBLIGATIONS.require(state, ObligationKey(number))) for number in numbers)


def _invoice(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_invoice(data)
    return INVOICES.get(state, InvoiceKey(query.agreement, query.pair, query.ordinal, query.direction))


def _payments(state: Reader, now: Moment, data: bytes) -> object:
    rows = PAYMENTS.rows(state, _NUMBER.pack(_read_number(data)))
    return tuple((key.reference[: key.size], row) for key, row in rows)


def _rounds(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.round, row) for key, row in ROUNDS.rows(state))


def _round(state: Reader, now: Moment, data: bytes) -> object:
    return ROUNDS.get(state, RoundKey(_read_number(data)))


def _accounts(state: Reader, now: Moment, data: bytes) -> object:
    rows = ACCOUNTS.rows(state, _NUMBER.pack(_read_number(data)))
    return tuple((key.counterparty, key.currency, row) for key, row in rows)


def _net_position(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_pair(data)
    row = account(state, query.operator, query.counterparty, query.currency)
    owes, is_owed = row.debits_pending, row.credits_pending
    return NetPosition(owes, is_owed, owes - is_owed, row.debits_posted, row.credits_posted)


def _effective_obligation(state: Reader, now: Moment, data: bytes) -> object:
    number = _read_number(data)
    if OBLIGATIONS.get(state, ObligationKey(number)) is None:
        return None
    return effective(present(state, number, now.time).row, now.time)


def _effective_round(state: Reader, now: Moment, data: bytes) -> object:
    number = _read_number(data)
    if ROUNDS.get(state, RoundKey(number)) is None:
        return None
    view = Overlay(state)
    fold_all(view, due_on_round(state, number, now.time))
    return ROUNDS.require(view, RoundKey(number))


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/obligations/obligation": _obligation,
    "/obligations/of_operator": _of_operator,
    "/obligations/invoice": _invoice,
    "/obligations/payments": _payments,
    "/obligations/rounds": _rounds,
    "/obligations/round": _round,
    "/obligations/accounts": _accounts,
    "/obligations/net_position": _net_position,
    "/effective/obligation": _effective_obligation,
    "/effective/round": _effective_round,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
