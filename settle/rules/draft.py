"""A rule that a program writes: from its parts to the canonical text and the files of a plugin folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent, wrap
from typing import NamedTuple

from abci_app.rules.interface import Slot
from abci_app.rules.printer import FIRST_LINE, KIND_TYPE, print_program
from abci_app.rules.tree import Declared, Kind, Program
from settle.rules.parse import check_text

_NOTE = 96
"""Columns of a note; a line has at most 100."""
_PYTHON = {Kind.INTEGER: "int", Kind.BOOLEAN: '"true".__eq__', Kind.DIGITS: "str"}
"""What reads a cell, in the tests of a rule."""


class EntryDraft(NamedTuple):
    """One entry point."""

    name: str
    note: str
    parameters: tuple[Declared, ...]
    leading: int
    """So many of them are the slot's, the others the agreement's."""
    results: tuple[Declared, ...]
    body: str
    """Its statements, not indented."""
    vectors: tuple[Mapping[str, str], ...]
    """Cells of vectors.csv by column: parameters, `=RESULT`, source, reject."""

    def text(self) -> str:
        """The function."""
        parameters = ", ".join(f"{one.name}: {_type(one)}" for one in self.parameters)
        results = ", ".join(_type(one, one.name) for one in self.results)
        note = "\n".join(wrap(self.note, _NOTE))
        body = indent(f'"""{note}"""\n{self.body.strip()}\n', "    ")
        return f"def {self.name}({parameters}) -> tuple[{results}]:\n{body}"


class RuleDraft(NamedTuple):
    """A whole rule."""

    slot: Slot
    interface: int
    about: str
    source: str
    """The law, contract or practice that it follows."""
    declarations: Mapping[str, str]
    """Enums and tables as text, by name."""
    entries: tuple[EntryDraft, ...]
    tables: Mapping[str, str]
    """The content of tables/NAME.csv, by name."""
    tests: str
    """Functions of pytest about the rule as plain Python; may be empty."""
    extra: Mapping[str, str] = {}
    """Further files, by name."""

    def program(self) -> Program:
        """The checked tree. RuleTextError where the parts make no rule."""
        about = "\n".join(wrap(self.about, _NOTE))
        parts = [f'{FIRST_LINE}\n\n"""{about}"""\n', *self.declarations.values(), *(one.text() for one in self.entries)]
        return check_text("\n\n".join(parts)).program

    def files(self, name: str, version: int, author: str) -> dict[str, str]:
        """Every file of NAME/vN with its content. RuleTextError where the parts make no rule."""
        program = self.program()
        files = {
            "plugin.toml": _settings(self, author),
            "rule.py": print_program(program),
            "vectors.csv": _vectors(self.entries),
            "README.md": f"# {name}/v{version}\n\n{self.about}\n\n## Source\n{self.source}\n",
            **{f"tables/{table}.csv": f"{content.strip()}\n" for table, content in self.tables.items()},
            **self.extra,
        }
        if self.tests:
            files[f"test_{name}_v{version}.py"] = _tests(self.tests, program)
        return files


def write_files(folder: Path, files: Mapping[str, str]) -> list[Path]:
    """Write a new plugin folder. FileExistsError where something is there already: no rule is written over."""
    folder.mkdir(parents=True)
    written = []
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        written.append(file)
    return written


def _type(declared: Declared, name: str = "") -> str:
    if declared.kind is Kind.BOOLEAN and not name:
        return KIND_TYPE[Kind.BOOLEAN]
    shown = f'"{name}", ' if name else ""
    return f"Annotated[{KIND_TYPE[declared.kind]}, {shown}{declared.low}, {declared.high}]"


def _settings(draft: RuleDraft, author: str) -> str:
    quoted = author.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'slot = "{draft.slot.name}"\n'
        f"interface = {draft.interface}\n"
        f'authors = ["{quoted}"]\n'
        f'change_note = "The first version."\n'
    )


def _vectors(entries: tuple[EntryDraft, ...]) -> str:
    parameters = dict.fromkeys(one.name for entry in entries for one in entry.parameters)
    results = dict.fromkeys(f"={one.name}" for entry in entries for one in entry.results)
    text = io.StringIO()
    columns = ["entry", "source", *parameters, *results, "reject"]
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        writer.writerows({"entry": entry.name, **vector} for vector in entry.vectors)
    return text.getvalue()


def _tests(tests: str, program: Program) -> str:
    filled = ""
    for form in program.tables:
        kinds = ", ".join(_PYTHON[column.kind] for column in form.columns)
        filled += f'rule.{form.name}.fill(_rows("{form.name}", {kinds}))\n'
    head = _HEAD_WITH_TABLES if filled else _HEAD
    rows = _ROWS if filled else ""
    return f"{head}{_LOADED}{rows}\n\nrule = _loaded()\n{filled}\n\n{tests.strip()}\n"


_HEAD = '''"""The rule as plain Python: what a table of cases cannot say. Cases stand in vectors.csv."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
'''
_HEAD_WITH_TABLES = _HEAD.replace("from importlib", "import csv\nfrom collections.abc import Callable\nfrom importlib")
_LOADED = """
HERE = Path(__file__).resolve().parent


def _loaded() -> ModuleType:
    spec = spec_from_file_location("rule", HERE / "rule.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
"""
_ROWS = """

def _rows(table: str, *kinds: Callable[[str], object]) -> list[tuple[object, ...]]:
    with (HERE / "tables" / f"{table}.csv").open(encoding="utf-8") as file:
        lines = list(csv.reader(file))[1:]
    return [tuple(kind(cell) for kind, cell in zip(kinds, line, strict=True)) for line in lines]
"""
