"""The state of obligations as it is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from abci_app.domain.obligations.fold import fold
from abci_app.domain.obligations.schema import (
    NOTHING_NUMBERED,
    NOTHING_OWED,
    Account,
    Counters,
    Obligation,
    Round,
    RoundState,
    State,
)
from abci_app.domain.obligations.schema import Fact as OwnFact
from abci_app.domain.obligations.tables import (
    ACCOUNTS,
    COUNTERS,
    LAST_ROUNDS,
    ROUNDS,
    THE_COUNTERS,
    AccountKey,
    CorridorKey,
    RoundKey,
)
from abci_app.domain.periods.fold import fold as fold_period
from abci_app.domain.periods.schema import Fact as PeriodFact
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
