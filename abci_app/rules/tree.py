"""The tree of a rule: the checked tree is the program, and its canonical bytes are its identity.

A tree travels as bytes. `read_program` measures the bytes without recursion before it decodes them,
then the node types below refuse every shape, name and number that is none. What remains for the
checker is meaning. Node tags are frozen; a later version of the language adds tags and never
changes a field, so a hash given today stays.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeAlias

import msgspec

from abci_app.kernel.encoding import I64, U8, U16, encode, nesting_within
from abci_app.kernel.hashing import Tag, tagged
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.names import CapsName, Name, NoteLine, Unit

FORM = 1
MOST_BYTES = 128 * 1024
MOST_NODES = 20_000
DEEPEST = 64


class Kind(IntEnum):
    """What a parameter, result or column holds. Frozen numbers."""

    INTEGER = 1  # low and high bound the value
    BOOLEAN = 2  # low 0, high 1
    DIGITS = 3  # low and high bound the length, at most 20


class Operator(IntEnum):
    """Arithmetic on integers; `//` and `%` are floor division and its remainder."""

    ADD = 1
    SUBTRACT = 2
    MULTIPLY = 3
    FLOOR_DIVIDE = 4
    REMAINDER = 5


class Relation(IntEnum):
    """Comparison of integers."""

    LESS = 1
    LESS_OR_EQUAL = 2
    GREATER = 3
    GREATER_OR_EQUAL = 4
    EQUAL = 5
    NOT_EQUAL = 6


class Node(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of all parts of a tree. Fields are written in order."""


class Integer(Node, frozen=True, tag=1):
    """A whole number written in the rule."""

    value: I64


class Truth(Node, frozen=True, tag=2):
    """`True` or `False`."""

    value: bool


class Variable(Node, frozen=True, tag=3):
    """The value of a parameter or variable."""

    name: Name


class Field(Node, frozen=True, tag=4):
    """A column of a row that a variable holds."""

    row: Name
    column: Name


class Arithmetic(Node, frozen=True, tag=5):
    """Two integers combined."""

    operator: Operator
    left: Expression
    right: Expression


class Comparison(Node, frozen=True, tag=6):
    """Two integers compared."""

    relation: Relation
    left: Expression
    right: Expression


class AllOf(Node, frozen=True, tag=7):
    """`a and b and ...`, left to right, stopping at the first False. Two operands or more."""

    operands: tuple[Expression, ...]


class AnyOf(Node, frozen=True, tag=8):
    """`a or b or ...`, left to right, stopping at the first True. Two operands or more."""

    operands: tuple[Expression, ...]


class Not(Node, frozen=True, tag=9):
    """The opposite of a condition."""

    operand: Expression


class IsNone(Node, frozen=True, tag=10):
    """Whether a look-up found nothing."""

    name: Name


class Call(Node, frozen=True, tag=11):
    """An intrinsic (later also a helper function) applied to arguments."""

    function: Name
    arguments: tuple[Expression, ...]


class Symbol(Node, frozen=True, tag=12):
    """A table or a rounding, as an intrinsic's argument."""

    name: CapsName


class Let(Node, frozen=True, tag=32):
    """`name = value`."""

    name: Name
    value: Expression


class Branch(Node, frozen=True):
    """One `if` or `elif` with its body."""

    test: Expression
    body: tuple[Statement, ...]


class If(Node, frozen=True, tag=33):
    """`if`, any number of `elif`, and `else` (empty where there is none)."""

    branches: tuple[Branch, ...]
    otherwise: tuple[Statement, ...]


class ForRow(Node, frozen=True, tag=34):
    """The body once for every row of a table, in key order."""

    name: Name
    table: CapsName
    body: tuple[Statement, ...]


class ForRange(Node, frozen=True, tag=35):
    """The body once for every integer from start to stop - 1."""

    name: Name
    start: I64
    stop: I64
    body: tuple[Statement, ...]


class Return(Node, frozen=True, tag=36):
    """The outcome: one value per declared result, in order."""

    values: tuple[Expression, ...]


class Reject(Node, frozen=True, tag=37):
    """The rule's own refusal of this record or line, by code."""

    code: CapsName


Expression: TypeAlias = (
    Integer | Truth | Variable | Field | Arithmetic | Comparison | AllOf | AnyOf | Not | IsNone | Call | Symbol
)
Statement: TypeAlias = Let | If | ForRow | ForRange | Return | Reject


class Declared(Node, frozen=True):
    """A parameter, result or column: name, kind, range and unit (empty until units are checked)."""

    name: Name
    kind: Kind
    low: I64
    high: I64
    unit: Unit


class TableForm(Node, frozen=True):
    """What a table may hold: at most `rows` rows, sorted and unique by the first `keys` columns."""

    name: CapsName
    rows: U16
    keys: U8
    columns: tuple[Declared, ...]


class EnumForm(Node, frozen=True):
    """Reserved: named values. The checker refuses them until enums are part of the language."""

    name: CapsName
    members: tuple[CapsName, ...]


class FunctionRole(IntEnum):
    """An entry point is called by the host; helpers are reserved."""

    ENTRY_POINT = 0
    HELPER = 1


class Function(Node, frozen=True):
    """One function of a rule."""

    name: Name
    role: FunctionRole
    note: tuple[NoteLine, ...]
    parameters: tuple[Declared, ...]
    results: tuple[Declared, ...]
    body: tuple[Statement, ...]


class Program(Node, frozen=True):
    """A whole rule: one or more entry points over the tables that stand beside the code."""

    form: U8
    note: tuple[NoteLine, ...]
    enums: tuple[EnumForm, ...]
    tables: tuple[TableForm, ...]
    functions: tuple[Function, ...]


_decode = msgspec.msgpack.Decoder(Program).decode


def write_program(program: Program) -> bytes:
    """The canonical bytes of a tree."""
    return encode(program)


def read_program(raw: bytes) -> Program:
    """The tree in `raw`. RuleRefused TOO_LARGE or MALFORMED where there is none; never another exception."""
    if len(raw) > MOST_BYTES:
        raise RuleRefused(RuleCode.TOO_LARGE, "the tree", f"at most {MOST_BYTES} bytes", len(raw))
    if not nesting_within(raw, DEEPEST, MOST_NODES):
        limits = f"one value nested at most {DEEPEST} deep, of at most {MOST_NODES} parts"
        raise RuleRefused(RuleCode.TOO_LARGE, "the tree", limits, "more, or bytes cut short")
    try:
        program: Program = _decode(raw)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise RuleRefused(RuleCode.MALFORMED, "the tree", "a rule tree", fault) from fault
    if encode(program) != raw:
        raise RuleRefused(RuleCode.MALFORMED, "the tree", "the canonical spelling", "another spelling")
    return program


def tree_hash(raw: bytes) -> bytes:
    """The name of a tree: 32 bytes over its canonical bytes."""
    return tagged(Tag.RULE_TREE, raw)
