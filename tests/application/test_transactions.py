"""What makes a transaction acceptable, and what every way to be refused answers."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abci_app.application import transaction
from abci_app.application.replay import FARTHEST, WINDOW
from abci_app.application.transaction import Code
from abci_app.domain.members.schema import Code as MembersCode
from abci_app.domain.members.schema import ProposeKeys
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.codes import Rejected
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import LARGEST_TRANSACTION, Envelope, chain_hash, read_envelope
from abci_app.kernel.roles import Role
from settle.chain.keys import propose_keys
from tests.support.chains import CHAIN, CMCC, CUCC, Network, signed, signer

ADMIN = signer(CMCC, Role.ADMIN)


def rotation(which: int = 7, serial: int = 1) -> ProposeKeys:
    return propose_keys(CHAIN, serial, (signer(CMCC, Role.MAKER, which),))


def flipped(raw: bytes) -> bytes:
    """The signature's last bit turned."""
    envelope = read_envelope(raw)
    tail = bytes((envelope.signature[-1] ^ 1,))
    return encode(Envelope(envelope.body, envelope.suite, envelope.key, envelope.signature[:-1] + tail))


def high_s(raw: bytes) -> bytes:
    """The other spelling of the same signature: n - s (BIP 62 forbids it)."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    envelope = read_envelope(raw)
    s = order - int.from_bytes(envelope.signature[32:], "big")
    return encode(Envelope(envelope.body, 1, envelope.key, envelope.signature[:32] + s.to_bytes(32, "big")))


GOOD = signed(ADMIN, 1, rotation())
REFUSALS: list[tuple[str, Callable[[], bytes], int]] = [
    ("nothing", lambda: b"", Code.MALFORMED_ENVELOPE),
    ("too large", lambda: bytes(LARGEST_TRANSACTION + 1), Code.TOO_LARGE),
    ("trailing byte", lambda: GOOD + b"\x00", Code.MALFORMED_ENVELOPE),
    ("cut short", lambda: GOOD[:-1], Code.MALFORMED_ENVELOPE),
    ("nested 100,000 deep", lambda: b"\x91" * 100_000, Code.MALFORMED_ENVELOPE),
    ("reserved suite", lambda: encode(Envelope(b"\x90", 2, ADMIN.public, bytes(64))), Code.UNKNOWN_SUITE),
    ("body of nonsense", lambda: encode(Envelope(b"\x01", 1, ADMIN.public, bytes(64))), Code.MALFORMED_BODY),
    ("no message", lambda: encode(Envelope(encode(((), 1, 10)), 1, ADMIN.public, bytes(64))), Code.MALFORMED_BODY),
    ("number zero", lambda: signed(ADMIN, 0, rotation()), Code.MALFORMED_BODY),
    ("forged", lambda: flipped(GOOD), Code.BAD_SIGNATURE),
    ("high s", lambda: high_s(GOOD), Code.BAD_SIGNATURE),
    ("another chain", lambda: signed(ADMIN, 1, rotation(), chain=chain_hash(b"other")), Code.BAD_SIGNATURE),
    ("unknown key", lambda: signed(signer(CMCC, Role.ADMIN, 99), 1, rotation()), Code.UNKNOWN_KEY),
    ("expired", lambda: signed(ADMIN, 1, rotation(), expiry=0), Code.EXPIRED),
    ("expires too late", lambda: signed(ADMIN, 1, rotation(), expiry=10_002), Code.EXPIRES_TOO_LATE),
    ("number too far", lambda: signed(ADMIN, FARTHEST + 2, rotation()), Code.NUMBER_TOO_FAR),
    ("form of the message", lambda: signed(ADMIN, 1, propose_keys(CHAIN, 1, ())), MembersCode.NOTHING_TO_CHANGE),
]


@pytest.mark.parametrize(("make", "code"), [(make, code) for _, make, code in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_check_names_every_way_to_be_refused(make: Callable[[], bytes], code: int) -> None:
    outcome = Network().chain.check(make(), recheck=False)
    assert outcome.code == code
    assert "expected" in outcome.log


@pytest.mark.parametrize("make", [make for _, make, _ in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_no_honest_block_holds_what_check_refuses(make: Callable[[], bytes]) -> None:
    network = Network()
    bad = make()
    assert network.chain.prepare(network.propose(bad, GOOD), 1 << 20) == [GOOD]
    assert not network.chain.process(network.propose(GOOD, bad))


@pytest.mark.parametrize(("make", "code"), [(make, code) for _, make, code in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_a_decided_block_with_a_bad_transaction_gives_it_a_result_and_runs_the_rest(
    make: Callable[[], bytes], code: int
) -> None:
    network = Network()
    result = network.decide(network.propose(make(), GOOD))
    assert [outcome.code for outcome in result.outcomes] == [code, 0]


def test_a_number_is_used_once_whatever_becomes_of_the_message() -> None:
    network = Network()
    maker = signer(CMCC, Role.MAKER)
    refused = signed(maker, 1, rotation())
    assert [o.code for o in network.block(refused)] == [MembersCode.WRONG_ROLE]
    assert network.chain.check(refused, recheck=True).code == Code.NUMBER_USED
    assert not network.chain.process(network.propose(refused))


def test_numbers_may_come_in_any_order_inside_the_window() -> None:
    network = Network()
    numbers = list(range(1, WINDOW + 1))
    random.Random(5).shuffle(numbers)
    maker = signer(CMCC, Role.MAKER)
    for number in numbers:
        assert network.chain.check(signed(maker, number, rotation()), recheck=False).code == 0
        network.block(signed(maker, number, rotation()))
    for number in numbers:
        assert network.chain.check(signed(maker, number, rotation()), recheck=False).code == Code.NUMBER_USED
    network.block(signed(maker, WINDOW + 1, rotation()))
    assert network.chain.check(signed(maker, 1, rotation()), recheck=False).code == Code.NUMBER_TOO_OLD


def test_a_transaction_that_stands_twice_in_a_block_is_no_honest_block() -> None:
    network = Network()
    assert network.chain.prepare(network.propose(GOOD, GOOD), 1 << 20) == [GOOD]
    assert not network.chain.process(network.propose(GOOD, GOOD))


def test_messages_of_one_transaction_take_effect_together_or_not_at_all() -> None:
    network = Network()
    approval = Approve(DocumentKind.KEY_CHANGE, bytes(32), Role.ADMIN, Verdict.APPROVE)
    before = dict(network.store.rows)
    assert [o.code for o in network.block(signed(ADMIN, 1, rotation(), approval))] == [MembersCode.DOCUMENT_NOT_FOUND]
    changed = {key for key in network.store.rows if network.store.rows[key] != before.get(key)}
    assert {key[0] for key in changed} == {9}, "only the replay window moves"


def test_the_signers_of_two_operators_have_different_ids_for_the_same_body() -> None:
    ours, theirs = signed(ADMIN, 1, rotation()), signed(signer(CUCC, Role.ADMIN), 1, rotation())
    assert transaction.read(CHAIN, ours).signed.digest != transaction.read(CHAIN, theirs).signed.digest


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(Rejected):
        transaction.read(CHAIN, raw)
