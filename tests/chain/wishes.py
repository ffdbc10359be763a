"""What the outbox's tests submit, and with which keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from abci_app.kernel.encoding import U32, Value
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer
from settle.chain.outbox import Outbox
from tests.chain.fake_node import CHAIN_ID, FakeNode

MAKER = Signer(b"\1" * 32, operator=1, role=Role.MAKER)
CHECKER = Signer(b"\2" * 32, operator=1, role=Role.CHECKER)


class Wish(Value, frozen=True, tag="test.wish"):
    number: U32
    text: Annotated[bytes, msgspec.Meta(max_length=2**20)]


def wish(number: int) -> list[Value]:
    return [Wish(number, b"")]


def opened(path: Path, node: FakeNode, *, life: int = 5) -> Outbox:
    return Outbox(path, node, CHAIN_ID, signers=[MAKER, CHECKER], life=life, resend_after=0.0, sleep=lambda _: None)
