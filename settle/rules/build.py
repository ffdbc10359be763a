"""From a plugin folder to a bundle's canonical bytes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from abci_app.rules.bundle import (
    Bundle,
    EntryCost,
    LoadedRule,
    Manifest,
    TableDigest,
    Vector,
    bundle_hash,
    compile_bundle,
    load_bundle,
    read_bundle,
    write_bundle,
)
from abci_app.rules.check import check_program
from abci_app.rules.printer import print_program
from abci_app.rules.tables import read_table, table_hash, write_table
from abci_app.rules.tree import tree_hash, write_program
from settle.rules.parse import check_text
from settle.rules.plugin import (
    SHIPPED,
    PluginInvalid,
    plugin_name,
    read_settings,
    read_table_file,
    read_text,
    read_vectors,
)


def build_bundle(folder: Path, chain: bytes = b"") -> bytes:
    """The canonical bytes of the bundle of NAME/vN, loaded once to prove it.

    `chain` is sha256 of the chain id, empty for a bundle that any chain's genesis may carry. The version
    before, if plugin.toml names one, is built for the same chain to give the previous hash.
    PluginInvalid, RuleTextError or RuleRefused where the folder is no rule.
    """
    raw = write_bundle(assemble_bundle(folder, chain))
    load_bundle(raw)
    return raw


class FolderRule(NamedTuple):
    """The rule of a plugin folder ready to run, and its vectors, not yet run."""

    rule: LoadedRule
    vectors: tuple[Vector, ...]


def compile_folder(folder: Path) -> FolderRule:
    """What authors work with: everything is checked but the vectors' outcomes.

    PluginInvalid, RuleTextError or RuleRefused where the folder is no rule.
    """
    bundle = assemble_bundle(folder)
    return FolderRule(compile_bundle(bundle, bundle_hash(write_bundle(bundle))), bundle.vectors)


def assemble_bundle(folder: Path, chain: bytes = b"") -> Bundle:
    """The bundle of a folder with its text, tables and manifest checked, its vectors not yet run."""
    settings, named = read_settings(folder), plugin_name(folder)
    text = read_text(folder / "rule.py")
    program = check_text(text).program
    if print_program(program) != text:
        raise PluginInvalid(folder / "rule.py", "is not in canonical form: run `settle rule fmt`")
    previous, sequence = b"", 1
    if settings.previous is not None:
        before = build_bundle(folder.parent / settings.previous, chain)
        previous, sequence = bundle_hash(before), read_bundle(before).manifest.sequence + 1
    tree = write_program(program)
    tables = tuple(write_table(read_table_file(folder, form)) for form in program.tables)
    for form, part in zip(program.tables, tables, strict=True):
        read_table(part, form)
    starts, ends = settings.effective()
    manifest = Manifest(
        slot=settings.slot_number(),
        interface=settings.interface,
        name=named.name,
        version=named.version,
        sequence=sequence,
        previous=previous,
        scope=settings.scope,
        chain=chain,
        costs=tuple(EntryCost(entry, cost) for entry, cost in check_program(program).items()),
        effective_from=starts,
        effective_to=ends,
        tree=tree_hash(tree),
        tables=tuple(
            TableDigest(form.name, table_hash(part)) for form, part in zip(program.tables, tables, strict=True)
        ),
        authors=tuple(author.encode() for author in settings.authors),
        change_note=settings.change_note.encode(),
    )
    return Bundle(manifest, tree, tables, read_vectors(folder, program))


def shipped_bundle(name: str, version: int, chain: bytes = b"") -> bytes:
    """The bundle of a rule that comes with the project."""
    return build_bundle(SHIPPED / name / f"v{version}", chain)


def shipped_rule(name: str, version: int, chain: bytes = b"") -> LoadedRule:
    """A rule that comes with the project, ready to run."""
    return load_bundle(shipped_bundle(name, version, chain))
