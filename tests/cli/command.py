"""Runs `settle` in this process, as a person would type it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from settle.cli.main import main


class Ran(NamedTuple):
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401  # JSON
        """The one JSON document on stdout."""
        return json.loads(self.out)


class Command:
    """`settle` with a capture of what it says."""

    def __init__(self, capture: pytest.CaptureFixture[str], *always: str) -> None:
        self._capture = capture
        self._always = always

    def __call__(self, *words: object) -> Ran:
        """Run it, whatever its exit status."""
        self._capture.readouterr()
        status = main([*map(str, words), *self._always])
        said = self._capture.readouterr()
        return Ran(status, said.out, said.err)

    def json(self, *words: object) -> Any:  # noqa: ANN401  # JSON
        """The document of a command that succeeds."""
        ran = self(*words, "--json")
        assert ran.status == 0, ran.err
        return ran.document
