"""Everything that a decision may know besides the state: nothing else is in reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias

from abci_app.kernel.parameters import FIRST_PARAMETERS, Parameters
from abci_app.kernel.roles import Role

RuleFunction: TypeAlias = Callable[..., tuple[int, ...]]
"""One entry point of a checked rule: whole numbers, truth values and digit strings in, whole numbers out."""


class Rules(Protocol):
    """The rules of a state's rulebook, by the hash of a stored bundle."""

    def __call__(self, bundle: bytes, entry: str) -> RuleFunction:
        """An entry point with all of its parameters."""
        ...

    def bound(self, bundle: bytes, entry: str, parameters: tuple[int, ...]) -> RuleFunction:
        """An entry point that takes the slot's leading parameters; the agreement's are bound, by name.

        An agreement that gives another number of them than the rule names is refused at the call.
        """
        ...

    def interface(self, bundle: bytes) -> int:
        """Which interface of its slot a bundle is made for."""
        ...


class Context(NamedTuple):
    """One message's circumstances, the same on every validator."""

    height: int
    time: int  # header time, UTC seconds
    chain: bytes  # sha256 of the chain id
    operator: int  # registry number of the signer's operator
    role: Role
    key: bytes  # the signer's 33-byte public key
    rules: Rules
    parameters: Parameters = FIRST_PARAMETERS
    mandate: bytes = b""  # the proposal that was carried and holds this message; empty for a signer's own


class Moment(NamedTuple):
    """As of when a question is answered: what a message in the next block would find, as far as that is known."""

    height: int  # of the next block
    time: int  # header time of the last block, UTC seconds
