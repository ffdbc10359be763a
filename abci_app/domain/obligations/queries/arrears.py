"""What is owed too long: the delays that interest may be claimed for."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.domain.agreements.queries import active_terms, bindings
from abci_app.domain.obligations.queries.stored import open_amount
from abci_app.domain.obligations.schema import MOST_LATE, Arrears, Claim, LatePayment, Obligation, PaidLate, State
from abci_app.domain.obligations.tables import (
    ARREARS,
    LATE_PAYMENTS,
    NOTES,
    OBLIGATIONS,
    LateKey,
    ObligationKey,
)
from abci_app.kernel.parameters import DAY
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader

OPEN = (State.DUE, State.NOTIFIED, State.PARTIAL)


class Delays(NamedTuple):
    """Of one obligation, what the next claim is about: late payments, the oldest first, and what is still open."""

    late: tuple[LatePayment, ...]  # at most `MOST_LATE`
    is_all: bool  # whether no younger late payment waits; what is still open comes after the last of them
    still_open: LatePayment | None  # `owed_to` is a whole number of days after `owed_from`


def whole_days(since: int, until: int) -> int:
    """Whole days between two instants; a day begun does not count."""
    return max(until - since, 0) // DAY


def bears_interest(state: Reader, number: int, row: Obligation) -> bool:
    """Whether an invoice has posted it, and no round has taken it: interest on notes would be interest on interest.

    What a round has taken is settled as its operators have signed: claims come before that.
    """
    return not row.claim.origin.round and not row.round and NOTES.get(state, ObligationKey(number)) is None


def arrears_of(state: Reader, number: int, claim: Claim) -> Arrears:
    """How far interest on an obligation is claimed; from its due date where nothing is."""
    return ARREARS.get(state, ObligationKey(number)) or Arrears(claim.due, 0, 0)


def delays(state: Reader, number: int, time: int) -> Delays:
    """What interest may be claimed for, as of a header time: whole days only, and no more than one claim takes.

    For a debtor may pay in as many crumbs as it likes, and a claim is charged for what it reads.
    """
    row = OBLIGATIONS.require(state, ObligationKey(number))
    if not bears_interest(state, number, row):
        return Delays((), is_all=True, still_open=None)
    arrears = arrears_of(state, number, row.claim)
    last = min(arrears.late, arrears.settled + MOST_LATE)
    late = tuple(LATE_PAYMENTS.require(state, LateKey(number, each)) for each in range(arrears.settled + 1, last + 1))
    is_all = last == arrears.late
    days = whole_days(arrears.claimed_to, time)
    if not is_all or row.state not in OPEN or not days:
        return Delays(late, is_all, None)
    until = arrears.claimed_to + days * DAY
    return Delays(late, is_all, LatePayment(open_amount(row), arrears.claimed_to, until))


def late_payment(state: Reader, number: int, amount: int, paid_on: int) -> tuple[PaidLate, ...]:
    """What a payment that was notified at `paid_on` says about delay; nothing where the agreement binds no rule of
    the invoice slot, so that none could ever price it.
    """
    row = OBLIGATIONS.require(state, ObligationKey(number))
    origin, since = row.claim.origin, arrears_of(state, number, row.claim).claimed_to
    if not whole_days(since, paid_on) or not bears_interest(state, number, row):
        return ()
    governing = active_terms(state, origin.agreement, origin.ordinal)
    assert governing is not None, "an invoice's period is in the calendar"
    if not bindings(governing.terms, Slot.INVOICE):
        return ()
    return (PaidLate(number, amount, since, paid_on),)
