"""CometBFT's socket framing: every message is preceded by its length as an unsigned varint."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 128 * 2**20
"""The longest message accepted, in bytes. The largest real one is a block, at most 100 MiB in CometBFT."""

_MOST_LENGTH_BITS = 35  # five bytes of seven bits: more than MOST needs


class Misframed(Exception):
    """The stream cannot be cut into messages; nothing after this point can be trusted."""


def frame(message: bytes) -> bytes:
    """The message with its length before it."""
    rest = len(message)
    prefix = bytearray()
    while rest > 0x7F:
        prefix.append(rest & 0x7F | 0x80)
        rest >>= 7
    prefix.append(rest)
    return bytes(prefix) + message


class Frames:
    """Cuts a stream of bytes, arriving in any pieces, into whole messages.

    A message is touched only when all of it is there, so a block of many megabytes is not
    scanned again with every piece.
    """

    __slots__ = ("_buffer", "_most", "_needed")

    def __init__(self, most: int = MOST) -> None:
        self._buffer = bytearray()
        self._most = most
        self._needed = 0  # bytes of the first message with its length, where that is known

    @property
    def waiting(self) -> int:
        """Bytes of a message that has begun and not ended."""
        return len(self._buffer)

    def feed(self, data: bytes | memoryview) -> Iterator[bytes]:
        """The messages that are complete with this piece. To be consumed before the next call.

        Raises `Misframed` in the place of a message longer than allowed or a length of more
        than five bytes, after the good messages before it.
        """
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._needed:
            return
        self._needed = at = 0
        end = len(buffer)
        try:
            while True:
                cursor, size, shift = at, 0, 0
                while True:
                    if cursor == end:
                        return
                    byte = buffer[cursor]
                    cursor += 1
                    size |= (byte & 0x7F) << shift
                    if byte < 0x80:
                        break
                    shift += 7
                    if shift >= _MOST_LENGTH_BITS:
                        raise Misframed("expected a length of at most 5 bytes, a longer one came")
                if size > self._most:
                    raise Misframed(f"expected a message of at most {self._most} bytes, one of {size} came")
                if end - cursor < size:
                    self._needed = cursor - at + size
                    return
                at = cursor + size
                yield bytes(buffer[cursor:at])
        finally:
            del buffer[:at]
