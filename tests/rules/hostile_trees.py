"""Trees that are not well typed by construction: good trees, spoilt at random, as plain lists of the encoding.

Numbers become extremes, declared ranges are moved, guards and tests for None are dropped, operands are swapped, and
parts of other programs are put in. What comes out is bytes; whether they are a rule is the checker's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from abci_app.rules.tree import Kind, Program, write_program
from settle.rules.parse import parse_rule
from tests.rules.programs import text
from tests.rules.random_programs import RandomProgram

A = TypeVar("A")
Raw: TypeAlias = list[Any]
"""A part of a tree as it is encoded: `[tag, field, ...]`, or without a tag where only one kind can stand."""
Spot: TypeAlias = tuple[Raw, int]
"""A place in a list, so that what stands there can be replaced."""

INTEGER, TRUTH, VARIABLE, FIELD, ARITHMETIC, COMPARISON, ALL_OF, ANY_OF, NOT, IS_NONE, CALL, SYMBOL, CONVERTED = range(
    1, 14
)
LET, IF, FOR_ROW, FOR_RANGE, RETURN = range(32, 37)
_BOUNDS = (-(2**63), -(2**63) + 1, -(2**62), -1, 0, 1, 2, 2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 2, 2**63 - 1)
_MOST_SEED_BYTES = 350
_WIDTH = {"min": 2, "max": 2, "abs": 1, "clamp": 3, "round_up_to": 3}

GUARDED = (
    "if y <= 0:\n    reject('A')\nreturn Outcome(r=x // y + x % y)",
    "if y == 0 or x < 10:\n    return Outcome(r=0)\nreturn Outcome(r=mul_div(x, 7, max(y, 1), HALF_UP))",
    "row = lookup(T, x)\nif row is None or row.v < y:\n    reject('A')\nreturn Outcome(r=x // row.v)",
    "row = prefix_lookup(P, d)\nif row is not None and row.v > 0:\n    return Outcome(r=1_000 // row.v)\nreject('A')",
    "row = tier_of(T, y)\ns = 0\nif row is not None:\n    s = row.v - 1\nreturn Outcome(r=round_up_to(x, s, s + 1))",
    "s = 0\nfor row in T:\n    if row.k > y and b:\n        s = s + row.v\nreturn Outcome(r=clamp(s, 0, 1_000))",
    "s = 1\nfor i in range(5):\n    if s < 1_000:\n        s = s * 3 + i\nreturn Outcome(r=s)",
    (
        "if big > 4_000_000_000_000_000_000:\n    reject('A')\n"
        "return Outcome(r=mul_div(big + big, 1, 2_000_000_000_000, CEIL))"
    ),
    (
        "row = lookup(T, x)\nif b:\n    if row is None:\n        reject('A')\n    y = row.k\n"
        "z = 0\nif row is not None:\n    z = row.v\nreturn Outcome(r=z + y)"
    ),
    "if x != big and y < x:\n    return Outcome(r=x - y)\nif b or x == y:\n    reject('A')\nreturn Outcome(r=y)",
    "z = abs(y) - 5\nif z != 0:\n    z = z * z\nelse:\n    z = x\nreturn Outcome(r=min(z, 1_000) - max(z, -1_000))",
    "z = CNY(x)\nif b:\n    z = mul_div(z, Bps(x), 10_000, FLOOR)\nreturn Outcome(r=int(z) % 60)",
    "z = Timestamp(big // 2) - Timestamp(x)\nif z > 0 and y > 0:\n    reject('A')\nreturn Outcome(r=int(z % 86_400))",
)  # fmt: skip
HALF = "def half(n: Annotated[int, 0, 1_000]) -> Annotated[int, 0, 500]:\n    return n // 2\n\n\n"


class Spots(NamedTuple):
    """What may be changed in a program."""

    expressions: list[Spot]
    statements: list[Spot]
    numbers: list[Spot]
    """Constants, ends of loops, rows and keys of tables."""
    declared: list[Raw]


def spots_of(program: Raw) -> Spots:
    """Everything in a program that may be changed."""
    found = Spots([], [], [], [])
    for table in program[3]:
        found.numbers.extend([(table, 1), (table, 2)])
        _declared(table[3], found)
    for function in program[4]:
        _declared(function[3], found)
        _declared(function[4], found)
        _body(function[5], found)
    return found


def _declared(many: Raw, found: Spots) -> None:
    found.declared.extend(many)


def _body(body: Raw, found: Spots) -> None:
    for at, statement in enumerate(body):
        found.statements.append((body, at))
        match statement[0]:
            case 32:
                _expression(statement, 2, found)
            case 33:
                for branch in statement[1]:
                    _expression(branch, 0, found)
                    _body(branch[1], found)
                _body(statement[2], found)
            case 34:
                _body(statement[3], found)
            case 35:
                found.numbers.extend([(statement, 2), (statement, 3)])
                _body(statement[4], found)
            case 36:
                for place in range(len(statement[1])):
                    _expression(statement[1], place, found)


def _expression(holder: Raw, at: int, found: Spots) -> None:
    found.expressions.append((holder, at))
    node = holder[at]
    match node[0]:
        case 1:
            found.numbers.append((node, 1))
        case 5 | 6:
            _expression(node, 2, found)
            _expression(node, 3, found)
        case 7 | 8:
            for place in range(len(node[1])):
                _expression(node[1], place, found)
        case 9:
            _expression(node, 1, found)
        case 11:
            for place in range(len(node[2])):
                _expression(node[2], place, found)
        case 13:
            _expression(node, 2, found)


def copied(part: Raw) -> Raw:
    """A deep copy of a part."""
    return [copied(one) if isinstance(one, list) else one for one in part]


class Hostile:
    """Draws spoilt trees. `parts` are what other programs are made of."""

    def __init__(self, chance: Random, seeds: int = 90) -> None:
        self._chance = chance
        self._seeds = [*_drawn(chance, seeds), *_written()]
        self._expressions: list[Raw] = []
        self._statements: list[Raw] = []
        for seed in self._seeds:
            spots = spots_of(msgspec.msgpack.decode(seed))
            self._expressions += [holder[at] for holder, at in spots.expressions]
            self._statements += [body[at] for body, at in spots.statements]
        self._ways: tuple[Callable[[Raw, Spots], None], ...] = (
            self._number, self._number, self._range, self._range, self._swap, self._splice, self._splice_statement,
            self._drop, self._drop, self._unguard, self._unguard, self._operator, self._rename, self._wrap,
            self._repeat, self._reorder, self._function_or_table,
        )  # fmt: skip

    def tree(self) -> bytes:
        """The bytes of a tree that was good before one to three changes."""
        program = msgspec.msgpack.decode(self._pick(self._seeds))
        for _ in range(1 + self._below(3)):
            spots = spots_of(program)
            if not (spots.expressions and spots.numbers):
                break
            self._pick(self._ways)(program, spots)
        return msgspec.msgpack.encode(program)

    # ---------------------------------------------------------------------------------------- numbers and ranges

    def _extreme(self, near: object) -> int:
        if isinstance(near, int) and self._chance.random() < 0.4:
            return max(-(2**63), min(near + self._pick((-1, 1, -2, 2, 10)), 2**63 - 1))
        return self._pick(_BOUNDS)

    def _number(self, _: Raw, spots: Spots) -> None:
        holder, at = self._pick(spots.numbers)
        holder[at] = self._extreme(holder[at])

    def _range(self, _: Raw, spots: Spots) -> None:
        """Another range, seldom an empty one."""
        one = self._pick(spots.declared)
        if one[1] == Kind.INTEGER:
            low, high = self._extreme(one[2]), self._extreme(one[3])
        elif one[1] == Kind.DIGITS:
            low, high = self._below(22) - 1, self._below(22)
        else:
            low, high = 0, 1 + (self._below(9) == 0)
        one[2], one[3] = (high, low) if low > high and self._chance.random() < 0.97 else (low, high)

    # ----------------------------------------------------------------------------------------------- expressions

    def _swap(self, _: Raw, spots: Spots) -> None:
        (one, here), (other, there) = self._pick(spots.expressions), self._pick(spots.expressions)
        one[here], other[there] = copied(other[there]), copied(one[here])

    def _splice(self, _: Raw, spots: Spots) -> None:
        holder, at = self._pick(spots.expressions)
        holder[at] = copied(self._pick(self._expressions))

    def _operator(self, _: Raw, spots: Spots) -> None:
        """Another operator, relation, intrinsic or rounding; `and` for `or`."""
        holder, at = self._pick(spots.expressions)
        node = holder[at]
        match node[0]:
            case 5:
                node[1] = 1 + self._below(5)
            case 6:
                node[1] = 1 + self._below(6)
            case 7 | 8:
                node[0] = 15 - node[0]
            case 11:
                width = len(node[2])
                node[1] = self._pick([name for name, wanted in _WIDTH.items() if wanted == width] or [node[1]])
            case 12:
                node[1] = self._pick(("FLOOR", "CEIL", "TRUNC", "HALF_UP", "HALF_EVEN", "T", "ROWS"))

    def _wrap(self, _: Raw, spots: Spots) -> None:
        holder, at = self._pick(spots.expressions)
        inner, extreme = holder[at], [INTEGER, self._extreme(None)]
        ways: tuple[Raw, ...] = (
            [ARITHMETIC, 1 + self._below(5), inner, extreme],
            [ARITHMETIC, 1 + self._below(5), extreme, inner],
            [NOT, inner],
            [CALL, "abs", [inner]],
            [CALL, "max", [inner, extreme]],
            [CALL, "clamp", [inner, extreme, [INTEGER, self._extreme(None)]]],
            [CALL, "mul_div", [inner, extreme, [INTEGER, self._extreme(None)], [SYMBOL, "HALF_EVEN"]]],
            [CALL, "round_up_to", [inner, extreme, [INTEGER, self._extreme(None)]]],
            [CONVERTED, self._pick(("", "CNY", "Seconds", "Bps", "KIND")), inner],
            [COMPARISON, 1 + self._below(6), inner, extreme],
        )
        holder[at] = self._pick(ways)

    def _rename(self, program: Raw, spots: Spots) -> None:
        """A name for another: variables, rows, columns, assigned names."""
        holder, at = self._pick(spots.expressions)
        names = ["p0", "p1", "x", "y", "d", "b", "v1", "v2", "v3", "row", "s", "z", "i"]
        node = holder[at]
        if node[0] in (VARIABLE, FIELD, IS_NONE):
            node[1] = self._pick(names)
        else:
            body, place = self._pick(spots.statements)
            if body[place][0] in (LET, FOR_ROW, FOR_RANGE):
                body[place][1] = self._pick(names)

    # ------------------------------------------------------------------------------------------------ statements

    def _splice_statement(self, _: Raw, spots: Spots) -> None:
        body, at = self._pick(spots.statements)
        body.insert(at, copied(self._pick(self._statements)))

    def _drop(self, _: Raw, spots: Spots) -> None:
        body, at = self._pick(spots.statements)
        if len(body) > 1:
            del body[at]

    def _unguard(self, _: Raw, spots: Spots) -> None:
        """A test less: what an `if` guards stands bare, or a condition loses an operand or its `not`."""
        body, at = self._pick(spots.statements)
        holder, place = self._pick(spots.expressions)
        node = holder[place]
        if node[0] in (ALL_OF, ANY_OF) and len(node[1]) > 1:
            del node[1][self._below(len(node[1]))]
            if len(node[1]) == 1:
                holder[place] = node[1][0]
        elif node[0] == NOT:
            holder[place] = node[1]
        elif body[at][0] == IF:
            body[at : at + 1] = self._pick(body[at][1])[1]

    def _repeat(self, _: Raw, spots: Spots) -> None:
        """Loop over a statement."""
        body, at = self._pick(spots.statements)
        if body[at][0] != RETURN:
            stop = self._pick((1, 2, 3, 9, 40))
            body[at] = [FOR_RANGE, f"l{self._below(3)}", self._pick((0, 0, -2)), stop, [copied(body[at])]]

    def _reorder(self, program: Raw, spots: Spots) -> None:
        body, at = self._pick(spots.statements)
        other = self._below(len(body))
        body[at], body[other] = body[other], body[at]
        if self._chance.random() < 0.2:
            self._chance.shuffle(program[4])

    def _function_or_table(self, program: Raw, _: Spots) -> None:
        if self._chance.random() < 0.4 or not program[3]:
            function = self._pick(program[4])
            function[1] = 1 - function[1]
        else:
            table = self._pick(program[3])
            self._chance.shuffle(table[3])

    def _below(self, most: int) -> int:
        return int(self._chance.random() * most)

    def _pick(self, many: Sequence[A]) -> A:
        return many[int(self._chance.random() * len(many))]


def _drawn(chance: Random, seeds: int) -> list[bytes]:
    """Short random programs: so many more trees fit into a minute."""
    drawn: list[bytes] = []
    while len(drawn) < seeds:
        raw = _used(RandomProgram(chance, 1).program)
        if len(raw) < _MOST_SEED_BYTES:
            drawn.append(raw)
    return drawn


def _written() -> list[bytes]:
    called = text("return Outcome(r=half(x) + half(clamp(y, 0, 5)))").replace("def f(", f"{HALF}def f(")
    return [_used(parse_rule(whole).program) for whole in (*map(text, GUARDED), called)]


def _used(program: Program) -> bytes:
    """A program without the tables that it does not search."""
    spelled = write_program(msgspec.structs.replace(program, tables=()))
    kept = tuple(one for one in program.tables if one.name.encode() in spelled)
    return write_program(msgspec.structs.replace(program, tables=kept))
