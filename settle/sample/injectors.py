"""What each fault does to a view: which rows it hits, and what it changes there."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from settle.agent.records import LOCAL
from settle.sample.chance import draw, key, share
from settle.sample.faults import (
    PPM,
    SETTINGS,
    ClockOffset,
    DuplicatedRecords,
    DurationJitter,
    Fault,
    LateFile,
    LostRecords,
    PeriodEdge,
    PortabilityMismatch,
    SlicedCalls,
    WrongTimeZone,
    WrongTrunkMap,
)
from settle.sample.plan import SamplePlan
from settle.sample.views import trunk_names

_LUCK, _AMOUNT = 20, 21


class Effect(NamedTuple):
    """The rows that a fault hits, and the columns that change in those rows."""

    hit: pl.Expr
    changes: dict[str, pl.Expr]


def inject(
    view: pl.DataFrame, plan: SamplePlan, numbered: tuple[tuple[int, Fault], ...], sequence: int
) -> pl.DataFrame:
    """Apply faults in order to one operator's view of one chunk; column `hits` gains bit `number` of each."""
    for number, fault in numbered:
        if isinstance(fault, SETTINGS):
            continue
        effect = _effect(plan, number, fault, sequence)
        hit = pl.col("hit")
        view = (
            view.with_columns(hit=effect.hit)
            .with_columns(
                hits=pl.when(hit).then(pl.col("hits") | 2**number).otherwise(pl.col("hits")),
                **{name: pl.when(hit).then(new).otherwise(pl.col(name)) for name, new in effect.changes.items()},
            )
            .drop("hit")
        )
    return view


def _effect(plan: SamplePlan, number: int, fault: Fault, sequence: int) -> Effect:
    call = pl.col("call")
    luck = share(draw(key(plan.seed, _LUCK, number), call), 0, 40, PPM)
    start, duration = pl.col("start_ms"), pl.col("duration_ms")
    from_ms, to_ms = plan.usage_from * 1000, plan.usage_to * 1000
    is_call = (pl.col("service") == "VOICE") & (pl.col("outcome") == "ANSWERED")
    everything = pl.lit(value=True)
    match fault:
        case ClockOffset():
            drift = (start - from_ms) * fault.drift_ppm // PPM
            return Effect(everything, {"start_ms": start + fault.offset_ms + drift})
        case DurationJitter():
            span = fault.high_ms - fault.low_ms + 1
            amount = share(draw(key(plan.seed, _AMOUNT, number), call), 0, 40, span).cast(pl.Int64) + fault.low_ms
            return Effect(
                is_call & (luck < fault.share_ppm), {"duration_ms": pl.max_horizontal(duration + amount, pl.lit(1))}
            )
        case LostRecords():
            concerned = everything if fault.trunk == 0 else pl.col("trunk") == fault.trunk
            return Effect(concerned & (luck < fault.share_ppm), {"lost": everything})
        case DuplicatedRecords():
            return Effect(luck < fault.share_ppm, {"copy": pl.lit(fault.copy.value)})
        case SlicedCalls():
            return Effect(is_call & (duration > fault.slice_ms), {"slice_ms": pl.lit(fault.slice_ms, dtype=pl.Int64)})
        case WrongTimeZone():
            return Effect(start >= from_ms + fault.since_s * 1000, {"start_ms": start + fault.shift_s * 1000})
        case PeriodEdge():
            late = start + duration > to_ms - fault.window_s * 1000
            return Effect(late, {"start_ms": start + duration + fault.window_s * 1000})
        case PortabilityMismatch():
            return _booked_by_range(fault, luck)
        case WrongTrunkMap():
            return Effect(pl.col("trunk") == fault.trunk, {})
        case LateFile():
            return Effect(pl.lit(value=sequence >= fault.sequence), {})
        case _:
            raise AssertionError(f"{type(fault).__name__} is a setting")


def _booked_by_range(fault: PortabilityMismatch, luck: pl.Expr) -> Effect:
    """The far number's range decides the trunk; a number of the operator's own range looks local."""
    holder = pl.when(pl.col("outward")).then(pl.col("b_holder")).otherwise(pl.col("a_holder"))
    looks_local = holder == fault.operator
    booked = pl.when(looks_local).then(pl.lit(LOCAL)).otherwise(trunk_names(fault.operator, holder))
    return Effect((holder != fault.peer) & (luck < fault.share_ppm), {"own_trunk": booked})
