"""Signed transactions for load and conformance tools: a genesis, good ones in order, and one of every refusal.

The mix: six agreements proposed and signed, a key change proposed; then in every thousand messages about 860
anchored files, and the settlement of fourteen periods: both parties declare and open, makers and checkers sign, the
creditors invoice. Periods are declared over no streams: their usage lies before the chain. Not in the mix is what
names a number that the chain gives later (payments and netting rounds), since tools may change the order.
All deadlines lie ten years after genesis, so header time does not matter.
"""

from __future__ import annotations

import base64
import csv
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from settle.chain.consortium import app_state
from settle.sample.errors import BadPlan, FolderInUse, require_within
from settle.sample.load.consortium import found
from settle.sample.load.fault import Fault
from settle.sample.load.faults_form import form_faults
from settle.sample.load.faults_state import state_faults
from settle.sample.load.mix import LEAST, PROPOSALS, SIGNATURES, apart, good_steps
from settle.sample.load.pen import EXPIRY, Pen

MOST = 10_000_000
CHAIN_ID = "settlement-load"
GENESIS_TIME = 1_767_225_600
"""2026-01-01, UTC seconds."""
_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
"""RFC 8032, 7.1, test 1: a validator key that everybody knows."""

Validators = Mapping[int, Sequence[bytes]]
"""Ed25519 public keys, 32 bytes each, by the number of the operator that runs them."""


class Written(NamedTuple):
    """What was written, and what a tool needs to know of it."""

    chain_id: str
    genesis_time: int  # UTC seconds
    transactions: int
    faults: int
    setup: tuple[int, ...]  # so many first transactions, each lot to be in a block before the next is sent
    apart: int  # at most so many may wait at a time where their order can change


def write(
    count: int,
    folder: Path,
    seed: int,
    *,
    chain_id: str = CHAIN_ID,
    genesis_time: int = GENESIS_TIME,
    validators: Validators | None = None,
) -> Written:
    """Write everything into a new folder: `app_state.json`, `transactions.hex` with `count` lines, `faulty.hex` with
    lines of a name and the bytes, `faulty.csv` with name, code and who refuses it, `meta.json` and `README.txt`.

    Without `validators` there is one, of the first operator, whose key is written as CometBFT reads it
    (`priv_validator_key.json`): for tests only, since everybody knows it. The same arguments write the same bytes.
    Raises BadPlan for a count or seed out of range, FolderInUse.
    """
    require_within(BadPlan, "count", count, LEAST, MOST)
    require_within(BadPlan, "seed", seed, 0, 2**63 - 1)
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse("folder", expected="a new or empty one", came=folder.name, next_step="Name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    of = found(chain_id, genesis_time, seed)
    if validators is None:
        validators = {1: [bytes.fromhex(_PUBLIC)]}
        _write_json(folder / "priv_validator_key.json", _validator_key())
    _write_json(folder / "app_state.json", app_state(of.genesis_facts(validators)))
    pen = Pen(of)
    with (folder / "transactions.hex").open("w", encoding="ascii") as lines:
        lines.writelines(f"{raw.hex()}\n" for raw in pen.sign_all(good_steps(of, count)))
    faults = [*form_faults(of, pen), *state_faults(of, pen)]
    _write_faults(folder, faults)
    written = Written(chain_id, genesis_time, count, len(faults), (PROPOSALS, SIGNATURES), apart(count))
    _write_meta(folder, written, seed)
    return written


def genesis_state(seed: int, chain_id: str, genesis_time: int, validators: Validators) -> dict[str, object]:
    """The `app_state` that transactions of these arguments start from, for validators of one's own."""
    return app_state(found(chain_id, genesis_time, seed).genesis_facts(validators))


def _write_faults(folder: Path, faults: Sequence[Fault]) -> None:
    with (folder / "faulty.hex").open("w", encoding="ascii") as lines:
        lines.writelines(f"{fault.name} {fault.raw.hex()}\n" for fault in faults)
    with (folder / "faulty.csv").open("w", encoding="ascii", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("name", "code", "refused_by"))
        table.writerows((fault.name, int(fault.code), fault.stage) for fault in faults)


def _write_meta(folder: Path, written: Written, seed: int) -> None:
    time = datetime.fromtimestamp(written.genesis_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _write_json(folder / "meta.json", {**written._asdict(), "seed": seed, "expiry": EXPIRY})
    (folder / "README.txt").write_text(_README.format(**written._asdict(), time=time, expiry=EXPIRY), encoding="ascii")


def _validator_key() -> dict[str, object]:
    public, secret = bytes.fromhex(_PUBLIC), bytes.fromhex(_SEED)
    return {
        "address": sha256(public).hexdigest()[:40].upper(),
        "pub_key": {"type": "tendermint/PubKeyEd25519", "value": base64.b64encode(public).decode()},
        "priv_key": {"type": "tendermint/PrivKeyEd25519", "value": base64.b64encode(secret + public).decode()},
    }


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="ascii")


_README = """\
Signed transactions for a chain of this genesis:
  chain id      {chain_id}
  genesis time  {time} ({genesis_time})
  app state     app_state.json, power 10 for each validator

transactions.hex  {transactions} transactions, one a line, valid in this order. Wait until the first {setup[0]}
                  are in a block, then until the next {setup[1]} are, then send the rest as fast as you like, with at
                  most {apart} waiting: changes of order among so many do no harm. They expire at
                  height {expiry}.
faulty.hex        {faults} lines of a name and a transaction to be refused after all of the above. Their order
                  does not matter, and none changes what another is refused with.
faulty.csv        the code of each, and whether CheckTx refuses it (check) or only the block (block).
"""
