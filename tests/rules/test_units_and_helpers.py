"""Units, enums, helper functions and the look-ups: what checks, what comes out, and what is refused with its place."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RejectedByRule, RuleCode, RuleRefused
from abci_app.rules.executor import compile_program
from abci_app.rules.tables import Table
from abci_app.rules.tree import tree_hash, write_program
from settle.rules.explain import explain_program
from settle.rules.format import format_rule
from settle.rules.parse import check_text, parse_rule
from settle.rules.plugin import SHIPPED
from settle.rules.source import RuleTextError

HEAD = '''from abci_app.rules.stub import *

"""Everything that the language has."""

SERVICE = IntEnum("SERVICE", ("UNKNOWN", "VOICE", "SMS", "MMS"), start=0)

OFFSETS = Table(
    rows=10,
    key=1,
    since=Annotated[Timestamp, 0, 4_000_000_000],
    offset=Annotated[Seconds, -43_200, 50_400],
)

BANDS = Table(
    rows=50,
    key=2,
    weekday=Annotated[int, 1, 7],
    minute=Annotated[int, 0, 1_439],
    nano=Annotated[int, 0, 1_000_000_000],
)

TIERS = Table(
    rows=10,
    key=1,
    amount=Annotated[Money["CNY"], 0, 1_000_000_000_000],
    discount=Annotated[Bps, 0, 10_000],
)

SET_UP = Table(
    rows=8,
    key=1,
    rank=Annotated[int, 0, 99],
    service_from=Annotated[SERVICE, 0, 3],
    service_to=Annotated[SERVICE, 0, 3],
    length_from=Annotated[Seconds, 0, 100_000],
    length_to=Annotated[Seconds, 0, 100_000],
    fee=Annotated[Money["CNY"], 0, 1_000_000],
)


def nano_at(
    instant: Annotated[Timestamp, 0, 4_000_000_000],
) -> Annotated[int, 0, 1_000_000_000]:
    """The rate of the hour, by the clock of the place. 1970-01-01 was a Thursday."""
    local = local_time(instant, OFFSETS)
    band = band_at(BANDS, (local // 86_400 + 3) % 7 + 1, int(local % 86_400) // 60)
    if band is None:
        reject("NO_BAND")
    return band.nano


def is_long(
    length: Annotated[Seconds, 0, 100_000],
) -> bool:
    return length > 3600
'''
PRICE = """

def price(
    service: Annotated[SERVICE, 1, 3],
    instant: Annotated[Timestamp, 0, 4_000_000_000],
    length: Annotated[Seconds, 0, 100_000],
) -> tuple[
    Annotated[Money["CNY"], "amount", 0, 1_000_000_000_000],
    Annotated[bool, "long", 0, 1],
    Annotated[SERVICE, "kind", 0, 3],
]:
    if service == SERVICE.SMS:
        return Outcome(amount=CNY(0), long=False, kind=SERVICE.SMS)
    amount = CNY(mul_div(int(length), nano_at(instant), 60_000, HALF_UP))
    fee = first_match(SET_UP, service, length)
    if fee is not None:
        amount = amount + fee.fee
    tier = tier_of(TIERS, amount)
    if tier is not None:
        amount = amount - mul_div(amount, tier.discount, 10_000, HALF_UP)
    return Outcome(amount=max(amount, 0), long=is_long(length), kind=service)
"""
ROWS = {
    "OFFSETS": ((1_000_000, 28_800), (2_000_000, 32_400)),
    "BANDS": ((1, 0, 60), (1, 480, 120), (1, 1_200, 60), (7, 0, 30)),
    "TIERS": ((1_000, 500), (10_000, 1_000)),
    "SET_UP": ((1, 1, 1, 0, 59, 7), (2, 1, 3, 0, 100_000, 11)),
}
TABLES = {name: Table(name, rows) for name, rows in ROWS.items()}
MONDAY = 345_600  # 1970-01-05, the first Monday
VOICE, SMS, MMS = 1, 2, 3


def price(service: int, instant: int, length: int) -> tuple[int | bool, ...]:
    program = check_text(HEAD + PRICE).program
    return compile_program(program, TABLES, "test")["price"](service, instant, length)


@pytest.mark.parametrize(
    ("service", "instant", "length", "result"),
    [
        (VOICE, MONDAY, 60, (11, False, VOICE)),  # before the first offset: UTC; 60 s at 60 are 0.06, rounded 0
        (VOICE, MONDAY + 604_800 * 2, 59, (7, False, VOICE)),  # the first row that fits, not the second
        (VOICE, MONDAY + 604_800 * 2, 60_000, (131, True, VOICE)),  # 08:00 at +8: the band of 480 begins
        (VOICE, MONDAY + 604_800 * 2 - 1, 60_000, (71, True, VOICE)),  # 07:59:59 there
        (VOICE, MONDAY + 604_800 * 2 + 43_200, 60_000, (71, True, VOICE)),  # 20:00 there
        (SMS, 0, 5, (0, False, SMS)),
        (MMS, MONDAY, 1, (11, False, MMS)),
    ],
)
def test_time_bands_tiers_and_decision_tables(
    service: int, instant: int, length: int, result: tuple[int | bool, ...]
) -> None:
    assert price(service, instant, length) == result


def test_a_tier_gives_its_discount_from_its_threshold_on() -> None:
    bands = {**TABLES, "BANDS": Table("BANDS", tuple((day, 0, 60_000) for day in range(1, 8)))}
    entry = compile_program(check_text(HEAD + PRICE).program, bands, "test")["price"]
    assert entry(VOICE, 0, 988)[0] == 999  # 988 + 11, below the first threshold
    assert entry(VOICE, 0, 989)[0] == 950  # 1,000 less 5 %
    assert entry(VOICE, 0, 9_989)[0] == 9_000  # 10,000 less 10 %


def test_a_helper_rejects_for_its_caller() -> None:
    with pytest.raises(RejectedByRule, match="NO_BAND"):
        price(VOICE, MONDAY + 86_400, 1)  # no band on a Tuesday


def test_the_text_of_everything_is_canonical_and_its_bytes_are_frozen() -> None:
    """A format pin: the bytes of a tree with enums, units and helpers."""
    assert format_rule(HEAD + PRICE) == HEAD + PRICE
    raw = write_program(parse_rule(HEAD + PRICE).program)
    assert tree_hash(raw).hex() == "ca4142f93236a3f6546f080398df1ca2250009d2750e82d747b23e0448b796d3"


def test_an_explanation_shows_the_lines_of_a_helper_before_the_line_that_calls_it() -> None:
    program = check_text(HEAD + PRICE).program
    why = explain_program(program, TABLES, "price", VOICE, MONDAY + 604_800 * 2, 59)
    source = (HEAD + PRICE).split("\n")
    assert all(source[step.line - 1].strip() == step.source for step in why.steps)
    lines = [step.source for step in why.steps]
    assert lines.index("return band.nano") < lines.index(
        "amount = CNY(mul_div(int(length), nano_at(instant), 60_000, HALF_UP))"
    )
    amount = next(step for step in why.steps if step.source.startswith("amount = CNY"))
    assert ("nano_at(instant)", 120) in amount.values
    assert why.results == price(VOICE, MONDAY + 604_800 * 2, 59)
    assert why.text().splitlines()[0].endswith("if service == SERVICE.SMS:    -> not taken")
    rejected = explain_program(program, TABLES, "price", VOICE, MONDAY + 86_400, 1)
    assert (rejected.rejection, rejected.results) == ("NO_BAND", ())
    assert rejected.steps[-1].outcome == "reject NO_BAND"


# ---------------------------------------------------------------------------------------------------- refusals

CASE = """

def f(
    c: Annotated[Money["CNY"], 0, 1_000],
    u: Annotated[Money["USD"], 0, 1_000],
    s: Annotated[Seconds, 0, 1_000],
    t: Annotated[Timestamp, 0, 1_000],
    y: Annotated[Bytes, 0, 1_000],
    p: Annotated[Bps, 0, 1_000],
    n: Annotated[int, 0, 1_000],
    k: Annotated[SERVICE, 0, 3],
    b: bool,
) -> tuple[Annotated[Money["CNY"], "r", -1_000_000_000, 1_000_000_000]]:
"""


def text(body: str) -> str:
    return HEAD + CASE + "".join(f"    {line}\n" for line in body.split("\n"))


GOOD = {
    "sum of one currency": "return Outcome(r=c + c - 5)",
    "times a plain number": "return Outcome(r=c * n - n * c)",
    "over a plain number": "return Outcome(r=c // max(n, 1))",
    "remainder": "return Outcome(r=c % max(n, 1))",
    "ratio of one unit": "return Outcome(r=c * (u // max(u, 1)))",
    "instants": "z = t - t + s\nreturn Outcome(r=CNY(int(z)) + CNY(t // 60) + CNY(int(t % 60)))",
    "an instant and seconds": "z = s + t + 5\nz = z - s\nreturn Outcome(r=CNY(int(z)))",
    "basis points": "return Outcome(r=mul_div(c, p, 10_000, CEIL) + mul_div(p, c, 10_000, CEIL))",
    "a unit that cancels": "return Outcome(r=mul_div(c, u, max(u, 1), FLOOR) + mul_div(u, c, max(u, 1), FLOOR))",
    "a sum from a written 0": "z = 0\nfor i in range(5):\n    z = z + c\nreturn Outcome(r=z)",
    "the number of an enum": "return Outcome(r=CNY(int(k)))",
    "an enum from a number": "z = SERVICE(n % 4)\nif z == k or z != SERVICE.MMS:\n    reject('A')\nreturn Outcome(r=0)",
    "written numbers": "return Outcome(r=5)",
    "increments in one unit": "return Outcome(r=CNY(int(round_up_to(s, 30, 6))))",
}


@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_units_that_go_together(body: str) -> None:
    check_text(text(body))


UNITS = {
    "CNY + USD": "return Outcome(r=c + u)",
    "CNY - USD": "return Outcome(r=c - u)",
    "Seconds + Money": "return Outcome(r=s + c)",
    "Money + plain": "return Outcome(r=c + n)",
    "plain result": "return Outcome(r=n)",
    "USD result": "return Outcome(r=u)",
    "CNY < USD": "if c < u:\n    reject('A')\nreturn Outcome(r=c)",
    "CNY == plain": "if c == n:\n    reject('A')\nreturn Outcome(r=c)",
    "square of money": "return Outcome(r=c * c)",
    "money over seconds": "return Outcome(r=c // max(s, 1))",
    "plain over money": "return Outcome(r=n // max(c, 1))",
    "remainder of two": "return Outcome(r=c % max(u, 1))",
    "two instants": "z = t + t\nreturn Outcome(r=c)",
    "an instant less money": "z = t - c\nreturn Outcome(r=c)",
    "twice an instant": "z = t * 2\nreturn Outcome(r=c)",
    "seconds less an instant": "z = s - t\nreturn Outcome(r=c)",
    "an instant in mul_div": "z = mul_div(t, 1, 2, FLOOR)\nreturn Outcome(r=c)",
    "mul_div of two units": "return Outcome(r=mul_div(c, s, 60, FLOOR))",
    "mul_div by a foreign unit": "return Outcome(r=mul_div(c, n, max(s, 1), FLOOR))",
    "max of two": "return Outcome(r=max(c, u))",
    "clamp of three": "return Outcome(r=clamp(c, 0, u))",
    "increments of two": "z = round_up_to(s, y, 6)\nreturn Outcome(r=c)",
    "sum of enums": "z = k + k\nreturn Outcome(r=c)",
    "an enum times a number": "z = k * 2\nreturn Outcome(r=c)",
    "an enum compared with a number": "if k == 1:\n    reject('A')\nreturn Outcome(r=c)",
    "an enum ordered": "if k < SERVICE.SMS:\n    reject('A')\nreturn Outcome(r=c)",
    "an enum scaled": "z = mul_div(k, 1, 2, FLOOR)\nreturn Outcome(r=c)",
    "a unit into a unit": "return Outcome(r=CNY(u))",
    "seconds into an enum": "z = SERVICE(s)\nreturn Outcome(r=c)",
    "a tier of another currency": "z = tier_of(TIERS, u)\nreturn Outcome(r=c)",
    "a tier of a plain number": "z = tier_of(TIERS, n)\nreturn Outcome(r=c)",
    "a case by a number": "z = first_match(SET_UP, n, s)\nreturn Outcome(r=c)",
    "local time of a length": "z = local_time(s, OFFSETS)\nreturn Outcome(r=c)",
    "a helper given money": "z = is_long(c)\nreturn Outcome(r=c)",
}


@pytest.mark.parametrize("body", UNITS.values(), ids=UNITS.keys())
def test_units_that_do_not_go_together_are_refused_with_their_place(body: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_program(parse_rule(text(body)).program)
    assert refused.value.code is RuleCode.WRONG_UNIT, refused.value
    with pytest.raises(RuleTextError) as placed:
        check_text(text(body))
    assert placed.value.line > text("").count("\n") - 1
    assert placed.value.column > 0


REFUSED = {
    "of two currencies": ("if b:\n    z = c\nelse:\n    z = u\nreturn Outcome(r=z)", RuleCode.UNDEFINED),
    "int of a plain number": ("return Outcome(r=CNY(int(n)))", RuleCode.NOT_CANONICAL),
    "no such member": ("if k == SERVICE.FAX:\n    reject('A')\nreturn Outcome(r=c)", RuleCode.NO_SUCH_ENUM),
    "no such enum": ("if k == KIND.SMS:\n    reject('A')\nreturn Outcome(r=c)", RuleCode.NO_SUCH_ENUM),
    "into no such enum": ("z = KIND(n)\nreturn Outcome(r=c)", RuleCode.NO_SUCH_ENUM),
    "number beyond the enum": ("z = SERVICE(n)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "helper's argument out of range": ("z = is_long(s * 101)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "helper's argument of another kind": ("z = is_long(b)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "helper with too many": ("z = is_long(s, s)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "calls itself": ("z = f(c)\nreturn Outcome(r=c)", RuleCode.NO_SUCH_FUNCTION),
    "a variable named as a helper": ("is_long = 1\nreturn Outcome(r=c)", RuleCode.BAD_NAME),
    "a loop named as a helper": ("for is_long in range(3):\n    z = 1\nreturn Outcome(r=c)", RuleCode.BAD_NAME),
    "an enum as a value": ("z = SERVICE\nreturn Outcome(r=c)", RuleCode.WRONG_TYPE),
    "tier of two keys": ("z = tier_of(BANDS, n)\nreturn Outcome(r=c)", RuleCode.WRONG_TYPE),
    "band of one key": ("z = band_at(TIERS, c)\nreturn Outcome(r=c)", RuleCode.WRONG_TYPE),
    "band without its group": ("z = band_at(BANDS, n)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "case of too many": ("z = first_match(SET_UP, k, s, n, n)\nreturn Outcome(r=c)", RuleCode.WRONG_TYPE),
    "case of none": ("z = first_match(SET_UP)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "local time by another table": ("z = local_time(t, TIERS)\nreturn Outcome(r=c)", RuleCode.WRONG_ARGUMENTS),
    "local time without a table": ("z = local_time(t, t)\nreturn Outcome(r=c)", RuleCode.NO_SUCH_TABLE),
    "row of tier_of used untested": ("z = tier_of(TIERS, c)\nreturn Outcome(r=z.amount)", RuleCode.MAY_BE_NONE),
}


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_enums_helpers_and_look_ups_refuse(body: str, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_program(parse_rule(text(body)).program)
    assert refused.value.code is code, refused.value


def test_helpers_cannot_call_each_other_in_a_circle() -> None:
    one = "\n\ndef {}(\n    x: Annotated[int, 0, 9],\n) -> Annotated[int, 0, 9]:\n    return {}(x)\n"
    with pytest.raises(RuleRefused) as refused:
        check_program(parse_rule(HEAD + one.format("a", "z") + one.format("z", "a") + PRICE).program)
    assert refused.value.code is RuleCode.NO_SUCH_FUNCTION


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('Money["CNY"]', 'Money["XXX"]', "a currency is one of"),
        ("Annotated[Bps", "Annotated[float", "a type is one of"),
        ('"UNKNOWN", "VOICE"', '"UNKNOWN", VOICE', "in quotation marks"),
        ('"UNKNOWN", "VOICE"', '"UNKNOWN", "voice"', "A to Z"),
        ("start=0", "start=1", "is declared as"),
        ('IntEnum("SERVICE"', 'IntEnum("KIND"', "is declared as"),
        ("Annotated[SERVICE, 0, 3]", "Annotated[SERVICE, 0, 4]", r"0 \(UNKNOWN\) to 3 \(MMS\)"),
        (") -> bool:", "):", "results are declared"),
        ("    return length > 3600", "    return", "returns one value"),
        ("    return length > 3600", "    return length", "a condition"),
    ],
)
def test_a_declaration_of_units_enums_or_helpers_is_refused_in_words(before: str, after: str, words: str) -> None:
    with pytest.raises(RuleTextError, match=words) as refused:
        check_text((HEAD + PRICE).replace(before, after, 1))
    assert refused.value.line > 0


# -------------------------------------------------------------------------------------------- the authors' tools


def loaded(path: Path) -> object:
    spec = importlib.util.spec_from_file_location("rule_as_python", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_rule_file_runs_as_plain_python_with_its_tables_filled(tmp_path: Path) -> None:
    """So that pytest can test it as any other module; the stub is one more independent back end."""
    path = tmp_path / "rule.py"
    path.write_text(HEAD + PRICE)
    module = loaded(path)
    for name, rows in ROWS.items():
        getattr(module, name).fill(list(rows))
    for service in (VOICE, SMS, MMS):
        for instant in (MONDAY, MONDAY + 28_800, MONDAY + 604_800 * 2, MONDAY + 604_800 * 2 + 60 * 480):
            assert module.price(service, instant, 4_000) == price(service, instant, 4_000)  # type: ignore[attr-defined]  # of the rule
    with pytest.raises(RejectedByRule):
        module.price(VOICE, MONDAY + 86_400, 1)  # type: ignore[attr-defined]  # of the rule


def test_type_checker_and_linter_take_rule_files(tmp_path: Path) -> None:
    path = tmp_path / "everything.py"
    path.write_text(HEAD + PRICE)
    shipped = SHIPPED / "domestic_interconnect" / "v2" / "rule.py"
    root = SHIPPED.parent
    for file in (path, shipped):
        command = [sys.executable, "-m", "mypy", "--no-warn-return-any", "--follow-imports=silent", str(file)]
        found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert found.returncode == 0, found.stdout
    rules = ["--config", str(root / "pyproject.toml"), "--ignore", "ANN,ARG001,D,F403,F405,FA,INP,N,I,E"]
    command = [sys.executable, "-m", "ruff", "check", *rules, str(path)]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
