"""Blocks that no honest proposer makes are refused by ProcessProposal, and the honest block after them is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from abci_app.application import chain as chain_module
from abci_app.application.interface import Block
from abci_app.application.transaction import Code
from abci_app.domain.members.schema import KeyChange, ProposeKeys, key_change_hash
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.costs import MOST_PER_BLOCK
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import LARGEST_TRANSACTION, Envelope, chain_hash, read_envelope, transaction_id
from abci_app.kernel.roles import Role
from abci_app.server import abci_pb2 as pb
from abci_app.server.framing import Frames
from abci_app.server.handlers import Handlers
from settle.chain.keys import Signer, propose_keys
from tests.abci.client import wrap
from tests.support.chains import CHAIN, CMCC, CUCC, Network, signed, signer

ADMIN = signer(CUCC, Role.ADMIN)
EARLIER = 1  # the replay number that the fixture's first block used up
REVOKED = signer(CUCC, Role.MAKER)


def rotation(serial: int = 2, operator: int = CUCC) -> ProposeKeys:
    return propose_keys(CHAIN, serial, (signer(operator, Role.MAKER, serial),))


def valid(number: int = 5, by: Signer = ADMIN, expiry: int = 1000) -> bytes:
    return signed(by, number, rotation(), expiry=expiry)


@pytest.fixture
def network() -> Network:
    """At height 2: CUCC's administrator has sent its first transactions, which revoked the maker's key."""
    network = Network()
    change = propose_keys(CHAIN, 1, (), (REVOKED.public,))
    network.block(signed(ADMIN, EARLIER, change))
    document = key_change_hash(CHAIN, KeyChange(CUCC, 1, (), (REVOKED.public,)))
    network.block(signed(ADMIN, 2, Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, Verdict.APPROVE)))
    return network


class Case(NamedTuple):
    """A transaction that must not be in a block, and the code that it gets if it is there nevertheless."""

    raw: Callable[[], bytes]
    code: Code


def _forged() -> bytes:
    envelope = read_envelope(valid())
    return encode(Envelope(envelope.body, 1, envelope.key, envelope.signature[:-1] + b"\x00"))


def _with_key_of_another() -> bytes:
    envelope = read_envelope(valid())
    return encode(Envelope(envelope.body, 1, signer(CMCC, Role.ADMIN).public, envelope.signature))


def _other_body() -> bytes:
    envelope = read_envelope(valid())
    return encode(Envelope(read_envelope(valid(6)).body, 1, envelope.key, envelope.signature))


BAD = {
    "empty": Case(lambda: b"", Code.MALFORMED_ENVELOPE),
    "undecodable": Case(lambda: b"\x00\xff" * 40, Code.MALFORMED_ENVELOPE),
    "cut off": Case(lambda: valid()[:-1], Code.MALFORMED_ENVELOPE),
    "with more behind": Case(lambda: valid() + b"\x00", Code.MALFORMED_ENVELOPE),
    "another spelling": Case(lambda: b"\xdc\x00\x04" + valid()[1:], Code.MALFORMED_ENVELOPE),
    "nested deep": Case(lambda: b"\x91" * 100_000 + b"\xc0", Code.MALFORMED_ENVELOPE),
    "oversize": Case(lambda: bytes(LARGEST_TRANSACTION + 1), Code.TOO_LARGE),
    "unknown suite": Case(lambda: encode(read_envelope(valid())).replace(b"\x01\xc4\x21", b"\x02\xc4\x21"), Code(903)),
    "body of nothing": Case(lambda: _signed_body(b"\xc0"), Code.MALFORMED_BODY),
    "no message": Case(lambda: _signed_body(encode(((), 5, 1000))), Code.MALFORMED_BODY),
    "forged": Case(_forged, Code.BAD_SIGNATURE),
    "signed by another key": Case(_with_key_of_another, Code.BAD_SIGNATURE),
    "signature of another body": Case(_other_body, Code.BAD_SIGNATURE),
    "wrong chain": Case(lambda: signed(ADMIN, 5, rotation(), chain=chain_hash(b"x")), Code.BAD_SIGNATURE),
    "unknown key": Case(lambda: valid(by=signer(CUCC, Role.ADMIN, 77)), Code.UNKNOWN_KEY),
    "revoked key": Case(lambda: valid(1, by=REVOKED), Code.UNKNOWN_KEY),
    "expired": Case(lambda: valid(expiry=2), Code.EXPIRED),
    "expires too late": Case(lambda: valid(expiry=3 + 10_001), Code.EXPIRES_TOO_LATE),
    "replayed": Case(lambda: valid(EARLIER), Code.NUMBER_USED),
    "number too far": Case(lambda: valid(5000), Code.NUMBER_TOO_FAR),
}


def _signed_body(body: bytes) -> bytes:
    return encode(Envelope(body, 1, ADMIN.public, ADMIN.sign(transaction_id(CHAIN, 1, ADMIN.public, body))))


@pytest.mark.parametrize("name", BAD)
def test_a_block_with_one_bad_transaction_is_refused_and_changes_nothing(network: Network, name: str) -> None:
    bad = BAD[name].raw()
    before = dict(network.store.rows)
    good = signed(signer(CMCC, Role.ADMIN), 1, rotation(1, CMCC))
    for transactions in ((bad,), (good, bad), (bad, good)):
        assert not network.chain.process(network.propose(*transactions))
    assert network.store.rows == before
    assert [outcome.code for outcome in network.block(good)] == [0]


@pytest.mark.parametrize("name", BAD)
def test_an_honest_proposer_leaves_it_out(network: Network, name: str) -> None:
    good = signed(signer(CMCC, Role.ADMIN), 1, rotation(1, CMCC))
    wanted = network.propose(BAD[name].raw(), good)
    assert network.chain.prepare(wanted._replace(hash=b""), 1 << 22) == [good]


@pytest.mark.parametrize("name", BAD)
def test_decided_by_others_nevertheless_it_gets_its_code_and_no_effect(network: Network, name: str) -> None:
    before = network.app_hash
    result = network.decide(network.propose(BAD[name].raw()))
    assert [outcome.code for outcome in result.outcomes] == [BAD[name].code]
    assert result.app_hash == before


def test_a_transaction_twice_in_a_block_is_refused(network: Network) -> None:
    assert network.chain.process(network.propose(valid()))
    assert not network.chain.process(network.propose(valid(), valid()))


def test_one_number_for_two_transactions_in_a_block_is_refused(network: Network) -> None:
    other = signed(ADMIN, 5, rotation(3))
    assert not network.chain.process(network.propose(valid(5), other))


def test_a_decided_double_runs_once(network: Network) -> None:
    result = network.decide(network.propose(valid(), valid()))
    assert [outcome.code for outcome in result.outcomes] == [0, Code.NUMBER_USED]


def test_a_block_over_the_cost_cap_is_refused_although_each_transaction_is_within_its_own(network: Network) -> None:
    admin = signer(CMCC, Role.ADMIN)
    keys = [signer(CMCC, Role.MAKER, number) for number in range(16)]
    messages = [propose_keys(CHAIN, serial, keys) for serial in range(1, 17)]
    cost = network.chain.check(signed(admin, 1, *messages), recheck=False).gas_wanted
    most = MOST_PER_BLOCK // cost
    raws = [signed(admin, number, *messages) for number in range(1, most + 2)]
    assert network.chain.process(network.propose(*raws[:most]))
    assert not network.chain.process(network.propose(*raws))
    assert len(network.chain.prepare(network.propose(*raws)._replace(hash=b""), 1 << 24)) == most


def test_a_poison_transaction_is_refused_by_the_server_which_goes_on(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Poison: it trips a fault of ours. No node may vote for it, and none may die of seeing it proposed."""
    real = chain_module.Executor.run

    def run(self: chain_module.Executor, transaction: chain_module.Transaction) -> object:
        if transaction.signed.key == ADMIN.public:
            raise RecursionError("a bug")
        return real(self, transaction)

    monkeypatch.setattr(chain_module.Executor, "run", run)
    handlers = Handlers(network.chain, "test")
    good = signed(signer(CMCC, Role.ADMIN), 1, rotation(1, CMCC))
    refused, accepted = pb.ResponseProcessProposal.REJECT, pb.ResponseProcessProposal.ACCEPT
    assert _verdict(handlers, network.propose(valid())) == refused
    assert _verdict(handlers, network.propose(good, valid())) == refused
    assert _verdict(handlers, network.propose(good)) == accepted


def _verdict(handlers: Handlers, block: Block) -> int:
    asked = pb.RequestProcessProposal(txs=block.transactions, height=block.height, hash=block.hash)
    asked.time.seconds = block.time
    (response,) = Frames().feed(handlers.answer(wrap(asked).SerializeToString()))
    return pb.Response.FromString(response).process_proposal.status
