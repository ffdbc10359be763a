"""A bundle is loaded only if everything that it says of itself is true."""

from __future__ import annotations

import time

import msgspec
import pytest

from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import Bundle, Vector, bundle_hash, load_bundle, manifest_in, read_bundle, write_bundle
from abci_app.rules.check import check_program
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Table, read_table, write_table
from abci_app.rules.tree import (
    Declared,
    EnumForm,
    FunctionRole,
    Kind,
    Node,
    Program,
    TableForm,
    read_program,
    write_program,
)
from settle.rules.parse import parse_rule
from tests.rules.programs import ROWS, TABLE, bundle, tree

JUDGE = f"""from abci_app.rules.stub import *
{TABLE}
def judge_line(creditor: Annotated[int, 0, 100], debtor: Annotated[int, 0, 100], most: Annotated[int, 0, 9],
) -> tuple[Annotated[int, "verdict", 0, 2], Annotated[int, "settled", 0, 100]]:
    if creditor == 13:
        reject("UNLUCKY")
    return Outcome(verdict=2, settled=min(creditor, debtor))
"""
PROGRAM = parse_rule(JUDGE).program
VECTOR = Vector("judge_line", b"", (5, 4, 0), (2, 4), "")
GOOD = bundle(PROGRAM, (VECTOR,), (ROWS["T"], ROWS["P"]))


def changed(part: msgspec.Struct, **fields: object) -> object:
    return msgspec.structs.replace(part, **fields)


def with_manifest(**fields: object) -> Bundle:
    return changed(GOOD, manifest=changed(GOOD.manifest, **fields))  # type: ignore[return-value]  # a bundle


def test_a_good_bundle_loads_and_is_named_by_its_hash() -> None:
    raw = write_bundle(GOOD)
    rule = load_bundle(raw)
    assert rule.hash == bundle_hash(raw)
    assert rule.call("judge_line", 9, 8, 1) == (2, 8)
    assert rule.functions["judge_line"](9, 8, 1) == (2, 8)
    assert [one.name for one in rule.agreement_parameters("judge_line")] == ["most"]
    assert load_bundle(raw).hash == rule.hash


@pytest.mark.parametrize("arguments", [(), (1, 2), (1, 2, 3, 4), (101, 0, 0), (-1, 0, 0), (True, 0, 0), ("1", 0, 0)])
def test_a_call_outside_the_declared_ranges_is_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(RuleRefused) as refused:
        load_bundle(write_bundle(GOOD)).call("judge_line", *arguments)
    assert refused.value.code is RuleCode.ARGUMENT_OUT_OF_RANGE


def test_a_rejection_comes_out_by_code() -> None:
    with pytest.raises(RejectedByRule, match="UNLUCKY"):
        load_bundle(write_bundle(GOOD)).call("judge_line", 13, 0, 0)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (with_manifest(tree=bytes(32)), RuleCode.BAD_MANIFEST),
        (with_manifest(tables=()), RuleCode.BAD_MANIFEST),
        (with_manifest(tables=GOOD.manifest.tables[::-1]), RuleCode.BAD_MANIFEST),
        (with_manifest(costs=()), RuleCode.BAD_MANIFEST),
        (with_manifest(effective_to=0), RuleCode.BAD_MANIFEST),
        (with_manifest(version=0), RuleCode.BAD_MANIFEST),
        (with_manifest(sequence=2), RuleCode.BAD_MANIFEST),
        (with_manifest(previous=bytes(32)), RuleCode.BAD_MANIFEST),
        (with_manifest(sequence=2, previous=bytes(31)), RuleCode.BAD_MANIFEST),
        (with_manifest(chain=b"x"), RuleCode.BAD_MANIFEST),
        (with_manifest(slot=Slot.RATING), RuleCode.BAD_INTERFACE),
        (with_manifest(slot=Slot.DEAL), RuleCode.BAD_INTERFACE),
        (with_manifest(interface=2), RuleCode.BAD_INTERFACE),
        (with_manifest(name="A"), RuleCode.MALFORMED),
        (with_manifest(slot=99), RuleCode.MALFORMED),
        (changed(GOOD, vectors=()), RuleCode.NO_VECTORS),
        (changed(GOOD, vectors=(changed(VECTOR, results=(2, 5)),)), RuleCode.VECTOR_FAILED),
        (changed(GOOD, vectors=(changed(VECTOR, results=(2, 4, 0)),)), RuleCode.VECTOR_FAILED),
        (changed(GOOD, vectors=(changed(VECTOR, rejection="UNLUCKY"),)), RuleCode.VECTOR_FAILED),
        (changed(GOOD, vectors=(changed(VECTOR, arguments=(13, 0, 0)),)), RuleCode.VECTOR_FAILED),
        (changed(GOOD, vectors=(changed(VECTOR, arguments=(101, 0, 0)),)), RuleCode.ARGUMENT_OUT_OF_RANGE),
        (changed(GOOD, vectors=(changed(VECTOR, entry="nobody"),)), RuleCode.NO_ENTRY_POINT),
        (changed(GOOD, tables=GOOD.tables[:1]), RuleCode.BAD_MANIFEST),
        (changed(GOOD, tables=GOOD.tables[::-1]), RuleCode.BAD_MANIFEST),
        (changed(GOOD, tree=b"\0" * 200_000), RuleCode.MALFORMED),
    ],
)
def test_a_bundle_that_is_not_what_it_says_is_refused(bad: Bundle, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        load_bundle(encode(bad))
    assert refused.value.code is code, refused.value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def judge_line", "def judge"),
        ("creditor: Annotated[int, 0, 100], debtor", "debtor: Annotated[int, 0, 100], creditor"),
        ("debtor: Annotated[int, 0, 100], ", ""),
        ('"settled", 0', '"agreed", 0'),
        ("most: Annotated[int, 0, 9]", "most: Annotated[Digits, 0, 9]"),
    ],
)
def test_a_rule_that_its_slot_cannot_call_is_refused(before: str, after: str) -> None:
    text = JUDGE.replace(before, after)
    text = text.replace("settled=", "agreed=") if "agreed" in after else text
    text = text.replace("min(creditor, debtor)", "creditor") if not after else text
    with pytest.raises(RuleRefused) as refused:
        load_bundle(write_bundle(bundle(parse_rule(text).program, (), (ROWS["T"], ROWS["P"]))))
    assert refused.value.code is RuleCode.BAD_INTERFACE


@pytest.mark.parametrize("raw", [b"", b"\x94", write_bundle(GOOD) + b"\0", write_bundle(GOOD)[:-1], b"\x91" * 100])
def test_bytes_that_are_no_bundle_are_refused(raw: bytes) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_bundle(raw)
    assert refused.value.code is RuleCode.MALFORMED


def test_a_bundle_whose_vectors_cost_too_much_is_refused_before_they_run() -> None:
    """Else a bundle of the dearest rule and thousands of vectors would hold every node up for minutes."""
    judge = JUDGE.replace("    if creditor", "    for i in range(400):\n        s = i * i % 7\n    if creditor")
    slow = parse_rule(judge).program
    vectors = (VECTOR,) * 8_000
    started = time.process_time()
    with pytest.raises(RuleRefused) as refused:
        load_bundle(write_bundle(bundle(slow, vectors, (ROWS["T"], ROWS["P"]))))
    assert refused.value.code is RuleCode.TOO_COSTLY
    assert "8_000 vectors" in str(refused.value)
    assert time.process_time() - started < 2


def test_the_manifest_of_a_stored_bundle_is_read_without_the_rest() -> None:
    """A message that only names a bundle is not charged for reading ten thousand vectors."""
    raw = write_bundle(changed(GOOD, vectors=(VECTOR,) * 10_000))
    started = time.process_time()
    for _ in range(100):
        assert manifest_in(raw) == GOOD.manifest
    assert time.process_time() - started < 1


def test_a_bundle_above_its_size_is_refused_unread() -> None:
    with pytest.raises(RuleRefused) as refused:
        read_bundle(bytes(512 * 1024 + 1))
    assert refused.value.code is RuleCode.TOO_LARGE


# ------------------------------------------------------------------------------------------------------- tables

K = Declared("k", Kind.INTEGER, 0, 9, "")
FORM = TableForm("T", 3, 1, (K, Declared("ok", Kind.BOOLEAN, 0, 1, ""), Declared("d", Kind.DIGITS, 1, 3, "")))


@pytest.mark.parametrize(
    "rows",
    [
        ((1, True, "1"), (1, False, "2")),  # a key twice
        ((2, True, "1"), (1, False, "2")),  # not sorted
        ((10, True, "1"),),
        ((-1, True, "1"),),
        ((True, True, "1"),),
        (("1", True, "1"),),
        ((1, 1, "1"),),
        ((1, True, ""),),
        ((1, True, "1234"),),
        ((1, True, 1),),
        ((1, True),),
        ((1, True, "1", 1),),
        ((1, True, "1"), (2, True, "1"), (3, True, "1"), (4, True, "1")),
    ],
)
def test_a_table_outside_its_declaration_is_refused(rows: tuple[tuple[int | bool | str, ...], ...]) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_table(write_table(Table("T", rows)), FORM)
    assert refused.value.code is RuleCode.BAD_TABLE


@pytest.mark.parametrize("digits", ["a", "1 ", "\u0661", "1\n"])
def test_digit_strings_are_ascii_digits(digits: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_table(write_table(Table("T", ((1, True, digits),))), FORM)
    assert refused.value.code is RuleCode.MALFORMED


def test_a_table_of_another_name_is_refused() -> None:
    with pytest.raises(RuleRefused) as refused:
        read_table(write_table(Table("U", ())), FORM)
    assert refused.value.code is RuleCode.BAD_TABLE


# ------------------------------------------------------------------------------------------------- declarations

BASE = tree("return Outcome(r=1)")
F = BASE.functions[0]


def program(**fields: object) -> Program:
    return changed(BASE, **fields)  # type: ignore[return-value]  # a program


def entry(**fields: object) -> Program:
    return program(functions=(changed(F, **fields),))


def parameter(*fields: object) -> Program:
    return entry(parameters=(Declared(*fields),))  # type: ignore[arg-type]  # wrong on purpose


def table(*fields: object) -> Program:
    return program(tables=(TableForm(*fields),))  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (program(enums=(EnumForm("E", ()),)), RuleCode.BAD_DECLARATION),
        (program(enums=(EnumForm("E", ("A", "A")),)), RuleCode.DUPLICATE_NAME),
        (program(enums=(EnumForm("E", ("A",)), EnumForm("E", ("A",)))), RuleCode.DUPLICATE_NAME),
        (program(enums=(EnumForm("T", ("A",)),)), RuleCode.DUPLICATE_NAME),
        (program(enums=(EnumForm("CNY", ("A",)),)), RuleCode.BAD_NAME),
        (program(enums=(EnumForm("CEIL", ("A",)),)), RuleCode.BAD_NAME),
        (program(enums=(EnumForm("E" * 17, ("A",)),)), RuleCode.BAD_NAME),
        (program(enums=(EnumForm("E", tuple(f"M{at}" for at in range(65))),)), RuleCode.TOO_LARGE),
        (program(enums=tuple(EnumForm(f"E{at}", ("A",)) for at in range(17))), RuleCode.TOO_LARGE),
        (entry(role=FunctionRole.HELPER), RuleCode.BAD_DECLARATION),
        (program(functions=(F, changed(F, name="g", role=FunctionRole.HELPER))), RuleCode.NOT_CANONICAL),
        (parameter("x", Kind.INTEGER, 0, 1, "Parsec"), RuleCode.NO_SUCH_ENUM),
        (parameter("x", Kind.BOOLEAN, 0, 1, "CNY"), RuleCode.BAD_DECLARATION),
        (parameter("x", Kind.DIGITS, 0, 1, "CNY"), RuleCode.BAD_DECLARATION),
        (program(functions=(F, F)), RuleCode.DUPLICATE_NAME),
        (entry(parameters=(K, K)), RuleCode.DUPLICATE_NAME),
        (entry(results=(K, K)), RuleCode.DUPLICATE_NAME),
        (program(tables=(FORM, FORM)), RuleCode.DUPLICATE_NAME),
        (table("T", 1, 1, (K, K)), RuleCode.DUPLICATE_NAME),
        (entry(name="lookup"), RuleCode.BAD_NAME),
        (parameter("none", Kind.INTEGER, 0, 1, ""), RuleCode.BAD_NAME),
        (table("HALF_UP", 1, 1, (K,)), RuleCode.BAD_NAME),
        (table("T", 1, 1, (changed(K, name="rows"),)), RuleCode.BAD_NAME),
        (parameter("x", Kind.INTEGER, 1, 0, ""), RuleCode.BAD_DECLARATION),
        (parameter("x", Kind.BOOLEAN, 0, 2, ""), RuleCode.BAD_DECLARATION),
        (parameter("x", Kind.DIGITS, 0, 21, ""), RuleCode.BAD_DECLARATION),
        (parameter("x", Kind.DIGITS, -1, 2, ""), RuleCode.BAD_DECLARATION),
        (entry(results=()), RuleCode.BAD_DECLARATION),
        (entry(results=(changed(K, kind=Kind.DIGITS),)), RuleCode.BAD_DECLARATION),
        (table("T", 1, 0, (K,)), RuleCode.BAD_DECLARATION),
        (table("T", 1, 2, (K,)), RuleCode.BAD_DECLARATION),
        (table("T", 0, 1, (K,)), RuleCode.TOO_LARGE),
        (table("T", 10_001, 1, (K,)), RuleCode.TOO_LARGE),
        (table("T", 1, 1, tuple(changed(K, name=f"c{at}") for at in range(17))), RuleCode.TOO_LARGE),
        (entry(parameters=tuple(changed(K, name=f"p{at}") for at in range(33))), RuleCode.TOO_LARGE),
        (entry(note=("a",) * 41), RuleCode.TOO_LARGE),
        (parameter("x", Kind.INTEGER, 0, 2**63, ""), RuleCode.MALFORMED),
        (parameter("X", Kind.INTEGER, 0, 1, ""), RuleCode.MALFORMED),
        (parameter("x", 9, 0, 1, ""), RuleCode.MALFORMED),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(bad: Program, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_program(read_program(write_program(bad)))
    assert refused.value.code is code, refused.value


def test_node_tags_are_frozen() -> None:
    """A format pin: a tag keeps its meaning for ever; new kinds of nodes get new tags."""
    tags = {one.__name__: one.__struct_config__.tag for one in Node.__subclasses__()}
    assert {name: tag for name, tag in tags.items() if tag is not None} == {
        "Integer": 1, "Truth": 2, "Variable": 3, "Field": 4, "Arithmetic": 5, "Comparison": 6, "AllOf": 7, "AnyOf": 8,
        "Not": 9, "IsNone": 10, "Call": 11, "Symbol": 12, "Converted": 13, "Member": 14,
        "Let": 32, "If": 33, "ForRow": 34, "ForRange": 35, "Return": 36, "Reject": 37,
    }  # fmt: skip
