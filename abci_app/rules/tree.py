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
    """An intrinsic or a helper function applied to arguments."""

    function: Name
    arguments: tuple[Expression, ...]


class Symbol(Node, frozen=True, tag=12):
    """A table or a rounding, as an intrinsic's argument."""

    name: CapsName


class Converted(Node, frozen=True, tag=13):
    """A plain integer taken as a value in a unit or of an enum; unit empty: the plain integer of such a value."""

    unit: Unit
    value: Expression


class Member(Node, frozen=True, tag=14):
    """A named value of an enum."""

    enum: CapsName
    member: CapsName


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
    """The outcome: one value per declared result, in order; a helper function has one."""

    values: tuple[Expression, ...]


class Reject(Node, frozen=True, tag=37):
    """The rule's own refusal of this record or line, by code."""

    code: CapsName


Condition: TypeAlias = Comparison | AllOf | AnyOf | Not | IsNone
Expression: TypeAlias = Integer | Truth | Variable | Field | Arithmetic | Condition | Call | Symbol | Converted | Member
Statement: TypeAlias = Let | If | ForRow | ForRange | Return | Reject


class Declared(Node, frozen=True):
    """A parameter, result or column: name, kind, range and unit: a measure, an enum's name, or empty."""

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
    """Named values, numbered from 0 in order. The enum's name is the unit of its values."""

    name: CapsName
    members: tuple[CapsName, ...]


class FunctionRole(IntEnum):
    """An entry point is called by the host, a helper by functions below it."""

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
    """A whole rule: entry points and their helpers over the tables that stand beside the code."""

    form: U8
    note: tuple[NoteLine, ...]
    enums: tuple[EnumForm, ...]
    tables: tuple[TableForm, ...]
    functions: tuple[Function, ...]


HELPER_RESULT = "value"
"""The name of the one result of a helper; no text spells it."""


def entry_points(program: Program) -> tuple[Function, ...]:
    """The functions that the host may call, in order."""
    return tuple(one for one in program.functions if one.role is FunctionRole.ENTRY_POINT)


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
