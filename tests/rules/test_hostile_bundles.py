"""Bundles that lie, are packed otherwise, or carry more than a bundle: none loads, none raises but a refusal."""

from __future__ import annotations

import base64
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from typing import Any

import msgspec
import pytest

from abci_app.kernel.encoding import encode
from abci_app.rules.bundle import Bundle, EntryCost, TableDigest, bundle_hash, load_bundle, write_bundle
from abci_app.rules.codes import RuleCode, RuleRefused
from abci_app.rules.interface import Slot
from abci_app.rules.tables import Table, table_hash, write_table
from abci_app.rules.tree import tree_hash, write_program
from tests.rules.programs import ROWS, bundle, tree
from tests.rules.test_bundles import GOOD, JUDGE, PROGRAM, VECTOR, changed, with_manifest

MANIFEST = GOOD.manifest
MALFORMED, BAD_MANIFEST = RuleCode.MALFORMED, RuleCode.BAD_MANIFEST
RAW = write_bundle(GOOD)
PLAIN: list[Any] = msgspec.msgpack.decode(RAW)
COST = MANIFEST.costs[0].cost


def parts(**fields: object) -> bytes:
    return encode(changed(GOOD, **fields))


def lie(**fields: object) -> bytes:
    return encode(with_manifest(**fields))


def fields_of(at: int, value: object) -> bytes:
    """A manifest with another value in a field, whatever its type."""
    return msgspec.msgpack.encode([[*PLAIN[0][:at], value, *PLAIN[0][at + 1 :]], *PLAIN[1:]])


def packed(as_file: str) -> bytes:
    """The bundle as a file in an archive, as other systems ship code."""
    held = io.BytesIO()
    if as_file == "zip":
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr("bundle", RAW)
    else:
        with tarfile.open(fileobj=held, mode="w") as files:
            info = tarfile.TarInfo("bundle")
            info.size = len(RAW)
            files.addfile(info, io.BytesIO(RAW))
    return held.getvalue()


OTHER_ROWS = Table("T", ((1, 99),))
LIES: dict[str, tuple[bytes, RuleCode]] = {
    # costs
    "a cost that is one less": (lie(costs=(EntryCost("judge_line", COST - 1),)), BAD_MANIFEST),
    "a cost that is one more": (lie(costs=(EntryCost("judge_line", COST + 1),)), BAD_MANIFEST),
    "a cost of 0": (lie(costs=(EntryCost("judge_line", 0),)), BAD_MANIFEST),
    "the cost of another entry point": (lie(costs=(EntryCost("price_line", COST),)), BAD_MANIFEST),
    "a cost twice": (lie(costs=MANIFEST.costs * 2), BAD_MANIFEST),
    "a cost below 0": (fields_of(8, [["judge_line", -1]]), MALFORMED),
    "a cost of 2^32": (fields_of(8, [["judge_line", 2**32]]), MALFORMED),
    # digests
    "the hash of another tree": (lie(tree=tree_hash(write_program(tree("return Outcome(r=1)")))), BAD_MANIFEST),
    "another tree under the same hash": (parts(tree=write_program(tree("return Outcome(r=1)"))), BAD_MANIFEST),
    "the tree's hash made as a table's": (lie(tree=table_hash(GOOD.tree)), BAD_MANIFEST),
    "a table exchanged after the vote": (parts(tables=(write_table(OTHER_ROWS), GOOD.tables[1])), BAD_MANIFEST),
    "a table's hash made as a tree's": (
        lie(tables=(TableDigest("T", tree_hash(GOOD.tables[0])), MANIFEST.tables[1])),
        BAD_MANIFEST,
    ),
    "a table under another name": (
        lie(tables=(TableDigest("U", MANIFEST.tables[0].digest), MANIFEST.tables[1])),
        BAD_MANIFEST,
    ),
    "a table too many": (parts(tables=(*GOOD.tables, GOOD.tables[0])), BAD_MANIFEST),
    "no tables": (parts(tables=()), BAD_MANIFEST),
    "digests of 10,000 tables": (lie(tables=MANIFEST.tables * 5_000), BAD_MANIFEST),
    "a hash of 31 bytes": (fields_of(11, bytes(31)), MALFORMED),
    # identity
    "version 0": (lie(version=0), BAD_MANIFEST),
    "version 2^32": (fields_of(3, 2**32), MALFORMED),
    "sequence 0": (lie(sequence=0), BAD_MANIFEST),
    "a second without a first": (lie(sequence=2), BAD_MANIFEST),
    "a first with one before": (lie(previous=bytes(32)), BAD_MANIFEST),
    "a chain id in the clear": (lie(chain=b"settlement-1"), BAD_MANIFEST),
    "an interval of usage time that ends before it begins": (lie(effective_from=2, effective_to=1), BAD_MANIFEST),
    "an interval of no time": (lie(effective_from=1, effective_to=1), BAD_MANIFEST),
    "usage time before 1970": (fields_of(9, -1), MALFORMED),
    "usage time past 2^40": (fields_of(10, 2**40 + 1), MALFORMED),
    "a name of capitals": (lie(name="TEST"), MALFORMED),
    "a name that is a path": (lie(name="../test"), MALFORMED),
    "an author of 129 bytes": (lie(authors=(b"a" * 129,)), MALFORMED),
    "a change note of 1,025 bytes": (lie(change_note=b"a" * 1_025), MALFORMED),
    # slots
    "no such slot": (fields_of(0, 0), MALFORMED),
    "a slot of the future": (fields_of(0, 8), MALFORMED),
    "no such interface": (lie(interface=0), RuleCode.BAD_INTERFACE),
    "an interface of the future": (lie(interface=65_535), RuleCode.BAD_INTERFACE),
    "a tolerance that calls itself a tariff": (lie(slot=Slot.RATING), RuleCode.BAD_INTERFACE),
    # more or less than a bundle
    "compiled code beside the tree": (msgspec.msgpack.encode([*PLAIN, b"\xa7\r\r\n"]), MALFORMED),
    "a signature inside": (msgspec.msgpack.encode([[*PLAIN[0], bytes(64)], *PLAIN[1:]]), MALFORMED),
    "no vectors' place": (msgspec.msgpack.encode(PLAIN[:3]), MALFORMED),
    "text in place of the tree": (msgspec.msgpack.encode([PLAIN[0], JUDGE, *PLAIN[2:]]), MALFORMED),
    "text's bytes in place of the tree": (parts(tree=JUDGE.encode()), RuleCode.TOO_LARGE),
    "a hash in place of the tree": (parts(tree=MANIFEST.tree), RuleCode.TOO_LARGE),
    "a tree of 128 KiB and one byte": (msgspec.msgpack.encode([PLAIN[0], bytes(2**17 + 1), *PLAIN[2:]]), MALFORMED),
    "fields by name": (msgspec.msgpack.encode(dict(zip("abcd", PLAIN, strict=True))), MALFORMED),
    "a byte after the end": (RAW + b"\0", MALFORMED),
    "the bundle twice": (RAW * 2, MALFORMED),
    "half of it": (RAW[: len(RAW) // 2], MALFORMED),
    "above 512 KiB": (RAW + bytes(2**19), RuleCode.TOO_LARGE),
    # other packings have no one spelling
    "gzip": (gzip.compress(RAW), MALFORMED),
    "xz": (lzma.compress(RAW), MALFORMED),
    "zip": (packed("zip"), MALFORMED),
    "tar": (packed("tar"), MALFORMED),
    "base64": (base64.b64encode(RAW), MALFORMED),
    "JSON": (json.dumps(PLAIN, default=bytes.hex).encode(), MALFORMED),
    "a long form of a number": (RAW[:2] + b"\xcc" + RAW[2:], MALFORMED),
    # vectors
    "no vectors": (parts(vectors=()), RuleCode.NO_VECTORS),
    "a vector that is wrong by one": (parts(vectors=(changed(VECTOR, results=(2, 3)),)), RuleCode.VECTOR_FAILED),
    "True for 1 in a vector": (
        parts(vectors=(changed(VECTOR, arguments=(1, 1, 0), results=(2, True)),)),
        RuleCode.VECTOR_FAILED,
    ),
    "a rejection that does not come": (parts(vectors=(changed(VECTOR, rejection="UNLUCKY"),)), RuleCode.VECTOR_FAILED),
    "a rejection by another code": (
        parts(vectors=(changed(VECTOR, arguments=(13, 0, 0), results=(), rejection="LUCKY"),)),
        RuleCode.VECTOR_FAILED,
    ),
    "results where the rule rejects": (parts(vectors=(changed(VECTOR, arguments=(13, 0, 0)),)), RuleCode.VECTOR_FAILED),
    "a vector of half a million results": (
        parts(vectors=(changed(VECTOR, results=(1,) * 400_000),)),
        RuleCode.MALFORMED,
    ),
    "a vector of as many results as can be": (
        parts(vectors=(changed(VECTOR, results=(1,) * 90_000),)),
        RuleCode.VECTOR_FAILED,
    ),
    "a vector of another kind": (
        parts(vectors=(changed(VECTOR, arguments=("5", 4, 0)),)),
        RuleCode.ARGUMENT_OUT_OF_RANGE,
    ),
    "a vector with a bool": (parts(vectors=(changed(VECTOR, arguments=(True, 4, 0)),)), RuleCode.ARGUMENT_OUT_OF_RANGE),
    "a vector outside the ranges": (
        parts(vectors=(changed(VECTOR, arguments=(101, 4, 0)),)),
        RuleCode.ARGUMENT_OUT_OF_RANGE,
    ),
    "a vector of too few": (parts(vectors=(changed(VECTOR, arguments=(5, 4)),)), RuleCode.ARGUMENT_OUT_OF_RANGE),
    "a vector of no entry point": (parts(vectors=(changed(VECTOR, entry="judge"),)), RuleCode.NO_ENTRY_POINT),
    "a vector of a float": (
        msgspec.msgpack.encode([*PLAIN[:3], [["judge_line", b"", [5.0, 4, 0], [2, 4], ""]]]),
        MALFORMED,
    ),
}


@pytest.mark.parametrize(("raw", "code"), LIES.values(), ids=LIES.keys())
def test_a_bundle_that_lies_or_is_packed_otherwise_is_refused(raw: bytes, code: RuleCode) -> None:
    with pytest.raises(RuleRefused) as refused:
        load_bundle(raw)
    assert refused.value.code is code, refused.value
    assert len(str(refused.value)) < 2_000, "a refusal goes into logs: it does not repeat what came"


def test_the_bundle_before_it_is_spoilt_loads() -> None:
    assert load_bundle(RAW).call("judge_line", 5, 4, 0) == (2, 4)


def test_what_a_bundle_is_named_by_is_no_hash_of_its_parts() -> None:
    """Domain separation: bytes that are a tree, a table and a bundle would have three names."""
    assert len({bundle_hash(RAW), tree_hash(RAW), table_hash(RAW)}) == 3


def test_every_field_of_a_bundle_changes_its_name() -> None:
    """So that nothing can be exchanged between a vote and the activation."""
    changes: dict[str, Bundle] = {
        "author": with_manifest(authors=(b"someone",)),
        "note": with_manifest(change_note=b"harmless"),
        "chain": with_manifest(chain=bytes(32)),
        "scope": with_manifest(scope=1),
        "usage time": with_manifest(effective_to=2),
        "vector": changed(GOOD, vectors=(VECTOR, VECTOR)),  # type: ignore[dict-item]  # a bundle
        "source of a vector": changed(GOOD, vectors=(changed(VECTOR, source=b"a book"),)),  # type: ignore[dict-item]  # a bundle
        "rows": bundle(PROGRAM, (VECTOR,), (OTHER_ROWS, ROWS["P"])),
    }
    names = {bundle_hash(RAW)}
    for one in changes.values():
        raw = write_bundle(one)
        names.add(load_bundle(raw).hash)
    assert len(names) == 1 + len(changes)
