"""Plugin folders for the tests of what authors use."""

from __future__ import annotations

from pathlib import Path

from settle.rules.draft import write_files
from settle.rules.template import templates


def template_folder(root: Path, template: str) -> Path:
    """NAME/v1 of a template, under `root`."""
    draft = next(one.draft for one in templates() if one.name == template)
    folder = root / template / "v1"
    write_files(folder, draft.files(template, 1, "a test"))
    return folder


def change(file: Path, old: str, new: str) -> None:
    """Replace what stands in a file."""
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
