"""Pydantic's complaints as sentences: where, what was expected, what came."""

from __future__ import annotations

from pydantic import ValidationError

_LONGEST_SHOWN = 60


def describe(fault: ValidationError) -> str:
    """Each complaint as `field: expected ..., came ...`, joined by semicolons."""
    errors = fault.errors(include_url=False)
    return "; ".join(_one(error["loc"], error["msg"], error["input"]) for error in errors)


def _one(place: tuple[int | str, ...], complaint: str, came: object) -> str:
    where = ".".join(map(str, place)) or "the whole"
    shown = repr(came)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + "..."
    return f"{where}: expected {_as_noun(complaint)}, came {shown}"


def _as_noun(complaint: str) -> str:
    for opening in ("Value error, ", "Input should be "):
        complaint = complaint.removeprefix(opening)
    if complaint.startswith("Invalid JSON: "):
        return f"JSON ({complaint.removeprefix('Invalid JSON: ')})"
    if complaint == "Field required":
        return "this field"
    if complaint == "Extra inputs are not permitted":
        return "no field of this name"
    return complaint[:1].lower() + complaint[1:]
