"""What the generator says when it is asked for something it cannot make."""

from __future__ import annotations


class BadSample(ValueError):
    """A value that cannot be used: which one, what was expected, what came, what to do next."""

    def __init__(self, field: str, *, expected: object, came: object, next_step: str) -> None:
        super().__init__(f"{field}: expected {expected}, came {came}. {next_step}")
        self.field = field
        self.expected = expected
        self.came = came
        self.next_step = next_step


class BadPlan(BadSample):
    """A plan that describes no traffic."""


class BadFault(BadSample):
    """A fault that cannot be injected, or that names an operator, trunk or file outside the plan."""


class FolderInUse(BadSample):
    """The target folder already holds something; a sample is never mixed with other files."""


def require_within(kind: type[BadSample], field: str, came: object, low: int, high: int) -> None:
    """An integer of [low, high], and nothing that merely looks like one (a bool, a float)."""
    if not isinstance(came, int) or isinstance(came, bool) or not low <= came <= high:
        raise kind(
            field,
            expected=f"an integer from {low} to {high}",
            came=repr(came),
            next_step=f"Set {field} within these bounds.",
        )
