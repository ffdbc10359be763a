"""Rows kept from block to block: always what the store would say."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from abci_app.state.recent import Recent

KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
VALUES = st.none() | st.sampled_from([b"old", b"new", b"x" * 40])


class Counted:
    """Committed rows that count how often they are asked for."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.asked = 0

    def get(self, key: bytes) -> bytes | None:
        self.asked += 1
        return self.rows.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        return iter(sorted((key, value) for key, value in self.rows.items() if key.startswith(prefix)))


def commit(recent: Recent, store: Counted, writes: dict[bytes, bytes | None]) -> None:
    for key, value in writes.items():
        if value is None:
            store.rows.pop(key, None)
        else:
            store.rows[key] = value
    recent.commit(writes)


@given(st.lists(st.tuples(st.lists(KEYS), st.dictionaries(KEYS, VALUES))), st.sampled_from([0, 50, 10_000]))
def test_a_row_read_through_it_is_the_committed_row(
    blocks: list[tuple[list[bytes], dict[bytes, bytes | None]]], most_bytes: int
) -> None:
    store, recent = Counted(), Recent(most_bytes)
    for reads, writes in blocks:
        reader = recent.over(store)
        for key in reads:
            assert reader.get(key) == store.rows.get(key)
        commit(recent, store, writes)
        assert list(recent.over(store).scan(b"")) == sorted(store.rows.items())


def test_a_row_is_asked_for_once_present_or_not() -> None:
    store, recent = Counted(), Recent()
    commit(recent, store, {b"a": b"1"})
    for _ in range(3):
        reader = recent.over(store)
        assert (reader.get(b"a"), reader.get(b"b")) == (b"1", None)
    assert store.asked == 1, "the written one never, the absent one once"
    commit(recent, store, {b"b": b"2", b"a": None})
    assert (recent.over(store).get(b"a"), recent.over(store).get(b"b")) == (None, b"2")
    assert store.asked == 1


def test_what_is_kept_is_bounded() -> None:
    store, recent = Counted(), Recent(most_bytes=1000)
    for number in range(200):
        commit(recent, store, {b"%d" % number: b"x" * 100})
    reader = recent.over(store)
    kept = sum(reader.get(b"%d" % number) is not None for number in range(200))
    assert kept == 200
    assert store.asked >= 180, "only about ten rows of a hundred bytes are kept at a time"
