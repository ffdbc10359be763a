"""The edges of what is accepted: right, and the same on the executor, node by node and over columns."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from abci_app.kernel.money import Rounding
from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.tables import Cell, Cells, Table
from abci_app.rules.tree import Program
from settle.rules.arguments import outcome
from settle.rules.build import shipped_bundle
from settle.rules.columns import Columns, frame_of
from settle.rules.evaluate import Evaluator
from settle.rules.parse import check_text, parse_rule
from tests.rules.programs import STUB

LEAST, MOST = -(2**63), 2**63 - 1
WHOLE = f"Annotated[int, {LEAST}, {MOST}]"
ROOT = Path(__file__).resolve().parents[2]


def everywhere(program: Program, tables: dict[str, Table], rows: list[tuple[Cell, ...]]) -> list[int | bool | str]:
    """The first result of `f`, or the code of its rejection, for each row: equal on every back end."""
    function = next(one for one in program.functions if one.name == "f")
    entry, evaluator = compile_program(program, tables, "edges")["f"], Evaluator(program, tables)
    found: list[int | bool | str] = []
    for row in rows:
        result = outcome(entry, *row)
        assert outcome(evaluator.run, function, row) == result
        found.append(result if isinstance(result, str) else result[0])
    frame = frame_of(function.parameters, rows)
    assert [row[-1] or row[0] for row in Columns(program, tables, "f").run(frame).rows()] == found
    return found


def written(body: str, parameters: str, above: str = "") -> str:
    """A rule `f` whose result `r` may be any number, below these tables and helpers."""
    head = f'def f({parameters}) -> tuple[Annotated[int, "r", {LEAST}, {MOST}]]:\n'
    return STUB + above + head + "".join(f"    {line}\n" for line in body.split("\n"))


def checked(body: str, parameters: str, above: str = "") -> Program:
    return check_text(written(body, parameters, above)).program


@pytest.mark.parametrize("rounding", Rounding)
def test_a_product_of_126_bits_is_divided_exactly(rounding: Rounding) -> None:
    """Expected values from the decimal module, whose roundings are its own."""
    names = {
        Rounding.FLOOR: "ROUND_FLOOR", Rounding.CEIL: "ROUND_CEILING", Rounding.TRUNC: "ROUND_DOWN",
        Rounding.HALF_UP: "ROUND_HALF_UP", Rounding.HALF_EVEN: "ROUND_HALF_EVEN",
    }  # fmt: skip
    parameters = f"x: {WHOLE}, y: {WHOLE}"
    body = f"return Outcome(r=mul_div(x, y, {MOST}, {rounding.name}))"
    with pytest.raises(RuleRefused) as refused:  # (-2^63)^2 / (2^63 - 1) is above 2^63 - 1
        check_program(parse_rule(written(body, parameters)).program)
    assert refused.value.code is RuleCode.LEAVES_64_BITS
    near = parameters.replace(str(LEAST), str(-MOST))
    program = checked(body, near)
    some = (-MOST, -MOST + 1, -3, -1, 0, 1, 2, 2**62, 2**62 + 1, MOST - 1, MOST)
    rows: list[tuple[Cell, ...]] = [(x, y) for x in some for y in some]
    with localcontext() as exact:
        exact.prec = 80
        expected = [
            int((Decimal(x) * y / MOST).quantize(Decimal(1), rounding=names[rounding])) for x in some for y in some
        ]
    assert everywhere(program, {}, rows) == expected


def test_numbers_beyond_the_doubles_stay_what_they_are() -> None:
    """2^53 + 1 is 9007199254740992 in JavaScript, JSON Logic and every engine that counts in doubles."""
    program = checked("return Outcome(r=x // 1 + 0)", f"x: {WHOLE}")
    some: list[tuple[Cell, ...]] = [(n,) for n in (2**53 + 1, -(2**53) - 1, MOST, LEAST, 2**62 + 1)]
    assert everywhere(program, {}, some) == [n for (n,) in some]


def test_division_floors_and_the_remainder_has_the_divisor_s_sign() -> None:
    """Not as C, Go, Rust, CEL and WASM, which cut towards 0: there -7 over 2 is -3."""
    program = checked("return Outcome(r=x // y * 1_000 + x % y)", "x: Annotated[int, -9, 9], y: Annotated[int, 1, 9]")
    assert everywhere(program, {}, [(-7, 2), (7, 2), (-9, 9), (-1, 9)]) == [-3_999, 3_001, -1_000, -992]


OFFSETS = f"O = Table(rows=4, key=1, since={WHOLE}, offset=Annotated[int, -86_400, 86_400])\n"


def test_local_time_at_the_ends_of_time() -> None:
    low, high = LEAST + 86_400, MOST - 86_400
    program = checked("return Outcome(r=local_time(x, O))", f"x: Annotated[int, {low}, {high}]", above=OFFSETS)
    rows: tuple[Cells, ...] = ((LEAST, -86_400), (0, 0), (MOST - 86_400, 86_400))
    some: list[tuple[Cell, ...]] = [(low,), (-1,), (0,), (high - 1,), (high,)]
    assert everywhere(program, {"O": Table("O", rows)}, some) == [LEAST, -86_401, 0, high - 1, MOST]
    assert everywhere(program, {"O": Table("O", ())}, some) == [n for (n,) in some]
    assert everywhere(program, {"O": Table("O", ((MOST, 7),))}, some) == [n for (n,) in some]


CASES = f"C = Table(rows=4, key=1, rank=Annotated[int, 0, 9], low={WHOLE}, high={WHOLE}, v=Annotated[int, 0, 9])\n"


def test_a_case_from_a_higher_to_a_lower_value_matches_nothing() -> None:
    program = checked(
        "row = first_match(C, x)\nif row is None:\n    reject('NONE')\nreturn Outcome(r=row.v)",
        f"x: {WHOLE}",
        above=CASES,
    )
    rows: tuple[Cells, ...] = ((0, MOST, LEAST, 1), (1, 5, 4, 2), (2, LEAST, LEAST, 3), (3, 5, MOST, 4))
    some: list[tuple[Cell, ...]] = [(LEAST,), (LEAST + 1,), (4,), (5,), (MOST,)]
    assert everywhere(program, {"C": Table("C", rows)}, some) == [3, "NONE", "NONE", 4, 4]


PREFIXES = "P = Table(rows=5, key=1, prefix=Annotated[Digits, 0, 20], v=Annotated[int, 0, 9])\n"


def test_the_empty_number_and_the_empty_prefix() -> None:
    body = "row = prefix_lookup(P, d)\nif row is None:\n    reject('NONE')\nreturn Outcome(r=row.v)"
    program = checked(body, "d: Annotated[Digits, 0, 20]", above=PREFIXES)
    some: list[tuple[Cell, ...]] = [("",), ("9",), ("99",), ("8",), ("9" * 20,)]
    rows: tuple[Cells, ...] = (("", 1), ("9", 2), ("99", 3), ("9" * 20, 4))
    assert everywhere(program, {"P": Table("P", rows)}, some) == [1, 2, 3, 1, 4]
    assert everywhere(program, {"P": Table("P", rows[1:])}, some) == ["NONE", 2, 3, "NONE", 4]
    assert everywhere(program, {"P": Table("P", ())}, some) == ["NONE"] * 5


PAIRS = "T = Table(rows=4, key=2, k=Annotated[int, -3, 40], m=Annotated[int, -3, 40], v=Annotated[int, 0, 9])\n"


@pytest.mark.parametrize("function", ["lookup", "band_at"])
@pytest.mark.parametrize("constant", [LEAST, -4, -3, 5, 41, 2**62, MOST])
def test_keys_outside_a_table_s_ranges_find_nothing(function: str, constant: int) -> None:
    """Over columns, keys become codes of 64 bits; a number far outside must not become another's code, nor overflow."""
    rows: tuple[Cells, ...] = ((-3, 1, 4), (5, 0, 6), (5, 5, 7))
    some: list[tuple[Cell, ...]] = [(n,) for n in (LEAST, -4, -1, 0, 1, 5, 40, 41, 2**62, MOST)]
    for key in (f"{constant}, x", f"x, {constant}"):
        body = f"row = {function}(T, {key})\nif row is None:\n    return Outcome(r=0)\nreturn Outcome(r=row.v)"
        found = everywhere(checked(body, f"x: {WHOLE}", above=PAIRS), {"T": Table("T", rows)}, some)
        exact = {pair[:2]: pair[2] for pair in rows}
        for (n,), v in zip(some, found, strict=True):
            pair = (constant, n) if key.startswith(str(constant)) else (n, constant)
            if function == "lookup":
                assert v == exact.get(pair, 0)
            else:
                below = [row for row in rows if row[0] == pair[0] and int(row[1]) <= int(pair[1])]
                assert v == (below[-1][2] if below else 0)


ATTRIBUTES = (
    "count",
    "index",
    "name",
    "value",
    "keys",
    "mro",
    "fill",
    "find",
    "print",
    "len",
    "exec",
    "open",
    "id",
    "f",
)


@pytest.mark.parametrize("word", ATTRIBUTES)
def test_names_that_mean_something_in_python_mean_nothing_here(word: str) -> None:
    """As a column, a parameter, a variable and a helper: only the rule's own meaning."""
    table = f"T = Table(rows=4, key=1, {word}=Annotated[int, 0, 9], v=Annotated[int, 0, 9])\n"
    body = (
        f"s = 0\nfor row in T:\n    s = s + row.{word} * 10 + row.v\n{word}_2 = s\nreturn Outcome(r={word}_2 + {word})"
    )
    program = checked(body, f"{word}: Annotated[int, 0, 9]", above=table)
    assert everywhere(program, {"T": Table("T", ((1, 2), (3, 4)))}, [(5,)]) == [51]
    if word != "f":
        helper = f"def {word}(x: Annotated[int, 0, 9]) -> Annotated[int, 0, 9]:\n    return x\n"
        called = checked(f"return Outcome(r={word}(x))", "x: Annotated[int, 0, 9]", above=helper)
        assert everywhere(called, {}, [(5,)]) == [5]


SURROUNDINGS = {
    "few digits of text": {"PYTHONINTMAXSTRDIGITS": "640"},
    "no secret of hashing": {"PYTHONHASHSEED": "0"},
    "another secret of hashing": {"PYTHONHASHSEED": "77"},
    "another locale": {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"},
    "another time zone": {"TZ": "Pacific/Kiritimati"},
    "developer mode": {"PYTHONDEVMODE": "1"},
}
SCRIPT = """
import sys
from abci_app.rules.bundle import load_bundle
rule = load_bundle(sys.stdin.buffer.read())
print(rule.hash.hex(), dict(rule.costs), rule.call("price_line", 1, 1, 0, 5, 300, 300, 2, 3))
"""


@pytest.mark.parametrize("variables", SURROUNDINGS.values(), ids=SURROUNDINGS.keys())
def test_the_surroundings_of_a_node_change_nothing(variables: dict[str, str]) -> None:
    raw = shipped_bundle("domestic_interconnect", 2)

    def told(more: dict[str, str]) -> bytes:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], input=raw, env=environment, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert told(variables) == told({})
