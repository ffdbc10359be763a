"""A checker proposes an agreement, or a further version of one."""

from __future__ import annotations

from itertools import pairwise

from abci_app.domain.agreements.decide.try_rules import try_rule
from abci_app.domain.agreements.queries import binding, party_of
from abci_app.domain.agreements.schema import (
    LATEST,
    Agreement,
    AgreementDocument,
    AgreementProposed,
    CalendarRow,
    Code,
    DataClass,
    Direction,
    Evidence,
    Fact,
    ProposeAgreement,
    Terms,
    VersionState,
    agreement_hash,
)
from abci_app.domain.agreements.tables import (
    AGREEMENTS,
    COUNTER,
    DOCUMENTS,
    THE_COUNTER,
    VERSIONS,
    AgreementKey,
    DocumentKey,
    VersionKey,
)
from abci_app.domain.members.tables import OPERATORS, UNITS, OperatorKey, UnitKey
from abci_app.domain.rulebook.queries import scope_of, version_for
from abci_app.domain.rulebook.tables import RULES, RuleKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.money import MINOR_DIGITS
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader

_LAST_NUMBER = 2**32 - 1
_MOST_IN_SLOT = {Slot.INVOICE: 2}  # tax and interest may be rules of their own; every other slot asks one rule


def propose_agreement(state: Reader, at: Context, message: ProposeAgreement) -> tuple[Fact, ...]:
    """A checker of a party proposes terms; the proposal is not yet a signature."""
    terms = message.terms
    document = agreement_hash(at.chain, AgreementDocument(message.agreement, message.version, terms))

    # WHO
    if party_of(terms, at.operator) is None:
        reject(Code.NOT_A_PARTY, expected=f"operator {terms.first} or {terms.second}", actual=at.operator)
    if at.role != Role.CHECKER:
        reject(Code.WRONG_ROLE, expected=Role.CHECKER.name, actual=at.role.name)

    # WHETHER
    if DOCUMENTS.get(state, DocumentKey(document)) is not None:
        return ()
    number = message.agreement
    if number:
        _check_continues(state, message)
    else:
        number = _next_number(state)
        _check_calendar_from(terms.calendar[0], 1, 0)
    _check_known(state, message.agreement, terms)
    _check_rules_fit(state, at, terms)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return (AgreementProposed(document, number, message.version, terms),)


def check_terms(message: ProposeAgreement) -> None:
    """What terms must fulfil whatever the state. Raises `Rejected`."""
    terms = message.terms
    if terms.evidence != Evidence.TWO_SIDED:
        reject(Code.NOT_SERVED_YET, expected=Evidence.TWO_SIDED.name, actual=terms.evidence.name)
    if terms.data_class != DataClass.PUBLIC:
        reject(Code.NOT_SERVED_YET, expected=DataClass.PUBLIC.name, actual=terms.data_class.name)
    if terms.first == terms.second:
        reject(Code.SAME_PARTY, expected="two operators", actual=terms.first)
    if terms.currency not in MINOR_DIGITS:
        reject(Code.CURRENCY_NOT_LISTED, expected=sorted(MINOR_DIGITS), actual=terms.currency)
    if terms.valid_from >= terms.valid_to:
        reject(Code.VALIDITY_OUT_OF_ORDER, expected=f"valid_to after {terms.valid_from}", actual=terms.valid_to)
    if len(set(terms.pairs)) != len(terms.pairs):
        reject(Code.PAIR_NAMED_TWICE, expected="each unit pair once", actual=len(terms.pairs))
    _check_calendar(terms)
    if terms.contest < 1:  # else a payer's notice would count as paid in its own block, before anybody could contest it
        reject(Code.CONTEST_TOO_SHORT, expected="a second or more", actual=terms.contest)
    _check_catalogue(terms)
    _check_slots(terms)
    if (message.agreement == 0) != (message.version == 1):
        expected = 1 if message.agreement == 0 else "2 or more for an existing agreement"
        reject(Code.VERSION_OUT_OF_TURN, expected=expected, actual=message.version)


def _check_calendar(terms: Terms) -> None:
    for row in terms.calendar:
        # Strict, for silence must have a way out: until declare-by a silent party may still file, so its partner opens
        # from then on, and only before open-by. Equal dates would leave the partner no moment in which it may open.
        in_order = row.cut_off < row.declare_by < row.open_by < row.agree_by <= row.pay_by
        if row.usage_from >= row.usage_to or not in_order:
            expected = "usage_from < usage_to, cut_off < declare_by < open_by < agree_by <= pay_by"
            reject(Code.CALENDAR_OUT_OF_ORDER, expected=expected, actual=f"ordinal {row.ordinal}")
        if row.pay_by + terms.contest > LATEST:
            reject(Code.CALENDAR_OUT_OF_ORDER, expected=f"all dates by {LATEST}", actual=row.pay_by + terms.contest)
    for before, row in pairwise(terms.calendar):
        if row.ordinal != before.ordinal + 1 or row.usage_from < before.usage_to:
            expected = f"ordinal {before.ordinal + 1} with usage from {before.usage_to} or later"
            actual = f"ordinal {row.ordinal} with usage from {row.usage_from}"
            reject(Code.CALENDAR_OUT_OF_ORDER, expected=expected, actual=actual)


def _check_catalogue(terms: Terms) -> None:
    if len(set(terms.catalogue)) != len(terms.catalogue):
        reject(Code.LINE_NAMED_TWICE, expected="each line once", actual=len(terms.catalogue))
    for line in terms.catalogue:
        if line.direction not in (Direction.FIRST_TO_SECOND, Direction.SECOND_TO_FIRST):
            reject(Code.NO_SUCH_DIRECTION, expected="0 or 1", actual=line.direction)


def _check_slots(terms: Terms) -> None:
    named = [bound.slot for bound in terms.slots]
    for slot in named:
        most = _MOST_IN_SLOT.get(slot, 1)
        if named.count(slot) > most:
            expected = f"at most {most} for {slot.name}"
            reject(Code.SLOT_BOUND_TWICE, expected=expected, actual=[bound.name for bound in named])
    needed = (Slot.RATING, Slot.TOLERANCE, Slot.SET_OFF) if terms.set_off else (Slot.RATING, Slot.TOLERANCE)
    for slot in needed:
        if binding(terms, slot) is None:
            reject(Code.SLOT_NOT_BOUND, expected=slot.name, actual=[bound.name for bound in named])


def _next_number(state: Reader) -> int:
    counter = COUNTER.get(state, THE_COUNTER)
    last = 0 if counter is None else counter.last
    if last == _LAST_NUMBER:
        reject(Code.NO_NUMBER_LEFT, expected=f"fewer than {_LAST_NUMBER} agreements", actual=last)
    return last + 1


def _check_continues(state: Reader, message: ProposeAgreement) -> None:
    """A further version keeps parties, currency and unit pairs, and begins where the calendar in force ends."""
    terms, agreement = message.terms, AGREEMENTS.get(state, AgreementKey(message.agreement))
    if agreement is None:
        reject(Code.AGREEMENT_NOT_FOUND, expected="an agreement's number", actual=message.agreement)
    if message.version <= agreement.proposed:
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=f"version {agreement.proposed + 1}", actual=message.version)
    if message.version != agreement.proposed + 1:
        reject(Code.VERSION_OUT_OF_TURN, expected=agreement.proposed + 1, actual=message.version)
    last = VERSIONS.require(state, VersionKey(message.agreement, agreement.proposed))
    if last.state == VersionState.PROPOSED:
        expected = f"version {agreement.proposed} in force or refused"
        reject(Code.VERSION_STILL_OPEN, expected=expected, actual=last.state.name)
    _check_parties(agreement, terms)
    if agreement.active:
        in_force = VERSIONS.require(state, VersionKey(message.agreement, agreement.active))
        before = in_force.terms.pairs
        if terms.pairs[: len(before)] != before:
            reject(Code.PAIRS_CHANGED, expected=f"the {len(before)} pairs in force first", actual=len(terms.pairs))
    _check_calendar_from(terms.calendar[0], agreement.last_ordinal + 1, agreement.last_usage_to)


def _check_parties(agreement: Agreement, terms: Terms) -> None:
    if (terms.first, terms.second) != (agreement.first, agreement.second):
        expected = (agreement.first, agreement.second)
        reject(Code.PARTIES_CHANGED, expected=expected, actual=(terms.first, terms.second))
    if terms.currency != agreement.currency:
        reject(Code.CURRENCY_CHANGED, expected=agreement.currency, actual=terms.currency)


def _check_calendar_from(first: CalendarRow, ordinal: int, usage_from: int) -> None:
    if first.ordinal != ordinal or first.usage_from < usage_from:
        expected = f"ordinal {ordinal} with usage from {usage_from} or later"
        actual = f"ordinal {first.ordinal} with usage from {first.usage_from}"
        reject(Code.CALENDAR_NOT_CONTINUED, expected=expected, actual=actual)


def _check_known(state: Reader, agreement: int, terms: Terms) -> None:
    """Parties, units and rules exist, and each rule is made for the slot that it fills and for this agreement.

    The parties of another agreement may change the versions of its rules between themselves.
    """
    for operator in (terms.first, terms.second):
        if OPERATORS.get(state, OperatorKey(operator)) is None:
            reject(Code.OPERATOR_NOT_FOUND, expected="a member's number", actual=operator)
    for pair in terms.pairs:
        for operator, unit in ((terms.first, pair.first), (terms.second, pair.second)):
            if UNITS.get(state, UnitKey(operator, unit)) is None:
                reject(Code.UNIT_NOT_FOUND, expected=f"a unit of operator {operator}", actual=unit)
    for bound in terms.slots:
        rule = RULES.get(state, RuleKey(bound.rule))
        if rule is None:
            reject(Code.RULE_NOT_FOUND, expected="a rule of the rulebook", actual=bound.rule)
        if rule.slot != bound.slot:
            reject(Code.RULE_OF_ANOTHER_SLOT, expected=bound.slot.name, actual=rule.slot.name)
        scope = scope_of(state, bound.rule)
        if scope not in (0, agreement):
            expected = f"a rule of the consortium or of agreement {agreement}"
            reject(Code.RULE_OF_ANOTHER_AGREEMENT, expected=expected, actual=f"one of agreement {scope}")


def _check_rules_fit(state: Reader, at: Context, terms: Terms) -> None:
    """Rules of one slot are asked different things, and each takes the terms. Raises `Rejected`.

    A rule that has no version yet for the first usage is not tried.
    """
    served: list[tuple[Slot, int]] = []
    for bound in terms.slots:
        version = version_for(state, bound.rule, terms.calendar[0].usage_from, at.height)
        if version is None:
            continue
        interface = at.rules.interface(version.bundle)
        if (bound.slot, interface) in served:
            expected = "rules of different interfaces"
            reject(Code.SLOT_BOUND_TWICE, expected=expected, actual=f"{bound.slot.name}/{interface} twice")
        served.append((bound.slot, interface))
        try_rule(at, terms, bound, version.bundle, interface)
