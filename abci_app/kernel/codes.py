"""Refusals: a number that keeps its meaning for ever, and the two values a person needs."""

from __future__ import annotations

from enum import IntEnum
from typing import NoReturn


class Rejected(Exception):
    """A message that the rules refuse. Part of normal operation; never a fault of the node."""

    def __init__(self, code: IntEnum, expected: object, actual: object) -> None:
        super().__init__(f"{code.name}: expected {expected}, got {actual}")
        self.code = code
        self.expected = expected
        self.actual = actual


def reject(code: IntEnum, *, expected: object, actual: object) -> NoReturn:
    """Refuse the message. Raises `Rejected`, always."""
    raise Rejected(code, expected, actual)
