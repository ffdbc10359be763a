"""Whatever waits in a mempool: the block that PrepareProposal makes of it, ProcessProposal accepts on another node."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abci_app.application import chain as chain_module
from abci_app.application import proposals
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from settle.chain.keys import propose_keys
from tests.support.chains import CHAIN, CODES, Network, signed, signer


class Waiting(NamedTuple):
    """A transaction of a mempool in a few small numbers, so that a counterexample shrinks to something readable."""

    operator: int
    role: Role
    number: int
    message: int
    expiry: int
    spoiled: int  # 0: not; else the byte from the end that is changed

    def raw(self) -> bytes:
        made = signed(signer(self.operator, self.role), self.number, _message(self), expiry=self.expiry)
        at = len(made) - self.spoiled
        return made if not self.spoiled else made[:at] + bytes([made[at] ^ 0x10]) + made[at + 1 :]


def _message(waiting: Waiting) -> Value:
    if waiting.message == 0:
        return Approve(DocumentKind.KEY_CHANGE, bytes(32), waiting.role, Verdict.APPROVE)
    return propose_keys(CHAIN, waiting.message, (signer(waiting.operator, Role.MAKER, waiting.message),))


transactions = st.builds(
    Waiting,
    operator=st.sampled_from([*CODES, 9]),  # 9 is no operator: an unknown key
    role=st.sampled_from([Role.ADMIN, Role.MAKER]),
    number=st.integers(1, 4) | st.sampled_from([300, 1025, 1026]),
    message=st.integers(0, 3),
    expiry=st.sampled_from([0, 1, 2, 1000, 10_002, 10_003]),
    spoiled=st.sampled_from([0, 0, 0, 1, 70, 110]),
)
mempools = st.lists(transactions, max_size=12)


@pytest.mark.parametrize("cost_cap", [chain_module.MOST_PER_BLOCK, 1500], ids=["as released", "a few transactions"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=mempools, second=mempools, room=st.sampled_from([1 << 20, 900]))
def test_what_one_node_prepares_another_accepts(
    monkeypatch: pytest.MonkeyPatch, cost_cap: int, first: list[Waiting], second: list[Waiting], room: int
) -> None:
    monkeypatch.setattr(chain_module, "MOST_PER_BLOCK", cost_cap)
    monkeypatch.setattr(proposals, "MOST_PER_BLOCK", cost_cap)
    proposer, voter, late = Network(), Network(), Network()
    for mempool in (first, second):
        raws = [waiting.raw() for waiting in mempool]
        taken = proposer.chain.prepare(proposer.propose(*raws)._replace(hash=b""), room)
        assert sum(len(raw) for raw in taken) <= room
        block = voter.propose(*taken)
        assert voter.chain.process(block)
        assert proposer.chain.process(block)
        assert proposer.decide(block) == voter.decide(block) == late.decide(block)
