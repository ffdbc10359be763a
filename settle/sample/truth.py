"""What really happened: one row an event, computed from its number alone."""

from __future__ import annotations

import polars as pl

from settle.sample.chance import bits, draw, key, share, word
from settle.sample.curves import HOUR_OF_SLOT, duration_ms
from settle.sample.plan import DAY, SamplePlan, ServiceMix
from settle.sample.schedule import Chunk, Span
from settle.sample.subscribers import Subscribers

_WHEN, _WHAT, _LENGTH, _SIZE, _CALLER, _CALLED = range(10, 16)
"""Purposes of chance: each column has its own, so a change to one leaves the others as they are."""

_HOUR_MS = 3_600_000
_BYTES_PER_DURATION_MS = 41
"""Data volumes follow the shape of durations: mean 137,000 x 41, about 5.6 MB."""

_RELEASE_CAUSES = (17,) * 6 + (19,) * 6 + (20,) * 3 + (34,)
"""Why calls fail (ITU-T Q.850): user busy, no answer, subscriber absent, no circuit available."""
_NORMAL_CLEARING = 16
_MESSAGE_FAILED = 27  # RP cause "destination out of order", 3GPP TS 24.011

_SERVICES = pl.Series(["VOICE", "SMS", "MMS", "DATA"])
_OUTCOMES = pl.Series(["FAILED", "SUBMITTED", "DELIVERED", "ANSWERED"])
_SPAN_SCHEMA = dict(zip(Span._fields, (pl.String, pl.String, pl.Int64, pl.Int64, pl.Int64), strict=True))
TRUTH_COLUMNS = (
    "call", "sender", "receiver", "service", "a_number", "b_number", "a_holder", "b_holder", "trunk", "local",
    "start_ms", "duration_ms", "units", "outcome", "cause",
)  # fmt: skip


def truth_of(plan: SamplePlan, people: Subscribers, chunk: Chunk) -> pl.DataFrame:
    """The events of a chunk, sorted by start.

    Columns: `TRUTH_COLUMNS`. `call` is UInt64 and unique in the sample, holders are those of the numbers'
    ranges, `trunk` counts from 1, `local` is inside one local network, `start_ms` is epoch UTC.
    """
    call, what = pl.col("call"), pl.col("what")
    events = _spans_of(plan, people, chunk).explode("call")
    return (
        events.lazy()  # lazily, so that a draw which several columns use is made once
        .with_columns(
            _start_ms(draw(key(plan.seed, _WHEN), call)).alias("start_ms"),
            draw(key(plan.seed, _WHAT), call).alias("what"),
            _someone("a", draw(key(plan.seed, _CALLER), call)),
            _someone("b", draw(key(plan.seed, _CALLED), call)),
        )
        .with_columns(
            pl.lit(people.numbers).gather(pl.col("a")).alias("a_number"),
            pl.lit(people.numbers).gather(pl.col("b")).alias("b_number"),
            pl.lit(people.holders).gather(pl.col("a")).alias("a_holder"),
            pl.lit(people.holders).gather(pl.col("b")).alias("b_holder"),
            *_description(plan.mix, what, plan.trunks),
        )
        .with_columns(*_measures(plan.seed, what), local=pl.col("trunk") <= plan.local_trunks)
        .select(TRUTH_COLUMNS)
        .sort("start_ms", "call")
        .collect(engine="in-memory")
    )


def _spans_of(plan: SamplePlan, people: Subscribers, chunk: Chunk) -> pl.DataFrame:
    """A row a span: what its events have in common, and the list of their numbers."""
    used = [span for span in chunk.spans if span.events]
    spans = pl.DataFrame(used, schema=_SPAN_SCHEMA, orient="row")
    first, served = ({"old": list(table), "new": list(table.values())} for table in (people.first, people.served))
    return spans.select(
        call=pl.int_ranges(pl.col("start"), pl.col("start") + pl.col("events"), dtype=pl.UInt64),
        sender="sender",
        receiver="receiver",
        midnight_ms=(plan.usage_from + pl.col("day") * DAY) * 1000,
        a_first=pl.col("sender").replace_strict(**first, return_dtype=pl.UInt64),
        a_served=pl.col("sender").replace_strict(**served, return_dtype=pl.UInt64),
        b_first=pl.col("receiver").replace_strict(**first, return_dtype=pl.UInt64),
        b_served=pl.col("receiver").replace_strict(**served, return_dtype=pl.UInt64),
    )


def _start_ms(drawn: pl.Expr) -> pl.Expr:
    hour = pl.lit(HOUR_OF_SLOT).gather(bits(drawn, 54, 10))
    return pl.col("midnight_ms") + hour * _HOUR_MS + share(drawn, 0, 40, _HOUR_MS).cast(pl.Int64)


def _someone(side: str, drawn: pl.Expr) -> pl.Expr:
    """A subscriber's place, the first ones more often: the product of two uniform numbers."""
    skewed = bits(drawn, 0, 20) * bits(drawn, 20, 20) // word(2**20)
    return (skewed * pl.col(f"{side}_served") // word(2**20) + pl.col(f"{side}_first")).alias(side)


def _description(mix: ServiceMix, what: pl.Expr, trunks: int) -> tuple[pl.Expr, ...]:
    """Service, outcome, cause and trunk, from sixteen bits each."""
    kind, luck = share(what, 0, 16, 1000), share(what, 16, 16, 1000)
    voice, sms, mms = mix.voice, mix.voice + mix.sms, mix.voice + mix.sms + mix.mms
    is_voice, is_message = kind < voice, (kind >= voice) & (kind < mms)
    failed = (is_voice & (luck < mix.calls_failed)) | (is_message & (luck < mix.messages_failed))
    undelivered = is_message & (luck < mix.messages_failed + mix.messages_undelivered)
    release = pl.lit(pl.Series(_RELEASE_CAUSES, dtype=pl.Int64)).gather(bits(what, 32, 4))
    service = pl.when(is_voice).then(0).when(kind < sms).then(1).when(is_message).then(2).otherwise(3)
    outcome = pl.when(failed).then(0).when(undelivered).then(1).when(is_message).then(2).otherwise(3)
    cause = (
        pl.when(is_voice & failed).then(release)
        .when(failed).then(_MESSAGE_FAILED)
        .when(is_voice).then(_NORMAL_CLEARING)
        .otherwise(0)
    )  # fmt: skip
    return (
        pl.lit(_SERVICES).gather(service).alias("service"),
        pl.lit(_OUTCOMES).gather(outcome).alias("outcome"),
        cause.cast(pl.Int64).alias("cause"),
        (share(what, 48, 16, trunks) + word(1)).cast(pl.Int64).alias("trunk"),
    )


def _measures(seed: int, what: pl.Expr) -> tuple[pl.Expr, ...]:
    """Duration for calls and sessions, units for messages (parts) and sessions (bytes); nothing for failures."""
    call, service, answered = pl.col("call"), pl.col("service"), pl.col("outcome") == "ANSWERED"
    parts = 1 + (bits(what, 36, 4) == 0).cast(pl.Int64)  # one short message in sixteen has two parts
    size = duration_ms(draw(key(seed, _SIZE), call)) * _BYTES_PER_DURATION_MS
    units = (
        pl.when((pl.col("outcome") == "FAILED") | (service == "VOICE")).then(0)
        .when(service == "SMS").then(parts)
        .when(service == "MMS").then(1)
        .otherwise(size)
    )  # fmt: skip
    length = duration_ms(draw(key(seed, _LENGTH), call))
    return (
        pl.when(answered).then(length).otherwise(0).cast(pl.Int64).alias("duration_ms"),
        units.cast(pl.Int64).alias("units"),
    )
