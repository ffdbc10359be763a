"""TCP ports on this machine's loopback."""

from __future__ import annotations

import random
import socket
from contextlib import closing

from cometbft.errors import NodeError

RANGE = range(20_000, 32_000)
"""Where free ports are looked for: below those that the kernel lends to outgoing connections (32,768 and up).
"""


def is_free(port: int) -> bool:
    """Whether a program could listen on this port of 127.0.0.1 now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True


def free_ports(count: int) -> list[int]:
    """`count` different free ports, drawn at random so that two networks made at once rarely meet."""
    free: list[int] = []
    for port in random.SystemRandom().sample(RANGE, len(RANGE)):
        if len(free) == count:
            break
        if is_free(port):
            free.append(port)
    if len(free) < count:
        raise NodeError(
            expected=f"{count} free ports on 127.0.0.1 from {RANGE.start} to {RANGE.stop - 1}",
            actual=str(len(free)),
            next_step="stop programs that listen there (`ss -ltnp`)",
        )
    return free


def ports_from(first: int, count: int) -> list[int]:
    """The ports from `first` on, all of which must be free."""
    ports = list(range(first, first + count))
    taken = [port for port in ports if not is_free(port)]
    if taken:
        raise NodeError(
            expected=f"ports {first} to {ports[-1]} free on 127.0.0.1",
            actual=f"not to be had: {', '.join(map(str, taken))}",
            next_step="stop the program that listens there (`ss -ltnp`), or name another first port or none",
        )
    return ports
