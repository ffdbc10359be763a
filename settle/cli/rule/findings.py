"""How commands show what is wrong with a rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from settle.rules.finding import Finding


def document(one: Finding) -> dict[str, object]:
    """A finding for `--json`."""
    said = {"code": one.code, "where": one.where, "what": one.told, "expected": one.expected, "came": one.actual}
    return {
        "file": str(one.file),
        "line": one.line,
        "column": one.column,
        "level": "error" if one.error else "warning",
        **{name: value for name, value in said.items() if value},
        "next": one.advice,
    }


def shown(findings: Sequence[Finding]) -> list[str]:
    """Findings for people, each with its line of the file."""
    return [one.text(_source(one.file)) + "\n" for one in findings]


def counted(findings: Sequence[Finding]) -> str:
    """How many errors and warnings, in words."""
    errors = sum(one.error for one in findings)
    warnings = len(findings) - errors
    return f"{_many(errors, 'error')}, {_many(warnings, 'warning')}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


@cache
def _source(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
