"""The generated reference says what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs/generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_up_to_date() -> None:
    generator = _generator()
    written = (ROOT / "docs/reference/values.md").read_text(encoding="utf-8")
    assert written == generator.render(), "run `make reference`"
    assert (ROOT / "docs/reference/values.schema.json").read_bytes() == generator.schema(), "run `make reference`"
