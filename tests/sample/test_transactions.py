"""Every good transaction is accepted in its order, and every faulty one refused as its file says."""

from __future__ import annotations

import base64
import csv
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from abci_app.application.router import read_fact
from abci_app.application.transaction import read_body
from abci_app.kernel.envelope import read_envelope
from settle.sample.errors import BadPlan, FolderInUse
from settle.sample.transactions import Written, write
from tests.support.chains import CHAIN_ID, GENESIS_TIME, Network

COUNT = 900
SEED = 7


class Sample(NamedTuple):
    folder: Path
    written: Written
    good: list[bytes]
    faulty: list[tuple[str, bytes]]
    refusals: dict[str, tuple[int, str]]  # code, and who refuses it


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample") / "load"
    written = write(COUNT, folder, SEED, chain_id=CHAIN_ID.decode(), genesis_time=GENESIS_TIME)
    good = [bytes.fromhex(line) for line in (folder / "transactions.hex").read_text().splitlines()]
    pairs = [line.split(" ") for line in (folder / "faulty.hex").read_text().splitlines()]
    with (folder / "faulty.csv").open() as file:
        refusals = {row["name"]: (int(row["code"]), row["refused_by"]) for row in csv.DictReader(file)}
    return Sample(folder, written, good, [(name, bytes.fromhex(raw)) for name, raw in pairs], refusals)


def started(sample: Sample) -> Network:
    state = json.loads((sample.folder / "app_state.json").read_text())
    return Network([read_fact(base64.b64decode(fact)) for fact in state["facts"]])


@pytest.fixture(scope="module")
def loaded(sample: Sample) -> Network:
    """A chain that has run all good transactions, each of them accepted."""
    network = started(sample)
    for start in range(0, COUNT, 150):
        outcomes = network.block(*sample.good[start : start + 150])
        refused = [(start + place, outcome.log) for place, outcome in enumerate(outcomes) if outcome.code]
        assert not refused
    return network


def test_every_good_transaction_is_accepted_in_order(loaded: Network, sample: Sample) -> None:
    assert len(sample.good) == len(set(sample.good)) == COUNT
    assert loaded.height == COUNT // 150


def test_every_faulty_transaction_is_refused_with_its_code_by_whom_its_file_names(
    loaded: Network, sample: Sample
) -> None:
    found = {}
    for name, raw in sample.faulty:
        checked = loaded.chain.check(raw, recheck=False).code
        admitted = loaded.chain.process(loaded.propose(raw))
        (outcome,) = loaded.decide(loaded.propose(raw)).outcomes
        assert checked in (0, outcome.code), name
        assert admitted == (checked == 0), name
        found[name] = (outcome.code, "check" if checked else "block")
    assert found == sample.refusals
    assert 0 not in {code for code, _ in found.values()}


def test_faults_are_many_and_named_once(sample: Sample) -> None:
    names = [name for name, _ in sample.faulty]
    assert len(names) == len(set(names)) == sample.written.faults
    assert {by for _, by in sample.refusals.values()} == {"check", "block"}
    assert len({code for code, _ in sample.refusals.values()}) > 60


def test_most_messages_anchor_usage_and_every_stage_of_a_settlement_occurs(sample: Sample) -> None:
    kinds = Counter(
        type(message).__name__ for raw in sample.good for message in read_body(read_envelope(raw).body).messages
    )
    assert kinds["AnchorUsage"] > COUNT / 2
    assert {"ProposeAgreement", "ProposeKeys", "Approve", "Declare", "Open", "IssueInvoice"} <= kinds.keys()


def test_the_same_arguments_write_the_same_bytes(sample: Sample, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert write(COUNT, again, SEED, chain_id=CHAIN_ID.decode(), genesis_time=GENESIS_TIME) == sample.written
    names = sorted(path.name for path in sample.folder.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    assert all((again / name).read_bytes() == (sample.folder / name).read_bytes() for name in names)


def test_another_seed_has_other_keys(sample: Sample, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write(COUNT, other, SEED + 1, chain_id=CHAIN_ID.decode(), genesis_time=GENESIS_TIME)
    keys = {read_envelope(raw).key for raw in sample.good}
    theirs = {read_envelope(bytes.fromhex(line)).key for line in (other / "transactions.hex").read_text().splitlines()}
    assert keys.isdisjoint(theirs)


def test_too_few_transactions_or_a_folder_in_use_are_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BadPlan, match="count: expected an integer from 250"):
        write(10, tmp_path / "few", SEED)
    (tmp_path / "something").touch()
    with pytest.raises(FolderInUse, match="Name another folder"):
        write(COUNT, tmp_path, SEED)
