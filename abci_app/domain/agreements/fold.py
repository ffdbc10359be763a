"""What each fact does to agreements. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    Agreement,
    AgreementActivated,
    AgreementProposed,
    AgreementRefused,
    AgreementSigned,
    AgreementVersion,
    Counter,
    DocumentPlace,
    Fact,
    PeriodCalendar,
    VersionState,
)
from abci_app.domain.agreements.tables import (
    AGREEMENTS,
    CALENDAR,
    COUNTER,
    DOCUMENTS,
    THE_COUNTER,
    VERSIONS,
    AgreementKey,
    CalendarKey,
    DocumentKey,
    VersionKey,
)
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    """Write what a fact says."""
    key = VersionKey(fact.agreement, fact.version)
    match fact:
        case AgreementProposed():
            _propose(state, fact)
        case AgreementSigned():
            version = VERSIONS.require(state, key)
            VERSIONS.put(state, key, replace(version, signatures=(*version.signatures, fact.signature)))
        case AgreementActivated():
            _activate(state, key)
        case AgreementRefused():
            version = VERSIONS.require(state, key)
            VERSIONS.put(state, key, replace(version, state=VersionState.REFUSED))
        case _:
            assert_never(fact)


def _propose(state: Writer, fact: AgreementProposed) -> None:
    key, terms = AgreementKey(fact.agreement), fact.terms
    before = AGREEMENTS.get(state, key)
    if before is None:
        AGREEMENTS.put(state, key, Agreement(terms.first, terms.second, terms.currency, fact.version, 0, 0, 0))
        COUNTER.put(state, THE_COUNTER, Counter(fact.agreement))
    else:
        AGREEMENTS.put(state, key, replace(before, proposed=fact.version))
    version = AgreementVersion(fact.document, terms, (), VersionState.PROPOSED)
    VERSIONS.put(state, VersionKey(fact.agreement, fact.version), version)
    DOCUMENTS.put(state, DocumentKey(fact.document), DocumentPlace(fact.agreement, fact.version))


def _activate(state: Writer, key: VersionKey) -> None:
    version = VERSIONS.require(state, key)
    VERSIONS.put(state, key, replace(version, state=VersionState.ACTIVE))
    for row in version.terms.calendar:
        CALENDAR.put(state, CalendarKey(key.agreement, row.ordinal), PeriodCalendar(key.version, row))
    last = version.terms.calendar[-1]
    agreement = AGREEMENTS.require(state, AgreementKey(key.agreement))
    after = replace(agreement, active=key.version, last_ordinal=last.ordinal, last_usage_to=last.usage_to)
    AGREEMENTS.put(state, AgreementKey(key.agreement), after)
