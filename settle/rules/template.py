"""Templates of new rules: `templates/*.toml`, at least one for every interface of a slot.

A template says what differs: bodies, ranges, results, vectors. The names and kinds of leading parameters and of
results come from the interface itself, so they cannot drift apart.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import msgspec

from abci_app.rules.interface import INTERFACES, EntryForm, Slot
from abci_app.rules.tree import Declared, Kind
from settle.rules.draft import EntryDraft, RuleDraft

_FOLDER = Path(__file__).with_name("templates")
_RANGES = "ranges"
Range = tuple[int, int]


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    note: str
    results: dict[str, Range]
    body: str
    vectors: str
    ranges: dict[str, Range] = {}
    agreement: dict[str, Range] = {}


class _Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: str


class _Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    slot: str
    interface: int
    about: str
    source: str
    entry: list[_Entry]
    test: _Tests
    default: bool = False
    declarations: dict[str, str] = {}
    tables: dict[str, str] = {}


class Template(msgspec.Struct, frozen=True):
    """A template: where it serves, and the rule that it makes."""

    name: str
    default: bool
    """Whether it is its interface's where nobody names one."""
    draft: RuleDraft


def templates() -> tuple[Template, ...]:
    """All of them, by slot and interface, the default first."""
    ranges = msgspec.toml.decode((_FOLDER / f"{_RANGES}.toml").read_bytes(), type=dict[str, Range])
    found = []
    for file in sorted(_FOLDER.glob("*.toml")):
        if file.stem != _RANGES:
            read = msgspec.toml.decode(file.read_bytes(), type=_Template)
            found.append(Template(file.stem, read.default, _draft(read, ranges)))
    return tuple(sorted(found, key=lambda one: (one.draft.slot, one.draft.interface, not one.default)))


def _draft(read: _Template, ranges: Mapping[str, Range]) -> RuleDraft:
    slot = Slot[read.slot]
    forms = INTERFACES[slot, read.interface]
    entries = tuple(_entry(one, forms[one.name], ranges) for one in read.entry)
    return RuleDraft(
        slot, read.interface, read.about, read.source, read.declarations, entries, read.tables, read.test.text
    )


def _entry(read: _Entry, form: EntryForm, ranges: Mapping[str, Range]) -> EntryDraft:
    own = {**ranges, **read.ranges}
    parameters = [Declared(name, kind, *own[name], "") for name, kind in form.parameters]
    parameters += (Declared(name, Kind.INTEGER, *span, "") for name, span in read.agreement.items())
    results = tuple(Declared(name, kind, *read.results[name], "") for name, kind in form.results)
    vectors = tuple(csv.DictReader(read.vectors.strip().split("\n"), strict=True))
    return EntryDraft(read.name, read.note, tuple(parameters), len(form.parameters), results, read.body, vectors)
