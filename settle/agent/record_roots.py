"""Salted Merkle roots over usage records: what an anchor on the chain binds an operator to.

The form, field by field and with a vector, is docs/reference/record-root.md. A record can be opened alone, with
its salt and its path; the others stay unguessable, because each has a salt of its own. The running root of a
stream is the chain's to define: `running_root` of abci_app/domain/periods/schema.py.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from abci_app.domain.periods.schema import ControlTotals
from abci_app.kernel.hashing import Tag
from abci_app.kernel.merkle import root
from settle.agent.intake.control import Totals
from settle.agent.records import canonical_lines


@dataclass(frozen=True)
class Salts:
    """The salts of one anchored set of records, derived again at any time from the vault's seed.

    `stream` names the anchor's stream, `sequence` its place in it. `content` is a digest of what the set was
    made from (the file's SHA-256): a set that is anchored again with other content gets other salts, so an
    opening of the one tells nothing about the other.
    """

    key: bytes

    @classmethod
    def derive(cls, seed: bytes, *, stream: bytes, sequence: int, content: bytes) -> Salts:
        """HMAC-SHA256(seed, tag ‖ sequence u64 ‖ content ‖ stream). Seed and content are 32 bytes each."""
        if len(seed) != 32 or len(content) != 32:
            raise ValueError(f"expected 32 bytes of seed and content each, got {len(seed)} and {len(content)}")
        message = Tag.USAGE_SALT.value + sequence.to_bytes(8, "big") + content + stream
        return cls(hmac.digest(seed, message, "sha256"))

    def salt(self, index: int) -> bytes:
        """The 32-byte salt of the record at `index`, from 0: sha256(key ‖ index u64)."""
        return sha256(self.key + index.to_bytes(8, "big")).digest()


def record_leaves(lines: Iterable[bytes], salts: Salts) -> list[bytes]:
    """The leaf hash of each canonical record: RFC 6962 leaf over tagged(USAGE_RECORD, salt ‖ record).

    Written out instead of calling `tagged` and `leaf`, which doubles the speed; a test holds them equal.
    """
    key, tag = salts.key, Tag.USAGE_RECORD.value
    return [
        sha256(b"\x00" + sha256(tag + sha256(key + index.to_bytes(8, "big")).digest() + line).digest()).digest()
        for index, line in enumerate(lines)
    ]


def record_root(records: pl.DataFrame, salts: Salts) -> bytes:
    """The root over canonical records in the order given, 32 bytes; of no records RFC 6962's empty root."""
    return root(record_leaves(canonical_lines(records), salts))


def anchored_totals(records: pl.DataFrame) -> ControlTotals:
    """The control totals that go with a root over these records.

    A negative duration is a switch's fault that waits in suspense; it counts as a record of no duration.
    """
    totals = Totals.of(records.with_columns(pl.col("duration_ms").clip(lower_bound=0)))
    return ControlTotals(totals.records, totals.duration_ms, totals.units)
