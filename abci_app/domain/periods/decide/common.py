"""What every message about a period asks first."""

from __future__ import annotations

from abci_app.domain.agreements.queries import TermsInForce, active_terms, party_of
from abci_app.domain.agreements.schema import Terms
from abci_app.domain.periods.queries import has_difference, statement_of
from abci_app.domain.periods.schema import LAST_REVISION, Code, Period, PeriodState
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def find(state: Reader, key: PeriodKey) -> TermsInForce:
    """The terms of a period that an active agreement has put into the calendar. Raises `Rejected`."""
    governing = active_terms(state, key.agreement, key.ordinal)
    if governing is None:
        expected = "a period in the calendar of an active agreement"
        reject(Code.PERIOD_NOT_FOUND, expected=expected, actual=f"agreement {key.agreement}, ordinal {key.ordinal}")
    if key.pair >= len(governing.terms.pairs):
        reject(Code.PAIR_NOT_FOUND, expected=f"a pair below {len(governing.terms.pairs)}", actual=key.pair)
    return governing


def require_maker(at: Context, terms: Terms) -> int:
    """The party, 0 or 1, whose maker has signed. Raises `Rejected`."""
    party = party_of(terms, at.operator)
    if party is None:
        reject(Code.NOT_A_PARTY, expected=f"operator {terms.first} or {terms.second}", actual=at.operator)
    if at.role != Role.MAKER:
        reject(Code.WRONG_ROLE, expected=Role.MAKER.name, actual=at.role.name)
    return party


def require_unsigned(row: Period) -> None:
    """A signed period is never edited. Raises `Rejected`."""
    if row.state >= PeriodState.SIGNED:
        reject(Code.PERIOD_ALREADY_SIGNED, expected="a period before signing", actual=row.state.name)


def may_correct(view: Reader, row: Period, party: int) -> bool:
    """Whether a party may file once more: a line differs, its last filing is opened, a revision is left."""
    statement = statement_of(view, row)
    return (
        row.state == PeriodState.RECONCILED
        and statement is not None
        and has_difference(statement)
        and row.declared[party] == row.opened[party]
        and 0 < row.opened[party] < LAST_REVISION
    )
