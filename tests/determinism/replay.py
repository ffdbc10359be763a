"""Replays the corpus in a process of its own, from nothing but the file: a line of JSON a block on standard output."""

from __future__ import annotations

import json
import sys

from abci_app.application import transaction
from abci_app.application.chain import Chain
from abci_app.application.governed import carried_messages
from abci_app.application.interface import Block, BlockResult
from abci_app.application.router import Message
from abci_app.domain.governance.schema import Propose
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.facts import read_record
from abci_app.state.forest import EMPTY
from tests.determinism.corpus import block_of, digest, genesis_of, load
from tests.support.chains import InlineSignatures, MemoryStore


def main() -> None:
    """Half of the blocks are seen as proposals first, the others only when they are decided, as in a block sync."""
    corpus = load()
    first = genesis_of(corpus)
    store = MemoryStore()
    chain = Chain(store, InlineSignatures(), EMPTY)
    chain.init_chain(first)
    for recorded in corpus["blocks"]:
        block, facts = block_of(recorded), len(store.records)
        accepted = chain.process(block) if block.height % 2 else recorded["accepted"]
        result = chain.finalize(block)
        chain.commit()
        line = {
            "height": block.height,
            "accepted": accepted,
            "app_hash": result.app_hash.hex(),
            "results": digest(result),
            "messages": _messages(chain_hash(first.chain_id), block, result),
            "facts": [read_record(record).kind for record in store.records[facts:]],
        }
        sys.stdout.write(json.dumps(line) + "\n")


def kind_of(message: Message) -> str:
    """A message's tag, with what it approves or advances."""
    tag = str(message.__struct_config__.tag)
    return f"{tag} {message.kind.name}" if isinstance(message, Approve | Advance) else tag


def _messages(chain: bytes, block: Block, result: BlockResult) -> list[str]:
    """The kinds of the messages that were accepted and changed something, and of those that proposals carry."""
    effective = [
        raw for raw, each in zip(block.transactions, result.outcomes, strict=True) if each.code == 0 and each.data
    ]
    sent = [message for raw in effective for message in transaction.read(chain, raw).body.messages]
    carried = [
        inner for message in sent if isinstance(message, Propose) for inner in carried_messages(message.messages)
    ]
    return [kind_of(message) for message in (*sent, *carried)]


if __name__ == "__main__":
    main()
