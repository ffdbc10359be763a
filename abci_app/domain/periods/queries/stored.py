"""The state of periods as it is stored."""

from __future__ import annotations

from struct import Struct

from abci_app.domain.agreements.schema import Direction, Flow
from abci_app.domain.periods.schema import UNTOUCHED, Period, Statement, StreamReference, Verdict
from abci_app.domain.periods.tables import (
    BIAS,
    PERIOD_FORM,
    PERIODS,
    SHIFTS,
    STATEMENTS,
    STREAMS,
    BiasKey,
    PeriodKey,
    StatementKey,
)
from abci_app.state.overlay import Reader

_PARTY_PREFIX = Struct(">" + PERIOD_FORM + "B")
AGREED = (Verdict.EQUAL, Verdict.WITHIN)


def period(state: Reader, key: PeriodKey) -> Period:
    """A period's row; `UNTOUCHED` where no message has made one."""
    row = PERIODS.get(state, key)
    return UNTOUCHED if row is None else row


def statement_of(state: Reader, row: Period) -> Statement | None:
    """The present statement of a period."""
    return STATEMENTS.require(state, StatementKey(row.statement)) if row.statement else None


def streams_of(state: Reader, key: PeriodKey, party: int) -> tuple[StreamReference, ...]:
    """All streams that a party has anchored for a period: what its next declaration must name."""
    rows = STREAMS.rows(state, _PARTY_PREFIX.pack(*key, party))
    return tuple(StreamReference(place.stream, row.sequence, row.root) for place, row in rows)


def has_difference(statement: Statement) -> bool:
    """Whether a line is neither equal nor within tolerance: only then is there something to correct."""
    return any(line.verdict not in AGREED for line in statement.lines)


def owes_nothing(statement: Statement) -> bool:
    """Whether nothing is payable and nothing disputed: such a period closes when it is signed."""
    return not any(statement.payable) and not any(statement.disputed)


def creditor_of(flow: Flow, direction: int) -> int:
    """The party, 0 or 1, that is owed for traffic of a direction.

    Where the calling party pays, the sender owes, so the receiver is creditor. Bill and keep compares
    in the same order and owes nothing.
    """
    receiver = 1 if direction == Direction.FIRST_TO_SECOND else 0
    return 1 - receiver if flow == Flow.RECEIVER_PAYS else receiver


def bias_of(state: Reader, agreement: int, pair: int) -> tuple[int, int]:
    """What the signed statements of a unit pair have moved the bias to, per direction of traffic."""
    row = BIAS.get(state, BiasKey(agreement, pair))
    return (0, 0) if row is None else row.bias


def shifts_of(state: Reader, key: PeriodKey, row: Period) -> tuple[int, ...]:
    """What each line of the present statement would move the bias by; empty where no judgement says so."""
    shifts = SHIFTS.get(state, key)
    return () if shifts is None or shifts.document != row.statement else shifts.lines
