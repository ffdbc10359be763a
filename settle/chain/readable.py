"""Bytes that others chose, for a person's eyes."""

from __future__ import annotations


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
