"""Overlays: what is written stands before what was there, and a scan looks at its own rows only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from abci_app.state.overlay import Empty, Overlay

KEYS = st.binary(min_size=1, max_size=3).map(lambda raw: bytes(byte & 3 for byte in raw))
WRITES = st.lists(st.tuples(KEYS, st.none() | st.just(b"old") | st.just(b"new")), max_size=50)


def write(overlay: Overlay, writes: list[tuple[bytes, bytes | None]]) -> None:
    for key, value in writes:
        if value is None:
            overlay.delete(key)
        else:
            overlay.put(key, value)


@given(WRITES, WRITES, WRITES, st.binary(max_size=2).map(lambda raw: bytes(byte & 3 for byte in raw)))
def test_a_scan_is_what_the_writes_add_up_to(
    below: list[tuple[bytes, bytes | None]],
    above: list[tuple[bytes, bytes | None]],
    absorbed: list[tuple[bytes, bytes | None]],
    prefix: bytes,
) -> None:
    parent = Overlay(Empty())
    overlay = Overlay(parent)
    child = Overlay(overlay)
    write(parent, below)
    write(overlay, above)
    write(child, absorbed)
    overlay.absorb(child)
    model = dict(below) | dict(above) | dict(absorbed)
    wanted = [(key, value) for key, value in sorted(model.items()) if value is not None and key.startswith(prefix)]
    assert list(overlay.scan(prefix)) == list(child.scan(prefix)) == wanted
    assert all(overlay.get(key) == value for key, value in model.items())


class Watched(bytes):
    """A key that counts how often a scan asks what it starts with."""

    asked = 0

    def startswith(self, *arguments: object) -> bool:
        Watched.asked += 1
        return super().startswith(*arguments)  # type: ignore[arg-type]  # passed through


def test_a_scan_does_not_look_at_all_that_a_block_wrote() -> None:
    """Thousands of writes of a block, under every scan of its later messages, once took seconds that nobody paid."""
    overlay = Overlay(Empty())
    for number in range(2000):
        overlay.put(Watched(b"\x05\x03" + number.to_bytes(4, "big")), b"x")
    Watched.asked = 0
    assert list(overlay.scan(b"\x05\x01")) == []
    assert len(list(overlay.scan(b"\x05\x03\x00\x00\x00"))) == 256
    assert Watched.asked < 300
