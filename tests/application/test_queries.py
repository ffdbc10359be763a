"""Questions about the committed state, and the dry run."""

from __future__ import annotations

import msgspec
import pytest

from abci_app.application.queries import Simulation
from abci_app.application.replay import Window
from abci_app.application.transaction import Code
from abci_app.domain.members.schema import Code as MembersCode
from abci_app.kernel.encoding import Decoder, encode
from abci_app.kernel.facts import read_record
from abci_app.kernel.roles import Role
from settle.chain.keys import propose_keys
from tests.support.chains import CHAIN, CMCC, Network, signed, signer

ADMIN, MAKER = signer(CMCC, Role.ADMIN), signer(CMCC, Role.MAKER)
WISH = propose_keys(CHAIN, 1, (signer(CMCC, Role.MAKER, 7),))
read_simulation: Decoder[Simulation] = Decoder(Simulation)
read_window: Decoder[Window] = Decoder(Window)


def span(start: int, most: int) -> bytes:
    return start.to_bytes(8, "big") + most.to_bytes(4, "big")


def test_facts_are_read_in_order_and_in_pages() -> None:
    network = Network()
    network.block(signed(ADMIN, 1, WISH))
    total = len(network.store.records)
    pages = [msgspec.msgpack.decode(network.chain.query("/facts", span(at, 10), 0).value) for at in range(0, total, 10)]
    assert [record for page in pages for record in page] == network.store.records
    assert msgspec.msgpack.decode(network.chain.query("/facts", span(total, 10), 0).value) == []


def test_the_marker_names_the_block_and_every_modules_root() -> None:
    network = Network()
    network.block(signed(ADMIN, 1, WISH))
    marker, roots = msgspec.msgpack.decode(network.chain.query("/marker", b"", 0).value)
    assert (marker[1], marker[3]) == (1, network.app_hash)
    assert {name for name, _ in roots} >= {"members", "periods", "replay"}


def test_a_key_asks_for_its_replay_window() -> None:
    network = Network()
    assert read_window(network.chain.query("/replay", ADMIN.public, 0).value).highest == 0
    network.block(signed(ADMIN, 5, WISH))
    assert read_window(network.chain.query("/replay", ADMIN.public, 0).value).highest == 5


def test_a_dry_run_shows_the_facts_and_changes_nothing() -> None:
    network = Network()
    before = dict(network.store.rows)
    unsigned = signed(ADMIN, 1, WISH)[:-64] + bytes(64)
    simulation = read_simulation(network.chain.query("/simulate", unsigned, 0).value)
    assert (simulation.code, [read_record(raw).kind for raw in simulation.records]) == (0, ["members.keys_proposed"])
    (outcome,) = network.block(signed(ADMIN, 1, WISH))
    assert simulation.cost == outcome.gas_used
    assert before == {key: before[key] for key in before if key in network.store.rows}


def test_a_dry_run_names_the_code_that_would_result() -> None:
    simulation = read_simulation(Network().chain.query("/simulate", signed(MAKER, 1, WISH), 0).value)
    assert (simulation.code, simulation.records) == (MembersCode.WRONG_ROLE, ())


@pytest.mark.parametrize(
    ("path", "data", "height", "code"),
    [
        ("/nowhere", b"", 0, Code.UNKNOWN_QUERY),
        ("/facts", b"\x00", 0, Code.MALFORMED_QUERY),
        ("/replay", b"\x00", 0, Code.MALFORMED_QUERY),
        ("/members/operator", b"\xc1", 0, Code.MALFORMED_QUERY),
        ("/members/operator", encode(77), 0, Code.NOT_FOUND),
        ("/members/operators", b"", 99, Code.HEIGHT_NOT_KEPT),
    ],
)
def test_a_question_that_has_no_answer_says_why(path: str, data: bytes, height: int, code: Code) -> None:
    answer = Network().chain.query(path, data, height)
    assert (answer.code, answer.value) == (code, b"")
    assert "expected" in answer.log


@pytest.mark.parametrize("path", ["/p2p/filter/addr/10.0.0.1:26656", "/p2p/filter/id/00ff"])
def test_peers_are_welcome_until_a_registry_says_otherwise(path: str) -> None:
    assert Network().chain.query(path, b"", 0).code == 0
