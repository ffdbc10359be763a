"""A bundle: everything of one rule version in canonical bytes, whose hash is its name.

Loading trusts nothing in it: digests, interface and declared cost are computed again, the checker
proves the tree, the tables are checked cell by cell, and the bundle's own vectors run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, NamedTuple, NoReturn, TypeAlias

import msgspec
from msgspec import Meta

from abci_app.kernel.encoding import I64, U16, U32, Basis, Decoder, Hash32, Malformed, Seconds, Text, Value, encode
from abci_app.kernel.hashing import Tag, tagged
from abci_app.rules.check import check_program
from abci_app.rules.codes import RejectedByRule, RuleCode
from abci_app.rules.declarations import refuse
from abci_app.rules.executor import Entry, compile_program
from abci_app.rules.interface import Slot, agreement_parameters, check_costs, check_interface
from abci_app.rules.names import CapsName, Name
from abci_app.rules.tables import Cell, Table, describe, fits, read_table, table_hash
from abci_app.rules.tree import MOST_BYTES, Declared, Function, Program, entry_points, read_program, tree_hash

MOST_BUNDLE_BYTES = 512 * 1024
MOST_VECTOR_COST = 20_000_000
"""Of all vectors together, each at its entry point's static cost: about 0.6 s of the executor."""
LONGEST_SHOWN = 500
MOST_VALUES = 100_000
"""In a bundle, beside its tree and tables: strangers' bytes can be one value each, and all are looked at."""
MOST_AUTHORS = 64
ALWAYS = 2**40
"""`effective_to` of a rule without an end."""
Cost: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]


class EntryCost(Value, frozen=True):
    """The static worst-case cost of one entry point."""

    entry: Name
    cost: Cost


class TableDigest(Value, frozen=True):
    """A table's name and hash."""

    table: CapsName
    digest: Hash32


class Manifest(Value, frozen=True):
    """What a rule version says of itself."""

    slot: Slot
    interface: U16
    name: Name
    version: U32
    sequence: U32  # 1 for the first version of this name, then one more each
    previous: Basis  # bundle hash of the version before; empty for the first
    scope: U32  # 0 the consortium, else the number of the one agreement
    chain: Basis  # sha256 of the chain id; empty: any chain (genesis facts only)
    costs: tuple[EntryCost, ...]  # in the order of the tree
    effective_from: Seconds  # usage time, included
    effective_to: Seconds  # usage time, not included
    tree: Hash32
    tables: tuple[TableDigest, ...]  # in the order of the tree
    authors: Annotated[tuple[Text, ...], Meta(max_length=MOST_AUTHORS)]
    change_note: Annotated[bytes, Meta(max_length=1024)]


class Vector(Value, frozen=True):
    """One case of the bundle's own test: results, or the code of a rejection ("" where none)."""

    entry: Name
    source: Text  # where the figures come from, for readers
    arguments: tuple[Cell, ...]
    results: tuple[I64 | bool, ...]
    rejection: Annotated[str, Meta(pattern=r"^(?:[A-Z][A-Z0-9_]{0,30})?\Z")]


class Bundle(Value, frozen=True):
    """The stored form of one rule version."""

    manifest: Manifest
    tree: Annotated[bytes, Meta(max_length=MOST_BYTES)]
    tables: tuple[bytes, ...]
    vectors: tuple[Vector, ...]


class LoadedRule(NamedTuple):
    """A rule ready to run. Keep it by its hash: loading again gives an equal one."""

    hash: bytes
    manifest: Manifest
    program: Program
    functions: Mapping[str, Entry]
    """Unchecked and fast: for arguments that are known to be inside the declared ranges."""
    costs: Mapping[str, int]
    tables: Mapping[str, Table]
    """For the other back ends: explaining and columns."""

    def call(self, entry: str, *arguments: Cell) -> tuple[int | bool, ...]:
        """The results of an entry point. RejectedByRule where the rule rejects; RuleRefused
        NO_ENTRY_POINT or ARGUMENT_OUT_OF_RANGE where the call is not one the rule was proved for."""
        check_arguments(self._function(entry), arguments)
        return self.functions[entry](*arguments)

    def agreement_parameters(self, entry: str) -> tuple[Declared, ...]:
        """The parameters that the agreement gives, after the leading ones of the slot."""
        return agreement_parameters(self._function(entry), self.manifest.slot, self.manifest.interface)

    def bound(self, entry: str, given: Mapping[str, int]) -> tuple[int, ...]:
        """The agreement's parameters of an entry point, of those `given` by name. KeyError where one lacks."""
        return tuple(given[declared.name] for declared in self.agreement_parameters(entry))

    def parameters(self) -> tuple[str, ...]:
        """What an agreement gives this rule, in order: each name once, by its first entry point in the text."""
        return _asked_by(self.program, self.manifest)

    def _function(self, entry: str) -> Function:
        for function in entry_points(self.program):
            if function.name == entry:
                return function
        return refuse(RuleCode.NO_ENTRY_POINT, self.manifest.name, f"one of {', '.join(self.functions)}", entry)


def parameters_of(bundle: Bundle) -> tuple[str, ...]:
    """`LoadedRule.parameters` of a stored bundle, without compiling it."""
    return _asked_by(read_program(bundle.tree), bundle.manifest)


def _asked_by(program: Program, manifest: Manifest) -> tuple[str, ...]:
    entries = entry_points(program)
    named = (one.name for entry in entries for one in agreement_parameters(entry, manifest.slot, manifest.interface))
    return tuple(dict.fromkeys(named))


# Its form, its cost, its message and the rule itself all come from the same bytes, one after the other.
_read_bundle = lru_cache(maxsize=4)(Decoder[Bundle](Bundle, deepest=6, most_nodes=MOST_VALUES))
_parts = msgspec.msgpack.Decoder(tuple[msgspec.Raw, msgspec.Raw, msgspec.Raw, msgspec.Raw]).decode
_manifest = msgspec.msgpack.Decoder(Manifest).decode
_vectors = msgspec.msgpack.Decoder(tuple[Vector, ...]).decode


def write_bundle(bundle: Bundle) -> bytes:
    """The canonical bytes of a bundle."""
    return encode(bundle)


def bundle_hash(raw: bytes) -> bytes:
    """The name of a bundle: 32 bytes over its canonical bytes."""
    return tagged(Tag.RULE_BUNDLE, raw)


def read_bundle(raw: bytes) -> Bundle:
    """The bundle in `raw`, its content not yet checked. RuleRefused TOO_LARGE or MALFORMED."""
    if len(raw) > MOST_BUNDLE_BYTES:
        refuse(RuleCode.TOO_LARGE, "the bundle", f"at most {MOST_BUNDLE_BYTES:_} bytes", f"{len(raw):_}")
    try:
        return _read_bundle(raw)
    except Malformed as fault:
        refuse(RuleCode.MALFORMED, "the bundle", "a bundle in canonical bytes", fault)


def manifest_in(stored: bytes) -> Manifest:
    """The manifest of a bundle that was read before it was stored; nothing else of it is decoded."""
    return _manifest(_parts(stored)[0])


def vectors_of(stored: bytes) -> tuple[Vector, ...]:
    """The vectors of a bundle that was read before it was stored."""
    return _vectors(_parts(stored)[3])


def load_bundle(raw: bytes) -> LoadedRule:
    """The rule in `raw`: decoded, checked, compiled, its vectors run. RuleRefused otherwise; nothing else.

    A function of the bytes alone, so the same on every node.
    """
    bundle = read_bundle(raw)
    rule = compile_bundle(bundle, bundle_hash(raw))
    _check_vectors_cost(bundle, rule.costs)
    for at, vector in enumerate(bundle.vectors, 1):
        run_vector(rule, vector, f"vector {at}")
    for entry in rule.functions:
        if not any(vector.entry == entry for vector in bundle.vectors):
            refuse(RuleCode.NO_VECTORS, "the bundle", f"a vector for {entry}", "none")
    return rule


def compile_bundle(bundle: Bundle, name: bytes) -> LoadedRule:
    """The rule of a bundle with this hash, its vectors not run: for showing which of them fail."""
    manifest = bundle.manifest
    program = read_program(bundle.tree)
    costs = check_program(program)
    _check_manifest(bundle, program, costs)
    check_interface(program, manifest.slot, manifest.interface)
    check_costs(costs)
    tables = {form.name: read_table(part, form) for form, part in zip(program.tables, bundle.tables, strict=True)}
    functions = compile_program(program, tables, f"{manifest.name}/v{manifest.version} {name.hex()[:16]}")
    return LoadedRule(name, manifest, program, functions, costs, MappingProxyType(tables))


def run_vector(rule: LoadedRule, vector: Vector, where: str) -> None:
    """RuleRefused VECTOR_FAILED unless the rule gives what the vector says."""
    expected = f"reject {vector.rejection}" if vector.rejection else vector.results
    actual: object
    try:
        actual = rule.call(vector.entry, *vector.arguments)
    except RejectedByRule as rejection:
        actual = f"reject {rejection.code}"
    # True equals 1 in Python; as an outcome they are not the same.
    if actual != expected or repr(actual) != repr(expected):
        refuse(RuleCode.VECTOR_FAILED, f"{where}, {vector.entry}{vector.arguments}", _shown(expected), actual)


def check_arguments(function: Function, arguments: tuple[Cell, ...]) -> None:
    """RuleRefused ARGUMENT_OUT_OF_RANGE unless each argument is of the declared kind and range."""
    if len(arguments) != len(function.parameters):
        expected = f"{len(function.parameters)} arguments"
        refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, function.name, expected, len(arguments))
    for argument, declared in zip(arguments, function.parameters, strict=True):
        if not fits(argument, declared):
            where = f"{function.name}: {declared.name}"
            refuse(RuleCode.ARGUMENT_OUT_OF_RANGE, where, describe(declared), repr(argument))


def _check_vectors_cost(bundle: Bundle, costs: Mapping[str, int]) -> None:
    total = sum(costs.get(vector.entry, 0) for vector in bundle.vectors)
    if total > MOST_VECTOR_COST:
        expected = f"at most {MOST_VECTOR_COST:_} as the static cost of all vectors together"
        refuse(RuleCode.TOO_COSTLY, "the bundle", expected, f"{total:_} of {len(bundle.vectors):_} vectors")


def _check_manifest(bundle: Bundle, program: Program, costs: Mapping[str, int]) -> None:
    manifest = bundle.manifest
    if manifest.tree != tree_hash(bundle.tree):
        _mismatch("the tree's hash", tree_hash(bundle.tree).hex(), manifest.tree.hex())
    if len(bundle.tables) != len(program.tables):
        _mismatch("the tables of the tree", len(program.tables), len(bundle.tables))
    digests = tuple(
        TableDigest(form.name, table_hash(part)) for form, part in zip(program.tables, bundle.tables, strict=True)
    )
    if manifest.tables != digests:
        _mismatch("the names and hashes of the tables", digests, manifest.tables)
    computed = tuple(EntryCost(entry, cost) for entry, cost in costs.items())
    if manifest.costs != computed:
        _mismatch("the static costs", computed, manifest.costs)
    if manifest.effective_from >= manifest.effective_to:
        _mismatch("an interval of usage time", "from < to", f"{manifest.effective_from} to {manifest.effective_to}")
    if manifest.version == 0 or manifest.sequence == 0:
        _mismatch("a version and a sequence from 1", "1 or more", f"{manifest.version}, {manifest.sequence}")
    if (len(manifest.previous) == 0) != (manifest.sequence == 1) or len(manifest.previous) not in (0, 32):
        _mismatch("a previous bundle from sequence 2 on", "32 bytes, or none for the first", manifest.previous.hex())
    if len(manifest.chain) not in (0, 32):
        _mismatch("the hash of the chain id", "32 bytes, or none", manifest.chain.hex())


def _mismatch(what: str, expected: object, actual: object) -> NoReturn:
    refuse(RuleCode.BAD_MANIFEST, f"the manifest, {what}", _shown(expected), _shown(actual))


def _shown(value: object) -> str:
    """In words, cut to what fits in a message: a bundle may say very much that is not so."""
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
