"""Every way to be refused is reached by some test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.style.test_forms import codes_by_number

TESTS = Path(__file__).resolve().parents[1]
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path.parent.name != "style")


@pytest.mark.parametrize("name", sorted(codes_by_number().values()))
def test_a_test_names_the_code(name: str) -> None:
    member = name.partition(".")[2]
    assert re.search(rf"\b\w*Code\.{member}\b", TEXT), f"no test reaches {name}"
