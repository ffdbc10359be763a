"""`filter_peers`: who may connect is what the members have registered."""

from __future__ import annotations

import pytest

from abci_app.application.chain import Chain
from abci_app.application.transaction import Code
from abci_app.domain.members.schema import NodeRegistered, RegisterNodes
from abci_app.kernel.encoding import Value
from abci_app.kernel.roles import Role
from abci_app.state.forest import EMPTY
from tests.support.chains import InlineSignatures, MemoryStore, signer
from tests.support.governing import Council


def node(number: int) -> bytes:
    return number.to_bytes(20, "big")


NODES: list[Value] = [NodeRegistered(number, node(number)) for number in (1, 2, 3, 4)]
STRANGER = node(99)


def asks(chain: Chain, of: str) -> int:
    return chain.query(f"/p2p/filter/{of}", b"", 0).code


def test_an_empty_registry_welcomes_everyone() -> None:
    assert asks(Council().network.chain, f"id/{STRANGER.hex()}") == 0
    syncing = Chain(MemoryStore(), InlineSignatures(), EMPTY)
    assert asks(syncing, f"id/{STRANGER.hex()}") == 0, "before genesis, as a node that syncs"


def test_the_first_to_register_does_not_cut_off_the_others() -> None:
    council = Council(further=NODES[:3])
    assert asks(council.network.chain, f"id/{STRANGER.hex()}") == 0
    council.send(signer(4, Role.ADMIN), RegisterNodes((node(4),), ()))
    assert asks(council.network.chain, f"id/{STRANGER.hex()}") == Code.UNKNOWN_PEER


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_registered_nodes_connect(number: int) -> None:
    assert asks(Council(further=NODES).network.chain, f"id/{node(number).hex()}") == 0


@pytest.mark.parametrize("of", ["", "0", "zz" * 20, "aA" * 20, node(1).hex() + "00", " " + node(1).hex(), "é" * 20])
def test_what_is_no_node_id_is_nobodys(of: str) -> None:
    assert asks(Council(further=NODES).network.chain, f"id/{of}") == Code.UNKNOWN_PEER


@pytest.mark.parametrize("address", ["10.0.0.1:26656", "[::1]:26656", ""])
def test_an_address_says_nothing_about_who_it_is(address: str) -> None:
    assert asks(Council(further=NODES).network.chain, f"addr/{address}") == 0


def test_a_retired_node_stays_outside() -> None:
    council = Council(further=[*NODES, NodeRegistered(1, STRANGER)])
    assert asks(council.network.chain, f"id/{STRANGER.hex()}") == 0
    council.send(signer(1, Role.ADMIN), RegisterNodes((), (STRANGER,)))
    assert asks(council.network.chain, f"id/{STRANGER.hex()}") == Code.UNKNOWN_PEER
