"""A maker anchors a file of usage records."""

from __future__ import annotations

from abci_app.domain.periods.decide.common import find, may_correct, require_maker, require_unsigned
from abci_app.domain.periods.queries import present
from abci_app.domain.periods.schema import (
    NO_ROOT,
    Anchor,
    AnchorUsage,
    Code,
    ControlTotals,
    Fact,
    Stream,
    UsageAnchored,
    running_root,
)
from abci_app.domain.periods.tables import ANCHORS, STREAMS, AnchorKey, PeriodKey, StreamKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

_LARGEST_SUM = 2**63 - 1
_NOTHING = ControlTotals(0, 0, 0)


def anchor_usage(state: Reader, at: Context, message: AnchorUsage) -> tuple[Fact, ...]:
    """A file's root and control totals join their stream."""
    key = PeriodKey(message.agreement, message.pair, message.ordinal)
    governing = find(state, key)

    # WHO
    party = require_maker(at, governing.terms)

    # WHETHER
    place = StreamKey(*key, party, message.stream)
    before = ANCHORS.get(state, AnchorKey(*place, message.sequence))
    if before is not None:
        if before == Anchor(message.root, message.totals, message.late):
            return ()
        expected = f"the root and totals anchored as {message.sequence}"
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=expected, actual=message.root.hex())
    due, view, row = present(state, at.chain, key, governing, at.time, at.height)
    require_unsigned(row)
    if at.time < governing.row.cut_off:
        if message.late:
            reject(Code.LATE_NOT_ALLOWED, expected=f"late from {governing.row.cut_off} on", actual=at.time)
    elif not message.late:
        reject(Code.CUT_OFF_PASSED, expected=f"before {governing.row.cut_off}, or marked late", actual=at.time)
    elif not may_correct(view, row, party):
        reject(Code.LATE_NOT_ALLOWED, expected="a judged difference before a re-issue", actual=row.state.name)
    stream = STREAMS.get(state, place)
    last = 0 if stream is None else stream.sequence
    if message.sequence != last + 1:
        reject(Code.SEQUENCE_OUT_OF_TURN, expected=last + 1, actual=message.sequence)

    # HOW MUCH
    sums = _summed(stream, message.totals)

    # WHAT FOLLOWS
    running = running_root(NO_ROOT if stream is None else stream.root, message.root, message.totals)
    anchored = UsageAnchored(
        *place, message.sequence, message.root, message.totals, message.late, running=running, sums=sums
    )
    return (*due, anchored)


def _summed(stream: Stream | None, added: ControlTotals) -> ControlTotals:
    before = _NOTHING if stream is None else stream.sums
    sums = ControlTotals(
        before.records + added.records, before.duration_ms + added.duration_ms, before.units + added.units
    )
    largest = max(sums.records, sums.duration_ms, sums.units)
    if largest > _LARGEST_SUM:
        reject(Code.TOTALS_TOO_LARGE, expected=f"at most {_LARGEST_SUM} in a stream", actual=largest)
    return sums
