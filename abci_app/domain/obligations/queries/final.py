"""What is final of obligations, and what follows from a payment."""

from __future__ import annotations

from collections.abc import Iterable

from abci_app.domain.obligations.fold import fold
from abci_app.domain.obligations.queries.arrears import late_payment
from abci_app.domain.obligations.queries.stored import Fact, fold_all
from abci_app.domain.obligations.schema import Obligation, PaymentConfirmed, Round, RoundSettled, RoundState, State
from abci_app.domain.obligations.tables import INVOICES, OBLIGATIONS, ROUNDS, InvoiceKey, ObligationKey, RoundKey
from abci_app.domain.periods.queries import statement_of
from abci_app.domain.periods.schema import PeriodClosed, PeriodState
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.state.overlay import Overlay, Reader


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


def confirmation(
    state: Reader, number: int, bank_reference: bytes, amount: int, paid_on: int, *, deemed: bool
) -> tuple[Fact, ...]:
    """A payment, its delay, and what it makes final: the obligation, the round whose net it is, their periods.

    `paid_on`: header time of the notice; of the confirmation, where the notice was contested first.
    """
    confirmed = PaymentConfirmed(number, bank_reference, amount, deemed)
    paid: tuple[Fact, ...] = (confirmed, *late_payment(state, number, amount, paid_on))
    view = Overlay(state)
    fold_all(view, paid)
    row = OBLIGATIONS.require(view, ObligationKey(number))
    if row.state != State.PAID:
        return paid
    if row.claim.origin.round:
        return (*paid, *settlement(view, row.claim.origin.round))
    return (*paid, *closings(view, (number,)))


def notified_at(row: Obligation) -> int:
    """The header time of the notice that waits for an answer: when the payer said that it had paid."""
    return row.notice[0].answer_by - row.claim.contest


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
