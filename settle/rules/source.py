"""Places in rule text: the error that names one, and the map from tree parts to them."""

from __future__ import annotations

import ast
from typing import NoReturn, TypeVar

import msgspec

from abci_app.rules.names import CURRENCIES, MEASURES, CapsName, Name, Unit
from abci_app.rules.tree import Node

N = TypeVar("N", bound=Node)


class RuleTextError(Exception):
    """Text that is no rule. `line` and `column` start at 1; 0 where the whole file is meant."""

    def __init__(self, line: int, column: int, what: str) -> None:
        super().__init__(f"line {line}, column {column}: {what}" if line else what)
        self.line = line
        self.column = column
        self.what = what


def refuse(at: ast.AST, what: str) -> NoReturn:
    """Refuse the text at this place. Raises `RuleTextError`, always."""
    raise RuleTextError(getattr(at, "lineno", 0), getattr(at, "col_offset", -1) + 1, what)


def variable_name(at: ast.AST, name: str) -> str:
    """A name in small letters, as functions, parameters, variables and columns have."""
    return _fitting(at, name, Name, "a to z, 0 to 9 and _, starting with a letter, at most 31 characters")


def caps_name(at: ast.AST, name: str) -> str:
    """A name in capitals, as tables, roundings and codes of rejections have."""
    return _fitting(at, name, CapsName, "A to Z, 0 to 9 and _, starting with a letter, at most 31 characters")


def type_unit(node: ast.expr) -> str | None:
    """The unit that a type names: `int` none, `Seconds`, `Money["CNY"]`, an enum's name; None where it is no type."""
    match node:
        case ast.Subscript(value=ast.Name(id="Money"), slice=ast.Constant(value=str(currency))):
            if currency not in CURRENCIES:
                refuse(node, f"a currency is one of {', '.join(sorted(CURRENCIES))}")
            return currency
        case ast.Name(id="int"):
            return ""
        case ast.Name(id=name) if name in MEASURES - CURRENCIES:
            return name
        case ast.Name(id=name) if name.isupper() and name not in CURRENCIES:
            return _fitting(node, name, Unit, "A to Z, 0 to 9 and _, at most 16 characters, for an enum")
        case _:
            return None


def conversion_unit(at: ast.AST, name: str) -> str:
    """The unit that `name(x)` takes a number into; empty for `int(x)`."""
    if name == "int" or name in MEASURES:
        return "" if name == "int" else name
    return _fitting(at, caps_name(at, name), Unit, "A to Z, 0 to 9 and _, at most 16 characters, for an enum")


def integer(node: ast.AST) -> int:
    """A whole number as written, with its sign; refuses what is none or exceeds 64 bits."""
    value = literal_integer(node)
    if value is None:
        refuse(node, "a whole number is wanted here")
    return value


def literal_integer(node: ast.AST) -> int | None:
    """A whole number as written, or None where it is something else. Refuses numbers above 64 bits."""
    sign = 1
    inner = node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, inner = -1, node.operand
    if not isinstance(inner, ast.Constant) or type(inner.value) is not int:
        return None
    value = sign * inner.value
    if not -(2**63) <= value < 2**63:
        refuse(node, "numbers are from -2^63 to 2^63 - 1")
    return value


def _fitting(at: ast.AST, name: str, kind: object, allowed: str) -> str:
    try:
        fitting: str = msgspec.convert(name, kind)
    except msgspec.ValidationError:
        refuse(at, f"the name {name!r} is not allowed here: use {allowed}")
    return fitting


class Positions:
    """Where the parts of a tree stand in the text."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[int, int]] = {}
        self._kept: list[Node] = []  # an id means its object only while that lives

    def mark(self, node: N, at: ast.AST) -> N:
        """Remember where a part stands; gives the part back."""
        self._places[id(node)] = (getattr(at, "lineno", 0), getattr(at, "col_offset", -1) + 1)
        self._kept.append(node)
        return node

    def of(self, node: object) -> tuple[int, int]:
        """Line and column of a part, (0, 0) where it has none."""
        return self._places.get(id(node), (0, 0))
