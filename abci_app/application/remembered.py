"""What was decoded once and need not be decoded again, bounded by the bytes it came from."""

from __future__ import annotations

from typing import Generic, TypeVar

Found = TypeVar("Found")


class Remembered(Generic[Found]):
    """Results of a pure function of bytes, the last ones used; older ones are forgotten by the generation.

    Two dictionaries: when the young one has taken half of `most_bytes`, it becomes the old one and the old one
    goes. Threads may share it: nothing is walked, and a race only forgets something too early.
    """

    def __init__(self, most_bytes: int) -> None:
        self._half = most_bytes // 2
        self._young: dict[bytes, Found] = {}
        self._old: dict[bytes, Found] = {}
        self._taken = 0

    def get(self, raw: bytes) -> Found | None:
        """What these bytes gave, if it is remembered."""
        found = self._young.get(raw)
        if found is None:
            found = self._old.get(raw)
            if found is not None:
                self.keep(raw, found)
        return found

    def keep(self, raw: bytes, found: Found) -> None:
        """Remember what these bytes gave."""
        if self._taken > self._half:
            self._old, self._young, self._taken = self._young, {}, 0
        self._young[raw] = found
        self._taken += len(raw)
