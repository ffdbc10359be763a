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
    Converted,
    Declared,
    Expression,
    Field,
    ForRange,
    ForRow,
    If,
    Integer,
    IsNone,
    Let,
    Member,
    Not,
    Reject,
    Return,
    Statement,
    Symbol,
    Truth,
    Variable,
)
from settle.rules.source import (
    Positions,
    RuleTextError,
    caps_name,
    conversion_unit,
    integer,
    literal_integer,
    refuse,
    variable_name,
)

_OPERATORS = {
    "+": ast.Add, "-": ast.Sub, "*": ast.Mult, "//": ast.FloorDiv, "%": ast.Mod,
    "<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE, "==": ast.Eq, "!=": ast.NotEq,
}  # fmt: skip
_ARITHMETIC = {_OPERATORS[sign]: operator for operator, sign in ARITHMETIC.items()}
_COMPARISON = {_OPERATORS[sign]: relation for relation, sign in COMPARISON.items()}
_STATEMENTS = "allowed are name = value, if, for, return Outcome(...) and reject(...)"
_EXPRESSIONS = "allowed are numbers, names, row.column, + - * // %, comparisons, and/or/not and the intrinsics"


_HINTS: tuple[tuple[type[ast.AST], str], ...] = (
    (ast.AugAssign, "write the whole assignment: x = x + 1"),
    (ast.AnnAssign, "write name = value: the checker finds the type"),
    (ast.While, "a rule always ends: loop over a table or a range"),
    (ast.Break, "leave a loop with return, or guard its body with if"),
    (ast.Continue, "guard the rest of the body with if"),
    (ast.Try, "nothing fails at run time: test before, or reject(...)"),
    (ast.Raise, 'write reject("CODE")'),
    (ast.Assert, 'write if not ...: reject("CODE")'),
    (ast.Import, "the first line is the only import"),
    (ast.ImportFrom, "the first line is the only import"),
    (ast.FunctionDef, "a helper stands outside, above the functions that call it"),
    (ast.IfExp, "write if and else as statements"),
    (ast.JoinedStr, "there is no text in a rule"),
    (ast.Lambda, "write a helper function"),
    (ast.ListComp, "write a for loop"),
    (ast.Subscript, "a table is searched with lookup, prefix_lookup, tier_of, band_at or first_match"),
    (ast.Pow, "write the product, or a table"),
)


def _hint(node: ast.AST) -> str:
    """What to write instead, for what people try first."""
    parts = [node, node.op] if isinstance(node, ast.BinOp) else [node]
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return "numbers are whole: count in 10^-6 or 10^-9 of the unit"
    return next((hint for part in parts for kind, hint in _HINTS if isinstance(part, kind)), "")


class Bodies:
    """Translates bodies, and remembers where each part stands. A statement that is none is left out, and `faults`
    says why."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self.faults: list[RuleTextError] = []

    def block(self, body: list[ast.stmt], results: tuple[Declared, ...] | None) -> tuple[Statement, ...]:
        """The statements of a body, which returns the given results; None: a helper's, which returns one value."""
        statements = []
        for one in body:
            try:
                statements.append(self._positions.mark(self._statement(one, results), one))
            except RuleTextError as fault:
                self.faults.append(fault)
        return tuple(statements)

    def _statement(self, node: ast.stmt, results: tuple[Declared, ...] | None) -> Statement:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                return Let(variable_name(node, name), self.expression(value))
            case ast.If():
                return self._if(node, results)
            case ast.For(target=ast.Name(id=name), orelse=[]):
                return self._for(node, variable_name(node.target, name), results)
            case ast.Return():
                return self._return(node, results)
            case ast.Expr(value=ast.Call(func=ast.Name(id="reject"), args=[ast.Constant(value=str(code))])):
                return Reject(caps_name(node, code))
            case _:
                return refuse(node, f"this statement is not part of the language: {_hint(node) or _STATEMENTS}")

    def _if(self, node: ast.If, results: tuple[Declared, ...] | None) -> If:
        branches = []
        following: list[ast.stmt] = [node]
        while len(following) == 1 and isinstance(following[0], ast.If):
            one = following[0]
            branches.append(Branch(self.expression(one.test), self.block(one.body, results)))
            following = one.orelse
        return If(tuple(branches), self.block(following, results))

    def _for(self, node: ast.For, name: str, results: tuple[Declared, ...] | None) -> Statement:
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

    def _return(self, node: ast.Return, results: tuple[Declared, ...] | None) -> Return:
        if results is None:
            if node.value is None:
                refuse(node, "a helper returns one value: return value")
            return Return((self.expression(node.value),))
        wanted = [one.name for one in results]
        match node.value:
            case ast.Call(func=ast.Name(id="Outcome"), args=[], keywords=keywords):
                if [keyword.arg for keyword in keywords] != wanted:
                    refuse(node.value, f"the outcome names the results in their order: {', '.join(wanted)}")
                return Return(tuple(self.expression(keyword.value) for keyword in keywords))
            case _:
                names = ", ".join(f"{name}=..." for name in wanted)
                return refuse(node, f"return names its results: return Outcome({names})")

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
            case ast.Attribute(value=ast.Name(id=enum), attr=member) if enum.isupper():
                return Member(caps_name(node, enum), caps_name(node, member))
            case ast.Attribute(value=ast.Name(id=row), attr=column):
                return Field(variable_name(node, row), variable_name(node, column))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name == "int" or name[:1].isupper():
                return Converted(conversion_unit(node.func, name), self.expression(argument))
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
                return refuse(node, f"this expression is not part of the language: {_hint(node) or _EXPRESSIONS}")
