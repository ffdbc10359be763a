"""A plain ABCI client: one connection, requests out, responses in, as CometBFT's socket client does it."""

from __future__ import annotations

import socket
import time
from collections import deque
from pathlib import Path

from google.protobuf.message import Message

from abci_app.server import abci_pb2 as pb
from abci_app.server.framing import Frames, frame

PATIENCE = 20.0  # seconds for an answer


class Closed(Exception):
    """The app closed the connection instead of answering."""


class AbciClient:
    """Speaks to an app on a unix socket (a path) or on a loopback port (a number)."""

    def __init__(self, address: Path | int) -> None:
        if isinstance(address, int):
            self.socket = socket.create_connection(("127.0.0.1", address), PATIENCE)
        else:
            self.socket = _connected(str(address))
        self._frames = Frames()
        self._came: deque[pb.Response] = deque()

    def __enter__(self) -> AbciClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *requests: Message) -> None:
        """Requests (RequestInfo, RequestQuery, ...) in one write, unflushed and unanswered."""
        self.socket.sendall(b"".join(frame(wrap(each).SerializeToString()) for each in requests))

    def receive(self) -> pb.Response:
        """The next response. Raises `Closed` where none comes any more."""
        while not self._came:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError as fault:
                raise Closed from fault
            if not piece:
                raise Closed
            self._came.extend(map(pb.Response.FromString, self._frames.feed(piece)))
        return self._came.popleft()

    def ask(self, request: Message) -> Message:
        """One request and a flush, as the node's synchronous calls are; the request's own response."""
        self.send(request, pb.RequestFlush())
        response = self.receive()
        kind = response.WhichOneof("value")
        assert kind == wrap(request).WhichOneof("value"), f"answered with {response}"
        assert self.receive().WhichOneof("value") == "flush"
        return getattr(response, kind)


def _connected(path: str) -> socket.socket:
    """A connection to a unix socket; one that is bound and does not listen yet is waited for."""
    until = time.monotonic() + PATIENCE
    while True:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(PATIENCE)
        try:
            made.connect(path)
        except ConnectionRefusedError:
            made.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return made


def wrap(request: Message) -> pb.Request:
    """The request in its envelope: the field is the one of this type."""
    for field in pb.Request.DESCRIPTOR.fields:
        if field.message_type is request.DESCRIPTOR:
            return pb.Request(**{field.name: request})
    raise TypeError(f"{request.DESCRIPTOR.name} is no request")
