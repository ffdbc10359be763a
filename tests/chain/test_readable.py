"""What a counterparty wrote is shown, and does nothing else."""

from __future__ import annotations

import pytest

from settle.chain.readable import readable


@pytest.mark.parametrize("text", ["RF18 5390 0754 7034", "月结 2026-01", "two\nlines", "café", ""])
def test_text_is_shown_as_it_is(text: str) -> None:
    assert readable(text.encode()) == text


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b[1A\x1b[2K100.00",  # a terminal would go up a line and clear it
        b"INV-1\rINV-2",
        b"1000\x08\x08",
        "abc\u202e001".encode(),  # right-to-left override
        b"\xff\xfe",
    ],
)
def test_bytes_that_could_play_with_a_terminal_are_shown_as_hex(raw: bytes) -> None:
    assert readable(raw) == raw.hex()
