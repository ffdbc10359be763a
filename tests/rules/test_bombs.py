"""What is made to burn time or memory is refused, or is cheap: every step from bytes to callable is bounded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from abci_app.rules.bundle import Vector, write_bundle
from abci_app.rules.codes import RuleCode
from abci_app.rules.lookups import bind_lookups
from abci_app.rules.tables import Table
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
    write_program,
)
from tests.rules.confined import Confined
from tests.rules.programs import bundle, function, text

SECONDS = 2.0
MEGABYTES = 32
X = Variable("x")
DONE = Return((Integer(1),))
S = Let("s", Arithmetic(Operator.ADD, Variable("s"), X))


@pytest.fixture(scope="module")
def confined() -> Iterator[Confined]:
    made = Confined()
    yield made
    made.close()


def code_of(confined: Confined, kind: str, raw: bytes) -> str:
    """What it was refused with, empty where it was taken; fails above the bounds."""
    measured = confined.run(kind, raw)
    assert measured.seconds < SECONDS, measured
    assert measured.bytes < MEGABYTES * 2**20, measured
    return measured.code


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


def calls_in_calls(depth: int, rounds: int) -> Program:
    """Calls with 32 arguments, one of them such a call again, in a loop that is walked round by round."""
    zero = Integer(0)
    parameters = tuple(Declared(f"p{at}", Kind.INTEGER, 0, 1_000, "") for at in range(32))
    result = Declared(HELPER_RESULT, Kind.INTEGER, 0, 9, "")
    helper = Function("g", FunctionRole.HELPER, (), parameters, (result,), (Return((zero,)),))
    call: Expression = X
    for _ in range(depth):
        call = Call("g", (call, *[zero] * 31))
    walked = ForRange("i", 0, rounds, (S, Let("z", call)))
    return Program(1, (), (), (), (helper, *function(Let("s", zero), walked, DONE).functions))


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
    "names times rounds": (names_and_tests(3_000, 0, 16_000), RuleCode.TOO_COSTLY),
    "names times rounds of loops": (names_and_tests(2_800, 2, 2_000), RuleCode.TOO_COSTLY),
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
}


@pytest.mark.parametrize(("program", "code"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_in_bounded_time_and_memory(confined: Confined, program: Program, code: RuleCode) -> None:
    assert code_of(confined, "tree", write_program(program)) == code.name


FITS = {
    "helpers that double": doubling(11),
    "names and tests": names_and_tests(900, 300, 2),
    "names and rounds": names_and_tests(1_000, 0, 1_000),
    "rounds": names_and_tests(0, 0, 16_000),
    "calls of many arguments in each other": calls_in_calls(25, 90),
    "loops": loops(4, 8),
    "sums": sums(300, 8),
    "names": names_and_tests(3_000, 0, 1),
    "tables": tables_of(16, 500),
    "cases": cases(4_000),
    "a long chain": function(
        If(tuple(Branch(Comparison(Relation.EQUAL, X, Integer(n)), (Let("z", X),)) for n in range(100)), ()), DONE
    ),
}


@pytest.mark.parametrize("program", FITS.values(), ids=FITS.keys())
def test_the_largest_that_is_taken_is_loaded_in_bounded_time_and_memory(confined: Confined, program: Program) -> None:
    assert code_of(confined, "tree", write_program(program)) == ""


JUDGE = Function(
    "judge_line",
    FunctionRole.ENTRY_POINT,
    (),
    (Declared("creditor", Kind.INTEGER, 0, 9, ""), Declared("debtor", Kind.INTEGER, 0, 9, "")),
    (Declared("verdict", Kind.INTEGER, 0, 9, ""), Declared("settled", Kind.INTEGER, 0, 9, "")),
    (Return((Integer(1), Integer(2))),),
)
VECTOR = Vector("judge_line", b"", (0, 0), (1, 2), "")


def judging(*body: Statement, tables: tuple[Table, ...] = (), vectors: int = 1) -> bytes:
    """A bundle whose entry point does this before it returns; every table has integers only, one of them the key."""
    forms = []
    for one in tables:
        columns = tuple(Declared(f"c{at}", Kind.INTEGER, 0, 2**40, "") for at in range(len(one.rows[0])))
        forms.append(TableForm(one.name, 10_000, 1, columns))
    judge = msgspec.structs.replace(JUDGE, body=(*body, *JUDGE.body))
    program = Program(1, (), (), tuple(forms), (judge,))
    return write_bundle(bundle(program, (VECTOR,) * vectors, tables))


def wide(rows: int) -> Table:
    return Table("T", tuple((at, *[at] * 7) for at in range(rows)))


def walk(name: str, call: Call, rounds: int) -> ForRange:
    return ForRange(name, 0, rounds, (Let("z", call),))


BUNDLES = {
    "the largest tables": (judging(tables=tuple(Table(f"T{n}", wide(10_000).rows) for n in range(2))), ""),
    "as many rows as fit": (
        judging(tables=tuple(Table(f"T{n}", tuple((at,) for at in range(10_000))) for n in range(12))),
        "",
    ),
    "a row too many": (judging(tables=(wide(10_001),)), "BAD_TABLE"),
    "the dearest vectors": (
        judging(
            walk("i", Call("mul_div", (Variable("i"), Integer(2**40), Integer(7), Symbol("CEIL"))), 140), vectors=6_700
        ),
        "",
    ),
    "vectors above their cost": (
        judging(ForRange("i", 0, 900, (Let("z", Variable("i")),)), vectors=9_000),
        "TOO_COSTLY",
    ),
    "searches of the largest table": (
        judging(walk("i", Call("lookup", (Symbol("T"), Variable("i"))), 270), tables=(wide(10_000),), vectors=6_700),
        "",
    ),
}


@pytest.mark.parametrize(("raw", "code"), BUNDLES.values(), ids=BUNDLES.keys())
def test_a_bundle_of_any_content_is_loaded_or_refused_in_bounded_time_and_memory(
    confined: Confined, raw: bytes, code: str
) -> None:
    assert code_of(confined, "bundle", raw) == code


CLAIMS = {
    "an array of 2^32": b"\xdd\xff\xff\xff\xff" + b"\x00" * 1_000,
    "a map of 2^32": b"\xdf\xff\xff\xff\xff" + b"\x00" * 1_000,
    "bytes of 4 GB": b"\xc6\xff\xff\xff\xff",
    "a text of 4 GB": b"\xdb\xff\xff\xff\xff",
    "an extension of 4 GB": b"\xc9\xff\xff\xff\xff\x01",
    "half a million arrays in each other": b"\x91" * 500_000,
    "half a million empty arrays": b"\x90" * 500_000,
    "arrays cut short": b"\xdc\xff\xff" * 160_000,
    "half a million nothings": b"\x94" + b"\xc0" * 400_000,
}


@pytest.mark.parametrize("kind", ["tree", "bundle"])
@pytest.mark.parametrize("raw", CLAIMS.values(), ids=CLAIMS.keys())
def test_bytes_that_claim_more_than_they_hold_cost_nothing(confined: Confined, kind: str, raw: bytes) -> None:
    assert code_of(confined, kind, raw) in ("MALFORMED", "TOO_LARGE")


TEXTS = {
    "parentheses": "return Outcome(r=" + "(" * 5_000 + "1" + ")" * 5_000 + ")",
    "a sum of 20,000": "return Outcome(r=" + "1 + " * 20_000 + "1)",
    "a number of 100,000 digits": "return Outcome(r=" + "9" * 100_000 + ")",
    "a hexadecimal number of 100,000 digits": "return Outcome(r=0x" + "f" * 100_000 + ")",
    "a tower of powers": "return Outcome(r=10 ** 10 ** 10 ** 10)",
    "a product of 40": "return Outcome(r=" + "x * " * 40 + "x)",
    "15,000 conditions": "if b" + " and b" * 15_000 + ":\n    reject('A')\nreturn Outcome(r=1)",
    "tests in each other": "\n".join("    " * at + "if b:" for at in range(99)) + "\n" + "    " * 99 + "reject('A')",
    "a string of 10^9": "y = 'a' * 10 ** 9\nreturn Outcome(r=1)",
    "a list of 2^40": "y = [0] * 2 ** 40\nreturn Outcome(r=1)",
    "a list that doubles": "y = [0]\nfor i in range(60):\n    y = y + y\nreturn Outcome(r=1)",
    "a number squared 26 times": "y = 7\nfor i in range(26):\n    y = y * y\nreturn Outcome(r=1)",
    "lists in each other": "y = " + "[" * 150 + "]" * 150 + "\nreturn Outcome(r=1)",
    "a name of 100,000 letters": "f" * 100_000 + " = 1\nreturn Outcome(r=1)",
    "comprehensions in each other": "y = " + "[" * 7 + "i" + " for i in range(99)]" * 7 + "\nreturn Outcome(r=1)",
}


@pytest.mark.parametrize("body", TEXTS.values(), ids=TEXTS.keys())
def test_text_that_is_a_bomb_is_refused_by_the_author_s_tool(confined: Confined, body: str) -> None:
    assert code_of(confined, "text", text(body).encode()) == "TEXT"


def colliding(rows: int, slots: int) -> Table:
    """Keys that make CPython's dict walk: a run of slots is full, and the last keys enter it in all their probes.

    Source: CPython 3.11, Objects/dictobject.c, `lookdict_index` (i = i * 5 + perturb + 1; perturb >>= 5).
    """
    order, at = [], 0
    for _ in range(slots):
        order.append(at)
        at = (5 * at + 1) % slots
    keys = order[: rows * 9 // 10]
    full = set(keys)
    key = slots
    while len(keys) < rows:
        key += 1
        at, perturb, probes = key % slots, key, 0
        while at in full:
            perturb >>= 5
            at, probes = (5 * at + perturb + 1) % slots, probes + 1
        if probes > rows // 3:
            keys.append(key)
            full.add(at)
    return Table("T", tuple((one, 1) for one in sorted(keys)))


def test_keys_chosen_to_collide_cost_no_more_than_others() -> None:
    """Else a table of 10,000 chosen numbers would make a look-up 200 times dearer than its cost says."""
    table = colliding(10_000, 2**14)
    form = TableForm("T", 10_000, 1, (Declared("k", Kind.INTEGER, 0, 2**40, ""), Declared("v", Kind.INTEGER, 0, 9, "")))
    bad = [row[0] for row in table.rows[-900:]]
    spent = []
    for rows in (table, Table("T", tuple((at * 7, 1) for at in range(10_000)))):
        find: Any = bind_lookups(form, rows)["_lookup_T"]
        started = time.process_time()
        for _ in range(20):
            assert len([find(key) for key in bad]) == len(bad)
        spent.append(time.process_time() - started)
    assert spent[0] < 10 * spent[1], spent
