"""What is made to burn time or memory is refused, or is cheap: every step from bytes to callable is bounded."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from abci_app.rules.bundle import read_bundle
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.tables import Table, read_table, write_table
from abci_app.rules.tree import (
    HELPER_RESULT,
    Arithmetic,
    Branch,
    Call,
    Comparison,
    Declared,
    EnumForm,
    Expression,
    ForRange,
    ForRow,
    Function,
    FunctionRole,
    If,
    Integer,
    Kind,
    Let,
    Operator,
    Program,
    Relation,
    Return,
    Statement,
    Symbol,
    TableForm,
    Truth,
    Variable,
    read_program,
    write_program,
)
from settle.rules.parse import check_text
from settle.rules.source import RuleTextError
from tests.rules.programs import function, text

SECONDS = 2.0
MEGABYTES = 64
X = Variable("x")
DONE = Return((Integer(1),))
S = Let("s", Arithmetic(Operator.ADD, Variable("s"), X))


def measured(run: Callable[[], object]) -> RuleCode | None:
    """The code that the work was refused with, None where it was done; fails above the bounds."""
    tracemalloc.start()
    started = time.process_time()
    try:
        run()
    except RuleRefused as refused:
        code = refused.code
    else:
        return None
    finally:
        seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < SECONDS * 5, f"{seconds} s"  # tracing makes everything several times slower
        assert peak < MEGABYTES * 2**20, f"{peak} bytes"
    return code


def load(program: Program) -> object:
    found = read_program(write_program(program))
    check_program(found)
    tables = {form.name: Table(form.name, ()) for form in found.tables}
    return compile_program(found, tables, "bomb")


def doubling(helpers: int) -> Program:
    """Each helper calls the one before twice: 2^n calls from n lines."""
    x, result = Declared("x", Kind.INTEGER, 0, 9, ""), Declared(HELPER_RESULT, Kind.INTEGER, 0, 9, "")
    made = []
    for at in range(helpers):
        call = Call(f"g{at - 1}", (Call("min", (X, Integer(9))),)) if at else X
        body = (Let("y", call), Return((Call("min", (call, Integer(9))),)))
        made.append(Function(f"g{at}", FunctionRole.HELPER, (), (x,), (result,), body))
    entry = Function("f", FunctionRole.ENTRY_POINT, (), (x,), (result,), (Return((Call(f"g{helpers - 1}", (X,)),)),))
    return Program(1, (), (), (), (*made, entry))


def squares(times: int) -> Program:
    return function(Let("z", X), *[Let("z", Arithmetic(Operator.MULTIPLY, Variable("z"), Variable("z")))] * times, DONE)


def names_and_tests(names: int, tests: int, rounds: int) -> Program:
    """Each test copies what is known of all names, in each round in which the sum still grows."""
    lets = [Let(f"v{at}", Integer(1)) for at in range(names)]
    ifs = [If((Branch(Truth(value=True), (Let("t", X),)),), ())] * tests
    return function(*lets, Let("s", Integer(0)), ForRange("i", 0, rounds, (S, *ifs)), DONE)


def loops(depth: int, rounds: int) -> Program:
    body: tuple[Statement, ...] = (S,)
    for at in range(depth):
        body = (ForRange(f"i{at}", 0, rounds, body),)
    return function(Let("s", Integer(0)), *body, DONE)


def sums(terms: int, depth: int) -> Program:
    """Wide and deep sums: as many parts as a tree may have."""
    node: Expression = X
    for _ in range(depth):
        node = Arithmetic(Operator.ADD, Integer(0), node)
    return function(*[Let("z", node)] * terms, DONE)


def tables_of(count: int, rows: int) -> Program:
    column = Declared("k", Kind.INTEGER, 0, 9, "")
    forms = tuple(TableForm(f"T{at}", rows, 1, (column,)) for at in range(count))
    walk = [ForRow(f"r{at}", form.name, (Let("z", Integer(1)),)) for at, form in enumerate(forms)]
    return Program(1, (), (), forms, function(*walk, DONE).functions)


def cases(rows: int) -> Program:
    columns = tuple(Declared(f"c{at}", Kind.INTEGER, 0, 9, "") for at in range(15))
    call = Call("first_match", (Symbol("T"), *[X] * 7))
    body = function(Let("z", call), DONE).functions
    return Program(1, (), (), (TableForm("T", rows, 1, columns),), body)


BOMBS = {
    "helpers that double": (doubling(15), RuleCode.TOO_COSTLY),
    "helpers above their number": (doubling(16), RuleCode.TOO_LARGE),
    "squares beyond 64 bits": (squares(7), RuleCode.LEAVES_64_BITS),
    "a thousand squares": (squares(1_000), RuleCode.LEAVES_64_BITS),
    "names times tests times rounds": (names_and_tests(1_500, 600, 25), RuleCode.TOO_COSTLY),
    "names times tests": (names_and_tests(2_000, 700, 1), RuleCode.TOO_LARGE),
    "four loops of forty": (loops(4, 40), RuleCode.TOO_COSTLY),
    "five loops": (loops(5, 2), RuleCode.TOO_COSTLY),
    "a loop of 2^62": (loops(1, 2**62), RuleCode.TOO_COSTLY),
    "sums in width": (sums(3_000, 6), RuleCode.TOO_LARGE),
    "sums in depth": (sums(1, 70), RuleCode.TOO_LARGE),
    "seventeen tables": (tables_of(17, 1), RuleCode.TOO_LARGE),
    "tables of 65,535 rows": (tables_of(1, 65_535), RuleCode.TOO_LARGE),
    "walks over all rows": (tables_of(16, 10_000), RuleCode.TOO_COSTLY),
    "decision tables in width": (cases(10_000), RuleCode.TOO_COSTLY),
    "many functions": (Program(1, (), (), (), function(DONE).functions * 17), RuleCode.TOO_LARGE),
    "a note of many lines": (Program(1, ("a",) * 5_000, (), (), function(DONE).functions), RuleCode.TOO_LARGE),
    "enums of many members": (
        Program(1, (), (EnumForm("E", tuple(f"M{n}" for n in range(9_000))),), (), function(DONE).functions),
        RuleCode.TOO_LARGE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "code"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_in_bounded_time_and_memory(program: Program, code: RuleCode) -> None:
    assert measured(lambda: load(program)) is code


FITS = {
    "helpers that double": doubling(11),
    "names and tests": names_and_tests(900, 300, 2),
    "loops": loops(4, 8),
    "sums": sums(300, 8),
    "tables": tables_of(16, 500),
    "cases": cases(4_000),
    "a long chain": function(
        If(tuple(Branch(Comparison(Relation.EQUAL, X, Integer(n)), (Let("z", X),)) for n in range(100)), ()), DONE
    ),
}


@pytest.mark.parametrize("program", FITS.values(), ids=FITS.keys())
def test_the_largest_that_is_taken_is_loaded_in_bounded_time_and_memory(program: Program) -> None:
    assert measured(lambda: load(program)) is None


def test_the_largest_table_is_read_in_bounded_time_and_memory() -> None:
    columns = tuple(Declared(f"c{at}", Kind.INTEGER, 0, 99_999, "") for at in range(8))
    form = TableForm("T", 10_000, 1, columns)
    raw = write_table(Table("T", tuple((at, *[at] * 7) for at in range(10_000))))
    assert measured(lambda: read_table(raw, form)) is None
    more = write_table(Table("T", tuple((at, *[at] * 7) for at in range(10_001))))
    assert measured(lambda: read_table(more, form)) is RuleCode.BAD_TABLE


@pytest.mark.parametrize(
    "raw",
    [
        b"\xdd\xff\xff\xff\xff" + b"\x00" * 1_000,  # an array that claims 2^32 - 1 parts
        b"\xdf\xff\xff\xff\xff" + b"\x00" * 1_000,  # a map that does
        b"\xc6\xff\xff\xff\xff",  # bytes that claim 4 GB
        b"\xdb\xff\xff\xff\xff",  # a text that does
        b"\xc9\xff\xff\xff\xff\x01",  # an extension that does
        b"\x91" * 500_000,  # nested half a million deep
        b"\x90" * 500_000,
        b"\xdc\xff\xff" * 160_000,
        b"\x94" + b"\xc0" * 400_000,
    ],
)  # fmt: skip
def test_bytes_that_claim_more_than_they_hold_cost_nothing(raw: bytes) -> None:
    assert measured(lambda: read_program(raw)) in (RuleCode.MALFORMED, RuleCode.TOO_LARGE)
    assert measured(lambda: read_bundle(raw)) in (RuleCode.MALFORMED, RuleCode.TOO_LARGE)


@pytest.mark.parametrize(
    "body",
    [
        "return Outcome(r=" + "(" * 5_000 + "1" + ")" * 5_000 + ")",
        "return Outcome(r=" + "1 + " * 20_000 + "1)",
        "return Outcome(r=" + "9" * 100_000 + ")",
        "return Outcome(r=10 ** 10 ** 10 ** 10)",
        "return Outcome(r=" + "x * " * 40 + "x)",
        "if b" + " and b" * 15_000 + ":\n    reject('A')\nreturn Outcome(r=1)",
        "\n".join("    " * at + "if b:" for at in range(99)) + "\n" + "    " * 99 + "reject('A')\nreturn Outcome(r=1)",
        "y = 'a' * 10 ** 9\nreturn Outcome(r=1)",
        "y = [0] * 2 ** 40\nreturn Outcome(r=1)",
        "y = " + "[" * 150 + "]" * 150 + "\nreturn Outcome(r=1)",
        "f" * 100_000 + " = 1\nreturn Outcome(r=1)",
    ],
)
def test_text_that_is_a_bomb_is_refused_by_the_author_s_tool(body: str) -> None:
    started = time.process_time()
    with pytest.raises(RuleTextError):
        check_text(text(body))
    assert time.process_time() - started < SECONDS
