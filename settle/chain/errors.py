"""What can go wrong between an operator's programs and the chain, told so that a person knows what to do."""

from __future__ import annotations


class ChainError(Exception):
    """Something between us and the chain cannot go on: what was expected, what came, what to do next."""

    def __init__(self, *, expected: str, actual: str, next_step: str) -> None:
        super().__init__(f"expected {expected}\n  came: {actual}\n  next: {next_step}")
        self.expected = expected
        self.actual = actual
        self.next_step = next_step


class NodeUnreachable(ChainError):
    """No CometBFT node answers, or what answers is none. The request may or may not have arrived."""


class RpcError(ChainError):
    """The node answered that it cannot do what was asked. `code` is JSON-RPC's, `detail` CometBFT's own words."""

    def __init__(self, method: str, code: int, message: str, detail: str, next_step: str) -> None:
        super().__init__(expected=f"an answer to {method}", actual=f"{message} {code}: {detail}", next_step=next_step)
        self.method = method
        self.code = code
        self.detail = detail


class QueryRefused(ChainError):
    """The application refused a query. `code` is one of the chain's frozen codes."""

    def __init__(self, path: str, code: int, log: str) -> None:
        super().__init__(
            expected=f"an answer to the query {path}",
            actual=f"code {code}: {log}",
            next_step="look the code up in the table of codes; an unknown path means a node of another version",
        )
        self.code = code


class WrongChain(ChainError):
    """The node, or a durable file, belongs to another chain."""


class KeyFileError(ChainError):
    """A key file that cannot be used. Never holds the secret."""


class ContentConflict(ChainError):
    """A content key that already stands for other messages."""


class OutboxError(ChainError):
    """The outbox cannot decide something by itself, or its file cannot be used."""


class FollowerBroken(ChainError):
    """The facts do not go on where this follower stopped."""


class StillWaiting(ChainError):
    """The time given for waiting is over; what was submitted stays in the outbox and goes on."""
