"""Numbers and signs transactions, key by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from abci_app.kernel.encoding import Value
from settle.chain.keys import Signer
from settle.chain.transactions import encode_messages, sign_messages
from settle.sample.load.consortium import Consortium
from settle.sample.load.mix import Step

EXPIRY = 10_000
"""The height by which transactions expire: the longest life that a chain at its start accepts."""
JUMP = 1000
"""The first number of the first operator's first machine: so small numbers of that key are too old."""
_AT_ONCE = 2_000  # transactions handed to the threads together


class Pen:
    """Gives each key its numbers from 1 on, and signs for one chain."""

    def __init__(self, of: Consortium) -> None:
        self._chain = of.chain
        self._numbers: dict[bytes, int] = {of.keys[1]["agent-1"].public: JUMP - 1}

    def last(self, signer: Signer) -> int:
        """The last number given to a key; 0 before the first."""
        return self._numbers.get(signer.public, 0)

    def next(self, signer: Signer) -> int:
        """A new number of a key."""
        number = self._numbers[signer.public] = self.last(signer) + 1
        return number

    def sign(
        self, signer: Signer, *messages: Value, number: int | None = None, expiry: int = EXPIRY, chain: bytes = b""
    ) -> bytes:
        """One transaction. A number that is given is not counted."""
        number = self.next(signer) if number is None else number
        return sign_messages(chain or self._chain, encode_messages(messages), number, expiry, signer).raw

    def sign_raw(self, signer: Signer, messages: bytes, number: int | None = None) -> bytes:
        """One transaction over bytes that need not be messages."""
        number = self.next(signer) if number is None else number
        return sign_messages(self._chain, messages, number, EXPIRY, signer).raw

    def sign_all(self, steps: Iterable[Step]) -> Iterator[bytes]:
        """The transactions of the steps, in their order, signed on all cores: signing releases the interpreter."""
        numbered = ((step, self.next(step.signer)) for step in steps)
        with ThreadPoolExecutor() as threads:
            while chunk := list(islice(numbered, _AT_ONCE)):
                yield from threads.map(lambda one: self.sign(one[0].signer, one[0].message, number=one[1]), chunk)
