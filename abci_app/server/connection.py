"""One connection of the node: whole messages in, one write per batch of answers out."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable

from abci_app.server import abci_pb2 as pb
from abci_app.server.framing import Frames, Misframed, frame

_RECEIVED_AT_ONCE = 256 * 1024

log = logging.getLogger(__name__)


class Unreadable(Exception):
    """A whole frame that holds no request of ABCI 2.0."""


class Connection:
    """Answers one peer in the order of its requests, until it leaves or `finish` is called.

    Which of the node's four connections this is, the wire does not say; each serves every request.
    What `answer` raises besides `Unreadable` is not caught here: it ends the thread, and with it,
    by `crash.end_on_failure`, the program.
    """

    def __init__(self, peer: socket.socket, answer: Callable[[bytes], bytes], number: int) -> None:
        self._peer = peer
        self._answer = answer
        self._number = number
        self._finishing = False

    def serve(self) -> None:
        """Read and answer until the end; then close the socket."""
        piece = bytearray(_RECEIVED_AT_ONCE)
        view = memoryview(piece)
        frames = Frames()
        with self._peer:
            while not self._finishing:
                size = self._receive(piece)
                if size == 0:
                    break
                answers, goes_on = self._answers(frames, view[:size])
                if not self._send(answers) or not goes_on:
                    return
        if frames.waiting and not self._finishing:
            log.warning("connection %d ended in the middle of a message", self._number)

    def finish(self) -> None:
        """Take no further request; the ones already read are still answered. For any thread."""
        self._finishing = True
        self._shut(socket.SHUT_RD)

    def cut(self) -> None:
        """Stop sending too, for a peer that no longer reads its answers. For any thread."""
        self._shut(socket.SHUT_RDWR)

    def _answers(self, frames: Frames, data: memoryview) -> tuple[list[bytes], bool]:
        """The answers to what is complete, and whether the stream can still be trusted."""
        answers: list[bytes] = []
        try:
            # No list comprehension: what was answered before a bad frame is still sent.
            for message in frames.feed(data):
                answers.append(self._answer(message))  # noqa: PERF401 - see above
        except Misframed as fault:
            log.error("connection %d closed: %s", self._number, fault)
            return answers, False
        except Unreadable as fault:
            log.error("connection %d closed: %s", self._number, fault)
            answers.append(frame(pb.Response(exception=pb.ResponseException(error=str(fault))).SerializeToString()))
            return answers, False
        return answers, True

    def _receive(self, into: bytearray) -> int:
        try:
            return self._peer.recv_into(into)
        except ConnectionError as fault:
            log.warning("connection %d lost: %s", self._number, fault)
            return 0

    def _send(self, answers: list[bytes]) -> bool:
        if not answers:
            return True
        try:
            self._peer.sendall(b"".join(answers))
        except ConnectionError as fault:
            log.warning("connection %d lost with %d answers unsent: %s", self._number, len(answers), fault)
            return False
        return True

    def _shut(self, how: int) -> None:
        try:
            self._peer.shutdown(how)
        except OSError:
            log.debug("connection %d was already closed", self._number)
