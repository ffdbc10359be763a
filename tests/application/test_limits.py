"""What strangers may make a node do: reading, keeping and answering are bounded before anyone has signed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace

from abci_app.application import queries, transaction
from abci_app.application.remembered import Remembered
from abci_app.application.transaction import Code
from abci_app.domain.agreements.schema import CatalogueLine, Direction, ProposeAgreement, SlotBinding, UnitPair
from abci_app.domain.members.schema import KeyChange, ProposeKeys, key_change_hash
from abci_app.domain.obligations.schema import ClaimInterest, IssueInvoice, Rerate
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.codes import Rejected
from abci_app.kernel.costs import RULE_CALL
from abci_app.kernel.encoding import encode
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from settle.chain.keys import propose_keys
from tests.support.books import TERMS, month
from tests.support.chains import CHAIN, CMCC, CUCC, Network, genesis_facts, signed, signer

ADMIN = signer(CMCC, Role.ADMIN)


def envelope(body: object) -> bytes:
    return encode((encode(body), 1, ADMIN.public, bytes(64)))


def test_a_body_of_too_many_values_is_refused_without_looking_at_all_of_them() -> None:
    within, beyond = (envelope(((1,) * count, 1, 1)) for count in (30_000, 40_000))
    with pytest.raises(Rejected, match=r"MALFORMED_BODY.*`array`"):
        transaction.read(CHAIN, within)
    with pytest.raises(Rejected, match=r"MALFORMED_BODY.*more than 32768 values"):
        transaction.read(CHAIN, beyond)


def test_the_largest_messages_have_room() -> None:
    largest = replace(
        TERMS,
        pairs=tuple(UnitPair(number, 1) for number in range(64)),
        calendar=tuple(month(ordinal) for ordinal in range(1, 121)),
        catalogue=tuple(CatalogueLine(1, 0, 0, 1, event) for event in range(64)),
        slots=tuple(SlotBinding(slot, 1, (0,) * 16) for slot in (*Slot, Slot.INVOICE)),
    )
    found = transaction.read(CHAIN, signed(ADMIN, 1, *[ProposeAgreement(0, 1, largest)] * 16))
    assert len(found.body.messages) == 16


def test_refused_transactions_are_not_kept() -> None:
    """Each of these once left 60 kB behind: half a gigabyte by anybody who can reach a mempool."""
    twice = propose_keys(CHAIN, 1, (ADMIN,) * 2)
    raws = [signed(ADMIN, number, *[twice] * 16) for number in range(1, 101)]
    tracemalloc.start()
    try:
        for raw in raws:
            with pytest.raises(Rejected):
                transaction.read(CHAIN, raw)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1000 * len(raws)


def test_a_proposal_is_charged_for_every_line_that_it_has_priced() -> None:
    one, many = (
        replace(TERMS, catalogue=tuple(CatalogueLine(1, 0, 0, 1, event) for event in range(lines))) for lines in (1, 64)
    )
    cost_of_one, cost_of_many = (
        transaction.read(CHAIN, signed(ADMIN, 1, ProposeAgreement(0, 1, terms))).cost for terms in (one, many)
    )
    assert cost_of_many - cost_of_one > 63 * 100


def test_what_the_chain_asks_rules_about_is_charged_though_the_agreement_is_not_known_yet() -> None:
    """512, 35 and 384 calls at most: an invoice of 64 lines by two versions, a claim of 17 spans, a re-rate."""
    maker = signer(CUCC, Role.MAKER)
    least = {IssueInvoice(1, 0, 1, Direction(0)): 512, ClaimInterest(1): 35, Rerate(1, 0, 1): 384}
    for message, calls in least.items():
        assert transaction.read(CHAIN, signed(maker, 1, message)).cost > calls * RULE_CALL


def test_an_answer_that_would_grow_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network()
    monkeypatch.setattr(queries, "LARGEST_ANSWER", 500)
    assert network.chain.query("/members/operators", b"", 0).code == 0
    assert network.chain.query("/members/keys", b"", 0).code == Code.ANSWER_TOO_LARGE


def pages(network: Network) -> Iterator[list[bytes]]:
    start = 0
    while True:
        span = start.to_bytes(8, "big") + (1000).to_bytes(4, "big")
        page: list[bytes] = msgspec.msgpack.decode(network.chain.query("/facts", span, 0).value)
        if not page:
            return
        yield page
        start += len(page)


@pytest.mark.parametrize("most", [1, 300])
def test_facts_come_in_pages_of_bounded_size_and_none_is_left_out(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(queries, "LARGEST_ANSWER", most)
    network = Network()
    found = list(pages(network))
    assert [record for page in found for record in page] == network.store.records
    assert all(len(page) == 1 or sum(map(len, page)) <= most for page in found)
    assert len(found) > len(genesis_facts()) // 4


def test_what_was_read_is_remembered_within_its_bytes() -> None:
    kept: Remembered[int] = Remembered(1000)
    for number in range(100):
        kept.keep(number.to_bytes(50, "big"), number)
    assert kept.get((99).to_bytes(50, "big")) == 99
    assert kept.get((0).to_bytes(50, "big")) is None
    assert sum(kept.get(number.to_bytes(50, "big")) is not None for number in range(100)) <= 22


def test_what_is_asked_for_again_outlives_what_is_not() -> None:
    kept: Remembered[int] = Remembered(1000)
    asked = b"asked for again"
    kept.keep(asked, 7)
    for number in range(100):
        kept.keep(number.to_bytes(50, "big"), number)
        assert kept.get(asked) == 7


def test_a_key_revoked_in_a_block_is_unknown_to_the_next_check() -> None:
    network = Network()
    maker, admin = signer(CUCC, Role.MAKER), signer(CUCC, Role.ADMIN)
    waiting = signed(maker, 1, Advance(ObjectKind.PERIOD, bytes((5, 1)) + bytes(7)))
    assert network.chain.check(waiting, recheck=False).code == 0
    change = KeyChange(CUCC, 1, (), (maker.public,))
    network.block(signed(admin, 1, ProposeKeys(1, (), (maker.public,), ())))
    document = key_change_hash(CHAIN, change)
    network.block(signed(admin, 2, Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, Verdict.APPROVE)))
    assert network.chain.check(waiting, recheck=True).code == Code.UNKNOWN_KEY
