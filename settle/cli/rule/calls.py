"""Calls of a rule on the command line: `ENTRY name=value ...`, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abci_app.rules.bundle import LoadedRule, Vector
from abci_app.rules.tables import Cell, describe, fits
from abci_app.rules.tree import Declared, Function, entry_points
from settle.cli.failures import Failure, usage
from settle.rules.arguments import Arguments, Outcome
from settle.rules.plugin import read_cell


def words_of(arguments: Mapping[str, Cell]) -> str:
    """Arguments as they are typed."""
    return " ".join(f"{name}={_word(cell)}" for name, cell in arguments.items())


def told(outcome: Outcome) -> str:
    """What a call came to, in words."""
    if isinstance(outcome, str):
        return f"rejects {outcome}"
    return f"gives {', '.join(_word(one) for one in outcome)}"


def read_call(rule: LoadedRule, words: Sequence[str]) -> tuple[Function, Arguments]:
    """The entry point and the arguments that words such as `price_line service=1 ...` name.

    The entry point may be left out where there is one only. Failure where something is missing or unfit.
    """
    functions = {one.name: one for one in entry_points(rule.program)}
    names = [word for word in words if "=" not in word]
    if not names and len(functions) == 1:
        names = list(functions)
    if len(names) != 1 or names[0] not in functions:
        wanted = f"one entry point of {', '.join(functions)}, then name=value for each parameter"
        raise usage(expected=wanted, actual=" ".join(names) or "none", next_step="or name a vector: --vector LINE")
    function = functions[names[0]]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    return function, _arguments(function, given)


def vector_at(vectors: Sequence[Vector], line: int) -> Vector:
    """The vector in a line of vectors.csv. Failure where there is none."""
    if not 2 <= line <= len(vectors) + 1:
        expected = f"a line of vectors.csv from 2 to {len(vectors) + 1}"
        raise usage(expected=expected, actual=str(line), next_step="`settle rule test` names the lines that fail")
    return vectors[line - 2]


def _arguments(function: Function, given: Mapping[str, str]) -> Arguments:
    known = {one.name for one in function.parameters}
    unknown = [name for name in given if name not in known]
    missing = [one for one in function.parameters if one.name not in given]
    if unknown or missing:
        wanted = missing or function.parameters
        expected = f"{function.name} with " + "; ".join(f"{one.name}: {describe(one)}" for one in wanted)
        came = f"{', '.join(unknown)}, which it does not have" if unknown else " ".join(given) or "nothing"
        raise usage(expected=expected, actual=came, next_step="write name=value for each parameter")
    return tuple(_cell(one, given[one.name]) for one in function.parameters)


def _cell(declared: Declared, text: str) -> Cell:
    cell = read_cell(text.lower(), declared)
    if cell is None or not fits(cell, declared):
        raise _unfit(declared, text)
    return cell


def _unfit(declared: Declared, text: str) -> Failure:
    return usage(
        expected=f"{declared.name}: {describe(declared)}", actual=text, next_step="the rule is proved for these only"
    )


def _word(cell: Cell) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
