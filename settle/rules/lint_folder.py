"""Everything that is wrong with a plugin folder: its rule, settings, tables and vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.interface import agreement_parameters, check_interface
from abci_app.rules.printer import print_program
from abci_app.rules.tables import Table, describe, fits, read_table, write_table
from abci_app.rules.tree import Program, TableForm, entry_points
from settle.rules.finding import ADVICE, Finding, doubt, fault, of_plugin, of_refusal
from settle.rules.lint import lint_text, names_read
from settle.rules.parse import ParsedRule, parse_rule
from settle.rules.plugin import (
    PluginInvalid,
    PluginSettings,
    plugin_name,
    read_settings,
    read_table_lines,
    read_text,
    read_vectors,
)

T = TypeVar("T")


def rules_in(given: Path) -> tuple[Path, ...]:
    """The plugin folders in a folder of rules or of one rule's versions; anything else as it is."""
    if not given.is_dir() or (given / "plugin.toml").is_file():
        return (given,)
    found = [one.parent for depth in ("v*", "*/v*") for one in sorted(given.glob(f"{depth}/plugin.toml"))]
    return tuple(found) or (given,)


def lint(given: Path) -> tuple[Finding, ...]:
    """The findings of a rule's file, or of a plugin folder with all its files. A file that is missing is one."""
    if given.is_dir():
        return tuple(_Folder(given).findings())
    try:
        return lint_text(given, read_text(given))
    except PluginInvalid as fault:
        return (of_plugin(fault),)


class _Folder:
    """The files of one version of a rule."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "rule.py"
        self._found: list[Finding] = []

    def findings(self) -> list[Finding]:
        self._tried(lambda: plugin_name(self._folder.absolute()))
        settings = self._tried(lambda: read_settings(self._folder))
        text = self._tried(lambda: read_text(self._file))
        if text is not None:
            of_text = lint_text(self._file, text)
            self._found += of_text
            if not any(one.error for one in of_text):
                self._sound(text, settings)
        if not (self._folder / "README.md").is_file():
            told = "is missing: what the rule does, and the law or practice behind it"
            self._found.append(doubt(self._folder / "README.md", 0, told, "write it, for those who vote"))
        return self._found

    def _sound(self, text: str, settings: PluginSettings | None) -> None:
        """What can be said once the text is a rule."""
        parsed = parse_rule(text)
        program = parsed.program
        self._found += _spelling(self._file, text, print_program(program))
        if settings is not None:
            self._slot(parsed, settings)
        for form in program.tables:
            self._table(form)
        self._vectors(program)

    def _slot(self, parsed: ParsedRule, settings: PluginSettings) -> None:
        slot, interface = settings.slot_number(), settings.interface
        try:
            check_interface(parsed.program, slot, interface)
        except RuleRefused as refused:
            self._found.append(of_refusal(self._file, refused, *parsed.positions.of(refused.node)))
            return
        functions = entry_points(parsed.program)
        read = {name for function in functions for name in names_read(function)}
        for function in functions:
            for one in agreement_parameters(function, slot, interface):
                # One entry point names all of the agreement's parameters, for the others too.
                if one.name not in read:
                    line, _ = parsed.positions.of(one)
                    told = f"no entry point reads {one.name}, which every agreement then has to give"
                    self._found.append(doubt(self._file, line, told, "use it or take it out"))

    def _table(self, form: TableForm) -> None:
        file = self._folder / "tables" / f"{form.name}.csv"
        lines = self._tried(lambda: read_table_lines(self._folder, form))
        if lines is None:
            return
        seen: dict[object, int] = {}
        before = len(self._found)
        for line, row in lines:
            for cell, column in zip(row, form.columns, strict=True):
                if not fits(cell, column):
                    where = f"table {form.name}, column {column.name}"
                    refused = RuleRefused(RuleCode.BAD_TABLE, where, describe(column), repr(cell))
                    self._found.append(of_refusal(file, refused, line))
            first = seen.setdefault(row[: form.keys], line)
            if first != line:
                actual = f"the key of line {first} again"
                refused = RuleRefused(RuleCode.BAD_TABLE, f"table {form.name}", "each key once", actual)
                self._found.append(of_refusal(file, refused, line))
        if len(self._found) == before:  # sizes, as loading checks them
            table = Table(form.name, tuple(sorted(row for _, row in lines)))
            self._tried(lambda: read_table(write_table(table), form), file)

    def _vectors(self, program: Program) -> None:
        file = self._folder / "vectors.csv"
        vectors = self._tried(lambda: read_vectors(self._folder, program))
        if vectors is None:
            return
        for function in entry_points(program):
            if not any(one.entry == function.name for one in vectors):
                refused = RuleRefused(RuleCode.NO_VECTORS, "vectors.csv", f"a vector for {function.name}", "none")
                self._found.append(of_refusal(file, refused))
        for line, vector in enumerate(vectors, 2):
            if not vector.source:
                told = "the vector does not say where its figures come from"
                self._found.append(doubt(file, line, told, "name the law, the contract or the invoice in `source`"))

    def _tried(self, step: Callable[[], T], file: Path | None = None) -> T | None:
        try:
            return step()
        except PluginInvalid as fault:
            self._found.append(of_plugin(fault))
        except RuleRefused as refused:
            self._found.append(of_refusal(file or self._file, refused))
        return None


def _spelling(file: Path, text: str, canonical: str) -> Iterator[Finding]:
    """Whether the text is the printer's, with the first line that is not."""
    if text == canonical:
        return
    pairs = zip([*text.split("\n"), ""], [*canonical.split("\n"), ""], strict=False)
    line = next((at for at, (one, other) in enumerate(pairs, 1) if one != other), 0)
    advice = ADVICE[RuleCode.NOT_CANONICAL] + ": `settle rule fmt` does it"
    told = "the text is not in canonical form, the one that is hashed"
    yield fault(file, line, told, advice)._replace(code=RuleCode.NOT_CANONICAL.name)
