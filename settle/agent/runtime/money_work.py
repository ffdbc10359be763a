"""What the agent does about obligations: propose the set-off, and have recorded what time has done."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from abci_app.domain.agreements.queries import binding
from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.queries import PAYABLE
from abci_app.domain.obligations.schema import MOST_IN_ROUND, Code, Hold, ProposeRound, RoundState, State
from abci_app.domain.periods.schema import PeriodState
from abci_app.kernel.approvals import Advance, ObjectKind
from abci_app.kernel.encoding import Value
from abci_app.rules.interface import Slot
from settle.agent.read_model import KnownObligation, KnownPeriod, KnownRound, PeriodKey
from settle.agent.runtime.desk import ActionKind, Desk, Wish
from settle.agent.runtime.period_work import present_statement

_OPEN_ROUNDS = (RoundState.PROPOSED, RoundState.ACCEPTED)


class _Basket(NamedTuple):
    """What may be set off together: two operators, lower number first, a currency, a rule with its parameters."""

    first: int
    second: int
    currency: int
    rule: SlotBinding


def work_on_money(desk: Desk, periods: Iterable[KnownPeriod]) -> None:
    """Everything that is to be done now about what is owed to or by the operator."""
    obligations = desk.model.obligations(desk.operator)
    rounds = desk.model.rounds(desk.operator)
    for obligation in obligations:
        _advance_obligation(desk, obligation)
    owed = {obligation.number: obligation for obligation in obligations}
    for each in rounds:
        _advance_round(desk, each, owed)
    _propose_rounds(desk, list(periods), obligations, rounds)


def is_fully_invoiced(desk: Desk, known: KnownPeriod) -> bool:
    """Whether every direction of a signed period that owes something has its invoice."""
    statement = present_statement(desk, known.row)
    if known.row.state < PeriodState.SIGNED or statement is None:
        return False
    invoiced = desk.model.invoices(known.key)
    owed = zip(statement.payable, statement.disputed, strict=True)
    return all(direction in invoiced for direction, parts in enumerate(owed) if any(parts))


def _propose_rounds(
    desk: Desk, periods: list[KnownPeriod], obligations: list[KnownObligation], rounds: list[KnownRound]
) -> None:
    """One round per pair and currency, by the operator of the lower number, so that two never cross."""
    busy = {
        (each.row.terms.first, each.row.terms.second, each.row.terms.currency)
        for each in rounds
        if each.row.state in _OPEN_ROUNDS
    }
    for basket, items in _baskets(desk, periods, obligations).items():
        both = len({item.row.claim.debtor for item in items}) == 2
        if not both or basket.first != desk.operator or (basket.first, basket.second, basket.currency) in busy:
            continue
        _propose(desk, basket, items[:MOST_IN_ROUND])


def _baskets(
    desk: Desk, periods: list[KnownPeriod], obligations: list[KnownObligation]
) -> dict[_Basket, list[KnownObligation]]:
    """Payable obligations of fully invoiced periods whose agreements allow set-off."""
    by_key = {known.key: known for known in periods}
    ready: dict[PeriodKey, bool] = {}
    found: dict[_Basket, list[KnownObligation]] = {}
    for obligation in obligations:
        claim = obligation.row.claim
        known = by_key.get(PeriodKey(claim.origin.agreement, claim.origin.pair, claim.origin.ordinal))
        rule = None if known is None else binding(known.terms, Slot.SET_OFF)
        if obligation.row.state not in PAYABLE or known is None or rule is None or not known.terms.set_off:
            continue
        if known.key not in ready:
            ready[known.key] = is_fully_invoiced(desk, known)
        if ready[known.key]:
            first, second = sorted((claim.debtor, claim.creditor))
            found.setdefault(_Basket(first, second, claim.currency, rule), []).append(obligation)
    return found


def _propose(desk: Desk, basket: _Basket, items: list[KnownObligation]) -> None:
    """A round over these, to be paid by the last of their due dates. A net that is too small waits for the next."""
    numbers = tuple(item.number for item in items)
    deadline = max(item.row.claim.due for item in items)
    if desk.now.time >= deadline:
        return
    subject = f"{desk.codes[basket.first]}-{desk.codes[basket.second]}"

    def messages() -> list[Value]:
        return [ProposeRound(basket.first, basket.second, basket.currency, numbers, deadline)]

    name = f"round {basket.first}-{basket.second} {basket.currency} {','.join(map(str, numbers))} by {deadline}"
    detail = f"{len(numbers)} obligations"
    wish = Wish(ActionKind.ROUND_PROPOSED, name, subject, messages, deadline, detail, not_a_fault=_NET_TOO_SMALL)
    desk.want(wish)


_NET_TOO_SMALL = frozenset({int(Code.NET_TOO_SMALL)})


def _advance_obligation(desk: Desk, obligation: KnownObligation) -> None:
    """The hold of a deemed figure has ended, or a notice was not answered in time."""
    row, time = obligation.row, desk.now.time
    held = row.state == State.HELD and row.claim.hold == Hold.DEEMED and time >= row.claim.held_until
    unanswered = row.state == State.NOTIFIED and time >= row.notice[0].answer_by
    if held or unanswered:
        when = row.claim.held_until if held else row.notice[0].answer_by
        name = f"advance obligation {obligation.number} {row.state.name} {when}"
        _advance(desk, ObjectKind.OBLIGATION, obligation.object, name, f"obligation {obligation.number}")


def _advance_round(desk: Desk, each: KnownRound, owed: dict[int, KnownObligation]) -> None:
    """Its deadline has passed: a proposal lapses, an accepted round unwinds."""
    row = each.row
    if row.state not in _OPEN_ROUNDS or desk.now.time < row.terms.deadline:
        return
    if row.state == RoundState.ACCEPTED and owed[row.net].row.state not in PAYABLE:
        return  # a payment waits for its answer
    name = f"advance round {each.number} {row.state.name}"
    _advance(desk, ObjectKind.NETTING_ROUND, each.object, name, f"round {each.number}")


def _advance(desk: Desk, kind: ObjectKind, about: bytes, name: str, subject: str) -> None:
    desk.want(Wish(ActionKind.ADVANCED, name, subject, lambda: (Advance(kind, about),)))
