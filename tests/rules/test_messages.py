"""Every code of a rule is reached, and its refusal says where, what was expected and what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import pytest

from abci_app.application.rules import RuleCache
from abci_app.domain.rulebook.schema import Bundle as StoredBundle
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import load_bundle, write_bundle
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.tables import Table, read_table, write_table
from abci_app.rules.tree import Program, read_program, write_program
from settle.rules.parse import check_text
from settle.rules.source import RuleTextError
from tests.rules.programs import ROWS, text
from tests.rules.test_bundles import GOOD, PROGRAM, VECTOR, changed, with_manifest

DONE = "\nreturn Outcome(r=1)"
LONG = "\n".join(f"{'elif' if at else 'if'} x == {at}:\n    z = 1" for at in range(101))


class Said(NamedTuple):
    """A body at fault, the text that stands at the place told, and what the refusal says."""

    body: str
    at: str
    expected: str
    came: str


BY_TEXT = {
    RuleCode.TOO_LARGE: Said(LONG + DONE, "if x == 0:", "at most 100 tests", "more"),
    RuleCode.BAD_NAME: Said("mul_div = 1" + DONE, "mul_div = 1", "no keyword, intrinsic or reserved word", "mul_div"),
    RuleCode.BAD_DECLARATION: Said(
        "for i in range(3, 3):\n    z = 1" + DONE, "for i", "from a lower to a higher", "3 to 3"
    ),
    RuleCode.NOT_CANONICAL: Said("z = not not b" + DONE, "not not b", "the condition itself", "not not"),
    RuleCode.UNDEFINED: Said("if b:\n    z = 1\nreturn Outcome(r=z)", "z)", "a value, in one unit, on every path", "z"),
    RuleCode.WRONG_TYPE: Said("z = 1 + d" + DONE, "d", "an integer", "a string of 0 to 20 digits"),
    RuleCode.MAY_BE_NONE: Said(
        "row = lookup(T, x)\nreturn Outcome(r=row.v)",
        "row.v)",
        "row tested with `is None` before",
        "a row of T or None",
    ),
    RuleCode.NO_SUCH_COLUMN: Said("for row in T:\n    z = row.q" + DONE, "row.q", "a column of T: k, v", "q"),
    RuleCode.NO_SUCH_TABLE: Said("z = lookup(Q, x)" + DONE, "lookup(Q", "a declared table as argument 1: T, P", "Q"),
    RuleCode.NO_SUCH_FUNCTION: Said("return Outcome(r=round(x))", "round(x)", "one of abs, band_at, clamp", "round"),
    RuleCode.WRONG_ARGUMENTS: Said("return Outcome(r=min(x))", "min(x)", "2 arguments", "1"),
    RuleCode.WRONG_UNIT: Said("z = CNY(x) + USD(x)" + DONE, "CNY(x)", "numbers in one unit", "CNY and USD"),
    RuleCode.NO_SUCH_ENUM: Said("z = KIND.SMS" + DONE, "KIND.SMS", "a declared enum: there is none", "KIND.SMS"),
    RuleCode.LEAVES_64_BITS: Said(
        "return Outcome(r=big * 4)",
        "big * 4",
        "test it with if, or use mul_div or clamp",
        "what may reach 0 to 18_446_744_073_709_551_616 (big is 0 to 4_611_686_018_427_387_904, 4 is 4)",
    ),
    RuleCode.DIVISOR_NOT_POSITIVE: Said(
        "return Outcome(r=x // y)", "x // y", "a divisor above 0 after //: test it with if, or use max", "-5 to 5"
    ),
    RuleCode.RESULT_OUT_OF_RANGE: Said(
        "return Outcome(r=x * 1_001)", "return", "-1_000_000 to 1_000_000", "may reach 0 to 1_001_000"
    ),
    RuleCode.WRONG_RESULT: Said("return Outcome(r=b)", "return", "an integer", "a condition"),
    RuleCode.MAY_NOT_RETURN: Said(
        "if b:\n    return Outcome(r=1)", "def f(", "a return or reject on every path", "none"
    ),
    RuleCode.UNREACHABLE: Said("return Outcome(r=1)\nz = 1", "z = 1", "nothing after a return", "a statement"),
    RuleCode.ASSIGNED_LOOP_NAME: Said(
        "for i in range(3):\n    i = 0" + DONE, "i = 0", "a name other than the loop's", "i"
    ),
    RuleCode.TOO_COSTLY: Said(
        "for i in range(999):\n    for j in range(999):\n        z = 0" + DONE,
        "for i",
        "a cost of at most 100_000",
        "2_998 in each of 999 rounds",
    ),
}


@pytest.mark.parametrize("code", BY_TEXT)
def test_a_refused_text_says_where_what_was_expected_and_what_came(code: RuleCode) -> None:
    said = BY_TEXT[code]
    whole = text(said.body)
    with pytest.raises(RuleTextError) as refused:
        check_text(whole)
    told = refused.value
    assert whole.split("\n")[told.line - 1][told.column - 1 :].startswith(said.at)
    assert f"{code.name} ({code.value}) in f" in told.what
    expected, came = told.what.partition(": expected ")[2].split(", got ")
    assert said.expected in expected
    assert said.came in came


PLAIN = text("return Outcome(r=1)")
DECLARED = {
    "a parameter twice": (PLAIN.replace("b: bool", "x: bool"), RuleCode.DUPLICATE_NAME, "x: bool"),
    "a table twice": (PLAIN.replace("P = Table", "T = Table"), RuleCode.DUPLICATE_NAME, "T = Table"),
    "a function twice": (PLAIN + PLAIN[PLAIN.index("def f") :], RuleCode.DUPLICATE_NAME, "def f("),
    "a range that is empty": (PLAIN.replace("0, 9]", "9, 0]"), RuleCode.BAD_DECLARATION, "Annotated[int, 9, 0]"),
    "rows beyond their number": (PLAIN.replace("rows=8", "rows=20_000"), RuleCode.TOO_LARGE, "T = Table"),
    "a table named as a currency": (PLAIN.replace("T = Table", "CNY = Table"), RuleCode.BAD_NAME, "CNY = Table"),
    "a unit that is none": (
        PLAIN.replace("x: Annotated[int", "x: Annotated[PARSEC"),
        RuleCode.NO_SUCH_ENUM,
        "x: Annotated",
    ),
}


@pytest.mark.parametrize(("whole", "code", "at"), DECLARED.values(), ids=DECLARED.keys())
def test_a_refused_declaration_is_shown_at_its_place(whole: str, code: RuleCode, at: str) -> None:
    with pytest.raises(RuleTextError, match=code.name) as refused:
        check_text(whole)
    line = whole.split("\n")[refused.value.line - 1]
    assert line[refused.value.column - 1 :].startswith(at)


class OneBundle:
    """A state that holds one bundle, under every key."""

    def __init__(self, raw: bytes) -> None:
        self._row = encode(StoredBundle(raw))

    def get(self, key: bytes) -> bytes | None:
        return self._row

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter([(prefix, self._row)])


def loading(**parts: object) -> Callable[[], object]:
    raw = encode(changed(GOOD, **parts))
    return lambda: load_bundle(raw)


def calling(*arguments: int, entry: str = "judge_line") -> object:
    return RuleCache().bound(OneBundle(write_bundle(GOOD)))(bytes(32), entry)(*arguments)


SHORT = ROWS["T"].rows[:1]
OTHERWISE: dict[RuleCode, tuple[Callable[[], object], tuple[str, ...]]] = {
    RuleCode.MALFORMED: (lambda: read_program(msgspec.msgpack.encode([1, 2])), ("the tree", "a rule tree")),
    RuleCode.NOT_SUPPORTED: (
        lambda: check_program(read_program(write_program(Program(2, (), (), (), ())))),
        ("the rule", "form 1", "got 2"),
    ),
    RuleCode.DUPLICATE_NAME: (
        lambda: check_program(msgspec.structs.replace(PROGRAM, functions=PROGRAM.functions * 2)),
        ("each name once", "got judge_line"),
    ),
    RuleCode.BAD_TABLE: (
        lambda: read_table(write_table(Table("T", (*SHORT, (4, 101)))), PROGRAM.tables[0]),
        ("table T, row 2, column v", "an integer from 1 to 100", "got 101"),
    ),
    RuleCode.BAD_MANIFEST: (
        loading(manifest=with_manifest(costs=()).manifest),
        ("the static costs", "entry='judge_line'", "got ()"),
    ),
    RuleCode.BAD_INTERFACE: (
        loading(manifest=with_manifest(interface=99).manifest),
        ("one of RATING/1", "TOLERANCE/1", "got TOLERANCE/99"),
    ),
    RuleCode.VECTOR_FAILED: (
        loading(vectors=(VECTOR, changed(VECTOR, results=(2, 5)))),
        ("vector 2, judge_line(5, 4, 0)", "expected (2, 5)", "got (2, 4)"),
    ),
    RuleCode.NO_VECTORS: (loading(vectors=()), ("a vector for judge_line", "got none")),
    RuleCode.NO_ENTRY_POINT: (
        lambda: load_bundle(write_bundle(GOOD)).call("judge", 1, 1, 1),
        ("test", "one of judge_line", "got judge"),
    ),
    RuleCode.ARGUMENT_OUT_OF_RANGE: (lambda: calling(101, 0, 0), ("an integer from 0 to 100", "got 101")),
    RuleCode.REJECTED_BY_RULE: (lambda: calling(13, 0, 0), ("what test accepts", "got UNLUCKY")),
}


@pytest.mark.parametrize("code", OTHERWISE)
def test_what_is_no_text_is_refused_in_the_same_words(code: RuleCode) -> None:
    run, words = OTHERWISE[code]
    with pytest.raises((RuleRefused, Rejected)) as refused:
        run()
    assert isinstance(refused.value, RuleRefused | Rejected)
    assert refused.value.code is code
    assert all(word in str(refused.value) for word in (code.name, "expected", *words)), refused.value


def test_every_code_is_reached() -> None:
    assert BY_TEXT.keys() | OTHERWISE.keys() == set(RuleCode)
