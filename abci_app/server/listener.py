"""The socket that the node connects to, and a thread for each of its connections."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from abci_app.server.address import Address, TcpAddress, UnixAddress
from abci_app.server.connection import Connection
from abci_app.server.refusal import Refusal

_WAITING_CONNECTIONS = 16  # the node opens four, one after the other
_GRACE = 5.0  # seconds for peers to read their last answers

log = logging.getLogger(__name__)


class Listener:
    """Owns the listening socket from construction on, so a second app on the same address is refused at once.

    Raises `Refusal` where the address is taken or cannot be made.
    """

    def __init__(self, address: Address) -> None:
        self.address: Address = address
        if isinstance(address, UnixAddress):
            self._socket = _listen_unix(address.path)
        else:
            self._socket = _listen_tcp(address)
            self.address = TcpAddress(self._socket.getsockname()[1])
        self._closing = False
        self._served: list[tuple[Connection, threading.Thread]] = []
        self._acceptor: threading.Thread | None = None

    def start(self, answer: Callable[[bytes], bytes]) -> None:
        """Accept in a thread of its own; each connection gets another, which calls `answer`."""
        self._acceptor = threading.Thread(target=self._accept, args=(answer,), name="accept", daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Stop accepting, let each connection answer what it has read, and wait. A second call does nothing."""
        if self._closing:
            return
        self._closing = True
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the acceptor
        if self._acceptor is not None:
            self._acceptor.join()
        self._socket.close()
        if isinstance(self.address, UnixAddress):
            self.address.path.unlink(missing_ok=True)
        for connection, _ in self._served:
            connection.finish()
        until = time.monotonic() + _GRACE
        for connection, thread in self._served:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                connection.cut()
        for _, thread in self._served:
            thread.join()

    def _accept(self, answer: Callable[[bytes], bytes]) -> None:
        number = 0
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                if self._closing:
                    return
                raise
            if peer.family != socket.AF_UNIX:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number += 1
            connection = Connection(peer, answer, number)
            thread = threading.Thread(target=connection.serve, name=f"connection-{number}", daemon=True)
            self._served = [pair for pair in self._served if pair[1].is_alive()]
            self._served.append((connection, thread))
            log.info("connection %d accepted", number)
            thread.start()


def _listen_unix(path: Path) -> socket.socket:
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX)
    allowed = os.umask(0o177)  # the file is born with mode 0600: no moment in which others could connect
    try:
        listening.bind(os.fspath(path))
    except OSError as fault:
        listening.close()
        if fault.errno == errno.EADDRINUSE:
            raise Refusal(_taken(UnixAddress(path))) from fault
        raise Refusal(
            f"socket: cannot be made at {path}: {fault.strerror}. Its folder must exist and be writable; "
            "name another with --socket"
        ) from fault
    finally:
        os.umask(allowed)
    listening.listen(_WAITING_CONNECTIONS)
    return listening


def _remove_stale(path: Path) -> None:
    """Remove what a killed app left behind; refuse where an app is listening, or where it is no socket."""
    try:
        found = path.lstat()
    except OSError:  # not there, or its folder is not: bind says so
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Refusal(f"socket: expected a socket or nothing at {path}, came a file. Move it, or use --socket")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            log.info("removed a socket that nobody listens on: %s", path)
            path.unlink(missing_ok=True)
            return
        except OSError as fault:
            raise Refusal(f"socket: {path} exists and cannot be tried: {fault.strerror}") from fault
    raise Refusal(_taken(UnixAddress(path)))


def _listen_tcp(address: TcpAddress) -> socket.socket:
    listening = socket.socket(socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address.pair)
    except OSError as fault:
        listening.close()
        if fault.errno == errno.EADDRINUSE:
            raise Refusal(_taken(address)) from fault
        raise Refusal(f"socket: cannot listen on {address}: {fault.strerror}") from fault
    listening.listen(_WAITING_CONNECTIONS)
    return listening


def _taken(address: Address) -> str:
    return f"another app is already running on {address}. Stop it, or choose another address with --socket"
