"""Executed blocks that wait: each is used for the very block that it belongs to, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from abci_app.application import block as block_module
from abci_app.application.interface import Outcome
from abci_app.application.router import owner
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.encoding import encode
from abci_app.kernel.facts import FactRecord
from abci_app.kernel.roles import Role
from abci_app.state.store import Committed
from settle.chain.keys import propose_keys
from tests.support.chains import CHAIN, CMCC, CUCC, Network, signed, signer


def wish(operator: int) -> bytes:
    rotation = propose_keys(CHAIN, 1, (signer(operator, Role.MAKER, 1),))
    return signed(signer(operator, Role.ADMIN), 1, rotation)


def test_what_prepare_drops_leaves_nothing_even_if_it_fails_at_the_very_end(monkeypatch: pytest.MonkeyPatch) -> None:
    proposer, plain = Network(), Network()
    real = block_module.accepted

    def accepted(records: tuple[FactRecord, ...], cost: int) -> Outcome:
        if records[0].operator == CMCC:
            raise OverflowError("a bug")
        return real(records, cost)

    monkeypatch.setattr(block_module, "accepted", accepted)
    poison, good = wish(CMCC), wish(CUCC)
    wanted = proposer.propose(good)
    assert proposer.chain.prepare(proposer.propose(poison, good)._replace(hash=b""), 1 << 20) == [good]
    assert proposer.chain.process(wanted)
    assert proposer.decide(wanted).app_hash == plain.decide(wanted).app_hash


def test_two_blocks_of_one_name_are_two_blocks() -> None:
    """CometBFT names every block by its hash; tools that speak ABCI leave the name empty."""
    network, plain = Network(), Network()
    seen = network.propose(wish(CMCC))._replace(hash=b"")
    decided = network.propose(wish(CUCC))._replace(hash=b"")
    assert network.chain.process(seen)
    assert network.decide(decided).app_hash == plain.decide(decided).app_hash


@pytest.mark.parametrize("height", [0, 2])
def test_a_block_out_of_turn_stops_the_program(height: int) -> None:
    network = Network()
    with pytest.raises(AssertionError, match="no block is left out"):
        network.chain.finalize(network.propose()._replace(height=height))


def test_an_answer_names_the_block_whose_state_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is committed between the question and the look at the state."""
    network = Network()
    network.chain.finalize(network.propose(wish(CMCC)))

    @contextmanager
    def view() -> Iterator[Committed]:
        if network.store.marker() == network.chain.marker() and network.chain.marker().height == 0:  # type: ignore[union-attr]  # after genesis
            network.chain.commit()
        yield network.store

    monkeypatch.setattr(network.store, "view", view)
    answer = network.chain.query("/members/key_changes", b"", 0)
    assert answer.value != encode(())
    assert answer.height == 1


def test_every_kind_of_document_and_object_has_a_module_that_decides_it() -> None:
    for kind in DocumentKind:
        assert owner(Approve(kind, bytes(32), Role.ADMIN, Verdict.APPROVE))
    for thing in ObjectKind:
        assert owner(Advance(thing, b"x"))
