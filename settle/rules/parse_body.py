"""The bodies of functions: statements and expressions from CPython's syntax tree to ours."""

from __future__ import annotations

import ast

from abci_app.rules.printer import ARITHMETIC, COMPARISON
from abci_app.rules.tree import (
    AllOf,
    AnyOf,
    Arithmetic,
    Branch,
    Call,
    Comparison,
    Declared,
    Expression,
    Field,
    ForRange,
    ForRow,
    If,
    Integer,
    IsNone,
    Let,
    Not,
    Reject,
    Return,
    Statement,
    Symbol,
    Truth,
    Variable,
)
from settle.rules.source import Positions, caps_name, integer, literal_integer, refuse, variable_name

_OPERATORS = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "//": ast.FloorDiv, "%": ast.Mod,
    "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq,
}  # fmt: skip
_ARITHMETIC = {_OPERATORS[sign]: operator for operator, sign in ARITHMETIC.items()}
_COMPARISON = {_OPERATORS[sign]: relation for relation, sign in COMPARISON.items()}
_STATEMENTS = "allowed are name = value, if, for, return Outcome(...) and reject(...)"
_EXPRESSIONS = "allowed are numbers, names, row.column, + - * // %, comparisons, and/or/not and the intrinsics"


class Bodies:
    """Translates bodies, and remembers where each part stands."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions

    def block(self, body: list[ast.stmt], results: tuple[Declared, ...]) -> tuple[Statement, ...]:
        """The statements of a body."""
        return tuple(self._positions.mark(self._statement(one, results), one) for one in body)

    def _statement(self, node: ast.stmt, results: tuple[Declared, ...]) -> Statement:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return Let(variable_name(node, name), self.expression(value))
            case ast.If():
                return self._if(node, results)
            case ast.For(target=ast.Name(id=name), orelse=[]):
                return self._for(node, variable_name(node.target, name), results)
            case ast.Return(value=ast.Call(func=ast.Name(id="Outcome"), args=[]) as outcome):
                return self._return(outcome, results)
            case ast.Return():
                names = ", ".join(f"{one.name}=..." for one in results)
                return refuse(node, f"return names its results: return Outcome({names})")
            case ast.Expr(value=ast.Call(func=ast.Name(id="reject"), args=[ast.Constant(value=str(code))])):
                return Reject(caps_name(node, code))
            case _:
                return refuse(node, f"this statement is not part of the language: {_STATEMENTS}")

    def _if(self, node: ast.If, results: tuple[Declared, ...]) -> If:
        branches = []
        following: list[ast.stmt] = [node]
        while len(following) == 1 and isinstance(following[0], ast.If):
            one = following[0]
            branches.append(Branch(self.expression(one.test), self.block(one.body, results)))
            following = one.orelse
        return If(tuple(branches), self.block(following, results))

    def _for(self, node: ast.For, name: str, results: tuple[Declared, ...]) -> Statement:
        body = self.block(node.body, results)
        match node.iter:
            case ast.Name(id=table):
                return ForRow(name, caps_name(node.iter, table), body)
            case ast.Call(func=ast.Name(id="range"), args=[stop], keywords=[]):
                return ForRange(name, 0, integer(stop), body)
            case ast.Call(func=ast.Name(id="range"), args=[start, stop], keywords=[]):
                return ForRange(name, integer(start), integer(stop), body)
            case _:
                return refuse(node.iter, "a loop runs over a table or over range with one or two whole numbers")

    def _return(self, outcome: ast.Call, results: tuple[Declared, ...]) -> Return:
        given = [keyword.arg for keyword in outcome.keywords]
        wanted = [one.name for one in results]
        if given != wanted:
            refuse(outcome, f"the outcome names the results in their order: {', '.join(wanted)}")
        return Return(tuple(self.expression(keyword.value) for keyword in outcome.keywords))

    def expression(self, node: ast.expr) -> Expression:
        """One expression."""
        return self._positions.mark(self._expression(node), node)

    def _expression(self, node: ast.expr) -> Expression:
        number = literal_integer(node)
        if number is not None:
            return Integer(number)
        match node:
            case ast.Constant(value=bool(truth)):
                return Truth(truth)
            case ast.Name(id=name):
                return Symbol(caps_name(node, name)) if name[:1].isupper() else Variable(variable_name(node, name))
            case ast.Attribute(value=ast.Name(id=row), attr=column):
                return Field(variable_name(node, row), variable_name(node, column))
            case ast.Call(func=ast.Name(id=function), args=arguments, keywords=[]):
                return Call(variable_name(node, function), tuple(self.expression(one) for one in arguments))
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
                return Arithmetic(_ARITHMETIC[type(operator)], self.expression(left), self.expression(right))
            case _:
                return self._condition(node)

    def _condition(self, node: ast.expr) -> Expression:
        match node:
            case ast.Compare(left=ast.Name(id=name), ops=[ast.Is()], comparators=[ast.Constant(value=None)]):
                return IsNone(variable_name(node, name))
            case ast.Compare(left=ast.Name(id=name), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
                return Not(self._positions.mark(IsNone(variable_name(node, name)), node))
            case ast.Compare(left=left, ops=[relation], comparators=[right]) if type(relation) in _COMPARISON:
                return Comparison(_COMPARISON[type(relation)], self.expression(left), self.expression(right))
            case ast.BoolOp(op=ast.And(), values=values):
                return AllOf(tuple(self.expression(one) for one in values))
            case ast.BoolOp(op=ast.Or(), values=values):
                return AnyOf(tuple(self.expression(one) for one in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.expression(operand))
            case ast.UnaryOp(op=ast.USub()):
                return refuse(node, "write 0 - x for the negative of x")
            case ast.BinOp(op=ast.Div()):
                return refuse(node, "division names its rounding: mul_div(a, 1, c, HALF_UP), or a // c for the floor")
            case ast.Compare():
                return refuse(node, "one comparison at a time, of whole numbers: a < b and b < c; None by `is`")
            case _:
                return refuse(node, f"this expression is not part of the language: {_EXPRESSIONS}")
