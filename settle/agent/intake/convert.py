"""Conversions that a mapping file names: text of a foreign layout → canonical values, without floating point.

Each takes an expression of text and gives null where the text has another form; such a row is malformed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import polars as pl

Conversion = Callable[[pl.Expr], pl.Expr]

_UNIX_EPOCH_JULIAN = 2_440_587  # the day on whose noon-based half 1970-01-01 00:00 UTC lies: 2440587.5
_DAY_SECONDS = 86_400
_FRACTION_DIGITS = 12
_FRACTION = 10**_FRACTION_DIGITS


def as_text(value: pl.Expr) -> pl.Expr:
    """The text itself; empty where the file has nothing."""
    return value.fill_null("")


def as_integer(value: pl.Expr) -> pl.Expr:
    """A whole decimal number."""
    return _whole(value.str.extract(r"^(-?\d{1,18})$", 1))


def from_decimal_seconds(value: pl.Expr) -> pl.Expr:
    """`12.3456` seconds → 12345 milliseconds. Digits below the millisecond are cut off, towards zero.

    `0`, `0.0` and `0.000000` are the same value.
    """
    whole = value.str.extract(r"^-?(\d{1,15})(?:\.\d*)?$", 1)
    fraction = value.str.extract(r"^-?\d{1,15}\.(\d{1,3})", 1).fill_null("").str.pad_end(3, "0")
    milliseconds = _whole(whole) * 1000 + _whole(fraction)
    return pl.when(value.str.starts_with("-")).then(-milliseconds).otherwise(milliseconds)


def from_epoch_ms(value: pl.Expr) -> pl.Expr:
    """Milliseconds since 1970-01-01 UTC."""
    return as_integer(value)


def from_low_julian_day(value: pl.Expr) -> pl.Expr:
    """A Julian day (UTC) that was stored half a second low → epoch milliseconds of the whole second meant.

    epoch = round((x - 2440587.5) * 86400 + 0.5). Source: SQLite's rounding of times by Kamailio's accounting;
    cutting off instead is a second early on every row.
    """
    day = _whole(value.str.extract(r"^(\d{7})(?:\.\d*)?$", 1)) - _UNIX_EPOCH_JULIAN
    digits = value.str.extract(r"^\d{7}\.(\d{1,12})", 1).fill_null("").str.pad_end(_FRACTION_DIGITS, "0")
    fraction = _whole(digits) * _DAY_SECONDS  # of a day, in 10^-12 s; below 2^57
    seconds: pl.Expr = (fraction + _FRACTION) // _FRACTION  # + 0.5 of the formula + 0.5 to round to the nearest
    return (day * _DAY_SECONDS - _DAY_SECONDS // 2 + seconds) * 1000


def from_local_text(offset_minutes: int) -> Conversion:
    """`20261124233418` or `2026-11-24 23:34:18`, at a fixed offset east of UTC → epoch milliseconds."""

    def convert(value: pl.Expr) -> pl.Expr:
        form = r"^(\d{4})-?(\d{2})-?(\d{2})[ T]?(\d{2}):?(\d{2}):?(\d{2})$"
        digits = value.str.replace(form, "${1}${2}${3}${4}${5}${6}")
        local = digits.str.to_datetime("%Y%m%d%H%M%S", time_unit="ms", strict=False)
        return local.dt.epoch("ms") - offset_minutes * 60_000

    return convert


def from_values(values: dict[str, str], otherwise: str | None) -> Conversion:
    """A value map; what it does not list becomes `otherwise`, or null where there is none."""

    def convert(value: pl.Expr) -> pl.Expr:
        return value.fill_null("").replace_strict(values, default=otherwise, return_dtype=pl.String)

    return convert


def joined(parts: list[pl.Expr]) -> pl.Expr:
    """Several columns as one text with `/` between them."""
    return pl.concat_str([part.fill_null("") for part in parts], separator="/")


PLAIN: Final[dict[str, Conversion]] = {
    "text": as_text,
    "integer": as_integer,
    "seconds_decimal": from_decimal_seconds,
    "epoch_seconds": from_decimal_seconds,
    "epoch_ms": from_epoch_ms,
    "julian_day_half_second_low": from_low_julian_day,
}
"""Conversions that need no parameter, by the name a mapping file uses."""


def _whole(value: pl.Expr) -> pl.Expr:
    return value.cast(pl.Int64, strict=False)
