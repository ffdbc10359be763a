"""What a rule file imports, so that editors, type checkers and linters work on it. Never run in consensus.

`from abci_app.rules.stub import *` is the first line of every rule file; the printer writes it.
"""

from __future__ import annotations

from typing import Annotated, Any, NoReturn

from abci_app.kernel.money import Rounding, mul_div
from abci_app.rules.codes import RejectedByRule
from abci_app.rules.intrinsics import clamp, round_up_to

FLOOR, CEIL, TRUNC, HALF_UP, HALF_EVEN = Rounding
Digits = str
"""A telephone number or a part of one: decimal digits, no sign."""


def Table(*, rows: int, key: int, **columns: object) -> Any:  # noqa: N802, ANN401  spelled as the language does
    """Declare a table: at most `rows` rows, sorted and unique by the first `key` columns."""
    return (rows, key, columns)


def Outcome(**results: int) -> Any:  # noqa: N802, ANN401  spelled as the language does
    """The declared results, in order."""
    return tuple(results.values())


def reject(code: str) -> NoReturn:
    """Refuse this record or line, by code."""
    raise RejectedByRule(code)


def lookup(table: Any, *key: int | bool | str) -> Any:  # noqa: ANN401  a row has the columns of its table
    """The row of the table with this key, or None."""
    raise NotImplementedError("a rule's tables are bound by the executor: use `settle rule test`")


def prefix_lookup(table: Any, number: str) -> Any:  # noqa: ANN401  a row has the columns of its table
    """The row whose key is the longest prefix of the number, or None."""
    raise NotImplementedError("a rule's tables are bound by the executor: use `settle rule test`")


__all__ = [
    "CEIL", "FLOOR", "HALF_EVEN", "HALF_UP", "TRUNC", "Annotated", "Digits", "Outcome", "Table", "clamp", "lookup",
    "mul_div", "prefix_lookup", "reject", "round_up_to",
]  # fmt: skip
