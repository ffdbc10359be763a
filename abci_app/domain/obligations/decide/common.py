"""What every message about an obligation asks first."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.domain.agreements.queries import TermsInForce
from abci_app.domain.agreements.schema import LATEST
from abci_app.domain.obligations.queries import PAYABLE, counters
from abci_app.domain.obligations.schema import LAST_NUMBER, Claim, Code, Hold, Obligation, Origin, State
from abci_app.domain.obligations.tables import OBLIGATIONS, ObligationKey
from abci_app.domain.periods.schema import Flags, Period
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def find(state: Reader, number: int) -> Obligation:
    """An obligation that has been posted. Raises `Rejected`."""
    row = OBLIGATIONS.get(state, ObligationKey(number))
    if row is None:
        reject(Code.OBLIGATION_NOT_FOUND, expected="a posted obligation", actual=number)
    return row


def require_role(at: Context, role: Role) -> None:
    """The signer's key has the role. Raises `Rejected`."""
    if at.role != role:
        reject(Code.WRONG_ROLE, expected=role.name, actual=at.role.name)


def require_payee(at: Context, row: Obligation) -> None:
    """The signer is a checker of the operator that is owed. Raises `Rejected`."""
    if at.operator != row.claim.creditor:
        reject(Code.NOT_THE_PAYEE, expected=row.claim.creditor, actual=at.operator)
    require_role(at, Role.CHECKER)


def require_no_notice(row: Obligation) -> None:
    """No payment waits for its answer. Raises `Rejected`."""
    if row.state == State.NOTIFIED:
        notice = row.notice[0]
        expected = f"the payee's answer to {notice.bank_reference.hex()}, by {notice.answer_by}"
        reject(Code.NOTICE_PENDING, expected=expected, actual=row.state.name)


def require_payable(row: Obligation) -> None:
    """A payment may be recorded now. Raises `Rejected`."""
    require_no_notice(row)
    if row.state not in PAYABLE:
        reject(Code.NOT_PAYABLE, expected=[one.name for one in PAYABLE], actual=row.state.name)


class Held(NamedTuple):
    """Why an obligation may not be paid yet, and until when; 0 where it may."""

    hold: Hold
    until: int


NOT_HELD = Held(Hold.NONE, 0)


def held_by_silence(row: Period, governing: TermsInForce, time: int) -> Held:
    """The figures of a period that silence has signed are held until the other had time to contest them."""
    until = governing.row.agree_by + governing.terms.contest
    return Held(Hold.DEEMED, until) if row.flags & Flags.DEEMED and time < until else NOT_HELD


def note_claim(
    origin: Origin, debtor: int, creditor: int, amount: int, governing: TermsInForce, time: int, held: Held = NOT_HELD
) -> Claim:
    """What a note makes owed: due as long after it as the period's payment was due after the agree-by date."""
    dates, terms = governing.row, governing.terms
    due = max(min(time + dates.pay_by - dates.agree_by, LATEST), held.until)
    return Claim(origin, debtor, creditor, terms.currency, amount, due, *held, terms.contest)


def next_number(state: Reader, wanted: int) -> int:
    """The first of so many numbers for new obligations. Raises `Rejected`."""
    last = counters(state).obligations
    if last + wanted > LAST_NUMBER:
        reject(Code.NO_NUMBER_LEFT, expected=f"at most {LAST_NUMBER} obligations", actual=last + wanted)
    return last + 1
