"""Where the node finds the app: a unix socket, or a loopback port for tools."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, TypeAlias

from abci_app.server.refusal import Refusal

LONGEST_PATH = 107
"""Bytes of a unix socket's path; the kernel's limit on Linux (unix(7): 108 with the final zero)."""

_LOOPBACK = "127.0.0.1"


class UnixAddress(NamedTuple):
    """A socket in the file system: its file's permissions say who may command the app."""

    path: Path

    def __str__(self) -> str:
        return f"unix://{self.path}"


class TcpAddress(NamedTuple):
    """A port of the loopback interface: ABCI knows no authentication, so no other interface is offered."""

    port: int

    def __str__(self) -> str:
        return f"tcp://{_LOOPBACK}:{self.port}"

    @property
    def pair(self) -> tuple[str, int]:
        """Host and port as the socket module wants them."""
        return _LOOPBACK, self.port


Address: TypeAlias = UnixAddress | TcpAddress


def read_address(text: str, home: Path) -> Address:
    """An address in CometBFT's spelling (`unix://PATH`, `tcp://127.0.0.1:PORT`) or as a bare path.

    Relative paths are relative to the home. Port 0 takes any free port; the log names it.
    Raises `Refusal`.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "unix", text
    if scheme == "tcp":
        return _tcp(text, rest)
    if scheme != "unix" or not rest:
        raise Refusal(f"socket: expected a path, unix://PATH or tcp://{_LOOPBACK}:PORT, came {text!r}")
    path = home / rest
    size = len(os.fsencode(path))
    if size > LONGEST_PATH:
        raise Refusal(
            f"socket: expected a path of at most {LONGEST_PATH} bytes (the kernel's limit for unix sockets), "
            f"came {size}: {path}. Use a shorter home, or name a socket in a shorter folder with --socket"
        )
    return UnixAddress(path)


def _tcp(text: str, rest: str) -> TcpAddress:
    host, _, port = rest.rpartition(":")
    if host != _LOOPBACK:
        raise Refusal(
            f"socket: expected tcp://{_LOOPBACK}:PORT, because whoever reaches the port commands the app; came {text!r}"
        )
    if not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise Refusal(f"socket: expected a port from 0 to 65535, came {text!r}")
    return TcpAddress(int(port))
