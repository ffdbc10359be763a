"""Commands that start a rule: from a template, or from a decision table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from abci_app.rules.interface import Slot
from abci_app.rules.names import FORBIDDEN, Name
from settle.cli.failures import Exit, Failure, bad_input, usage
from settle.cli.output import Output
from settle.cli.rule.findings import counted, document, shown
from settle.cli.rule.noun import app
from settle.rules.decision_csv import TableUnreadable, read_decision_table
from settle.rules.decision_table import rule_of
from settle.rules.draft import write_files
from settle.rules.plugin import plugin_name, read_text
from settle.rules.table_doubts import look_at
from settle.rules.template import Template, templates

_AUTHOR = "an author"


@app.command
def new(
    name: str,
    *,
    slot: Slot | None = None,
    interface: int | None = None,
    template: str | None = None,
    into: Path = Path(),
    author: str = _AUTHOR,
    json: bool = False,
) -> None:
    """Write a small rule to start from, which checks, builds and passes: NAME/v1 with all its files.

    Parameters
    ----------
    name
        Of the rule: small letters, digits and _.
    slot
        What it is for.
    interface
        Of the slot. [1]
    template
        One of the slot's templates; without a slot any. Unknown names list them.
    into
        The folder of rules, such as chaincode_plugins. [.]
    author
        For plugin.toml.
    json
        Answer with one JSON document.
    """
    chosen = _template(slot, interface, template)
    folder = _unused(into / _checked(name) / "v1")
    files = write_files(folder, chosen.draft.files(name, 1, author))
    place = f"{chosen.draft.slot.name}/{chosen.draft.interface}"
    told = {"folder": str(folder), "template": chosen.name, "slot": place, "files": [str(file) for file in files]}
    out = Output(as_json=json)
    out.result(told, f"{place}, template {chosen.name}: {chosen.draft.about}", *map(str, files))
    out.hint(f"next: settle rule lint {folder}; settle rule test {folder}; settle rule cover {folder} --mutants")


@app.command(name="table")
def from_table(
    file: Path,
    *,
    output: Annotated[Path, Parameter(alias="-o")],
    slot: Slot,
    interface: int = 1,
    entry: str = "",
    author: str = _AUTHOR,
    json: bool = False,
) -> Exit:
    """Make a rule of a decision table: a CSV file whose first line that fits decides. Ends with 1 on errors.

    The header names conditions on parameters (`service`, or with all its values `service 1..4`), results (`=band`,
    or a rate `=amount_micro * units_billed / 60000000 HALF_UP`), `reject` for codes and `source`. A condition is
    5, 1..5, 5.., ..5, true, false, or * for any value. The slot's other entry points are its template's.

    Parameters
    ----------
    file
        The decision table.
    output
        The folder to write: NAME/vN, which must not be there yet.
    slot
        What the rule is for.
    interface
        Of the slot.
    entry
        The entry point; else the one with the table's results.
    author
        For plugin.toml.
    json
        Answer with one JSON document.
    """
    draft = _template(slot, interface, None).draft
    name, version = plugin_name(_unused(output).absolute())
    out = Output(as_json=json)
    try:
        read = read_decision_table(file, read_text(file), draft.entries, entry)
        findings = look_at(read)
    except TableUnreadable as unreadable:
        findings = unreadable.findings
        read = None
    errors = any(one.error for one in findings)
    written: list[str] = []
    if read is not None and not errors:
        files = rule_of(read, draft).files(_checked(name), version, author)
        written = [str(each) for each in write_files(output, files)]
    told = {"findings": [document(one) for one in findings], "files": written}
    out.result(told, *shown(findings), counted(findings), *written)
    if written:
        out.hint(f"next: settle rule lint {output}; settle rule test {output}; settle rule diff-backends {output}")
    else:
        out.hint("next: correct the table; nothing was written")
    return Exit.REJECTED if errors else Exit.DONE


def _template(slot: Slot | None, interface: int | None, named: str | None) -> Template:
    for one in templates():
        draft = one.draft
        fits = slot in (None, draft.slot) and interface in (None, draft.interface)
        if fits and (one.name == named if named else slot is not None and one.default):
            return one
    raise _no_template(slot, interface, named)


def _no_template(slot: Slot | None, interface: int | None, named: str | None) -> Failure:
    known = [f"{one.draft.slot.name}/{one.draft.interface} {one.name}" for one in templates()]
    place = f"{slot.name}/{interface or 1}" if slot is not None else ""
    came = " ".join(part for part in (place, named) if part)
    return usage(
        expected=f"a slot's interface with one of its templates: {', '.join(known)}",
        actual=came or "no slot",
        next_step="name one: --slot RATING, --slot RATING --interface 2, or --template rate_sheet",
    )


def _unused(folder: Path) -> Path:
    if folder.exists():
        step = "name another rule, or its next version; to make it again, remove the folder"
        raise bad_input(expected=f"no {folder} yet", actual="it is there", next_step=step)
    return folder


def _checked(name: str) -> str:
    try:
        fitting: str = msgspec.convert(name, Name)
    except msgspec.ValidationError:
        fitting = ""
    if not fitting or fitting in FORBIDDEN:
        expected = "a name of a to z, 0 to 9 and _, starting with a letter, at most 31, that is no word of the language"
        raise usage(expected=expected, actual=name, next_step="such as: domestic_voice")
    return fitting
