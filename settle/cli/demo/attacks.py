"""Attempts to cheat, each sent for real and refused with its code."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from abci_app.domain.governance.schema import Propose
from abci_app.domain.periods.schema import AnchorUsage, Code, ControlTotals, Declare, StreamReference
from abci_app.domain.rulebook.schema import Code as RulebookCode
from abci_app.domain.rulebook.schema import PublishBundle
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.envelope import read_envelope
from abci_app.rules.codes import RuleCode
from settle.agent.read_model import PeriodKey
from settle.chain.answers import Block
from settle.chain.keys import Signer
from settle.chain.queries import replay_window
from settle.chain.rpc import RpcClient
from settle.chain.transactions import SignedTransaction, encode_messages, sign_messages

FORGED = 906
"""transaction.BAD_SIGNATURE, which the schemas of the domain do not hold."""
_IN_BLOCK_WITHIN = 15.0  # seconds
_LIFE = 100  # blocks
_DECLARE = Declare.__struct_config__.tag
_read_declare: Decoder[Declare] = Decoder(Declare)


class Attempt(NamedTuple):
    """What was tried and what came of it; `code` -1 where no answer came in time."""

    what: str
    wanted: int
    code: int
    log: str

    @property
    def refused(self) -> bool:
        return self.code == self.wanted

    def text(self) -> str:
        """The attempt for people."""
        outcome = "refused" if self.refused else "NOT REFUSED"
        return f"{self.what}: {outcome}, code {self.code}: {self.log[:70]}"


class Cheat:
    """Sends what an honest program would not, with keys that are real."""

    def __init__(self, rpc: RpcClient, chain: bytes) -> None:
        self._rpc = rpc
        self._chain = chain

    def forge(self, message: Value, victim: Signer, thief: Signer) -> Attempt:
        """A message in the victim's name, signed by another key."""
        honest = self._signed(message, _Borrowed(victim, thief))
        answer = self._rpc.broadcast(honest.raw)
        return Attempt("sign in another operator's name", FORGED, answer.code, answer.log)

    def copy(self, theirs: Declare, streams: tuple[StreamReference, ...], own: Signer) -> Attempt:
        """The other party's commitments and proof over one's own files, filed as one's own figures."""
        copied = replace(theirs, streams=streams)
        return self._send("file a copy of the other's commitments", Code.PROOF_NOT_VALID, copied, own)

    def file_late(self, key: PeriodKey, stream: int, own: Signer) -> Attempt:
        """A usage file anchored after the cut-off, unmarked."""
        file = AnchorUsage(*key, stream, 1, bytes(32), ControlTotals(1, 60_000, 0), late=False)
        return self._send("anchor a file after the cut-off", Code.CUT_OFF_PASSED, file, own)

    def file_twice(self, mine: Declare, own: Signer) -> Attempt:
        """Other figures under a revision that has been filed."""
        other = replace(mine, detail=bytes(32))
        return self._send("file other figures a second time", Code.EXISTS_WITH_DIFFERENT_CONTENT, other, own)

    def publish_forged(self, raw: bytes, own: Signer) -> Attempt:
        """A bundle whose content is not what its manifest says."""
        what = "publish a bundle with other rates than its manifest names"
        return self._send(what, RuleCode.BAD_MANIFEST, PublishBundle(raw), own)

    def publish_changed(self, raw: bytes, own: Signer) -> Attempt:
        """Another bundle for the sequence that has been decided on."""
        what = "publish other bytes after the order"
        return self._send(what, RulebookCode.CHANGED_AFTER_THE_VOTE, PublishBundle(raw), own)

    def propose_unsigned(self, proposal: Propose, own: Signer) -> Attempt:
        """A bundle put to the vote that nobody but its publisher has signed."""
        what = "propose a bundle without countersignature"
        return self._send(what, RulebookCode.NOT_COUNTERSIGNED, proposal, own)

    def _send(self, what: str, wanted: int, message: Value, own: Signer) -> Attempt:
        sent = self._signed(message, own)
        answer = self._rpc.broadcast(sent.raw)
        if answer.code:
            return Attempt(what, wanted, answer.code, answer.log)
        until = time.monotonic() + _IN_BLOCK_WITHIN
        while time.monotonic() < until:
            found = self._rpc.transaction(sent.hash)
            if found is not None:
                return Attempt(what, wanted, found.tx_result.code, found.tx_result.log)
            time.sleep(0.2)
        return Attempt(what, wanted, -1, f"in no block within {_IN_BLOCK_WITHIN:.0f} s")

    def _signed(self, message: Value, own: Signer | _Borrowed) -> SignedTransaction:
        number = replay_window(self._rpc, own.public).highest + 1
        expiry = self._rpc.status().height + _LIFE
        return sign_messages(self._chain, encode_messages([message]), number, expiry, own)


class _Borrowed:
    """The victim's public key over the thief's signature."""

    def __init__(self, victim: Signer, thief: Signer) -> None:
        self.suite = victim.suite
        self.public = victim.public
        self.sign: Callable[[bytes], bytes] = thief.sign


def declared_in(block: Block) -> list[tuple[bytes, Declare]]:
    """The declarations of a block with their signers' keys, as anyone can read them: proof and all."""
    found = []
    for raw in block.transactions:
        envelope = read_envelope(raw)
        messages: list[list[object]] = msgspec.msgpack.decode(envelope.body)[0]
        found += [(envelope.key, _read_declare(encode(each))) for each in messages if each[0] == _DECLARE]
    return found


def find_declaration(rpc: RpcClient, signer: bytes, key: PeriodKey) -> Declare:
    """The newest declaration of a period under a signer's key, read from the blocks."""
    for height in range(rpc.status().height, 0, -1):
        for public, message in declared_in(rpc.block(height)):
            if public == signer and (message.agreement, message.pair, message.ordinal) == key:
                return message
    raise LookupError(f"no declaration of {key} in any block")


def summary(attempts: Sequence[Attempt]) -> list[dict[str, object]]:
    """The attempts for `--json`."""
    return [msgspec.to_builtins(attempt._asdict()) | {"refused": attempt.refused} for attempt in attempts]
