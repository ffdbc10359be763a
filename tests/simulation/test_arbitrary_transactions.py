"""A hundred thousand transactions that nobody should send: never an exception, as many results as transactions."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from abci_app.application.transaction import Code
from abci_app.kernel.roles import Role
from abci_app.server.signature_pool import SignaturePool
from tests.simulation.mutations import Mutator
from tests.support.chains import CHAIN, CODES, Network, signer

SIGNERS = [signer(operator, role) for operator in CODES for role in Role]
IN_A_BLOCK = 500
OF_THE_BYTES = {
    Code.TOO_LARGE,
    Code.MALFORMED_ENVELOPE,
    Code.UNKNOWN_SUITE,
    Code.MALFORMED_BODY,
    Code.TOO_COSTLY,
    Code.BAD_SIGNATURE,
}
"""Codes that follow from the bytes alone: CheckTx and FinalizeBlock must give the same."""


@pytest.fixture
def network() -> Iterator[Network]:
    """A state machine with the server's own verifier, whose cache is a part of what is tried."""
    pool = SignaturePool()
    yield Network(signatures=pool)
    pool.close()


def run(network: Network, seed: int, blocks: int) -> Counter[int]:
    """Arbitrary transactions through CheckTx, PrepareProposal, ProcessProposal, FinalizeBlock and Commit."""
    codes: Counter[int] = Counter()
    mutator = Mutator(random.Random(seed), CHAIN, SIGNERS)
    for _ in range(blocks):
        mutator.learn(network.ask)
        raws = mutator.draw(IN_A_BLOCK)
        checked = [network.chain.check(raw, recheck=False) for raw in raws]
        everything = network.propose(*raws)
        taken = network.chain.prepare(everything._replace(hash=b""), 1 << 22)
        assert network.chain.process(network.propose(*taken)), "Process refuses what Prepare made"
        assert not network.chain.process(everything)
        outcomes = network.decide(everything).outcomes  # as if more than a third of the power had let it pass
        assert len(outcomes) == len(raws)
        assert network.chain.alarms == []
        for told, outcome in zip(checked, outcomes, strict=True):
            if told.code in OF_THE_BYTES or outcome.code in OF_THE_BYTES:
                assert told.code == outcome.code
            codes[outcome.code] += 1
    return codes


def test_a_hundred_thousand_arbitrary_transactions_are_each_answered(network: Network) -> None:
    codes = run(network, seed=1, blocks=200)
    assert codes.total() == 100_000
    assert codes[0] > 1000, "the valid ones among them must go through"
    assert len(codes) > 20, f"too few ways to be refused: {codes}"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 42))
def test_four_million_more_are_each_answered(network: Network, seed: int) -> None:
    assert run(network, seed, blocks=200).total() == 100_000


def test_nodes_that_saw_proposals_and_nodes_that_replay_end_with_the_same_state() -> None:
    mutator = Mutator(random.Random(7), CHAIN, SIGNERS)
    proposer, replayer = Network(), Network()
    for _ in range(6):
        mutator.learn(proposer.ask)
        raws = mutator.draw(200)
        taken = proposer.chain.prepare(proposer.propose(*raws)._replace(hash=b""), 1 << 22)
        block = proposer.propose(*taken)
        assert proposer.chain.process(block)
        assert proposer.decide(block) == replayer.decide(block)
    assert proposer.store.rows == replayer.store.rows
    assert proposer.store.records == replayer.store.records
