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


class Follows(NamedTuple):
    """What a rule's next bundle names: the hash and the sequence of the one before; of none, nothing and 0."""

    previous: bytes
    sequence: int


def build_bundle(folder: Path, chain: bytes = b"", follows: Follows | None = None) -> bytes:
    """The canonical bytes of the bundle of NAME/vN, loaded once to prove it.

    `chain` is sha256 of the chain id, empty for a bundle that any chain's genesis may carry. `follows` is what
    the chain's rulebook has as the version before, which may be a genesis bundle for any chain; without it the
    folder that plugin.toml names is built for the same chain as this one.
    PluginInvalid, RuleTextError or RuleRefused where the folder is no rule.
    """
    raw = write_bundle(assemble_bundle(folder, chain, follows))
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


def assemble_bundle(folder: Path, chain: bytes = b"", follows: Follows | None = None) -> Bundle:
    """The bundle of a folder with its text, tables and manifest checked, its vectors not yet run."""
    settings, named = read_settings(folder), plugin_name(folder)
    text = read_text(folder / "rule.py")
    program = check_text(text).program
    if print_program(program) != text:
        raise PluginInvalid(folder / "rule.py", "is not in canonical form: run `settle rule fmt`")
    before = _version_before(folder, settings.previous, chain) if follows is None else follows
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
        sequence=before.sequence + 1,
        previous=before.previous,
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


def _version_before(folder: Path, named: str | None, chain: bytes) -> Follows:
    """The sibling folder of this name, built; nothing where none is named."""
    if named is None:
        return Follows(b"", 0)
    raw = build_bundle(folder.parent / named, chain)
    return Follows(bundle_hash(raw), read_bundle(raw).manifest.sequence)


def shipped_bundle(name: str, version: int, chain: bytes = b"") -> bytes:
    """The bundle of a rule that comes with the project."""
    return build_bundle(SHIPPED / name / f"v{version}", chain)


def shipped_rule(name: str, version: int, chain: bytes = b"") -> LoadedRule:
    """A rule that comes with the project, ready to run."""
    return load_bundle(shipped_bundle(name, version, chain))
