"""`settle rule`: rules as text, as bundles, and as the chain has them."""

from __future__ import annotations

from pathlib import Path

from abci_app.rules.bundle import bundle_hash, load_bundle, read_bundle
from abci_app.rules.printer import print_program
from settle.cli.failures import Exit, bad_input
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import Output, facts_of, table
from settle.cli.plain import fields, iso, plain, text
from settle.cli.questions import BUNDLE, RULE_VERSIONS, RULES
from settle.cli.rule_signing import drafts, publish, sign
from settle.cli.session import session
from settle.rules.build import build_bundle
from settle.rules.format import format_rule
from settle.rules.plugin import read_text
from settle.rules.vectors import run_vectors

app = noun("rule", "Rules: format, check, build, publish, sign, compare with the chain.")
for command in (publish, sign, drafts):
    app.command(command)


@app.command
def fmt(*files: Path, check: bool = False, json: bool = False) -> Exit:
    """Write rules in their canonical form, the one that is hashed.

    Parameters
    ----------
    files
        rule.py files, or plugin folders.
    check
        Change nothing; end with 1 where a file is not in canonical form.
    json
        Answer with one JSON document.
    """
    changed = []
    for given in files:
        file = given / "rule.py" if given.is_dir() else given
        before = read_text(file)
        after = format_rule(before)
        if after != before:
            changed.append(str(file))
            if not check:
                file.write_text(after, encoding="utf-8")
    verb = "not canonical" if check else "formatted"
    Output(as_json=json).result({"changed": changed}, *(f"{verb}: {file}" for file in changed))
    return Exit.REJECTED if check and changed else Exit.DONE


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


@app.command(name="test")
def run_all_vectors(folder: Path, *, json: bool = False) -> Exit:
    """Run every vector of a rule; ends with 1 where one fails.

    Parameters
    ----------
    folder
        NAME/vN.
    json
        Answer with one JSON document.
    """
    results = run_vectors(folder.absolute())
    failed = [each for each in results if each.failure]
    document = {
        "vectors": len(results),
        "failed": [{"line": each.line, "entry": each.vector.entry, "why": each.failure} for each in failed],
    }
    rows = [(each.line, each.vector.entry, each.failure) for each in failed]
    out = Output(as_json=json)
    shown = [table("line", "entry", "why", rows=rows)] if failed else []
    out.result(document, f"{len(results) - len(failed)} of {len(results)} vectors hold", *shown)
    return Exit.REJECTED if failed else Exit.DONE


@app.command(name="list")
def list_rules(*, common: Common = COMMON) -> None:
    """List the chain's rules and their versions."""
    with session(common) as now:
        rows = []
        for number, row in now.ask(RULES):
            for version, each in now.ask(RULE_VERSIONS, number):
                usage = iso(each.usage_from), iso(each.usage_to)
                rows.append(
                    (number, text(row.name), row.slot.name, version, *usage, each.active_from, each.bundle.hex())
                )
        columns = ("rule", "name", "slot", "version", "usage from", "usage to", "active from height", "bundle")
        document = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document, table(*columns, rows=rows, right=("rule", "version", "active from height")))


@app.command
def show(bundle: str, *, common: Common = COMMON) -> None:
    """Show a bundle of the chain: its manifest, its text, its tables.

    Parameters
    ----------
    bundle
        Its hash in hex: `settle rule list`.
    """
    try:
        wanted = bytes.fromhex(bundle)
    except ValueError:
        wanted = b""
    if len(wanted) != 32:
        raise bad_input(expected="a hash of 64 hex digits", actual=bundle, next_step="see `settle rule list`")
    with session(common) as now:
        raw = now.require(f"bundle {bundle}", BUNDLE, wanted, "settle rule list").raw
        rule = load_bundle(raw)
        if bundle_hash(raw) != wanted:
            raise bad_input(
                expected=f"bytes of hash {bundle}",
                actual=bundle_hash(raw).hex(),
                next_step="ask another node: this one does not tell the truth",
            )
        manifest, told = fields(rule.manifest), print_program(rule.program)
        now.out.result({"hash": bundle, "manifest": manifest, "text": told}, facts_of(manifest.items()), told)
