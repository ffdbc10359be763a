"""What belongs to a figure: every fact about it, in the order in which it came about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from abci_app.domain.obligations.schema import (
    InterestClaimed,
    ObligationPosted,
    PeriodRerated,
    RoundAccepted,
    RoundProposed,
    RoundSettled,
    RoundSigned,
    RoundUnwound,
    TaxStated,
)
from abci_app.domain.periods.queries import PeriodQuery
from abci_app.domain.periods.schema import PeriodCutOff, StatementStruck
from abci_app.domain.rulebook.schema import RulePublished, RuleVersionActivated
from abci_app.kernel.encoding import Value
from settle.cli.facts import ToldFact


class Step(NamedTuple):
    """A fact on the way, and why it belongs there."""

    why: str
    told: ToldFact


def of_period(log: Iterable[ToldFact], key: PeriodQuery) -> list[Step]:
    """A period from its agreement and rules over files, declarations and statements to invoices and payment."""
    facts = list(log)
    steps = [Step("agreement", each) for each in facts if _agreement_of(each.fact) == key.agreement]
    own = [each for each in facts if period_named(each.fact) == key]
    numbers = {
        each.fact.obligation
        for each in facts
        if isinstance(each.fact, ObligationPosted) and _origin(each.fact) == key and not each.fact.claim.origin.round
    }
    owed = [each for each in facts if getattr(each.fact, "obligation", 0) in numbers]
    bundles = {bundle for each in (*own, *owed) for bundle in _bundles(each.fact)}
    steps += [Step("rule", each) for each in _rules(facts, bundles)]
    steps += [Step("period", each) for each in own]
    rounds = {
        each.fact.terms.round: each.fact
        for each in facts
        if isinstance(each.fact, RoundProposed) and numbers & {item.obligation for item in each.fact.terms.items}
    }
    nets = {
        each.fact.net
        for each in facts
        if isinstance(each.fact, RoundAccepted) and each.fact.round in rounds and each.fact.net
    }
    for each in facts:
        if getattr(each.fact, "obligation", 0) in numbers:
            steps.append(Step("obligation", each))
        elif getattr(each.fact, "obligation", 0) in nets:
            steps.append(Step("net obligation", each))
        elif _round_of(each.fact) in rounds:
            steps.append(Step("set-off round", each))
    return _in_order(steps)


def of_agreement(log: Iterable[ToldFact], agreement: int) -> list[Step]:
    """An agreement's versions and who signed them."""
    return [Step("agreement", each) for each in log if _agreement_of(each.fact) == agreement]


def of_obligation(log: Iterable[ToldFact], number: int) -> list[Step]:
    """An obligation: back to its period where it has one, and forward to its payment."""
    facts = list(log)
    posted = [each.fact for each in facts if isinstance(each.fact, ObligationPosted) and each.fact.obligation == number]
    origins = [_origin(fact) for fact in posted if not fact.claim.origin.round]
    if origins:
        return of_period(facts, origins[0])
    rounds = {fact.claim.origin.round for fact in posted}
    return _in_order(
        [Step("net obligation", each) for each in facts if getattr(each.fact, "obligation", 0) == number]
        + [Step("set-off round", each) for each in facts if _round_of(each.fact) in rounds]
    )


def of_rule(log: Iterable[ToldFact], rule: int) -> list[Step]:
    """A rule: its bundles with their signatures, the proposals that scheduled them with their votes, its versions."""
    facts = list(log)
    own = [each for each in facts if _rule_of(each.fact) == rule]
    bundles = {bundle for each in own if (bundle := getattr(each.fact, "bundle", b""))}
    mandates = {mandate for each in own if (mandate := getattr(each.fact, "mandate", b""))}
    return _in_order(
        [Step("bundle", each) for each in facts if getattr(each.fact, "bundle", b"") in bundles]
        + [Step("proposal", each) for each in facts if getattr(each.fact, "document", b"") in mandates]
        + [Step("rule", each) for each in own]
    )


def of_bytes(log: Iterable[ToldFact], wanted: bytes) -> list[Step]:
    """Every fact that names a hash or key: as its basis, its object, or anywhere in its content."""
    return [
        Step("names it", each)
        for each in log
        if wanted in (each.record.basis, each.record.object[2:]) or wanted in _all_bytes(each.fact)
    ]


def period_named(fact: Value) -> PeriodQuery | None:
    """The period that a fact of periods or obligations is about."""
    about = getattr(fact, "statement", fact) if isinstance(fact, StatementStruck) else fact
    place = [getattr(about, name, None) for name in ("agreement", "pair", "ordinal")]
    if any(not isinstance(each, int) for each in place):
        return None
    return PeriodQuery(*(each for each in place if isinstance(each, int)))


def _agreement_of(fact: Value) -> int | None:
    if period_named(fact) is not None:
        return None
    number = getattr(fact, "agreement", None)
    return number if isinstance(number, int) else None


def _rule_of(fact: Value) -> int:
    number = getattr(fact, "rule", 0)
    return number if isinstance(number, int) else 0


def _bundles(fact: Value) -> tuple[bytes, ...]:
    match fact:
        case PeriodCutOff():
            return fact.rating, fact.tolerance
        case TaxStated() | InterestClaimed():
            return (fact.rule,)
        case PeriodRerated():
            return fact.after, fact.invoice
        case _:
            return ()


def _rules(facts: list[ToldFact], bundles: set[bytes]) -> Iterator[ToldFact]:
    """The versions whose bundles were pinned, and the rules that they are versions of."""
    versions = [each for each in facts if isinstance(each.fact, RuleVersionActivated) and each.fact.bundle in bundles]
    rules = {each.fact.rule for each in versions if isinstance(each.fact, RuleVersionActivated)}
    for each in facts:
        if isinstance(each.fact, RulePublished) and each.fact.rule in rules:
            yield each
    yield from versions


def _origin(fact: ObligationPosted) -> PeriodQuery:
    origin = fact.claim.origin
    return PeriodQuery(origin.agreement, origin.pair, origin.ordinal)


def _round_of(fact: Value) -> int:
    match fact:
        case RoundProposed():
            return fact.terms.round
        case RoundSigned() | RoundAccepted() | RoundSettled() | RoundUnwound():
            return fact.round
        case _:
            return 0


def _all_bytes(value: object) -> Iterator[bytes]:
    match value:
        case bytes():
            yield value
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _all_bytes(getattr(value, name))
        case tuple():
            for each in value:
                yield from _all_bytes(each)
        case _:
            return


def _in_order(steps: list[Step]) -> list[Step]:
    once = {step.told.number: step for step in steps}
    return [once[number] for number in sorted(once)]
