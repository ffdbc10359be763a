"""What anyone may ask about periods."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from abci_app.domain.agreements.queries import active_terms
from abci_app.domain.periods.queries.due import present
from abci_app.domain.periods.queries.stored import statement_of
from abci_app.domain.periods.schema import PeriodState, PerParty, Statement
from abci_app.domain.periods.tables import (
    ANCHORS,
    BIAS,
    DECLARATIONS,
    FIGURES,
    PERIOD_FORM,
    PERIODS,
    SHIFTS,
    STATEMENTS,
    STREAMS,
    BiasKey,
    PeriodKey,
    StatementKey,
)
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U8, U16, U32, Decoder, Hash32, Value
from abci_app.state.overlay import Reader

_PERIOD_PREFIX = Struct(">" + PERIOD_FORM)
_AGREEMENT_PREFIX = Struct(">I")
_NO_CHAIN = bytes(32)


class PeriodQuery(Value, frozen=True):
    """Which period is asked for."""

    agreement: U32
    pair: U8
    ordinal: U16


class PairOfUnits(Value, frozen=True):
    """Which unit pair of an agreement is asked for."""

    agreement: U32
    pair: U8


class EffectivePeriod(Value, frozen=True):
    """A period as it would be recorded now; without the hash that only a block gives."""

    state: PeriodState
    flags: U8
    declared: PerParty
    opened: PerParty
    statement: Statement | None


_read_period: Decoder[PeriodQuery] = Decoder(PeriodQuery)
_read_pair: Decoder[PairOfUnits] = Decoder(PairOfUnits)
_read_agreement: Decoder[int] = Decoder(U32)
_read_document: Decoder[bytes] = Decoder(Hash32)


def _key(data: bytes) -> PeriodKey:
    query = _read_period(data)
    return PeriodKey(query.agreement, query.pair, query.ordinal)


def _periods(state: Reader, now: Moment, data: bytes) -> object:
    rows = PERIODS.rows(state, _AGREEMENT_PREFIX.pack(_read_agreement(data)))
    return tuple((key.pair, key.ordinal, row) for key, row in rows)


def _period(state: Reader, now: Moment, data: bytes) -> object:
    return PERIODS.get(state, _key(data))


def _streams(state: Reader, now: Moment, data: bytes) -> object:
    rows = STREAMS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.party, key.stream, row) for key, row in rows)


def _anchors(state: Reader, now: Moment, data: bytes) -> object:
    rows = ANCHORS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.party, key.stream, key.sequence, row) for key, row in rows)


def _declarations(state: Reader, now: Moment, data: bytes) -> object:
    rows = DECLARATIONS.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.revision, key.party, row) for key, row in rows)


def _figures(state: Reader, now: Moment, data: bytes) -> object:
    rows = FIGURES.rows(state, _PERIOD_PREFIX.pack(*_key(data)))
    return tuple((key.revision, key.party, row) for key, row in rows)


def _statement(state: Reader, now: Moment, data: bytes) -> object:
    return STATEMENTS.get(state, StatementKey(_read_document(data)))


def _bias(state: Reader, now: Moment, data: bytes) -> object:
    query = _read_pair(data)
    return BIAS.get(state, BiasKey(query.agreement, query.pair))


def _shifts(state: Reader, now: Moment, data: bytes) -> object:
    return SHIFTS.get(state, _key(data))


def _effective(state: Reader, now: Moment, data: bytes) -> object:
    key = _key(data)
    governing = active_terms(state, key.agreement, key.ordinal)
    if governing is None or key.pair >= len(governing.terms.pairs):
        return None
    due = present(state, _NO_CHAIN, key, governing, now.time, now.height)
    row = due.row
    return EffectivePeriod(row.state, row.flags, row.declared, row.opened, statement_of(due.view, row))


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/periods/periods": _periods,
    "/periods/period": _period,
    "/periods/streams": _streams,
    "/periods/anchors": _anchors,
    "/periods/declarations": _declarations,
    "/periods/figures": _figures,
    "/periods/statement": _statement,
    "/periods/bias": _bias,
    "/periods/shifts": _shifts,
    "/effective/period": _effective,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
