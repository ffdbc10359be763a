"""Record roots: the documented form, computed here a second time from the document alone."""

from __future__ import annotations

import hmac
from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.domain.periods.schema import ControlTotals
from abci_app.kernel.hashing import Tag, tagged
from abci_app.kernel.merkle import leaf
from settle.agent.record_roots import Salts, anchored_totals, record_leaves, record_root
from settle.agent.records import canonical_lines
from tests.agent.intake_world import frame, record

SEED = bytes(range(32))
CONTENT = bytes(32)
SALTS = Salts.derive(SEED, stream=b"CMCC/msc1", sequence=1, content=CONTENT)

VECTOR = "c5ab781d57f20962e6a71fc9ba7df97ab80f7b5aa1bdae1ef7abe30a4903269e"


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 as it is written there: recursive, split at the largest power of two below n."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + plain_root(leaves[:split]) + plain_root(leaves[split:])).digest()


def documented_root(records: list[dict[str, object]], sequence: int) -> bytes:
    """docs/reference/record-root.md, step by step, with nothing of ours but the fields' order."""
    message = b"settlement/usage/salt/1\0" + sequence.to_bytes(8, "big") + CONTENT + b"CMCC/msc1"
    key = hmac.new(SEED, message, sha256).digest()
    leaves = []
    for index, one in enumerate(records):
        line = b"\x1f".join(str(value).encode() for value in one.values())
        salt = sha256(key + index.to_bytes(8, "big")).digest()
        inner = sha256(b"settlement/usage/record/1\0" + salt + line).digest()
        leaves.append(sha256(b"\x00" + inner).digest())
    return plain_root(leaves)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40))
def test_the_root_is_what_the_document_says(count: int) -> None:
    records = [record(number, call_id="" if number % 3 else "Zürich") for number in range(count)]
    assert record_root(frame(*records), SALTS) == documented_root(records, 1)


def test_the_vector_of_the_document_holds() -> None:
    assert record_root(frame(record(1), record(2), record(3)), SALTS).hex() == VECTOR


def test_leaves_are_the_kernels_own_construction() -> None:
    lines = canonical_lines(frame(record(1), record(2)))
    expected = [leaf(tagged(Tag.USAGE_RECORD, SALTS.salt(index), line)) for index, line in enumerate(lines)]
    assert record_leaves(lines, SALTS) == expected


def test_any_change_of_a_record_its_place_or_its_salt_changes_the_root() -> None:
    base = record_root(frame(record(1), record(2)), SALTS)
    others = [
        record_root(frame(record(2), record(1)), SALTS),
        record_root(frame(record(1)), SALTS),
        *(record_root(frame(record(1, **{name: value}), record(2)), SALTS) for name, value in _CHANGES.items()),
        *(record_root(frame(record(1), record(2)), salts) for salts in _OTHER_SALTS),
    ]
    assert len({base, *others}) == len(others) + 1


_CHANGES: dict[str, object] = {
    "record_id": "r1", "call_id": "c1", "service": "SMS", "trunk_in": "X", "trunk_out": "X", "a_number": "1",
    "b_number": "1", "start_ms": 1, "duration_ms": 1, "units": 1, "outcome": "FAILED", "cause": 1,
}  # fmt: skip
_OTHER_SALTS = [
    Salts.derive(bytes(32), stream=b"CMCC/msc1", sequence=1, content=CONTENT),
    Salts.derive(SEED, stream=b"CMCC/msc2", sequence=1, content=CONTENT),
    Salts.derive(SEED, stream=b"CMCC/msc1", sequence=2, content=CONTENT),
    Salts.derive(SEED, stream=b"CMCC/msc1", sequence=1, content=bytes(31) + b"\1"),
]


def test_a_record_is_opened_with_its_own_salt_only() -> None:
    salts = [SALTS.salt(index) for index in range(100)]
    assert len(set(salts)) == 100


def test_the_totals_beside_a_root_count_a_negative_duration_as_none() -> None:
    records = frame(record(1), record(2, duration_ms=-5), record(3, service="DATA", units=7))
    assert anchored_totals(records) == ControlTotals(3, 122_000, 7)
