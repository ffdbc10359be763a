"""Programs for the tests: short texts, trees that no text gives, and bundles."""

from __future__ import annotations

from abci_app.rules.bundle import Bundle, EntryCost, Manifest, TableDigest, Vector, write_bundle
from abci_app.rules.check import check_program
from abci_app.rules.executor import Entry, compile_program
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Table, table_hash, write_table
from abci_app.rules.tree import (
    Declared,
    Function,
    FunctionRole,
    Kind,
    Program,
    Statement,
    tree_hash,
    write_program,
)
from settle.rules.parse import parse_rule

STUB = "from abci_app.rules.stub import *\n"
TABLE = """
T = Table(
    rows=8,
    key=1,
    k=Annotated[int, 0, 9],
    v=Annotated[int, 1, 100],
)

P = Table(
    rows=8,
    key=1,
    prefix=Annotated[Digits, 1, 8],
    v=Annotated[int, 0, 100],
)
"""
ROWS = {
    "T": Table("T", ((1, 10), (3, 30), (5, 50))),
    "P": Table("P", (("86", 1), ("8613", 2), ("86139", 3))),
}
PARAMETERS = "x: Annotated[int, 0, 1_000], y: Annotated[int, -5, 5], big: Annotated[int, 0, 4_611_686_018_427_387_904]"


def text(body: str, parameters: str = PARAMETERS, results: str = 'Annotated[int, "r", -1_000_000, 1_000_000]') -> str:
    """A rule of one entry point `f` over the tables T and P, `d` digits and `b` a condition."""
    head = f"def f({parameters}, d: Annotated[Digits, 0, 20], b: bool) -> tuple[{results}]:\n"
    return STUB + TABLE + head + "".join(f"    {line}\n" for line in body.split("\n"))


def tree(body: str) -> Program:
    """The tree of such a rule, not yet checked."""
    return parse_rule(text(body)).program


def compiled(program: Program) -> Entry:
    """Its entry point, checked and compiled."""
    check_program(program)
    return compile_program(program, ROWS, "test")["f"]


def function(*body: Statement) -> Program:
    """A tree of one entry point f(x in 0..1000) -> r, for what no text can say."""
    declared = (Declared("x", Kind.INTEGER, 0, 1000, ""),)
    results = (Declared("r", Kind.INTEGER, 0, 1000, ""),)
    one = Function("f", FunctionRole.ENTRY_POINT, (), declared, results, body)
    return Program(1, (), (), (), (one,))


def bundle(
    program: Program, vectors: tuple[Vector, ...], tables: tuple[Table, ...] = (), slot: Slot = Slot.TOLERANCE
) -> Bundle:
    """A bundle whose manifest fits its content."""
    raw, parts = write_program(program), tuple(write_table(table) for table in tables)
    digests = tuple(TableDigest(one.name, table_hash(part)) for one, part in zip(tables, parts, strict=True))
    costs = tuple(EntryCost(entry, cost) for entry, cost in check_program(program).items())
    manifest = Manifest(slot, 1, "test", 1, 1, b"", 0, b"", costs, 0, 1, tree_hash(raw), digests, (), b"")
    return Bundle(manifest, raw, parts, vectors)


def bundle_bytes(*parts: object) -> bytes:
    """The bytes of such a bundle."""
    return write_bundle(bundle(*parts))  # type: ignore[arg-type]  # passed through
