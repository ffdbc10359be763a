"""Ways out of other engines' sandboxes, and text that reads otherwise than it runs: refused, or not canonical.

The entries are what plugins' research found open in engines that were measured, or in advisories about them.
"""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from abci_app.rules.check import check_program
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.printer import FIRST_LINE, print_program
from abci_app.rules.tree import Program, read_program, write_program
from settle.rules.format import format_rule, is_formatted
from settle.rules.parse import check_text, parse_rule
from settle.rules.source import RuleTextError
from tests.rules.programs import STUB, text
from tests.rules.random_programs import RandomProgram

DONE = "\nreturn Outcome(r=1)"
ESCAPES = {
    # RestrictedPython's advisories
    "CVE-2023-37271: stack frames through a generator": "y = (i for i in T).gi_frame.f_back" + DONE,
    "CVE-2023-41039: attributes through str.format": "y = '{0.__class__}'.format(x)" + DONE,
    "CVE-2024-47532: attributes through an error's obj": "y = string.whitespace.obj" + DONE,
    "CVE-2025-22153: type confusion by except*": "try:\n    y = 1\nexcept* ValueError:\n    y = 2" + DONE,
    "CVE-2026-76825: objects through Formatter.get_field": "y = string.Formatter().get_field('0.a', x, x)" + DONE,
    # reflection
    "all classes through a tuple's": "y = ().__class__.__base__.__subclasses__()" + DONE,
    "globals of a function": "y = f.__globals__" + DONE,
    "globals()": "y = globals()" + DONE,
    "setattr": "y = setattr(x, x, x)" + DONE,
    "type of a value": "y = type(x)" + DONE,
    "identity differs in each process": "return Outcome(r=id(x))",
    "eval of text": "y = eval('x')" + DONE,
    "exec": "exec('x')" + DONE,
    "compile": "y = compile(x, x, x)" + DONE,
    # the meter and the host
    "the meter switched off: sys.settrace": "sys.settrace(x)" + DONE,
    "the meter switched off: debug.sethook": "debug.sethook()" + DONE,
    "the fuel's end caught: pcall": "y = pcall(f, x)" + DONE,
    "a call back into the host": "y = host(x)" + DONE,
    "breakpoint": "breakpoint()" + DONE,
    # work that no counter sees
    "a regular expression that backtracks": "y = re.match('(a+)+b', d)" + DONE,
    "sorting": "y = sorted(T)" + DONE,
    "sum over a table": "y = sum(T)" + DONE,
    "a range as a value": "y = range(9)" + DONE,
    "text repeated": "y = d * 1_000_000_000" + DONE,
    "text joined": "y = ''.join(d)" + DONE,
    "three-argument pow": "y = pow(2, 1_000_000, 7)" + DONE,
    "a matrix product": "y = x @ x" + DONE,
    "a right shift by a variable": "y = x >> x" + DONE,
    # what differs between nodes
    "the clock": "y = time.time()" + DONE,
    "now": "y = now()" + DONE,
    "chance": "y = random.random()" + DONE,
    "the environment": "y = os.environ" + DONE,
    "a file": "y = open(x)" + DONE,
    "the network": "y = urlopen(x)" + DONE,
    "a time zone library": "y = ZoneInfo(x)" + DONE,
    "the locale's digits": "y = int(d)" + DONE,
    "the order of a dict": "for k in {1: 2}:\n    y = 1" + DONE,
    "the order of names: vars": "y = vars()" + DONE,
    # numbers that are none
    "0.1 + 0.2": "y = 0.1 + 0.2" + DONE,
    "a float by exponent": "y = 1e3" + DONE,
    "a float by conversion": "y = float(x)" + DONE,
    "infinity": "y = inf" + DONE,
    "round to even, silently": "y = round(x)" + DONE,
    "a number from text": "y = int('9')" + DONE,
    "an octal of C": "y = 010" + DONE,
    # other flow
    "a function that yields": "y = yield x" + DONE,
    "an asynchronous loop": "async for i in T:\n    y = 1" + DONE,
    "a helper inside a helper's call": "y = f(f(f(x)))" + DONE,
    "nonlocal": "nonlocal x" + DONE,
    "a loop that pauses": "for row in T:\n    continue" + DONE,
    "a slice assigned": "x[0:1] = 1" + DONE,
    "a field assigned": "for row in T:\n    row.v = 1" + DONE,
    "an attribute of a number": "y = x.real" + DONE,
    "a rejection with more": "reject('A', x=1)" + DONE,
    "a rejection in a value": "y = reject('A')" + DONE,
}


@pytest.mark.parametrize("body", ESCAPES.values(), ids=ESCAPES.keys())
def test_a_way_out_is_refused_with_its_place(body: str) -> None:
    with pytest.raises(RuleTextError) as refused:
        check_text(text(body))
    assert refused.value.line > 0
    assert refused.value.column > 0


GOOD = text("return Outcome(r=1)")
FILES = {
    "CVE-2026-55830: a guard shadowed by a positional-only parameter": GOOD.replace("def f(", "def f(_g: bool, /, "),
    "a keyword-only parameter": GOOD.replace("b: bool", "*, b: bool"),
    "parameters without number": GOOD.replace("b: bool", "**b: bool"),
    "a lambda as a default": GOOD.replace("b: bool", "b: bool = (lambda: 1)()"),
    "a column declared twice": GOOD.replace(
        "v=Annotated[int, 1, 100]", "v=Annotated[int, 1, 100], v=Annotated[int, 5, 6]"
    ),
    "rows declared twice": GOOD.replace("rows=8", "rows=8, rows=9", 1),
    "columns from a dict": GOOD.replace("rows=8,", "**x,", 1),
    "a table named as a currency": GOOD.replace("T = Table", "CNY = Table"),
    "a function that hides an intrinsic": GOOD.replace("def f(", "def mul_div("),
    "a table filled by the rule": GOOD + "\nT.fill([(1, 2)])\n",
    "a table read from a file": GOOD.replace("rows=8", "rows=open('x')", 1),
    "an enum with a method": GOOD.replace("\nT =", "\nclass E(IntEnum):\n    A = 0\n\nT =", 1),
    "an enum that starts elsewhere": GOOD.replace("\nT =", '\nE = IntEnum("E", ("A",), start=7)\n\nT =', 1),
    "code when imported": GOOD.replace("\nT =", "\n__import__('os').system('x')\n\nT =", 1),
    "a second import": GOOD.replace(FIRST_LINE, f"{FIRST_LINE}\nimport os"),
    "another module's names": GOOD.replace(FIRST_LINE, "from abci_app.rules.executor import *"),
    "letters that run backwards": GOOD.replace("x:", "\u202ex:"),
    "a letter that looks like another": GOOD.replace("x:", "\u0445:"),
    "digits that are not 0 to 9": GOOD.replace("9", "\u0669"),
    "a zero byte": GOOD.replace("x:", "x\0:"),
}


@pytest.mark.parametrize("whole", FILES.values(), ids=FILES.keys())
def test_a_file_that_does_more_than_a_rule_is_refused(whole: str) -> None:
    assert whole != GOOD
    with pytest.raises(RuleTextError):
        check_text(whole)


# ------------------------------------------------------------------------------- text that reads otherwise than it runs

CANONICAL = format_rule(GOOD)
DISGUISED = {
    "a comment that contradicts": CANONICAL.replace("    return", "    # returns 2\n    return"),
    "an encoding that Python would follow": "# -*- coding: utf-7 -*-\n" + CANONICAL,
    "a carriage return that hides a line": CANONICAL.replace("    return", "    # nothing\r    z = 7\n    return"),
    "a form feed": CANONICAL.replace("    return", "\f    return"),
    "a backspace in a comment": CANONICAL.replace("    return", "    # ab\b\b\n    return"),
    "two statements a line": CANONICAL.replace("    return", "    z = 7; return"),
    "a line continued": CANONICAL.replace("r=1)", "r=\\\n1)"),
    "a hexadecimal number": CANONICAL.replace("r=1)", "r=0x1)"),
    "digits in other groups": CANONICAL.replace("r=1)", "r=1_0)"),
    "a needless parenthesis": CANONICAL.replace("r=1)", "r=(1))"),
    "a bool where 0 is meant": CANONICAL.replace("\nT =", '\nE = IntEnum("E", ("A",), start=False)\n\nT =', 1),
    "other quotation marks": CANONICAL.replace("    return", "    if b:\n        reject('A')\n    return"),
    "a code in two pieces": CANONICAL.replace("    return", '    if b:\n        reject("A" "B")\n    return'),
    "no line at the end": CANONICAL.rstrip("\n"),
    "blanks at the end": CANONICAL.replace("r=1)", "r=1) "),
    "a range that starts at 0": CANONICAL.replace("    return", "    for i in range(0, 3):\n        z = i\n    return"),
}


@pytest.mark.parametrize("disguised", DISGUISED.values(), ids=DISGUISED.keys())
def test_text_that_reads_otherwise_than_it_runs_is_not_what_voters_see(disguised: str) -> None:
    """The formatter gives the text of the tree, and a bundle's text must be that."""
    assert disguised != CANONICAL
    assert not is_formatted(disguised)
    shown = format_rule(disguised)
    assert is_formatted(shown)
    assert not set(shown) & set("\r\f\b\\#;'")


def raw_program(note: str = "Note.", name: str = "z", code: str = "A", unit: str = "Bps", member: str = "M") -> bytes:
    """The bytes of a rule with these words in it, made without our types."""
    body = [
        [32, name, [13, unit, [1, 1]]],
        [33, [[[6, 5, [14, "E", "M"], [14, "E", "M"]], [[37, code]]]], []],
        [36, [[1, 1]]],
    ]
    function = ["f", 0, [note], [["x", 1, 0, 9, ""]], [["r", 1, 0, 9, ""]], body]
    return msgspec.msgpack.encode([1, [note], [["E", [member, "N"]]], [], [function]])


def test_the_words_before_they_are_spoilt_are_a_rule() -> None:
    program = read_program(raw_program())
    check_program(program)
    assert parse_rule(print_program(program)).program == program


INJECTIONS = {
    "a note that ends its string": {"note": '""" + x()'},
    "a note that ends in a backslash": {"note": "a\\"},
    "a note of two lines": {"note": "a\nimport os"},
    "a note with a carriage return": {"note": "a\rimport os"},
    "a note that is not ASCII": {"note": "caf\u00e9"},
    "a note that runs backwards": {"note": "a\u202eb"},
    "a note with a zero byte": {"note": "a\0b"},
    "a note with a terminal's escape": {"note": "a\x1b[2Jb"},
    "a note that begins with a blank": {"note": " a"},
    "an empty line of a note": {"note": ""},
    "a note of 101 characters": {"note": "a" * 101},
    "a name with a line": {"name": "z\n"},
    "a name with code": {"name": "z=1;y"},
    "a name with an attribute": {"name": "z.a"},
    "a name bound by the executor": {"name": "_rows_t"},
    "a name of capitals": {"name": "Z"},
    "a name with a look-alike": {"name": "\u0445"},
    "a name of 32 letters": {"name": "z" * 32},
    "a code that ends its string": {"code": 'A"); x(); ("'},
    "a code of small letters": {"code": "a"},
    "a unit with a bracket": {"unit": "B(x)"},
    "a unit with a line": {"unit": "B\n"},
    "a member with code": {"member": 'M", x(), "'},
    "a member with an underscore first": {"member": "_M"},
}


@pytest.mark.parametrize("words", INJECTIONS.values(), ids=INJECTIONS.keys())
def test_words_that_would_be_code_are_refused_when_the_bytes_are_read(words: dict[str, str]) -> None:
    with pytest.raises(RuleRefused) as refused:
        read_program(raw_program(**words))
    assert refused.value.code is RuleCode.MALFORMED


KEYWORDS = ("while", "lambda", "import", "yield", "match", "type", "self", "int", "range", "reject", "min", "lookup")


@pytest.mark.parametrize("name", KEYWORDS)
def test_words_that_python_or_the_language_needs_are_no_names(name: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_program(read_program(raw_program(name=name)))
    assert refused.value.code is RuleCode.BAD_NAME


def test_no_two_trees_have_one_text() -> None:
    """Else voters would read one and run the other."""
    chance = Random(41)
    seen: dict[str, Program] = {}
    for _ in range(400):
        program = RandomProgram(chance, 1).program
        shown = print_program(program)
        assert seen.setdefault(shown, program) == program
        assert parse_rule(shown).program == program == read_program(write_program(program))
    assert len(seen) > 380
    assert all(shown.startswith(STUB) for shown in seen)
