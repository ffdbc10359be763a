"""What a rule may say, what it costs and how its text looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RejectedByRule, RuleCode
from abci_app.rules.printer import print_program
from abci_app.rules.tree import read_program, tree_hash, write_program
from settle.rules.format import format_rule, is_formatted
from settle.rules.parse import check_text, parse_rule
from settle.rules.source import RuleTextError
from tests.rules.programs import compiled, text, tree


def run(body: str, x: int = 0, y: int = 0, big: int = 0, d: str = "", b: bool = False) -> int | bool:
    return compiled(tree(body))(x, y, big, d, b)[0]


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("return Outcome(r=0 - 7 // 2)", -3),
        ("return Outcome(r=-7 // 2)", -4),
        ("return Outcome(r=-7 % 3)", 2),
        ("return Outcome(r=2 - (3 - 4))", 3),
        ("return Outcome(r=(2 - 3) - 4)", -5),
        ("return Outcome(r=2 * (3 + 4) % 5)", 4),
        ("return Outcome(r=12 // (3 * 2))", 2),
        ("return Outcome(r=mul_div(7, 1, 2, HALF_UP) * 10 + mul_div(5, 1, 2, HALF_EVEN))", 42),
        ("return Outcome(r=mul_div(-7, 1, 2, HALF_UP))", -4),
        ("return Outcome(r=clamp(99, 0, 10) + abs(-3) + max(1, 2) + min(1, 2))", 16),
    ],
)
def test_arithmetic_is_floor_division_with_named_rounding(body: str, result: int) -> None:
    assert run(body) == result


# Sources: carriers' rate sheets (30/6 at 0.006 a minute; 90/60), DETRAF annex (6 s), the 2003 measure (60/60).
@pytest.mark.parametrize(
    ("duration", "first", "following", "billed"),
    [
        (32, 30, 6, 36),
        (57, 30, 6, 60),
        (75, 30, 6, 78),
        (91, 90, 60, 150),
        (151, 90, 60, 210),
        (127, 6, 6, 132),
        (61, 60, 60, 120),
        (60, 60, 60, 60),
        (1, 30, 6, 30),
        (30, 30, 6, 30),
        (0, 30, 6, 0),
    ],
)
def test_increments_of_the_rate_sheets(duration: int, first: int, following: int, billed: int) -> None:
    assert run(f"return Outcome(r=round_up_to(x, {first}, {following}))", x=duration) == billed


@pytest.mark.parametrize(("duration", "micro"), [(32, 3_600), (57, 6_000), (75, 7_800)])
def test_thirty_six_at_six_thousandths_a_minute(duration: int, micro: int) -> None:
    body = "billed = round_up_to(x, 30, 6)\nreturn Outcome(r=mul_div(billed, 6_000_000, 60 * 1_000, HALF_UP))"
    assert run(body, x=duration) == micro


@pytest.mark.parametrize(
    ("number", "found"), [("8613900", 3), ("8613", 2), ("861", 1), ("86", 1), ("8", 0), ("", 0), ("1386", 0)]
)
def test_the_longest_prefix_wins(number: str, found: int) -> None:
    body = "row = prefix_lookup(P, d)\nif row is None:\n    return Outcome(r=0)\nreturn Outcome(r=row.v)"
    assert run(body, d=number) == found


def test_a_loop_meets_the_rows_in_key_order_and_may_be_left() -> None:
    first = "for row in T:\n    if row.k >= x:\n        return Outcome(r=row.v)\nreturn Outcome(r=0)"
    assert [run(first, x=at) for at in (0, 2, 5, 6)] == [10, 30, 50, 0]
    both = "s = 0\nfor row in T:\n    s = s + row.v\nfor i in range(2, 5):\n    s = s + i\nreturn Outcome(r=s)"
    assert run(both) == 99


def test_a_row_is_known_after_its_test() -> None:
    rest = "return Outcome(r=0)"
    found = f"row = lookup(T, 3)\nif row is not None and row.v > 9:\n    return Outcome(r=row.v)\n{rest}"
    assert run(found) == 30
    assert run(f"row = lookup(T, 2)\nif row is None or row.v > 9:\n    return Outcome(r=1)\n{rest}") == 1
    second = "row = lookup(T, 2)\nif row is None:\n    row = lookup(T, x)\n"
    assert run(f"{second}if row is None:\n    reject('NONE')\nreturn Outcome(r=row.v)", x=5) == 50


def test_a_comparison_narrows_what_a_name_may_reach() -> None:
    assert run("if x > 0:\n    return Outcome(r=100 // x)\nreturn Outcome(r=0)", x=7) == 14
    assert run("if y < 0 or y == 0:\n    return Outcome(r=0)\nreturn Outcome(r=100 // y)", y=3) == 33
    assert run("if 0 < x and big < x:\n    return Outcome(r=big % x)\nreturn Outcome(r=0)", x=7, big=5) == 5
    assert run("if big > 1_000:\n    reject('TOO_MUCH')\nreturn Outcome(r=big * 1_000)", big=9) == 9_000


def test_a_rule_rejects_by_code() -> None:
    with pytest.raises(RejectedByRule, match="NOT_TODAY"):
        run("if b:\n    reject('NOT_TODAY')\nreturn Outcome(r=1)", b=True)


def test_the_static_cost_is_that_of_the_dearest_path() -> None:
    cheap = check_program(tree("return Outcome(r=1)"))["f"]
    either = check_program(tree("if b:\n    return Outcome(r=1)\nreturn Outcome(r=x + x + x + x)"))["f"]
    turned = check_program(tree("if not b:\n    return Outcome(r=x + x + x + x)\nreturn Outcome(r=1)"))["f"]
    assert cheap == 2
    assert turned == either + 1  # the not
    once = check_program(tree("s = 0\nfor i in range(1):\n    s = i\nreturn Outcome(r=s)"))["f"]
    tenfold = check_program(tree("s = 0\nfor i in range(10):\n    s = i\nreturn Outcome(r=s)"))["f"]
    assert tenfold - once == 9 * 3  # the round, the assignment, the value


UNTIDY = '''from abci_app.rules.stub import *
"""A note."""
T = Table(rows=8, key=1, k=Annotated[int, 0, 9], v=Annotated[int, 1, 100])
def f(x: Annotated[int, 0, 100000], b: bool) -> tuple[Annotated[int, "r", 0, 100000], Annotated[bool, "q", 0, 1]]:
    """Two lines:
       the second.
    """
    # A comment is no part of a rule.
    row = lookup(T, ((x)))
    if not row is None and not (b or x<3):
        return Outcome(r=(row.v)+1, q=True)
    else:
        if b: return Outcome(r = 0, q = x > 1)
        elif x == 4:
            for i in range(0, 3): x = i
    return Outcome(r=x, q=(x >= 10000) or b)
'''
TIDY = '''from abci_app.rules.stub import *

"""A note."""

T = Table(
    rows=8,
    key=1,
    k=Annotated[int, 0, 9],
    v=Annotated[int, 1, 100],
)


def f(
    x: Annotated[int, 0, 100_000],
    b: bool,
) -> tuple[
    Annotated[int, "r", 0, 100_000],
    Annotated[bool, "q", 0, 1],
]:
    """Two lines:
    the second.
    """
    row = lookup(T, x)
    if row is not None and not (b or x < 3):
        return Outcome(r=row.v + 1, q=True)
    elif b:
        return Outcome(r=0, q=x > 1)
    elif x == 4:
        for i in range(3):
            x = i
    return Outcome(r=x, q=x >= 10_000 or b)
'''


def test_one_tree_has_one_text() -> None:
    assert format_rule(UNTIDY) == TIDY
    assert is_formatted(TIDY)
    assert not is_formatted(UNTIDY)
    assert parse_rule(UNTIDY).program == parse_rule(TIDY).program


def test_bytes_text_and_tree_are_three_forms_of_one_rule() -> None:
    program = parse_rule(TIDY).program
    raw = write_program(program)
    assert read_program(raw) == program
    assert print_program(read_program(raw)) == TIDY
    assert write_program(parse_rule(UNTIDY).program) == raw


def test_the_bytes_of_a_tree_are_frozen() -> None:
    """A format pin: this hash may change only with the form number, never for a rule already given."""
    assert (
        tree_hash(write_program(parse_rule(TIDY).program)).hex()
        == "b13f7d603259fd057251bb227b3771a76ff61d6489e80021dd9589f7569a0904"
    )


@pytest.mark.parametrize(
    ("body", "line", "column", "words"),
    [
        ("y = 1\nz = x / 2\nreturn Outcome(r=1)", 2, 9, "mul_div"),
        ("while b:\n    y = 1\nreturn Outcome(r=1)", 1, 5, "loop over a table or a range"),
        ("x += 1\nreturn Outcome(r=1)", 1, 5, r"x = x \+ 1"),
        ("return Outcome(r=big * 4)", 1, 22, r"what may reach 0 to 18_446_744_073_709_551_616 \(big is 0 to"),
        ("y = 1\nreturn Outcome(r=1 // x)", 2, 22, "above 0"),
        ("y = 1\nreturn Outcome(r=x * 1_001)", 2, 5, "RESULT_OUT_OF_RANGE"),
        ("return Outcome(r=x.v)", 1, 22, "a row"),
    ],
)
def test_an_error_names_line_and_column(body: str, line: int, column: int, words: str) -> None:
    before = text("").count("\n") - 1
    with pytest.raises(RuleTextError, match=words) as refused:
        check_text(text(body))
    assert (refused.value.line - before, refused.value.column) == (line, column)


REFERENCE = (Path(__file__).resolve().parents[2] / "docs/reference/rule-language.md").read_text(encoding="utf-8")


def test_the_reference_s_example_is_a_rule_in_canonical_form() -> None:
    assert is_formatted(REFERENCE.split("```python\n")[1].split("```")[0])


def test_the_reference_lists_every_code() -> None:
    for code in RuleCode:
        assert f"| {code.value} | `{code.name}` |" in REFERENCE
