"""Boxes of whole numbers: one range a dimension, both ends included. What lines of a decision table cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Span: TypeAlias = tuple[int, int]
Box: TypeAlias = tuple[Span, ...]
MOST_STEPS = 5_000_000
"""So often a box may be held against a piece, some seconds; a larger table is not followed further."""


class Swept(NamedTuple):
    """What became of a domain that boxes take from, one after the other."""

    taken: tuple[tuple[Box, ...], ...]
    """For each box, what it is the first to cover: nothing where the ones before it cover all of it."""
    left: tuple[Box, ...]
    """What no box covers."""
    complete: bool
    """False where that took too many steps: then all of this holds for the boxes in `taken` only."""


def meet(one: Box, other: Box) -> Box | None:
    """What is in both; None where that is nothing."""
    spans = []
    for (a, b), (c, d) in zip(one, other, strict=True):
        low, high = max(a, c), min(b, d)
        if low > high:
            return None
        spans.append((low, high))
    return tuple(spans)


def without(piece: Box, box: Box) -> list[Box]:
    """The piece less a box inside it, as pieces that do not meet."""
    pieces = []
    for at, ((low, high), (first, last)) in enumerate(zip(piece, box, strict=True)):
        if low < first:
            pieces.append((*piece[:at], (low, first - 1), *piece[at + 1 :]))
        if last < high:
            pieces.append((*piece[:at], (last + 1, high), *piece[at + 1 :]))
        piece = (*piece[:at], (first, last), *piece[at + 1 :])
    return pieces


def sweep(domain: Box, boxes: Sequence[Box]) -> Swept:
    """Which part of the domain each box is the first to cover, and what is left in the end."""
    left = [domain]
    taken: list[tuple[Box, ...]] = []
    steps = 0
    for box in boxes:
        steps += len(left)
        if steps > MOST_STEPS:
            return Swept(tuple(taken), tuple(left), complete=False)
        rest: list[Box] = []
        own: list[Box] = []
        for piece in left:
            met = meet(piece, box)
            if met is None:
                rest.append(piece)
            else:
                own.append(met)
                rest += without(piece, met)
        taken.append(tuple(own))
        left = rest
    return Swept(tuple(taken), tuple(left), complete=True)
