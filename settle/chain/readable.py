"""What the chain holds, for a person's eyes: bytes that others chose, instants."""

from __future__ import annotations

from datetime import UTC, datetime

LAST_INSTANT = 253_402_300_799
"""9999-12-31T23:59:59Z: later ones mean "for ever"."""


def iso(seconds: int) -> str:
    """An instant, UTC seconds, as ISO 8601 with Z; "for ever" beyond the year 9999."""
    if seconds > LAST_INSTANT:
        return "for ever"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def readable(raw: bytes) -> str:
    """Opaque bytes of the chain as text; hex where they are no UTF-8, or no characters that only show themselves.

    A payer writes the bank reference that a payee reads: a control character could move the terminal's cursor
    over the amount beside it.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.hex()
    return text if text.replace("\n", "").isprintable() else raw.hex()
