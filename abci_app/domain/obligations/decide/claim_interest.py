"""The payee claims interest for what was or is owed too long."""

from __future__ import annotations

from typing import NamedTuple

from abci_app.domain.agreements.queries import TermsInForce, active_terms, binding_for
from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.decide.amounts import bundle_in_force, check_room
from abci_app.domain.obligations.decide.common import (
    find,
    next_number,
    note_claim,
    require_no_notice,
    require_role,
)
from abci_app.domain.obligations.queries import (
    Fact,
    arrears_of,
    bears_interest,
    delays,
    present,
    whole_days,
)
from abci_app.domain.obligations.schema import (
    Claim,
    ClaimInterest,
    Code,
    InterestClaimed,
    InterestSpan,
    LatePayment,
    Obligation,
    ObligationPosted,
)
from abci_app.domain.periods.queries import period
from abci_app.domain.periods.schema import Period
from abci_app.domain.periods.tables import PeriodKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context, RuleFunction
from abci_app.kernel.money import LARGEST, minor_unit
from abci_app.kernel.roles import Role
from abci_app.rules.interface import INTEREST, TIME_BARS, DisputeStep, Slot
from abci_app.state.overlay import Reader


def claim_interest(state: Reader, at: Context, message: ClaimInterest) -> tuple[Fact, ...]:
    """Whole days of delay that no claim has taken yet, priced by the agreement's rule, become an obligation."""
    number = message.obligation
    claim = find(state, number).claim

    # WHO
    if at.operator != claim.creditor:
        reject(Code.NOT_THE_PAYEE, expected=claim.creditor, actual=at.operator)
    require_role(at, Role.MAKER)

    # WHETHER
    due, view, row = present(state, number, at.time)
    _check_bears(view, number, row)
    arrears, found = arrears_of(view, number, claim), delays(view, number, at.time)
    if not found.late and found.still_open is None:
        if (arrears.settled, arrears.claimed_to) != (0, claim.due):
            return due  # claimed before, and no further day has passed
        reject(Code.NOT_LATE, expected=f"a day or more after {claim.due}", actual=row.state.name)
    agreed = _agreed(view, at, row)
    bar = _time_bar(view, at, agreed) if found.late else 0
    taken = tuple(late for late in found.late if not bar or at.time < late.owed_to + bar)
    if found.is_all and not taken and found.still_open is None:
        reject(Code.TIME_BARRED, expected=f"a claim within {bar} seconds of a late payment", actual=at.time)

    # HOW MUCH
    rule = bundle_in_force(view, at, agreed.governing, agreed.row, agreed.interest, INTEREST)
    interest = at.rules.bound(rule, "interest", agreed.interest.parameters)
    owed_late = taken if found.still_open is None else (*taken, found.still_open)
    spans = tuple(_span(interest, claim, each) for each in owed_late)
    total = sum(span.interest for span in spans)
    if not total and found.is_all:
        reject(Code.INTEREST_TOO_SMALL, expected="a minor unit of interest or more", actual=0)
    check_room(view, claim.debtor, claim.creditor, claim.currency, total)
    note = next_number(view, 1) if total else 0

    # WHAT FOLLOWS
    settled = arrears.settled + len(found.late)
    claimed_to = arrears.claimed_to if found.still_open is None else found.still_open.owed_to
    claimed = InterestClaimed(number, note, rule, spans, settled, claimed_to)
    if not total:
        return (*due, claimed)  # passed over: else whoever pays late could hide the rest behind crumbs
    owed = note_claim(claim.origin, claim.debtor, claim.creditor, total, agreed.governing, at.time)
    return (*due, claimed, ObligationPosted(note, owed))


def _check_bears(view: Reader, number: int, row: Obligation) -> None:
    """An invoiced obligation that no round has taken, and no payment of it waits for its answer. Raises `Rejected`."""
    if not bears_interest(view, number, row):
        expected = "an invoiced obligation outside any round"
        reject(Code.BEARS_NO_INTEREST, expected=expected, actual=f"{number}, {row.state.name}")
    require_no_notice(row)  # until it is answered, nobody knows when so much of it was paid


class _Agreed(NamedTuple):
    """What governs an obligation's interest."""

    governing: TermsInForce
    row: Period
    interest: SlotBinding


def _agreed(view: Reader, at: Context, row: Obligation) -> _Agreed:
    """The terms of an obligation's period, and their interest rule. Raises `Rejected` where they bind none."""
    origin = row.claim.origin
    governing = active_terms(view, origin.agreement, origin.ordinal)
    assert governing is not None, "an invoice's period is in the calendar"
    bound = binding_for(view, at.rules.interface, governing.terms, Slot.INVOICE, INTEREST)
    if bound is None:
        expected = f"a rule of {Slot.INVOICE.name}/{INTEREST} in the agreement"
        reject(Code.INTEREST_NOT_AGREED, expected=expected, actual=f"agreement {origin.agreement}")
    return _Agreed(governing, period(view, PeriodKey(origin.agreement, origin.pair, origin.ordinal)), bound)


def _time_bar(view: Reader, at: Context, agreed: _Agreed) -> int:
    """Seconds to raise a claim for a delay that has ended, by the agreement's dispute rule; 0 where it binds none.

    Raises `Rejected`.
    """
    bound = binding_for(view, at.rules.interface, agreed.governing.terms, Slot.DISPUTE, TIME_BARS)
    if bound is None:
        return 0
    rule = bundle_in_force(view, at, agreed.governing, agreed.row, bound, TIME_BARS)
    (seconds,) = at.rules.bound(rule, "time_bar", bound.parameters)(DisputeStep.RAISE.value)
    if seconds < 1:
        reject(Code.NO_ANSWER_OF_A_RULE, expected="a second or more to raise a claim", actual=seconds)
    return seconds


def _span(interest: RuleFunction, claim: Claim, late: LatePayment) -> InterestSpan:
    """The interest on a delay: what the days since the due date bear, less what an earlier claim has taken of them.

    So a rule's days of grace, or a fine that is due once, count once however often is claimed; and all claims
    together ask for what one at the end would, but for the rounding of part payments. The rule counts whole minor
    units. Raises `Rejected`.
    """
    unit = minor_unit(claim.currency)
    principal = late.amount // unit

    def until(instant: int) -> int:
        days = whole_days(claim.due, instant)
        (asked,) = interest(principal, days) if principal and days else (0,)
        if not 0 <= asked * unit <= LARGEST:
            reject(Code.NO_ANSWER_OF_A_RULE, expected=f"interest from 0 to {LARGEST // unit}", actual=asked)
        return asked

    asked = until(late.owed_to) - until(late.owed_from)
    if asked < 0:
        reject(Code.NO_ANSWER_OF_A_RULE, expected="more interest for more days", actual=asked)
    return InterestSpan(
        late.amount, late.owed_from, late.owed_to, whole_days(late.owed_from, late.owed_to), asked * unit
    )
