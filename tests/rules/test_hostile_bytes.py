"""Trees and tables made by hand from bytes that no tool of ours writes: refused by code, and nothing else raised."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.tables import Table, read_table
from abci_app.rules.tree import Declared, Kind, TableForm, read_program

Raw = list[Any]
pack = msgspec.msgpack.encode
X, ONE = [3, "x"], [1, 1]
DONE: Raw = [36, [ONE]]
COLUMNS: Raw = [["k", 1, 0, 9, ""], ["v", 1, 1, 100, "CNY"]]
T: Raw = ["T", 8, 1, COLUMNS]
OFFSETS: Raw = ["O", 8, 1, [["since", 1, -(2**63), 2**63 - 1, ""], ["offset", 1, -86_400, 86_400, ""]]]
E: Raw = ["E", ["A", "B"]]
HELPER: Raw = ["g", 1, [], [["x", 1, 0, 9, ""]], [["value", 1, 0, 9, ""]], [[36, [X]]]]


def rule(*body: Raw, tables: Raw = [T], enums: Raw = [E], helpers: Raw = [], after: Raw = []) -> bytes:  # noqa: B006  read only
    """The bytes of a rule f(x in 0..9) -> r in 0..9 with this body."""
    function = ["f", 0, [], [["x", 1, 0, 9, ""]], [["r", 1, 0, 9, ""]], [*body]]
    return pack([1, [], enums, tables, [*helpers, function, *after]])


def let(value: Raw) -> bytes:
    """A rule that gives z this value."""
    return rule([32, "z", value], DONE)


def loops(depth: int) -> Raw:
    """Loops over one table in each other."""
    body: Raw = [[32, "z", ONE]]
    for at in range(depth):
        body = [[34, f"r{at}", "T", body]]
    return body


def circle(*calls: tuple[str, str]) -> Raw:
    """Helpers by name, each calling the other."""
    return [
        [name, 1, [], [["x", 1, 0, 9, ""]], [["value", 1, 0, 9, ""]], [[36, [[11, other, [X]]]]]]
        for name, other in calls
    ]


MALFORMED, TOO_LARGE, TOO_COSTLY = RuleCode.MALFORMED, RuleCode.TOO_LARGE, RuleCode.TOO_COSTLY
TREES: dict[str, tuple[bytes, RuleCode]] = {
    # tags, arities, places
    "a tag that is none": (let([15, 1]), MALFORMED),
    "a tag of 2^63": (let([2**63, 1]), MALFORMED),
    "a tag below 0": (let([-1, 1]), MALFORMED),
    "a tag that is a text": (let(["Integer", 1]), MALFORMED),
    "no tag": (let([]), MALFORMED),
    "a statement as a value": (let([36, [ONE]]), MALFORMED),
    "a value as a statement": (rule(ONE, DONE), MALFORMED),
    "a field too many": (let([1, 1, 1]), MALFORMED),
    "a field too few": (let([5, 1, ONE]), MALFORMED),
    "a map for a node": (let({"value": 1}), MALFORMED),  # type: ignore[arg-type]  # wrong on purpose
    "nil for a node": (let(None), MALFORMED),  # type: ignore[arg-type]  # wrong on purpose
    "an operator of 0": (let([5, 0, ONE, ONE]), MALFORMED),
    "an operator of 6": (let([5, 6, ONE, ONE]), MALFORMED),
    "a relation of 7": (let([6, 7, ONE, ONE]), MALFORMED),
    "a kind of 4": (pack([1, [], [], [["T", 1, 1, [["k", 4, 0, 1, ""]]]], []]), MALFORMED),
    "a role of 2": (rule(DONE, helpers=[["g", 2, *HELPER[2:]]]), MALFORMED),
    "a form of 256": (pack([256, [], [], [], []]), MALFORMED),
    # numbers
    "a number of 2^63": (let([1, 2**63]), MALFORMED),
    "a number of 2^64 - 1": (let([1, 2**64 - 1]), MALFORMED),
    "a float": (let([1, 1.0]), MALFORMED),
    "not a number": (let([1, float("nan")]), MALFORMED),
    "infinity": (let([1, float("inf")]), MALFORMED),
    "minus zero": (let([1, -0.0]), MALFORMED),
    "a bool for a number": (let([1, True]), MALFORMED),
    "a number for a bool": (let([2, 1]), MALFORMED),
    "bytes for a name": (let([3, b"x"]), MALFORMED),
    "a loop to 2^63": (rule([35, "i", 0, 2**63, [[32, "z", ONE]]], DONE), MALFORMED),
    "rows of 65,536": (rule(DONE, tables=[["T", 2**16, 1, COLUMNS]]), MALFORMED),
    "keys of 256": (rule(DONE, tables=[["T", 8, 256, COLUMNS]]), MALFORMED),
    # references that lead nowhere
    "a table that is not declared": (rule([34, "r", "Q", [[32, "z", ONE]]], DONE), RuleCode.NO_SUCH_TABLE),
    "a column that is not declared": (rule([34, "r", "T", [[32, "z", [4, "r", "q"]]]], DONE), RuleCode.NO_SUCH_COLUMN),
    "an enum that is not declared": (let([14, "Q", "A"]), RuleCode.NO_SUCH_ENUM),
    "a member that is not declared": (let([14, "E", "C"]), RuleCode.NO_SUCH_ENUM),
    "a measure as an enum": (let([14, "CNY", "A"]), RuleCode.NO_SUCH_ENUM),
    "a unit that is none": (let([13, "int", X]), RuleCode.NO_SUCH_ENUM),
    "a table as a rounding": (let([11, "mul_div", [X, ONE, ONE, [12, "T"]]]), RuleCode.WRONG_ARGUMENTS),
    "a number as a rounding": (let([11, "mul_div", [X, ONE, ONE, ONE]]), RuleCode.WRONG_ARGUMENTS),
    "a table as a number": (let([5, 1, [12, "T"], ONE]), RuleCode.WRONG_TYPE),
    "a look-up in a number": (let([11, "lookup", [X, X]]), RuleCode.NO_SUCH_TABLE),
    "a look-up in nothing": (let([11, "lookup", []]), RuleCode.NO_SUCH_TABLE),
    "a call of an entry point": (let([11, "f", [X]]), RuleCode.NO_SUCH_FUNCTION),
    "a call of a table": (let([11, "t", [X]]), RuleCode.NO_SUCH_FUNCTION),
    "min of 5,000": (let([11, "min", [ONE] * 5_000]), RuleCode.WRONG_ARGUMENTS),
    "a helper of 33 parameters": (
        rule(DONE, helpers=[["g", 1, [], [[f"p{at}", 1, 0, 9, ""] for at in range(33)], *HELPER[4:]]]),
        TOO_LARGE,
    ),
    # recursion
    "a helper that calls itself": (rule(DONE, helpers=circle(("g", "g"))), RuleCode.NO_SUCH_FUNCTION),
    "two helpers in a circle": (rule(DONE, helpers=circle(("g", "h"), ("h", "g"))), RuleCode.NO_SUCH_FUNCTION),
    "a helper below its caller": (rule([32, "z", [11, "g", [X]]], DONE, after=[HELPER]), RuleCode.NO_SUCH_FUNCTION),
    "a parameter that hides a helper": (
        rule(DONE, helpers=[HELPER, ["h", 1, [], [["g", 1, 0, 9, ""]], [["value", 1, 0, 9, ""]], [[36, [ONE]]]]]),
        RuleCode.BAD_NAME,
    ),
    "a helper that hides an intrinsic": (rule(DONE, helpers=[["clamp", *HELPER[1:]]]), RuleCode.BAD_NAME),
    "a helper of two results": (rule(DONE, helpers=[[*HELPER[:4], HELPER[4] * 2, HELPER[5]]]), RuleCode.NOT_CANONICAL),
    # units and enums mixed
    "money and a plain number": (
        rule([34, "r", "T", [[32, "z", [5, 1, [4, "r", "v"], X]]]], DONE),
        RuleCode.WRONG_UNIT,
    ),
    "CNY and USD": (let([5, 1, [13, "CNY", X], [13, "USD", X]]), RuleCode.WRONG_UNIT),
    "money as a result": (rule([36, [[13, "CNY", X]]]), RuleCode.WRONG_UNIT),
    "an enum with a number": (let([6, 5, [14, "E", "A"], ONE]), RuleCode.WRONG_UNIT),
    "a number beyond an enum": (let([13, "E", X]), RuleCode.WRONG_ARGUMENTS),
    "a written number that becomes an enum": (
        rule(
            [32, "z", [1, 7]],
            [33, [[[6, 5, X, ONE], [[32, "z", [14, "E", "A"]]]]], []],
            [33, [[[6, 5, [3, "z"], [14, "E", "B"]], [DONE]]], []],
            DONE,
        ),
        RuleCode.UNDEFINED,
    ),
    "a range beyond an enum": (rule(DONE, tables=[["T", 8, 1, [["k", 1, 0, 2, "E"]]]]), RuleCode.BAD_DECLARATION),
    "a unit on digits": (rule(DONE, tables=[["T", 8, 1, [["k", 3, 0, 2, "CNY"]]]]), RuleCode.BAD_DECLARATION),
    # kinds that change
    "a number that becomes a condition": (rule([32, "z", X], [32, "z", [2, True]], DONE), RuleCode.WRONG_TYPE),
    "a number that becomes a row": (
        rule([32, "z", X], [33, [[[6, 5, X, ONE], [[32, "z", [11, "lookup", [[12, "T"], X]]], DONE]]], []], DONE),
        RuleCode.WRONG_TYPE,
    ),
    "a loop's number that becomes a row": (
        rule([35, "i", 0, 3, [[32, "z", ONE]]], [34, "i", "T", [[32, "z", ONE]]], DONE),
        RuleCode.WRONG_TYPE,
    ),
    # 64 bits
    "the least less one": (let([5, 2, [1, -(2**63)], ONE]), RuleCode.LEAVES_64_BITS),
    "the least over minus one": (let([5, 4, [1, -(2**63)], [1, -1]]), RuleCode.DIVISOR_NOT_POSITIVE),
    "a remainder by 0": (let([5, 5, ONE, [1, 0]]), RuleCode.DIVISOR_NOT_POSITIVE),
    "the magnitude of the least": (let([11, "abs", [[1, -(2**63)]]]), RuleCode.LEAVES_64_BITS),
    "a product of 2^126": (
        let([11, "mul_div", [[1, 2**63 - 1], [1, 2**63 - 1], ONE, [12, "FLOOR"]]]),
        RuleCode.LEAVES_64_BITS,
    ),
    "increments past 2^63": (let([11, "round_up_to", [[1, 2**63 - 1], [1, 0], [1, 2]]]), RuleCode.LEAVES_64_BITS),
    "a local time past 2^63": (
        rule([32, "z", [11, "local_time", [[1, 2**63 - 1], [12, "O"]]]], DONE, tables=[OFFSETS]),
        RuleCode.LEAVES_64_BITS,
    ),
    "a local time before -2^63": (
        rule([32, "z", [11, "local_time", [[1, -(2**63)], [12, "O"]]]], DONE, tables=[OFFSETS]),
        RuleCode.LEAVES_64_BITS,
    ),
    "an offset of more than a day": (
        rule(
            [32, "z", [11, "local_time", [X, [12, "O"]]]],
            DONE,
            tables=[[*OFFSETS[:3], [OFFSETS[3][0], ["offset", 1, 0, 86_401, ""]]]],
        ),
        RuleCode.WRONG_ARGUMENTS,
    ),
    "a result past its range": (rule([36, [[5, 1, X, ONE]]]), RuleCode.RESULT_OUT_OF_RANGE),
    # cost and depth
    "loops over a table, 5 deep": (rule(*loops(5), DONE), TOO_COSTLY),
    "loops over a table, 16 deep": (rule(*loops(16), DONE), TOO_COSTLY),
    "rows times rows times rows": (rule(*loops(3), DONE, tables=[["T", 10_000, 1, COLUMNS]]), TOO_COSTLY),
    "a table of no rows": (rule(DONE, tables=[["T", 0, 1, COLUMNS]]), TOO_LARGE),
    "values 60 deep": (let(json.loads("[9," * 60 + "[2,true]" + "]" * 60)), TOO_LARGE),
    "statements 40 deep": (rule(*json.loads("[[33,[[[2,true]," * 20 + '[[37,"A"]]' + "]],[]]]" * 20), DONE), TOO_LARGE),
    "a condition of 9,000": (let([7, [[2, True]] * 9_000]), TOO_LARGE),
}


@pytest.mark.parametrize(("raw", "code"), TREES.values(), ids=TREES.keys())
def test_a_tree_made_by_hand_is_refused_with_its_code(raw: bytes, code: RuleCode) -> None:
    started = time.process_time()
    with pytest.raises(RuleRefused) as refused:
        check_program(read_program(raw))
    assert refused.value.code is code, refused.value
    assert time.process_time() - started < 1


def test_the_trees_before_they_are_spoilt_are_rules() -> None:
    for raw in (let(X), rule(*loops(2), DONE), rule([32, "z", [11, "g", [X]]], DONE, helpers=[HELPER])):
        program = read_program(raw)
        check_program(program)
        assert compile_program(program, {"T": Table("T", ((1, 5),))}, "hand")["f"](3) == (1,)


def long_form(before: bytes, after: bytes) -> bytes:
    raw = let([1, 7])
    assert raw.count(before) == 1
    return raw.replace(before, after)


SPELLINGS = {
    "a number in two bytes": long_form(b"\x92\x01\x07", b"\x92\x01\xcc\x07"),
    "a number in nine bytes": long_form(b"\x92\x01\x07", b"\x92\x01\xcf" + bytes(7) + b"\x07"),
    "a signed form of a positive number": long_form(b"\x92\x01\x07", b"\x92\x01\xd0\x07"),
    "a long form of a text": long_form(b"\xa1z", b"\xd9\x01z"),
    "a long form of an array": long_form(b"\x92\x01\x07", b"\xdc\x00\x02\x01\x07"),
    "a tag in two bytes": long_form(b"\x92\x01\x07", b"\x92\xcc\x01\x07"),
    "bytes for a text": long_form(b"\xa1z", b"\xc4\x01z"),
    "a timestamp": long_form(b"\x92\x01\x07", b"\x92\x01\xd6\xff" + bytes(4)),
    "an extension": long_form(b"\x92\x01\x07", b"\x92\x01\xd4\x05\x07"),
    "a byte that is never used": long_form(b"\x92\x01\x07", b"\x92\x01\xc1"),
    "a text that is not UTF-8": long_form(b"\xa1z", b"\xa1\xff"),
    "a surrogate": long_form(b"\xa1z", b"\xa3\xed\xa0\x80"),
    "a byte after the end": let([1, 7]) + b"\0",
    "two trees": let([1, 7]) * 2,
    "a byte before": b"\0" + let([1, 7]),
    "the last byte gone": let([1, 7])[:-1],
    "JSON": json.dumps(msgspec.msgpack.decode(let([1, 7]))).encode(),
    "the text of a rule": b"from abci_app.rules.stub import *\n",
}


@pytest.mark.parametrize("raw", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_tree_has_one_spelling(raw: bytes) -> None:
    read_program(let([1, 7]))
    with pytest.raises(RuleRefused) as refused:
        read_program(raw)
    assert refused.value.code in (MALFORMED, TOO_LARGE)


# ------------------------------------------------------------------------------------------------------------- tables

FORM = TableForm("T", 3, 1, (Declared("k", Kind.INTEGER, 0, 9, ""), Declared("v", Kind.INTEGER, -5, 5, "")))
NUMBERS = TableForm("T", 3, 1, (Declared("k", Kind.DIGITS, 0, 20, ""), Declared("v", Kind.BOOLEAN, 0, 1, "")))


def table(*rows: object, name: object = "T") -> bytes:
    return pack([name, list(rows)])


BAD_TABLE = RuleCode.BAD_TABLE
CELLS: dict[str, tuple[TableForm, bytes, RuleCode]] = {
    "a value above its range": (FORM, table([1, 6]), BAD_TABLE),
    "a value below its range": (FORM, table([1, -6]), BAD_TABLE),
    "a key above its range": (FORM, table([10, 0]), BAD_TABLE),
    "a value of 2^63": (FORM, table([1, 2**63]), MALFORMED),
    "a float cell": (FORM, table([1, 1.0]), MALFORMED),
    "not a number in a cell": (FORM, table([1, float("nan")]), MALFORMED),
    "nil in a cell": (FORM, table([1, None]), MALFORMED),
    "bytes in a cell": (FORM, table([1, b"1"]), MALFORMED),
    "an array in a cell": (FORM, table([1, [1]]), MALFORMED),
    "True for 1": (FORM, table([True, 0]), BAD_TABLE),
    "1 for True": (NUMBERS, table(["1", 1]), BAD_TABLE),
    "a text for a number": (FORM, table(["1", 0]), BAD_TABLE),
    "a number for digits": (NUMBERS, table([1, True]), BAD_TABLE),
    "letters for digits": (NUMBERS, table(["1a", True]), MALFORMED),
    "digits of another script": (NUMBERS, table(["\u0661", True]), MALFORMED),
    "21 digits": (NUMBERS, table(["1" * 21, True]), MALFORMED),
    "a cell too few": (FORM, table([1]), BAD_TABLE),
    "a cell too many": (FORM, table([1, 1, 1]), BAD_TABLE),
    "a row of nothing": (FORM, table([]), BAD_TABLE),
    "a row that is a map": (FORM, table({1: 1}), MALFORMED),
    "a row too many": (FORM, table([1, 0], [2, 0], [3, 0], [4, 0]), BAD_TABLE),
    "keys not sorted": (FORM, table([2, 0], [1, 0]), BAD_TABLE),
    "a key twice": (FORM, table([1, 0], [1, 1]), BAD_TABLE),
    "digits sorted as numbers": (NUMBERS, table(["9", True], ["10", True]), BAD_TABLE),
    "another table's name": (FORM, table([1, 0], name="U"), BAD_TABLE),
    "a name that is none": (FORM, table([1, 0], name="t"), MALFORMED),
    "a long form of a cell": (FORM, table([1, 0]).replace(b"\x92\x01", b"\x92\xcc\x01"), MALFORMED),
    "a byte after the rows": (FORM, table([1, 0]) + b"\0", MALFORMED),
    "a half of a row": (FORM, table([1, 0])[:-1], MALFORMED),
}


@pytest.mark.parametrize(("form", "raw", "code"), CELLS.values(), ids=CELLS.keys())
def test_a_table_made_by_hand_is_refused_with_its_code(form: TableForm, raw: bytes, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_table(raw, form)
    assert refused.value.code is code, refused.value
