"""A maker proposes to set obligations of two operators off against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from abci_app.domain.agreements.queries import active_terms, binding
from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.obligations.decide.common import find, require_role
from abci_app.domain.obligations.queries import (
    PAYABLE,
    Fact,
    counters,
    due_on_obligation,
    due_on_round,
    fold_all,
    is_overdue,
    items_of,
    last_round,
    open_amount,
)
from abci_app.domain.obligations.schema import (
    LAST_NUMBER,
    Code,
    NettingRound,
    Obligation,
    ProposeRound,
    Round,
    RoundItem,
    RoundProposed,
    RoundState,
    State,
    round_hash,
)
from abci_app.domain.rulebook.queries import version_for
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Overlay, Reader


def propose_round(state: Reader, at: Context, message: ProposeRound) -> tuple[Fact, ...]:
    """The chain computes the net by the agreements' set-off rule; the proposal is not yet a signature."""
    operators = (message.first, message.second)

    # WHO
    if at.operator not in operators:
        reject(Code.NOT_AN_OPERATOR_OF_THE_ROUND, expected=operators, actual=at.operator)
    require_role(at, Role.MAKER)

    # WHETHER
    last = last_round(state, message.first, message.second, message.currency)
    if last is not None and (items_of(last), last.terms.deadline) == (message.obligations, message.deadline):
        return ()
    if at.time >= message.deadline:
        reject(Code.DEADLINE_PASSED, expected=f"a deadline after {at.time}", actual=message.deadline)
    view = Overlay(state)
    due = _end_last(view, last, at.time)
    rows: list[Obligation] = []
    for number in message.obligations:
        find(view, number)
        ripe = due_on_obligation(view, number, at.time)
        fold_all(view, ripe)
        due += ripe
        rows.append(_suitable(view, number, message))
    rule = _rule(view, rows, at)
    number = counters(view).rounds + 1
    if number > LAST_NUMBER:
        reject(Code.NO_NUMBER_LEFT, expected=f"at most {LAST_NUMBER} rounds", actual=number)

    # HOW MUCH
    _check_included(at, rule, message.obligations, rows)
    owed = [sum(open_amount(row) for row in rows if row.claim.debtor == operator) for operator in operators]
    net = owed[0] - owed[1]
    if net:
        _check_large_enough(at, rule, net)

    # WHAT FOLLOWS
    items = tuple(RoundItem(item, open_amount(row)) for item, row in zip(message.obligations, rows, strict=True))
    terms = NettingRound(
        number, *operators, message.currency, items, message.deadline, rule.bundle, owed[0], owed[1], net
    )
    return (*due, RoundProposed(round_hash(at.chain, terms), terms))


def check_order(message: ProposeRound) -> None:
    """One spelling of a proposal: operators and obligations ascending, each once. Raises `Rejected`."""
    if message.first >= message.second:
        reject(Code.OPERATORS_NOT_ASCENDING, expected=f"an operator above {message.first}", actual=message.second)
    for one, other in pairwise(message.obligations):
        if one >= other:
            reject(Code.OBLIGATIONS_NOT_ASCENDING, expected=f"an obligation above {one}", actual=other)


class _Rule(NamedTuple):
    """The set-off rule of a round."""

    bundle: bytes
    threshold: int
    parameters: tuple[int, ...]  # further ones of the agreement's, for both entry points


def _end_last(view: Overlay, last: Round | None, time: int) -> tuple[Fact, ...]:
    """What time has done to the round before, which must have ended. Raises `Rejected`."""
    if last is None:
        return ()
    number = last.terms.round
    due = due_on_round(view, number, time)
    fold_all(view, due)
    now = last_round(view, last.terms.first, last.terms.second, last.terms.currency)
    if now is not None and now.state in (RoundState.PROPOSED, RoundState.ACCEPTED):
        reject(Code.ROUND_STILL_OPEN, expected=f"round {number} settled, unwound or refused", actual=now.state.name)
    return due


def _suitable(view: Reader, number: int, message: ProposeRound) -> Obligation:
    """An obligation between the two, in the currency, that waits for its payer. Raises `Rejected`."""
    row = find(view, number)
    claim = row.claim
    if {claim.debtor, claim.creditor} != {message.first, message.second}:
        expected = f"an obligation between {message.first} and {message.second}"
        reject(Code.OF_OTHER_OPERATORS, expected=expected, actual=f"{number}: {claim.debtor} owes {claim.creditor}")
    if claim.currency != message.currency:
        reject(Code.OF_ANOTHER_CURRENCY, expected=message.currency, actual=f"{number}: {claim.currency}")
    if row.state not in PAYABLE:
        reject(Code.NOT_DUE, expected=[one.name for one in PAYABLE], actual=f"{number}: {row.state.name}")
    return row


def _rule(view: Reader, rows: list[Obligation], at: Context) -> _Rule:
    """The one rule that all agreements of the round bind, as it stands now. Raises `Rejected`."""
    bindings = [_binding(view, row) for row in rows]
    bound = bindings[0]
    for other in bindings:
        if other != bound:
            reject(Code.SET_OFF_RULES_DIFFER, expected=f"rule {bound.rule}, {bound.parameters}", actual=other.rule)
    version = version_for(view, bound.rule, at.time, at.height)
    if version is None:
        reject(Code.NO_RULE_IN_FORCE, expected=f"a version of rule {bound.rule} at {at.time}", actual="none")
    threshold, *further = bound.parameters or (0,)
    return _Rule(version.bundle, threshold, tuple(further))


def _binding(view: Reader, row: Obligation) -> SlotBinding:
    origin = row.claim.origin
    governing = active_terms(view, origin.agreement, origin.ordinal)
    assert governing is not None, "an invoice's period is in the calendar"
    bound = binding(governing.terms, Slot.SET_OFF)
    if not governing.terms.set_off or bound is None:
        reject(Code.SET_OFF_NOT_AGREED, expected="an agreement with set-off", actual=origin.agreement)
    return bound


def _check_included(at: Context, rule: _Rule, numbers: tuple[int, ...], rows: list[Obligation]) -> None:
    include = at.rules(rule.bundle, "include")
    for number, row in zip(numbers, rows, strict=True):
        held, overdue = int(row.state == State.HELD), int(is_overdue(row, at.time))
        (included,) = include(open_amount(row), held, overdue, *rule.parameters)
        if not included:
            reject(Code.LEFT_OUT_BY_RULE, expected="obligations that the rule includes", actual=number)


def _check_large_enough(at: Context, rule: _Rule, net: int) -> None:
    """A net of nothing is not asked about: there is nothing to wait for."""
    (small,) = at.rules(rule.bundle, "small_amount")(net, rule.threshold, *rule.parameters)
    if small:
        reject(Code.NET_TOO_SMALL, expected=f"a net that rule and threshold {rule.threshold} allow", actual=net)
