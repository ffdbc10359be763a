"""The fact log's root: an append-only Merkle log, hashed as RFC 6962 section 2.1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from abci_app.kernel.merkle import EMPTY_ROOT, node


class Frontier(NamedTuple):
    """All that appending and the root need: the roots of the log's complete subtrees.

    There is one peak per binary digit 1 of `size`, the largest and oldest subtree first. The
    root equals `kernel.merkle.root` over all leaf hashes, which this never holds.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The log with more leaves, given by their RFC 6962 leaf hashes, in order."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            peak, carry = leaf, size
            while carry & 1:  # as in adding 1 to a binary number: two peaks of a size become one
                peak = node(peaks.pop(), peak)
                carry >>= 1
            peaks.append(peak)
            size += 1
        return Frontier(size, tuple(peaks))

    def append(self, leaf: bytes) -> Frontier:
        """The log with one more leaf hash."""
        return self.extend((leaf,))

    def root(self) -> bytes:
        """The root hash, 32 bytes; of no leaves the sha256 of an empty string."""
        if not self.peaks:
            return EMPTY_ROOT
        above = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            above = node(peak, above)
        return above
