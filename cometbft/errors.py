"""The one error of this package."""

from __future__ import annotations


class NodeError(Exception):
    """The node beneath cannot go on: what was expected, what came, and what a person does next."""

    def __init__(self, *, expected: str, actual: str, next_step: str) -> None:
        super().__init__(f"expected {expected}\n  came: {actual}\n  next: {next_step}")
        self.expected = expected
        self.actual = actual
        self.next_step = next_step
