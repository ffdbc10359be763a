"""One home, one genesis: CometBFT keeps the file of its first start and ignores any other put in its place later.

A changed file would be believed by people and tools, and by nobody else; so the first one's hash is kept beside the
blocks and compared before every start.
"""

from __future__ import annotations

import hashlib

from cometbft.errors import NodeError
from cometbft.home import Home

SEAL = "genesis.sha256"


def require_same_genesis(home: Home) -> None:
    """Keep the hash of genesis.json at the first start; raise NodeError where the file is another one later."""
    if not home.genesis.exists():
        return  # CometBFT itself says so
    found = hashlib.sha256(home.genesis.read_bytes()).hexdigest()
    seal = home.cometbft / "data" / SEAL
    if not seal.exists():
        seal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        seal.write_text(f"{found}\n")
        return
    began = seal.read_text().strip()
    if began != found:
        raise NodeError(
            expected=f"the genesis file that this node began with, sha256 {began}, at {home.genesis}",
            actual=f"another file, sha256 {found}",
            next_step="put the first one back, every member has it; another network needs a home of its own",
        )
