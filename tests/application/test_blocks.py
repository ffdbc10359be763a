"""Blocks: fair, bounded, the same however a node learns of them."""

from __future__ import annotations

import pytest

from abci_app.application import chain as chain_module
from abci_app.application import proposals
from abci_app.application.genesis import GenesisFault
from abci_app.application.interface import ValidatorPower
from abci_app.application.router import BY_FACT, read_fact
from abci_app.application.transaction import Code
from abci_app.domain.members.schema import KeyRegistered, ProposeKeys
from abci_app.kernel.encoding import encode
from abci_app.kernel.facts import read_record
from abci_app.kernel.merkle import leaf, root
from abci_app.kernel.roles import Role
from abci_app.state.forest import sentinels
from abci_app.state.overlay import Empty, Overlay
from settle.chain.keys import propose_keys
from tests.support.chains import CBN, CHAIN, CMCC, CTCC, CUCC, Network, genesis, genesis_facts, signed, signer


def rotation(operator: int, serial: int = 1) -> ProposeKeys:
    return propose_keys(CHAIN, serial, (signer(operator, Role.MAKER, serial),))


def rotations(*operators: int) -> list[bytes]:
    return [signed(signer(operator, Role.ADMIN), 1, rotation(operator)) for operator in operators]


def test_the_facts_root_of_a_result_is_the_root_of_its_fact_leaves() -> None:
    network = Network()
    size = len(network.store.records)
    (outcome,) = network.block(*rotations(CMCC))
    records = network.store.records[size:]
    assert outcome.data == root([leaf(record) for record in records])
    assert [read_record(record).kind for record in records] == ["members.keys_proposed"]
    assert read_record(records[0]).operator == CMCC


def test_a_block_gives_the_same_hash_prepared_processed_or_only_decided() -> None:
    raws = rotations(CMCC, CUCC, CTCC)
    proposer, voter, late = Network(), Network(), Network()
    proposer.block(*raws)
    block = voter.propose(*raws)
    assert voter.chain.process(block)
    voter.decide(block)
    late.decide(late.propose(*raws))
    assert proposer.app_hash == voter.app_hash == late.app_hash


def test_an_empty_block_leaves_the_app_hash_alone() -> None:
    network = Network()
    before = network.app_hash
    network.block()
    assert network.app_hash == before


def test_a_candidate_of_another_block_is_not_used() -> None:
    network, plain = Network(), Network()
    other = network.propose(*rotations(CMCC))
    assert network.chain.process(other)
    decided = network.propose(*rotations(CUCC), after=2)
    network.decide(decided)
    plain.decide(decided)
    assert network.app_hash == plain.app_hash


def test_no_operator_takes_more_than_its_share_while_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    flood = [signed(signer(CMCC, Role.ADMIN), n, rotation(CMCC)) for n in range(1, 9)]
    others = rotations(CUCC, CTCC, CBN)
    cost = network.chain.check(flood[0], recheck=False).gas_wanted
    monkeypatch.setattr(proposals, "MOST_PER_BLOCK", cost * 6)
    taken = network.chain.prepare(network.propose(*flood, *others), 1 << 20)
    assert set(others) < set(taken)
    assert [raw for raw in taken if raw in flood] == flood[:3]


def test_a_proposer_stays_within_the_bytes() -> None:
    network = Network()
    (raw,) = rotations(CMCC)
    room = len(raw) + 3  # protobuf: one byte of field tag, two of length
    assert network.chain.prepare(network.propose(raw), room) == [raw]
    assert network.chain.prepare(network.propose(raw), room - 1) == []


def test_a_block_over_the_cost_cap_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    raws = rotations(CMCC, CUCC)
    monkeypatch.setattr(chain_module, "MOST_PER_BLOCK", network.chain.check(raws[0], recheck=False).gas_wanted)
    assert not network.chain.process(network.propose(*raws))


def test_a_transaction_that_trips_a_fault_of_ours_is_never_proposed_and_never_accepted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = Network()
    poison, good = rotations(CMCC, CUCC)
    before = network.app_hash
    real = chain_module.Executor.admit

    def admit(self: object, transaction: object) -> object:
        at = real(self, transaction)  # type: ignore[arg-type]
        if at.operator == CMCC:
            raise OverflowError("a bug")
        return at

    monkeypatch.setattr(chain_module.Executor, "admit", admit)
    assert network.chain.prepare(network.propose(poison, good), 1 << 20) == [good]
    assert "OverflowError" in network.chain.alarms[0]
    with pytest.raises(OverflowError):
        network.chain.process(network.propose(poison, good))
    assert network.app_hash == before


def test_a_node_that_missed_the_proposal_executes_the_decided_block() -> None:
    network = Network()
    forged = rotations(CMCC)[0][:-1] + b"\x00"
    result = network.decide(network.propose(forged, *rotations(CUCC)))
    assert [outcome.code for outcome in result.outcomes] == [Code.BAD_SIGNATURE, 0]


def test_genesis_repeats_itself_until_the_first_block() -> None:
    network = Network()
    assert network.chain.init_chain(genesis()) == network.app_hash
    with pytest.raises(GenesisFault, match="app hash"):
        network.chain.init_chain(genesis(genesis_facts()[:-1]))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda g: g._replace(initial_height=5), "initial_height 1"),
        (lambda g: g._replace(validators=g.validators[1:]), "got"),
        (lambda g: g._replace(validators=(ValidatorPower(bytes(32), 10),)), "expected"),
        (lambda g: g._replace(facts=(*g.facts, b"\x01")), "canonical form"),
        (lambda g: g._replace(facts=(*g.facts, g.facts[0])), "a second time"),
        (lambda g: g._replace(facts=(*g.facts, encode(KeyRegistered(77, 1, b"\x02" * 33, Role.NODE)))), "admitted"),
        (lambda g: g._replace(facts=g.facts[:2]), "expected"),
        (lambda g: g._replace(time=-1), "genesis_time"),
        (lambda g: g._replace(time=2**40 + 1), "genesis_time"),
        (lambda g: g._replace(facts=(*g.facts, encode(KeyRegistered(CMCC, 1, b"\x05" * 33, Role.NODE)))), "suite 1"),
        (lambda g: g._replace(facts=(*g.facts, encode(KeyRegistered(CMCC, 2, b"\x02" * 33, Role.NODE)))), "suite 2"),
    ],
    ids=[
        "height",
        "validator missing",
        "other validator",
        "nonsense",
        "twice",
        "stranger's key",
        "no administrator",
        "before 1970",
        "beyond all dates",
        "no key",
        "a suite not in use",
    ],
)
def test_a_genesis_that_cannot_start_says_why(spoil: object, expected: str) -> None:
    with pytest.raises(GenesisFault, match=expected):
        Network().chain.init_chain(spoil(genesis()))  # type: ignore[operator]


def test_state_is_the_fold_of_all_facts() -> None:
    network = Network()
    network.block(*rotations(CMCC, CUCC))
    state = Overlay(Empty())
    for key, value in sentinels().items():
        state.put(key, value)
    for raw in network.store.records:
        fact = read_fact(read_record(raw).body)
        BY_FACT[type(fact)].fold(state, fact)
    assert state.writes == {key: value for key, value in network.store.rows.items() if key[0] != 9 or key[1] == 0}
