"""No operator's flood keeps another's transactions out of a block."""

from __future__ import annotations

import pytest

from abci_app.application import proposals
from abci_app.domain.members.schema import ProposeKeys
from abci_app.kernel.roles import Role
from settle.chain.keys import propose_keys
from tests.support.chains import CBN, CHAIN, CMCC, CTCC, CUCC, Network, signed, signer

OTHERS = (CUCC, CTCC, CBN)


def rotation(operator: int) -> ProposeKeys:
    return propose_keys(CHAIN, 1, (signer(operator, Role.MAKER, 1),))


def wish(operator: int, number: int = 1, messages: int = 1) -> bytes:
    return signed(signer(operator, Role.ADMIN), number, *[rotation(operator)] * messages)


def test_no_operator_takes_more_than_its_share_of_the_bytes() -> None:
    network = Network()
    flood = [wish(CMCC, number) for number in range(1, 9)]
    others = [wish(operator) for operator in OTHERS]
    room = 8 * (len(flood[0]) + 3)
    taken = network.chain.prepare(network.propose(*flood, *others), room)
    assert set(others) < set(taken)
    assert [raw for raw in taken if raw in flood] == flood[:5], "its share of two, and what the others left"


def test_a_transaction_larger_than_a_share_has_its_turn_when_it_is_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    large = wish(CMCC, messages=16)
    flood = [wish(operator, number) for number in range(1, 9) for operator in OTHERS]
    cost = network.chain.check(large, recheck=False).gas_wanted
    monkeypatch.setattr(proposals, "MOST_PER_BLOCK", cost * 3 // 2)
    taken = network.chain.prepare(network.propose(large, *flood), 1 << 20)
    assert taken[0] == large
    assert len(taken) > 1


def test_a_slow_proposer_proposes_what_it_executed_in_time_and_the_rest_later() -> None:
    network = Network()
    raws = [wish(operator) for operator in (CMCC, *OTHERS)]
    asked = iter((True, False))  # not before the first one, which is always taken
    proposal = network.propose(*raws)
    taken = network.chain.prepare(proposal, 1 << 20, lambda: next(asked))
    assert taken == raws[:2]
    block = network.propose(*taken)
    assert network.chain.process(block)
    network.decide(block)
    assert network.chain.prepare(network.propose(*raws[2:]), 1 << 20) == raws[2:]


def test_a_proposer_that_has_no_time_at_all_still_proposes_one() -> None:
    """Else a machine that takes too long to read a full mempool would propose empty blocks for ever."""
    network = Network()
    raws = [wish(operator) for operator in (CMCC, *OTHERS)]
    assert network.chain.prepare(network.propose(*raws), 1 << 20, lambda: False) == raws[:1]
