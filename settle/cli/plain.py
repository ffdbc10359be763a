"""From the chain's values to JSON and to text: names instead of numbers, hex, UTC times, money with its currency."""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from abci_app.kernel.money import LARGEST, MINOR_DIGITS
from settle.chain.readable import iso, readable

__all__ = ["CURRENCIES", "fields", "iso", "money", "plain", "read_money", "short", "text"]

CURRENCIES = {
    156: "CNY",
    344: "HKD",
    392: "JPY",
    410: "KRW",
    446: "MOP",
    702: "SGD",
    756: "CHF",
    826: "GBP",
    840: "USD",
    901: "TWD",
    978: "EUR",
    986: "BRL",
}
"""ISO 4217 letters by number, of the currencies that the chain serves."""

_MICRO = 1_000_000
_TEXTS = frozenset({"code", "name", "reason", "bank_reference", "change_note", "authors", "note"})
_INSTANTS = frozenset(
    {
        "time", "valid_from", "valid_to", "usage_from", "usage_to", "cut_off", "declare_by", "open_by", "agree_by",
        "pay_by", "due", "deadline", "effective_from", "effective_to", "held_until", "answer_by",
        "owed_from", "owed_to", "claimed_to",
    }
)  # fmt: skip


def money(micro: int, currency: int) -> str:
    """An amount in 10^-6 units as text: "CNY 1,234.50"; more digits only where they are not zero."""
    whole, rest = divmod(abs(micro), _MICRO)
    digits = f"{rest:06d}".rstrip("0").ljust(MINOR_DIGITS.get(currency, 2), "0")
    sign = "-" if micro < 0 else ""
    return f"{CURRENCIES.get(currency, f'{currency:03d}')} {sign}{whole:,}{'.' if digits else ''}{digits}"


_AMOUNT = re.compile(r"(\d{1,13}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d{1,6}))?", re.ASCII)


def read_money(text: str) -> int:
    """An amount as people write it, such as 1234.50 or 1,234.50, in 10^-6 units; never through a float.

    ValueError for anything else, for nothing, and for more than the chain takes.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError("digits with at most six after the point, such as 1234.50")
    micro = int(found[1].replace(",", "")) * _MICRO + int((found[2] or "").ljust(6, "0"))
    if not 0 < micro <= LARGEST:
        raise ValueError(f"an amount above 0 and up to {LARGEST // _MICRO:,}")
    return micro


def text(raw: bytes) -> str:
    """Opaque bytes for people's eyes; hex where they are no UTF-8 or could play with the terminal."""
    return readable(raw)


def short(raw: bytes) -> str:
    """The first eight bytes of a hash or key, enough to tell them apart."""
    return raw.hex()[:16] + ("…" if len(raw) > 8 else "")


def plain(value: object, field: str = "") -> object:
    """A value as JSON can hold it: fields by name, enums by name, bytes as hex or text, instants as ISO 8601."""
    match value:
        case msgspec.Struct():
            return fields(value)
        case Enum():
            return value.name
        case bool() | str() | None:
            return value
        case int():
            return iso(value) if field in _INSTANTS else value
        case bytes():
            return text(value) if field in _TEXTS else value.hex()
        case tuple() | list():
            return [plain(each, field) for each in value]
        case _:
            raise TypeError(f"no plain form of {type(value).__name__}")


def fields(value: msgspec.Struct) -> dict[str, object]:
    """A struct's fields in their plain form, to be merged with others."""
    return {name: plain(getattr(value, name), name) for name in value.__struct_fields__}
