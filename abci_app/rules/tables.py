"""Tables: the data beside a rule. Typed, inside their declared ranges, sorted, unique, hashed.

A table travels as bytes: its name and its rows, each row one cell per column of the form that the
tree declares. Loading checks every cell, so a rule can rely on the declared ranges.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

from abci_app.kernel.encoding import I64, Decoder, Malformed, Value, encode
from abci_app.kernel.hashing import Tag, tagged
from abci_app.rules.codes import RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.names import CapsName, DigitString
from abci_app.rules.tree import Declared, Kind, TableForm

Cell: TypeAlias = I64 | bool | DigitString
Cells: TypeAlias = tuple[Cell, ...]


class Table(Value, frozen=True):
    """The rows of a table in key order."""

    name: CapsName
    rows: tuple[Cells, ...]


_DIGITS = frozenset("0123456789")
_read = Decoder[Table](Table, deepest=3)


def read_table(raw: bytes, form: TableForm) -> Table:
    """The table in `raw`, checked against the form that the tree declares. RuleRefused where it does not fit."""
    where = f"table {form.name}"
    try:
        table = _read(raw)
    except Malformed as fault:
        refuse(RuleCode.MALFORMED, where, "a table in canonical bytes", fault)
    if table.name != form.name:
        refuse(RuleCode.BAD_TABLE, where, f"the table {form.name}", table.name)
    if len(table.rows) > form.rows:
        refuse(RuleCode.BAD_TABLE, where, f"at most {form.rows} rows", len(table.rows))
    for at, row in enumerate(table.rows, 1):
        _check_row(row, form, f"{where}, row {at}")
    keys = [row[: form.keys] for row in table.rows]
    # Cells of one column are of one kind, so the keys compare; equal neighbours are duplicates.
    for at, (one, following) in enumerate(pairwise(keys), 2):
        if not one < following:
            refuse(RuleCode.BAD_TABLE, f"{where}, row {at}", f"a key above {one}: sorted, each once", following)
    return table


def write_table(table: Table) -> bytes:
    """The canonical bytes of a table."""
    return encode(table)


def table_hash(raw: bytes) -> bytes:
    """The name of a table: 32 bytes over its canonical bytes."""
    return tagged(Tag.RULE_TABLE, raw)


def fits(cell: Cell, declared: Declared) -> bool:
    """Whether a cell or argument is of the declared kind and inside the declared range."""
    match declared.kind:
        case Kind.INTEGER:
            return type(cell) is int and declared.low <= cell <= declared.high
        case Kind.BOOLEAN:
            return type(cell) is bool
        case Kind.DIGITS:
            return type(cell) is str and declared.low <= len(cell) <= declared.high and _DIGITS.issuperset(cell)


def describe(declared: Declared) -> str:
    """What fits, in words."""
    match declared.kind:
        case Kind.INTEGER:
            return f"an integer from {declared.low:_} to {declared.high:_}"
        case Kind.BOOLEAN:
            return "true or false"
        case Kind.DIGITS:
            return f"{declared.low} to {declared.high} digits"


def _check_row(row: Cells, form: TableForm, where: str) -> None:
    if len(row) != len(form.columns):
        refuse(RuleCode.BAD_TABLE, where, f"{len(form.columns)} cells", len(row))
    for cell, column in zip(row, form.columns, strict=True):
        if not fits(cell, column):
            refuse(RuleCode.BAD_TABLE, f"{where}, column {column.name}", describe(column), repr(cell))
