"""One period of the home's own records: the legs in its vault, the agreement's terms, the rule that rates it."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from abci_app.domain.agreements.queries import binding, party_of
from abci_app.domain.agreements.schema import Terms as AgreementTerms
from abci_app.domain.periods.schema import UNTOUCHED
from abci_app.rules.interface import Slot
from settle.agent.bulk_rating import Terms
from settle.agent.impact import Impact
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.rating import Side, legs_of, numbering_of
from settle.agent.runtime.rulebook import Rulebook
from settle.agent.runtime.settings import agent_folder, load_settings
from settle.agent.traffic import LEG_COLUMNS, Traffic
from settle.agent.vault import Vault
from settle.cli.failures import not_done, usage
from settle.cli.names import governing, period_of
from settle.cli.options import Common
from settle.cli.questions import PERIOD
from settle.cli.rule.given import Given, rule_given
from settle.cli.rule_names import bundle_on_chain
from settle.cli.session import Session, session


class PeriodGiven(NamedTuple):
    """What rates one period, and what is rated."""

    traffic: Traffic
    active: Given
    terms: Terms
    agreement: AgreementTerms

    @property
    def currency(self) -> int:
        """The agreement's, as ISO 4217 numbers it."""
        return self.agreement.currency

    def not_in_agreement(self, found: Impact) -> list[str]:
        """The lines of the new rule that the agreement's catalogue does not have, in words."""
        known = {(line.service, line.direction, line.band) for line in self.agreement.catalogue}
        lines = [
            (self.terms.services[name.service], self.terms.party(name.sender, name.receiver), name.band)
            for name in found.new.lines
        ]
        return [f"service {line[0]}, direction {line[1]}, band {line[2]}" for line in lines if line not in known]


def period_given(named: str, tried: Given, active: str, options: Common) -> PeriodGiven:
    """The home's records of a period. `active` names another rule than the chain has for it.

    Raises `Failure`: no such period, not the home's, no vault, parameters that do not bind to the rule that is tried.
    """
    with session(options) as now:
        side = _side(now, named)
        beside = rule_given(active, options) if active else _active(now, side, named)
        bound = binding(side.known.terms, Slot.RATING)
        assert bound is not None, "every agreement binds a rating rule"
        names, wanted = ([one.name for one in each.rule.agreement_parameters("price_line")] for each in (beside, tried))
        if names != wanted or len(names) != len(bound.parameters):
            raise not_done(
                expected=f"the agreement's parameters {', '.join(names) or 'none'}",
                actual=f"a candidate that asks for {', '.join(wanted) or 'none'}",
                next_step="settle rule upgrade-check tells what agreements would have to change",
            )
        settings = load_settings(now.settings.folder).numbering
        numbering = numbering_of(side, settings)
        first, second = (now.codes[each] for each in (side.known.terms.first, side.known.terms.second))
        classes = dict(zip((first, second), side.known.terms.networks, strict=True))
        parameters = dict(zip(names, bound.parameters, strict=True))
        terms = Terms(classes, settings.services, parameters, side.known.terms.flow, numbering.counted)
        return PeriodGiven(_traffic(now, side, terms), beside, terms, side.known.terms)


def _side(now: Session, named: str) -> Side:
    query = period_of(named)
    found = governing(now, query)
    party = party_of(found.terms, now.myself)
    if party is None:
        parties = " and ".join(now.codes[each] for each in found.parties)
        raise usage(
            expected=f"a period of {now.codes[now.myself]}", actual=f"{named}, of {parties}",
            next_step="see `settle period list`",
        )  # fmt: skip
    row = now.find(PERIOD, query) or UNTOUCHED
    known = KnownPeriod(
        PeriodKey(query.agreement, query.pair, query.ordinal), found.version, found.terms, found.dates, row
    )
    return Side(known, party, now.codes[found.parties[party]], now.codes[found.parties[1 - party]])


def _active(now: Session, side: Side, named: str) -> Given:
    """The rule that was pinned for the period, else the one that the chain would choose for its usage in the next
    block."""
    book, pinned = Rulebook(now.node), side.known.row.rating
    bound = binding(side.known.terms, Slot.RATING)
    assert bound is not None, "every agreement binds a rating rule"
    usage_from, height = side.known.dates.usage_from, now.status.height + 1
    rule = book.rule(pinned) if pinned else book.rule_for(bound.rule, usage_from, height)
    if rule is None:
        raise not_done(
            expected=f"a version of rule {bound.rule} for the usage of period {named}",
            actual="none that is active on the chain",
            next_step="name the rule to compare with: --active FOLDER_OR_HASH",
        )
    return Given(bundle_on_chain(now, rule.hash), rule)


def _traffic(now: Session, side: Side, terms: Terms) -> Traffic:
    folder = agent_folder(now.settings.folder) / "vault"
    if not folder.is_dir():
        raise not_done(
            expected=f"the agent's vault in {folder}",
            actual="none",
            next_step="name the agent's home with --home, or record files instead of --period",
        )
    settled = {line.service for line in side.known.terms.catalogue}
    services = [service.value for service, number in terms.services.items() if number in settled]
    legs, rows = [], 0
    for stream, receipt in Vault(folder, side.own).files():
        found = legs_of(side, stream, receipt).filter(pl.col("service").is_in(services)).select(LEG_COLUMNS).collect()
        if found.height:
            legs.append(found)
            rows += receipt.rows
    if not legs:
        raise not_done(
            expected=f"records of period {side.known.key} in the vault",
            actual="none",
            next_step="settle usage list shows what was taken",
        )
    return Traffic(side.own, len(legs), rows, pl.concat(legs))
