"""The real number ranges of an operator, out of the compiled number plan."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from settle.agent.number_plan.plan import load_number_plan

COUNTRY = "86"


@cache
def mobile_ranges() -> dict[str, tuple[str, ...]]:
    """Operator code → leading national digits (+86 left out) that belong to it alone, sorted."""
    prefixes = {
        p: operator for p, operator in load_number_plan().prefixes.items() if p.startswith(COUNTRY) and operator
    }
    found: dict[str, list[str]] = {}
    for prefix, operator in sorted(prefixes.items()):
        found.setdefault(operator, []).extend(_without_longer(prefix, prefixes))
    return {operator: tuple(sorted(p.removeprefix(COUNTRY) for p in ranges)) for operator, ranges in found.items()}


def _without_longer(prefix: str, prefixes: Mapping[str, str]) -> list[str]:
    """A prefix less the longer ones inside it, which the longest match gives to others."""
    inside = [other for other in prefixes if other.startswith(prefix) and other != prefix]
    if not inside:
        return [prefix]
    left = []
    for longer in (prefix + digit for digit in "0123456789"):
        if longer not in prefixes:
            left += _without_longer(longer, prefixes)
    return left
