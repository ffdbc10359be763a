"""What has fallen due on obligations and rounds."""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from abci_app.domain.obligations.fold import fold
from abci_app.domain.obligations.queries.final import closings, confirmation, items_of, notified_at, shares_of
from abci_app.domain.obligations.queries.stored import PAYABLE, Fact, fold_all
from abci_app.domain.obligations.schema import (
    Hold,
    Obligation,
    ObligationReleased,
    RoundLapsed,
    RoundState,
    RoundUnwound,
    State,
)
from abci_app.domain.obligations.tables import OBLIGATIONS, ROUNDS, ObligationKey, RoundKey
from abci_app.state.overlay import Overlay, Reader


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
        return confirmation(state, number, notice.bank_reference, notice.amount, notified_at(row), deemed=True)
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
