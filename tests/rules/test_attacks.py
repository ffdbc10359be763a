"""Every attack that plugins' research lists for this stage is refused: as text, and as bytes that no text gives."""

from __future__ import annotations

import time

import msgspec
import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.tree import (
    AllOf,
    Arithmetic,
    Branch,
    Call,
    Comparison,
    Expression,
    Field,
    ForRange,
    If,
    Integer,
    Let,
    Not,
    Operator,
    Program,
    Reject,
    Relation,
    Return,
    Statement,
    Truth,
    Variable,
    read_program,
    write_program,
)
from settle.rules.parse import check_text, parse_rule
from settle.rules.source import RuleTextError
from tests.rules.programs import compiled, function, text

# ------------------------------------------------------------------------------------------------------ by text

NOT_THE_LANGUAGE = {
    "import": "import os\nreturn Outcome(r=1)",
    "import from": "from os import system\nreturn Outcome(r=1)",
    "dunder import": "__import__('os')\nreturn Outcome(r=1)",
    "dunder name": "__class__ = 1\nreturn Outcome(r=1)",
    "dunder attribute": "y = x.__class__\nreturn Outcome(r=1)",
    "chained attribute": "y = x.a.b\nreturn Outcome(r=1)",
    "underscored name": "_rows_T = 1\nreturn Outcome(r=1)",
    "while": "while True:\n    x = 1\nreturn Outcome(r=1)",
    "try": "try:\n    x = 1\nexcept ValueError:\n    x = 2\nreturn Outcome(r=1)",
    "class": "class A:\n    pass\nreturn Outcome(r=1)",
    "nested function": "def g():\n    return 1\nreturn Outcome(r=1)",
    "lambda": "y = lambda: 1\nreturn Outcome(r=1)",
    "list": "y = [0] * 268435456\nreturn Outcome(r=1)",
    "dict": "y = {1: 2}\nreturn Outcome(r=1)",
    "set order": "y = {1, 2}\nreturn Outcome(r=1)",
    "tuple": "y = (1, 2)\nreturn Outcome(r=1)",
    "comprehension": "y = [i for i in T]\nreturn Outcome(r=1)",
    "generator": "yield 1",
    "float": "return Outcome(r=1.5)",
    "complex": "return Outcome(r=1j)",
    "true division": "return Outcome(r=x / 2)",
    "power": "return Outcome(r=10 ** (10 ** 7))",
    "left shift": "return Outcome(r=1 << 100)",
    "bit tricks": "return Outcome(r=~x)",
    "string arithmetic": "y = d + '1'\nreturn Outcome(r=1)",
    "f-string": "y = f'{x}'\nreturn Outcome(r=1)",
    "bytes": "y = b'1'\nreturn Outcome(r=1)",
    "subscript": "y = d[0]\nreturn Outcome(r=1)",
    "slice": "y = d[0:2]\nreturn Outcome(r=1)",
    "starred": "y = min(*x)\nreturn Outcome(r=1)",
    "keyword argument": "y = min(x, key=x)\nreturn Outcome(r=1)",
    "walrus": "if (y := x) > 1:\n    reject('A')\nreturn Outcome(r=1)",
    "conditional expression": "y = 1 if b else 2\nreturn Outcome(r=1)",
    "chained comparison": "if 0 < x < 5:\n    reject('A')\nreturn Outcome(r=1)",
    "two targets": "y = z = 1\nreturn Outcome(r=1)",
    "unpacking": "y, z = 1, 2\nreturn Outcome(r=1)",
    "augmented assignment": "x += 1\nreturn Outcome(r=1)",
    "annotation": "y: int = 1\nreturn Outcome(r=1)",
    "delete": "del x\nreturn Outcome(r=1)",
    "global": "global x\nreturn Outcome(r=1)",
    "assert": "assert x\nreturn Outcome(r=1)",
    "raise": "raise ValueError",
    "with": "with x:\n    y = 1\nreturn Outcome(r=1)",
    "match": "match x:\n    case 1:\n        reject('A')\nreturn Outcome(r=1)",
    "await": "await x",
    "break": "for row in T:\n    break\nreturn Outcome(r=1)",
    "loop with else": "for row in T:\n    y = 1\nelse:\n    y = 2\nreturn Outcome(r=1)",
    "loop over a variable": "for i in range(x):\n    y = 1\nreturn Outcome(r=1)",
    "loop with step": "for i in range(0, 9, 2):\n    y = 1\nreturn Outcome(r=1)",
    "bare return": "return",
    "return of a number": "return 1",
    "results in another order": "return Outcome(q=1)",
    "rejection with an expression": "reject(d)",
    "rejection of small letters": "reject('no')",
    "statement string in the middle": "y = 1\n'text'\nreturn Outcome(r=1)",
    "negative of an expression": "return Outcome(r=-x)",
    "huge integer": f"return Outcome(r={10**30})",
    "one above 64 bits": f"return Outcome(r={2**63})",
    "capitals as a variable": "X = 1\nreturn Outcome(r=1)",
    "long name": f"{'a' * 32} = 1\nreturn Outcome(r=1)",
    "print": "print(x)\nreturn Outcome(r=1)",
}


@pytest.mark.parametrize("body", NOT_THE_LANGUAGE.values(), ids=NOT_THE_LANGUAGE.keys())
def test_what_is_not_the_language_is_refused_with_its_place(body: str) -> None:
    with pytest.raises(RuleTextError) as refused:
        parse_rule(text(body))
    assert refused.value.line > 0
    assert refused.value.column > 0


@pytest.mark.parametrize(
    "whole",
    [
        "",
        "x = 1\n",
        "import os\n",
        "from os import *\n",
        text("return Outcome(r=1)").replace("from abci_app.rules.stub import *", "from os import *"),
        text("return Outcome(r=1)") + "\nprint(1)\n",
        text("return Outcome(r=1)") + "\nX = 1\n",
        text("return Outcome(r=1)") + "\nasync def g() -> None:\n    pass\n",
        text("return Outcome(r=1)").replace("def f", "@property\ndef f"),
        text("return Outcome(r=1)").replace("b: bool", "b: bool = True"),
        text("return Outcome(r=1)").replace("b: bool", "*b: bool"),
        text("return Outcome(r=1)").replace("b: bool", "b"),
        text("return Outcome(r=1)").replace("b: bool", "b: object"),
        text("return Outcome(r=1)").replace("rows=8", "rows=x"),
        text("return Outcome(r=1)").replace("x:", "\u0445:"),  # a Cyrillic letter that looks like x
        text("return Outcome(r=1)").replace("9", "\u0669"),  # an Arabic-Indic digit
        "\0",
        text("y = " + "(" * 300 + "1" + ")" * 300),
        text("y = " + "-" * 5_000 + "1"),
        text("y = " + "not " * 3_000 + "b"),
        text("y = 1" + " + 1" * 30_000),
        "from abci_app.rules.stub import *\n" + "x" * 200_000,
    ],
)  # fmt: skip
def test_files_that_are_no_rule_are_refused(whole: str) -> None:
    with pytest.raises(RuleTextError):
        check_text(whole)


MEANS_NOTHING = {
    "addition overflows": ("return Outcome(r=big + big + big)", RuleCode.LEAVES_64_BITS),
    "product overflows": ("return Outcome(r=big * 4)", RuleCode.LEAVES_64_BITS),
    "difference overflows": ("return Outcome(r=0 - big - big - big)", RuleCode.LEAVES_64_BITS),
    "mul_div overflows": ("return Outcome(r=mul_div(big, 5, 1, FLOOR))", RuleCode.LEAVES_64_BITS),
    "abs overflows": (f"return Outcome(r=abs({-(2**63)}))", RuleCode.LEAVES_64_BITS),
    "the least over minus one": ("return Outcome(r=x // -1)", RuleCode.DIVISOR_NOT_POSITIVE),
    "sum in a loop overflows": (
        "s = 1\nfor i in range(70):\n    s = s * 2\nreturn Outcome(r=0)",
        RuleCode.LEAVES_64_BITS,
    ),
    "division by zero": ("return Outcome(r=1 // x)", RuleCode.DIVISOR_NOT_POSITIVE),
    "remainder by zero": ("return Outcome(r=1 % y)", RuleCode.DIVISOR_NOT_POSITIVE),
    "mul_div by zero": ("return Outcome(r=mul_div(1, 1, x, FLOOR))", RuleCode.DIVISOR_NOT_POSITIVE),
    "increment of zero": ("return Outcome(r=round_up_to(x, 1, 0))", RuleCode.DIVISOR_NOT_POSITIVE),
    "negative duration": ("return Outcome(r=round_up_to(y, 1, 1))", RuleCode.WRONG_ARGUMENTS),
    "undefined": ("return Outcome(r=z)", RuleCode.UNDEFINED),
    "undefined on one path": ("if b:\n    z = 1\nreturn Outcome(r=z)", RuleCode.UNDEFINED),
    "undefined where a table is empty": ("for row in T:\n    z = 1\nreturn Outcome(r=z)", RuleCode.UNDEFINED),
    "a loop's name after it": ("for i in range(3):\n    z = 1\nreturn Outcome(r=i)", RuleCode.UNDEFINED),
    "of two kinds": ("if b:\n    z = 1\nelse:\n    z = b\nreturn Outcome(r=z)", RuleCode.WRONG_TYPE),
    "missing return": ("z = 1", RuleCode.MAY_NOT_RETURN),
    "missing return on one path": ("if b:\n    return Outcome(r=1)", RuleCode.MAY_NOT_RETURN),
    "return only in a loop": ("for row in T:\n    return Outcome(r=1)", RuleCode.MAY_NOT_RETURN),
    "code after return": ("return Outcome(r=1)\nz = 1", RuleCode.UNREACHABLE),
    "None not handled": ("row = lookup(T, 1)\nreturn Outcome(r=row.v)", RuleCode.MAY_BE_NONE),
    "None on one path": (
        "row = lookup(T, 1)\nif row is None and b:\n    reject('A')\nreturn Outcome(r=row.v)",
        RuleCode.MAY_BE_NONE,
    ),
    "None where or is used": (
        "row = lookup(T, 1)\nif row is not None or b:\n    return Outcome(r=row.v)\nreject('A')",
        RuleCode.MAY_BE_NONE,
    ),
    "unknown column": ("for row in T:\n    z = row.q\nreturn Outcome(r=1)", RuleCode.NO_SUCH_COLUMN),
    "unknown table": ("for row in Q:\n    z = 1\nreturn Outcome(r=1)", RuleCode.NO_SUCH_TABLE),
    "field of a number": ("return Outcome(r=x.v)", RuleCode.WRONG_TYPE),
    "row as a number": ("for row in T:\n    z = row + 1\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "row under a second name": ("row = lookup(T, 1)\nz = row\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "one name for rows of two tables": (
        "row = lookup(T, 1)\nrow = prefix_lookup(P, d)\nreturn Outcome(r=1)",
        RuleCode.WRONG_TYPE,
    ),
    "digits as a number": ("return Outcome(r=d + 1)", RuleCode.WRONG_TYPE),
    "condition as a number": ("return Outcome(r=b + 1)", RuleCode.WRONG_TYPE),
    "number as a condition": ("if x:\n    reject('A')\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "digits compared": ("if d == d:\n    reject('A')\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "conditions compared": ("if b == b:\n    reject('A')\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "result of the wrong kind": ("return Outcome(r=b)", RuleCode.WRONG_RESULT),
    "result out of range": ("return Outcome(r=x * 1_001)", RuleCode.RESULT_OUT_OF_RANGE),
    "table as a value": ("z = T\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "unknown function": ("return Outcome(r=pow(2, 3))", RuleCode.NO_SUCH_FUNCTION),
    "eval": ("return Outcome(r=eval(x))", RuleCode.NO_SUCH_FUNCTION),
    "hash": ("return Outcome(r=hash(x))", RuleCode.NO_SUCH_FUNCTION),
    "getattr": ("return Outcome(r=getattr(x, x))", RuleCode.NO_SUCH_FUNCTION),
    "recursion": ("return Outcome(r=f(x))", RuleCode.NO_SUCH_FUNCTION),
    "calling a table": ("return Outcome(r=lookup(x, 1))", RuleCode.NO_SUCH_TABLE),
    "too few arguments": ("return Outcome(r=min(x))", RuleCode.WRONG_ARGUMENTS),
    "no rounding": ("return Outcome(r=mul_div(x, 1, 3, x))", RuleCode.WRONG_ARGUMENTS),
    "a table as rounding": ("return Outcome(r=mul_div(x, 1, 3, T))", RuleCode.WRONG_ARGUMENTS),
    "key of the wrong kind": ("row = lookup(T, d)\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "key too short": ("row = lookup(T)\nreturn Outcome(r=1)", RuleCode.WRONG_ARGUMENTS),
    "prefix of a number": ("row = prefix_lookup(T, d)\nreturn Outcome(r=1)", RuleCode.WRONG_TYPE),
    "loop's name assigned": ("for i in range(3):\n    i = 0\nreturn Outcome(r=1)", RuleCode.ASSIGNED_LOOP_NAME),
    "loop over a parameter's name": (
        "for x in range(3):\n    z = 0\nreturn Outcome(r=1)",
        RuleCode.ASSIGNED_LOOP_NAME,
    ),
    "backward loop": ("for i in range(3, 3):\n    z = 0\nreturn Outcome(r=1)", RuleCode.BAD_DECLARATION),
    "endless loop": (f"for i in range({2**62}):\n    z = 0\nreturn Outcome(r=1)", RuleCode.TOO_COSTLY),
    "nested loops": (
        "for i in range(999):\n    for j in range(999):\n        z = 0\nreturn Outcome(r=1)",
        RuleCode.TOO_COSTLY,
    ),
    "intrinsic's name": ("mul_div = 1\nreturn Outcome(r=1)", RuleCode.BAD_NAME),
    "reserved name": ("local_time = 1\nreturn Outcome(r=1)", RuleCode.BAD_NAME),
    "double not": ("z = not not b\nreturn Outcome(r=1)", RuleCode.NOT_CANONICAL),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), MEANS_NOTHING.values(), ids=MEANS_NOTHING.keys())
def test_what_cannot_be_proved_is_refused_with_its_code(body: str, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_program(parse_rule(text(body)).program)
    assert refused.value.code is code, refused.value


# ----------------------------------------------------------------------------------------------------- by bytes


def nested(depth: int) -> Expression:
    """`depth` additions inside each other."""
    node: Expression = Integer(1)
    for _ in range(depth):
        node = Arithmetic(Operator.ADD, Integer(0), node)
    return node


def ifs(depth: int, width: int) -> tuple[Statement, ...]:
    """`depth` chains of `width` tests, each in the last branch of the one before."""
    body: tuple[Statement, ...] = (Let("z", Integer(1)),)
    for _ in range(depth):
        last = Branch(Truth(value=True), body)
        body = (If((*[Branch(Truth(value=True), (Let("z", Integer(1)),))] * (width - 1), last), ()),)
    return body


DONE = Return((Integer(1),))


@pytest.mark.parametrize(
    ("program", "code"),
    [
        (function(Let("z", nested(60)), DONE), RuleCode.TOO_LARGE),
        (function(*[Let("z", Integer(1))] * 7_000, DONE), RuleCode.TOO_LARGE),
        (function(*ifs(1, 101), DONE), RuleCode.TOO_LARGE),
        (function(*ifs(6, 20), DONE), RuleCode.TOO_LARGE),
        (function(Let("while", Integer(1)), DONE), RuleCode.BAD_NAME),
        (function(Let("match", Integer(1)), DONE), RuleCode.BAD_NAME),
        (function(Let("__class__", Integer(1)), DONE), RuleCode.MALFORMED),
        (function(Let("z\n", Integer(1)), DONE), RuleCode.MALFORMED),
        (function(Let("z = 1; import os", Integer(1)), DONE), RuleCode.MALFORMED),
        (function(Let("z", Variable("__builtins__")), DONE), RuleCode.MALFORMED),
        (function(Let("z", Field("x", "__class__")), DONE), RuleCode.MALFORMED),
        (function(Let("z", Call("__import__", ())), DONE), RuleCode.MALFORMED),
        (function(Reject('A"); import os; ("')), RuleCode.MALFORMED),
        (function(Let("z", Integer(2**63)), DONE), RuleCode.MALFORMED),
        (function(Let("z", Integer(2**64)), DONE), RuleCode.MALFORMED),
        (function(Let("z", AllOf((Truth(value=True),))), DONE), RuleCode.NOT_CANONICAL),
        (function(Let("z", Not(Not(Truth(value=True)))), DONE), RuleCode.NOT_CANONICAL),
        (function(If((), ()), DONE), RuleCode.NOT_CANONICAL),
        (function(If((Branch(Truth(value=True), ()),), ()), DONE), RuleCode.NOT_CANONICAL),
        (function(If((Branch(Truth(value=True), (DONE,)),), ifs(1, 1)), DONE), RuleCode.NOT_CANONICAL),
        (function(ForRange("i", 0, 3, ()), DONE), RuleCode.NOT_CANONICAL),
        (function(ForRange("i", -(2**63), 2**63 - 1, (Let("z", Integer(1)),)), DONE), RuleCode.TOO_COSTLY),
        (function(Let("z", Comparison(Relation.LESS, Truth(value=True), Integer(1))), DONE), RuleCode.WRONG_TYPE),
        (function(), RuleCode.MAY_NOT_RETURN),
        (function(Return(())), RuleCode.WRONG_RESULT),
        (Program(2, (), (), (), ()), RuleCode.NOT_SUPPORTED),
        (Program(1, (), (), (), ()), RuleCode.BAD_DECLARATION),
        (Program(1, ('""" + print("',), (), (), ()), RuleCode.MALFORMED),
        (Program(1, ("a\\",), (), (), ()), RuleCode.MALFORMED),
    ],
)  # fmt: skip
def test_trees_that_no_text_gives_are_refused_with_their_code(program: Program, code: RuleCode) -> None:
    started = time.process_time()
    with pytest.raises((RuleRefused, OverflowError)) as refused:
        check_program(read_program(write_program(program)))
    if isinstance(refused.value, RuleRefused):  # msgspec itself cannot write 2^64
        assert refused.value.code is code, refused.value
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        b"\x91" * 5_000,
        b"\xdd\xff\xff\xff\xff",  # an array that claims 2^32 - 1 parts
        b"\xc6\xff\xff\xff\xff",  # bytes that claim 4 GB
        b"\x81\x01\x02",
        b"\xcb" + b"\0" * 8,  # a float
        msgspec.msgpack.encode([1, [], [], [], []]) + b"\0",
        write_program(function(DONE)).replace(b"\x95\x01", b"\x95\xcc\x01", 1),  # 1 in two bytes
        write_program(function(DONE)).replace(b"\xa1f", b"\xd9\x01f", 1),  # a long form of a short string
        write_program(function(DONE)).replace(b"\xa1f", b"\xa1\xff", 1),  # not UTF-8
        write_program(function(DONE))[:-1],
        b"\x95\x01\x90\x90\x90\xdc\xff\xff" + b"\x90" * 65_535,
        b"\0" * 200_000,
    ],
)
def test_bytes_that_are_no_tree_are_refused_quickly(raw: bytes) -> None:
    started = time.process_time()
    with pytest.raises(RuleRefused) as refused:
        read_program(raw)
    assert refused.value.code in (RuleCode.MALFORMED, RuleCode.TOO_LARGE)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "program", [function(*ifs(1, 100), DONE), function(*ifs(5, 20), DONE), function(*ifs(12, 8), DONE)]
)
def test_the_widest_accepted_branching_still_compiles(program: Program) -> None:
    check_program(program)
    assert compile_program(program, {}, "wide")["f"](1) == (1,)


def test_the_dearest_accepted_tree_is_checked_in_bounded_time() -> None:
    """A sum over as many rounds as the cost cap allows makes the checker walk every round."""
    body = "s = 0\nfor i in range(9_000):\n    s = s + x\nreturn Outcome(r=clamp(s, 0, 9))"
    started = time.process_time()
    entry = compiled(parse_rule(text(body)).program)
    assert time.process_time() - started < 2
    assert entry(1, 0, 0, "", True) == (9,)


def test_a_rule_reaches_nothing_but_its_own_names() -> None:
    entry = compiled(parse_rule(text("return Outcome(r=x)")).program)
    reachable = entry.__globals__
    assert reachable["__builtins__"] == {}
    intrinsics = {"range", "min", "max", "abs", "clamp", "round_up_to", "mul_div"}
    roundings = {"FLOOR", "CEIL", "TRUNC", "HALF_UP", "HALF_EVEN"}
    assert {name for name in reachable if not name.startswith("_")} == {"f", *intrinsics, *roundings}


def test_a_refusal_shows_the_range_that_may_be_reached() -> None:
    with pytest.raises(RuleTextError) as refused:
        check_text(text("return Outcome(r=x * big)"))
    assert "x * big" in str(refused.value)
    assert "0 to 4_611_686_018_427_387_904_000" in str(refused.value)
    assert "narrow an input's declared range" in str(refused.value)
    assert refused.value.line == text("").count("\n")
