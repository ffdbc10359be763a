"""What anyone may ask about agreements."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from abci_app.domain.agreements.schema import (
    AgreementVersion,
    CalendarRow,
    Direction,
    SlotBinding,
    Terms,
    VersionState,
)
from abci_app.domain.agreements.tables import (
    AGREEMENTS,
    CALENDAR,
    DOCUMENTS,
    VERSIONS,
    AgreementKey,
    CalendarKey,
    DocumentKey,
    VersionKey,
)
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U16, U32, Decoder, Hash32, Value
from abci_app.rules.interface import Slot
from abci_app.state.overlay import Reader

_AGREEMENT_PREFIX = Struct(">I")


class TermsInForce(NamedTuple):
    """What governs one period: the version that put it into the calendar, its terms, its dates."""

    version: int
    terms: Terms
    row: CalendarRow


def active_terms(state: Reader, agreement: int, ordinal: int) -> TermsInForce | None:
    """The terms of a period, for ever those of the version that brought it; None where none did."""
    period = CALENDAR.get(state, CalendarKey(agreement, ordinal))
    if period is None:
        return None
    version = VERSIONS.require(state, VersionKey(agreement, period.version))
    return TermsInForce(period.version, version.terms, period.row)


def party_of(terms: Terms, operator: int) -> int | None:
    """0 for the first operator of an agreement, 1 for the second, None for anyone else."""
    if operator == terms.first:
        return 0
    return 1 if operator == terms.second else None


def operator_of(terms: Terms, party: int) -> int:
    """The operator that is party 0 or 1."""
    return terms.second if party else terms.first


def ends_of(terms: Terms, direction: int) -> tuple[int, int]:
    """The classes of the originating and the terminating network of a direction of traffic."""
    first, second = terms.networks
    return (first, second) if direction == Direction.FIRST_TO_SECOND else (second, first)


def binding(terms: Terms, slot: Slot) -> SlotBinding | None:
    """The rule and parameters that fill a slot; RATING and TOLERANCE are always filled."""
    return next((bound for bound in terms.slots if bound.slot == slot), None)


def effective_state(version: AgreementVersion, time: int) -> VersionState:
    """The state as of a block's header time: validity ends without anyone acting."""
    expired = version.state == VersionState.ACTIVE and time >= version.terms.valid_to
    return VersionState.EXPIRED if expired else version.state


class VersionQuery(Value, frozen=True):
    """Which version is asked for."""

    agreement: U32
    version: U16


_read_agreement: Decoder[int] = Decoder(U32)
_read_version: Decoder[VersionQuery] = Decoder(VersionQuery)
_read_document: Decoder[bytes] = Decoder(Hash32)


def _agreements(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.agreement, row) for key, row in AGREEMENTS.rows(state))


def _agreement(state: Reader, now: Moment, data: bytes) -> object:
    return AGREEMENTS.get(state, AgreementKey(_read_agreement(data)))


def _version(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_version(data)
    return VERSIONS.get(state, VersionKey(query.agreement, query.version))


def _document(state: Reader, now: Moment, data: bytes) -> object:
    return DOCUMENTS.get(state, DocumentKey(_read_document(data)))


def _calendar(state: Reader, now: Moment, data: bytes) -> object:
    rows = CALENDAR.rows(state, _AGREEMENT_PREFIX.pack(_read_agreement(data)))
    return tuple(row for _, row in rows)


def _effective(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_version(data)
    version = VERSIONS.get(state, VersionKey(query.agreement, query.version))
    return None if version is None else effective_state(version, now.time)


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/agreements/agreements": _agreements,
    "/agreements/agreement": _agreement,
    "/agreements/version": _version,
    "/agreements/document": _document,
    "/agreements/calendar": _calendar,
    "/effective/agreement": _effective,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
