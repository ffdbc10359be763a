"""Names that a rule may use, and the words that it may not."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

# `\Z` and not `$`: `$` also matches before a final line feed.
Name: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,30}\Z")]
"""A function, parameter, result, variable or column."""
CapsName: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{0,30}\Z")]
"""A table, a rounding, or the code of a rejection."""
Unit: TypeAlias = Annotated[str, Meta(pattern=r"^(?:[A-Za-z][A-Za-z0-9_]{0,15})?\Z")]
"""A unit: one of MEASURES, the name of an enum, or empty for a plain number."""
NoteLine: TypeAlias = Annotated[str, Meta(max_length=100, pattern=r"^[!#-\[\]-~](?:[ !#-\[\]-~]*[!#-\[\]-~])?\Z")]
"""One line for readers: printable ASCII without quotation mark and backslash, no space at the ends."""
DigitString: TypeAlias = Annotated[str, Meta(max_length=20, pattern=r"^[0-9]{0,20}\Z")]
"""A telephone number or a part of one."""

# Written out, not taken from `keyword`: the list must not change with the Python that runs us.
_KEYWORDS = frozenset((
    "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "type", "while", "with", "yield",
))  # fmt: skip
LOOKUPS = frozenset(("band_at", "first_match", "lookup", "prefix_lookup", "tier_of"))
"""Intrinsics that give a row of the table that their first argument names, or None."""
INTRINSICS = LOOKUPS | {"abs", "clamp", "local_time", "max", "min", "mul_div", "round_up_to"}
# Of later versions of the language: kept free so that a rule accepted today stays accepted.
_RESERVED = frozenset((
    "all_of", "any_of", "bool", "count_of", "digits", "false", "int", "none", "range", "reject", "self", "str",
    "sum_of", "true", "tuple", "unit_of",
))  # fmt: skip
FORBIDDEN = _KEYWORDS | INTRINSICS | _RESERVED
ROUNDINGS = frozenset(("FLOOR", "CEIL", "TRUNC", "HALF_UP", "HALF_EVEN"))
CURRENCIES = frozenset(("BRL", "CHF", "CNY", "EUR", "GBP", "HKD", "JPY", "KRW", "MOP", "SGD", "TWD", "USD"))
"""The currencies that the chain serves (kernel.money), by their ISO 4217 letters."""
MEASURES = CURRENCIES | {"Bps", "Bytes", "Milliseconds", "Seconds", "Timestamp"}
"""The units of integers: money, basis points, sizes, lengths of time, and instants in seconds since 1970 UTC."""
COLUMN_FORBIDDEN = frozenset(("rows", "key"))
"""Words of a table's declaration; no column may carry them."""
