from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abci_app.server.framing import Frames, Misframed, frame

MESSAGES = st.lists(st.binary(max_size=400), max_size=8)


def test_lengths_are_written_as_unsigned_varints() -> None:
    """Protocol Buffers encoding guide: 150 is 96 01. Before v0.35, Tendermint wrote zig-zag numbers."""
    assert frame(b"") == b"\x00"
    assert frame(b"x") == b"\x01x"
    assert frame(b"x" * 150)[:2] == b"\x96\x01"
    assert frame(b"x" * 16384)[:3] == b"\x80\x80\x01"


@given(MESSAGES)
def test_a_stream_cut_at_every_byte_gives_the_same_messages(messages: list[bytes]) -> None:
    frames = Frames()
    stream = b"".join(map(frame, messages))
    assert [each for byte in stream for each in frames.feed(bytes((byte,)))] == messages
    assert frames.waiting == 0


@given(MESSAGES, st.data())
def test_a_stream_cut_in_two_anywhere_gives_the_same_messages(messages: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, messages))
    cut = data.draw(st.integers(0, len(stream)))
    frames = Frames()
    assert [*frames.feed(stream[:cut]), *frames.feed(memoryview(stream)[cut:])] == messages


@given(MESSAGES, st.binary(min_size=1, max_size=200))
def test_a_message_that_has_begun_waits_for_its_end(messages: list[bytes], last: bytes) -> None:
    frames = Frames()
    stream = b"".join(map(frame, [*messages, last]))
    assert list(frames.feed(stream[:-1])) == messages
    assert frames.waiting == len(frame(last)) - 1
    assert list(frames.feed(stream[-1:])) == [last]


@given(st.binary(max_size=300), st.integers(1, 100))
def test_any_bytes_give_messages_or_are_misframed(stream: bytes, most: int) -> None:
    whole = Frames(most)
    try:
        messages = list(whole.feed(stream))
    except Misframed:
        return
    assert all(len(each) <= most for each in messages)
    assert len(b"".join(map(frame, messages))) + whole.waiting <= len(stream)  # a length may be spelled longer


def test_a_message_longer_than_allowed_is_refused_before_it_comes() -> None:
    frames = Frames(most=300)
    assert list(frames.feed(frame(b"x" * 300))) == [b"x" * 300]
    with pytest.raises(Misframed, match="at most 300 bytes, one of 301 came"):
        list(frames.feed(frame(b"x" * 301)[:2]))


def test_a_length_that_does_not_end_is_refused() -> None:
    assert list(Frames().feed(b"\xff" * 4)) == []
    with pytest.raises(Misframed, match="at most 5 bytes"):
        list(Frames().feed(b"\xff" * 5))


def test_what_came_before_a_bad_length_is_still_given() -> None:
    came = Frames(most=4).feed(frame(b"good") + b"\x05")
    assert next(came) == b"good"
    with pytest.raises(Misframed):
        next(came)
