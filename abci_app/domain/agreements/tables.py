"""Where agreements live, and what must always hold of them."""

from __future__ import annotations

from typing import NamedTuple, assert_never

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
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 4


class AgreementKey(NamedTuple):
    agreement: int


class VersionKey(NamedTuple):
    agreement: int
    version: int


class DocumentKey(NamedTuple):
    document: bytes


class CalendarKey(NamedTuple):
    agreement: int
    ordinal: int


class CounterKey(NamedTuple):
    """The only row there is: number 0."""

    number: int


AGREEMENTS: Table[AgreementKey, Agreement] = Table(STORE, 1, AgreementKey, "I", Agreement)
VERSIONS: Table[VersionKey, AgreementVersion] = Table(STORE, 2, VersionKey, "IH", AgreementVersion, remembered=256)
DOCUMENTS: Table[DocumentKey, DocumentPlace] = Table(STORE, 3, DocumentKey, "32s", DocumentPlace)
CALENDAR: Table[CalendarKey, PeriodCalendar] = Table(STORE, 4, CalendarKey, "IH", PeriodCalendar)
COUNTER: Table[CounterKey, Counter] = Table(STORE, 5, CounterKey, "B", Counter)
THE_COUNTER = CounterKey(0)


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case AgreementProposed() | AgreementSigned() | AgreementActivated() | AgreementRefused():
            return VERSIONS.at(VersionKey(fact.agreement, fact.version))
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the document that a fact rests on."""
    match fact:
        case AgreementProposed() | AgreementSigned() | AgreementActivated() | AgreementRefused():
            return fact.document
        case _:
            assert_never(fact)


def calendar_is_the_active_versions(state: Reader) -> bool:
    """The calendar holds exactly the rows of the versions that came into force."""
    wanted = {
        (key.agreement, row.ordinal): PeriodCalendar(key.version, row)
        for key, version in VERSIONS.rows(state)
        if version.state == VersionState.ACTIVE
        for row in version.terms.calendar
    }
    return wanted == {(key.agreement, key.ordinal): row for key, row in CALENDAR.rows(state)}


def one_version_open(state: Reader) -> bool:
    """Of an agreement only the last version may still wait for signatures."""
    return all(
        version.state != VersionState.PROPOSED
        or AGREEMENTS.require(state, AgreementKey(key.agreement)).proposed == key.version
        for key, version in VERSIONS.rows(state)
    )
