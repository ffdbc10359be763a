"""Replays the corpus in a process of its own, from nothing but the file: a line of JSON a block on standard output."""

from __future__ import annotations

import json
import sys

from abci_app.application.chain import Chain
from abci_app.state.forest import EMPTY
from tests.determinism.corpus import block_of, digest, genesis_of, load
from tests.support.chains import InlineSignatures, MemoryStore


def main() -> None:
    """Half of the blocks are seen as proposals first, the others only when they are decided, as in a block sync."""
    corpus = load()
    store = MemoryStore()
    chain = Chain(store, InlineSignatures(), EMPTY)
    chain.init_chain(genesis_of(corpus))
    for recorded in corpus["blocks"]:
        block = block_of(recorded)
        accepted = chain.process(block) if block.height % 2 else recorded["accepted"]
        result = chain.finalize(block)
        chain.commit()
        line = {
            "height": block.height,
            "accepted": accepted,
            "app_hash": result.app_hash.hex(),
            "results": digest(result),
            "facts": len(store.records),
        }
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
