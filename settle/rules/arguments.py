"""Arguments of a rule by chance: where programs go wrong, which is at the ends of ranges and beside written figures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random
from typing import TypeAlias

from abci_app.rules.codes import RejectedByRule
from abci_app.rules.tables import Cell, Table, fits
from abci_app.rules.tree import Declared, ForRange, Function, Integer, Kind, Program
from settle.rules.walk import parts_of

Arguments: TypeAlias = tuple[Cell, ...]
Outcome: TypeAlias = tuple[int | bool, ...] | str
"""What a call came to: its results, or the code of its rejection."""


def outcome(run: Callable[..., tuple[int | bool, ...]], *arguments: object) -> Outcome:
    """What an entry point gives for these arguments, a rejection included."""
    try:
        return run(*arguments)
    except RejectedByRule as rejection:
        return rejection.code


class ArgumentDraw:
    """Draws arguments for parameters: the ends of each range, given figures and the numbers beside them, digit
    strings that begin like given ones, and anything between. Every other draw changes one or two arguments of a
    given case, where there are any: what is wholly drawn seldom gets past the first look-up."""

    def __init__(
        self,
        chance: Random,
        parameters: tuple[Declared, ...],
        figures: Collection[int] = (),
        digits: Collection[str] = (),
        cases: Sequence[Arguments] = (),
    ) -> None:
        self._chance = chance
        near = sorted({figure + step for figure in figures for step in (-1, 0, 1)})
        self._choices = [_choices(one, near, sorted(digits)) for one in parameters]
        self._parameters = parameters
        self._cases = cases

    @classmethod
    def of_function(
        cls,
        seed: int,
        program: Program,
        tables: Mapping[str, Table],
        function: Function,
        cases: Sequence[Arguments] = (),
    ) -> ArgumentDraw:
        """For an entry point, with the figures of the whole rule and its tables; the seed draws the same again."""
        figures: set[int] = set()
        for _, part in parts_of(tuple(one.body for one in program.functions)):
            match part:
                case Integer(value):
                    figures.add(value)
                case ForRange(start=start, stop=stop):
                    figures |= {start, stop}
        cells = [cell for table in tables.values() for row in table.rows for cell in row]
        figures |= {cell for cell in cells if type(cell) is int}
        chance = Random(f"{seed} {function.name}")  # noqa: S311  cases for a test
        return cls(chance, function.parameters, figures, {cell for cell in cells if isinstance(cell, str)}, cases)

    def draw(self) -> Arguments:
        """Arguments inside the declared ranges."""
        drawn = [self._one(*pair) for pair in zip(self._parameters, self._choices, strict=True)]
        if self._cases and self._chance.random() < 0.5:
            kept = self._chance.choice(self._cases)
            changed = self._chance.choices(range(len(kept)), k=2)
            drawn = [drawn[at] if at in changed else cell for at, cell in enumerate(kept)]
        return tuple(drawn)

    def _one(self, declared: Declared, choices: list[Cell]) -> Cell:
        if declared.kind is Kind.BOOLEAN:
            return self._chance.random() < 0.5
        if choices and self._chance.random() < 0.7:
            picked = self._chance.choice(choices)
            if isinstance(picked, str) and self._chance.random() < 0.5:
                return self._longer(picked, declared)
            return picked
        if declared.kind is Kind.DIGITS:
            return self._longer("", declared)
        return self._chance.randint(declared.low, declared.high)

    def _longer(self, start: str, declared: Declared) -> str:
        length = self._chance.randint(max(declared.low, len(start)), declared.high)
        return start + "".join(self._chance.choices("0123456789", k=length - len(start)))


def _choices(declared: Declared, near: list[int], digits: list[str]) -> list[Cell]:
    if declared.kind is Kind.DIGITS:
        return [one for one in digits if fits(one, declared)]
    ends = (declared.low, declared.low + 1, declared.high - 1, declared.high)
    return [one for one in dict.fromkeys((*ends, *near)) if fits(one, declared)]
