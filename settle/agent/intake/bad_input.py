"""A file that cannot be taken, told so that a person knows what to do."""

from __future__ import annotations


class BadInput(Exception):
    """Nothing of the file was taken. The command line exits with 5.

    `expected` and `came` are the two values that differ, `next_step` what to do about it; `row` counts data
    rows from 1 where one row is the cause.
    """

    def __init__(self, *, file: str, expected: str, came: str, next_step: str, row: int | None = None) -> None:
        where = file if row is None else f"{file}, row {row}"
        super().__init__(f"{where}: expected {expected}, came {came}. Next: {next_step}.")
        self.file = file
        self.expected = expected
        self.came = came
        self.next_step = next_step
        self.row = row
