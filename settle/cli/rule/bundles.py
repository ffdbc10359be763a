"""Commands about bundles: the bytes of a rule that the chain keeps under their hash."""

from __future__ import annotations

from difflib import unified_diff
from itertools import islice
from pathlib import Path

from rich.console import RenderableType

from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import Bundle, bundle_hash, read_bundle
from abci_app.rules.printer import print_program
from abci_app.rules.tree import Declared, Kind, entry_points, read_program
from settle.cli.failures import Exit
from settle.cli.options import COMMON, Common
from settle.cli.output import Output, facts_of, table
from settle.cli.plain import iso, plain
from settle.cli.rule.given import Given, rule_given
from settle.cli.rule.noun import app
from settle.rules.build import Follows, build_bundle
from settle.rules.lint import lint_text
from settle.rules.upgrade import check_upgrade

_HEAD = 5
"""Rows of a table that are shown."""
_MOST_LINES = 60
"""Lines of a difference between texts that are shown."""


@app.command
def build(folder: Path, *, output: Path | None = None, json: bool = False) -> None:
    """Check a rule, run its vectors, and make its bundle: the bytes that the chain keeps under their hash.

    Parameters
    ----------
    folder
        NAME/vN with plugin.toml, rule.py, tables and vectors.csv.
    output
        Write the bundle there.
    json
        Answer with one JSON document.
    """
    raw = build_bundle(folder.absolute())
    if output is not None:
        output.write_bytes(raw)
    manifest = read_bundle(raw).manifest
    document = {"hash": bundle_hash(raw).hex(), "bytes": len(raw), "manifest": plain(manifest)}
    head = [
        ("rule", f"{manifest.name} v{manifest.version}"),
        ("hash", bundle_hash(raw).hex()),
        ("bytes", len(raw)),
        ("usage", f"{iso(manifest.effective_from)} to {iso(manifest.effective_to)}"),
        *((f"cost of {each.entry}", each.cost) for each in manifest.costs),
    ]
    Output(as_json=json).result(document, facts_of(head))


@app.command
def verify(bundle: str, *, source: Path | None = None, common: Common = COMMON) -> Exit:
    """Check a bundle as every validator does, and whether a source folder gives its very bytes; ends with 1 if not.

    Parameters
    ----------
    bundle
        A bundle's file, or its hash on the chain.
    source
        NAME/vN that should be what the bundle was built from.
    """
    given = rule_given(bundle, common)
    held = read_bundle(given.raw)
    checked = [
        ("bundle", given.name),
        ("hash", given.rule.hash.hex()),
        ("decoded", f"{len(given.raw):,} bytes, in their one canonical spelling"),
        ("proved", "ends, cannot fail, stays in 64 bits; costs " + _costs(given)),
        ("digests", f"of the tree and {len(held.tables)} tables are the manifest's"),
        ("vectors", f"{len(held.vectors)} give what they say"),
    ]
    document: dict[str, object] = {
        **given.document(), "bytes": len(given.raw), "vectors": len(held.vectors), "costs": dict(given.rule.costs),
    }  # fmt: skip
    shown: list[RenderableType] = [facts_of(checked)]
    same = True
    if source is not None:
        before = Follows(held.manifest.previous, held.manifest.sequence - 1)  # what the chain had when it was published
        raw = build_bundle(source.absolute(), held.manifest.chain, before)
        parts = _compared(held, read_bundle(raw))
        same = raw == given.raw
        document["source"] = {"folder": str(source), "same": same, **parts}
        rows = [(part, "same" if equal else "differs") for part, equal in parts.items()]
        shown += ["", table("part", f"of {source}", rows=rows)]
        if not parts["tree"]:
            shown.append(_difference(held, read_bundle(raw), bundle, source))
    Output(as_json=common.json).result(document, *shown)
    return Exit.DONE if same else Exit.REJECTED


@app.command
def inspect(bundle: str, *, common: Common = COMMON) -> None:
    """Show all of a bundle: manifest, text, tables, costs, the ranges that are proved, what is doubtful.

    Parameters
    ----------
    bundle
        A folder NAME/vN, a bundle's file, or its hash on the chain.
    """
    given = rule_given(bundle, common)
    rule, held = given.rule, read_bundle(given.raw)
    text = print_program(rule.program)
    doubts = lint_text(Path(f"{rule.manifest.name}/v{rule.manifest.version}"), text)
    ranges = [
        (function.name, which, one.name, _range(one), one.unit)
        for function in entry_points(rule.program)
        for which, declared in (("takes", function.parameters), ("gives", function.results))
        for one in declared
    ]
    columns = ("entry", "", "name", "range", "unit")
    document = {
        **given.document(),
        "bytes": len(given.raw),
        "manifest": plain(rule.manifest),
        "text": text,
        "tables": {
            form.name: {"columns": [one.name for one in form.columns], "rows": len(rule.tables[form.name].rows),
                        "head": [list(row) for row in rule.tables[form.name].rows[:_HEAD]]}
            for form in rule.program.tables
        },
        "costs": dict(rule.costs),
        "vectors": len(held.vectors),
        "ranges": [dict(zip(("entry", "which", "name", "range", "unit"), row, strict=True)) for row in ranges],
        "doubts": [{"line": each.line, "what": each.told, "next": each.advice} for each in doubts],
    }  # fmt: skip
    shown: list[RenderableType] = [facts_of([*_facts(given), ("vectors", len(held.vectors))]), "", text]
    for form in rule.program.tables:
        rows = rule.tables[form.name].rows
        shown.append(f"{form.name}: {len(rows)} rows{f', the first {_HEAD}' if len(rows) > _HEAD else ''}")
        shown.append(table(*(one.name for one in form.columns), rows=rows[:_HEAD]))
    shown += ["", table(*columns, rows=ranges), *(("", *(each.text(text) for each in doubts)) if doubts else ())]
    Output(as_json=common.json).result(document, *shown)


@app.command
def upgrade_check(old: str, new: str, *, common: Common = COMMON) -> Exit:
    """Say what must be known before one version follows another; ends with 1 where it cannot as it is.

    Parameters
    ----------
    old
        The version that is active: a folder NAME/vN, a bundle's file, or a bundle's hash on the chain.
    new
        The version that is to follow; a folder is built as what follows a bundle, as `settle rule publish` builds it.
    """
    before = rule_given(old, common)
    after = rule_given(new, common, None if Path(old).is_dir() else before.rule)
    findings = check_upgrade(before.rule, after.rule)
    broken = sum(each.breaks for each in findings)
    rows = [("breaks" if each.breaks else "know", each.what, each.old, each.new, each.advice) for each in findings]
    verdict = f"{after.name} {'cannot follow' if broken else 'can follow'} {before.name}"
    document = {
        "old": before.document(), "new": after.document(), "compatible": not broken,
        "findings": [each._asdict() for each in findings],
    }  # fmt: skip
    shown: list[RenderableType] = [table("", "what", "old", "new", "what to do", rows=rows), ""] if rows else []
    Output(as_json=common.json).result(document, *shown, verdict)
    return Exit.REJECTED if broken else Exit.DONE


def _facts(given: Given) -> list[tuple[str, object]]:
    manifest = given.rule.manifest
    return [
        ("rule", f"{manifest.name} v{manifest.version}, sequence {manifest.sequence}"),
        ("hash", given.rule.hash.hex()),
        ("before it", manifest.previous.hex() or "none"),
        ("bytes", f"{len(given.raw):,}"),
        ("slot", f"{manifest.slot.name}, interface {manifest.interface}"),
        ("scope", f"agreement {manifest.scope}" if manifest.scope else "the consortium"),
        ("usage", f"{iso(manifest.effective_from)} to {iso(manifest.effective_to)}"),
        ("costs", _costs(given)),
        ("authors", ", ".join(each.decode() for each in manifest.authors)),
        ("change", manifest.change_note.decode()),
    ]


def _costs(given: Given) -> str:
    return ", ".join(f"{entry} {cost:,}" for entry, cost in given.rule.costs.items())


def _compared(held: Bundle, built: Bundle) -> dict[str, bool]:
    return {
        "manifest": encode(held.manifest) == encode(built.manifest),
        "tree": held.tree == built.tree,
        "tables": held.tables == built.tables,
        "vectors": held.vectors == built.vectors,
    }


def _difference(held: Bundle, built: Bundle, bundle: str, source: Path) -> str:
    """Where the texts of both trees differ: trees differ exactly where their texts do."""
    theirs, ours = (print_program(read_program(each.tree)).splitlines() for each in (held, built))
    lines = unified_diff(theirs, ours, fromfile=bundle, tofile=str(source), lineterm="")
    return "\n".join(islice(lines, _MOST_LINES))


def _range(declared: Declared) -> str:
    match declared.kind:
        case Kind.BOOLEAN:
            return "true or false"
        case Kind.DIGITS:
            return f"{declared.low} to {declared.high} digits"
        case Kind.INTEGER:
            return f"{declared.low:,} to {declared.high:,}"
