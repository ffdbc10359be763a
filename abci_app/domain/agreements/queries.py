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
from abci_app.domain.rulebook.queries import version_for, versions_of
from abci_app.kernel.context import Moment, Rules
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


def bindings(terms: Terms, slot: Slot) -> tuple[SlotBinding, ...]:
    """The rules that fill a slot, with their parameters. INVOICE may have two, every other slot has one at most."""
    return tuple(bound for bound in terms.slots if bound.slot == slot)


def binding(terms: Terms, slot: Slot) -> SlotBinding | None:
    """The rule and parameters that fill a slot; RATING and TOLERANCE are always filled."""
    return next(iter(bindings(terms, slot)), None)


def binding_for(
    state: Reader, interface_of: Callable[[bytes], int], terms: Terms, slot: Slot, interface: int
) -> SlotBinding | None:
    """The rule of a slot that is asked what an interface asks; None where the agreement binds none.

    An interface is a version's, not a rule's, so terms alone do not tell it: the rule's versions do, whether in force
    or not. A rule that has lost its only version in force is still the one to ask, once there is one again.
    """
    for bound in bindings(terms, slot):
        if any(interface_of(row.bundle) == interface for _, row in versions_of(state, bound.rule)):
            return bound
    return None


def bundle_for(state: Reader, rules: Rules, bound: SlotBinding, interface: int, usage: int, *heights: int) -> bytes:
    """The bundle of a bound rule for a moment of usage: as of the first of `heights` that knows one; else empty.

    The first height is the one pinned at cut-off: what held then holds for the period for ever. Only where
    nothing held then does a later height count, or a rule that came late would leave a month for ever without.
    """
    for height in heights:
        version = version_for(state, bound.rule, usage, height)
        if version is not None and rules.interface(version.bundle) == interface:
            return version.bundle
    return b""


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
