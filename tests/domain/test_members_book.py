"""The life of an operator's keys, told as messages in and facts out."""

from __future__ import annotations

from hashlib import sha256

import pytest
from msgspec.structs import replace

from abci_app.application.costs import cost_of
from abci_app.domain.members.schema import (
    ChangeState,
    Code,
    KeyChange,
    KeyChangeClosed,
    KeyChangeSigned,
    KeyGrant,
    KeyRegistered,
    KeyRevoked,
    KeysProposed,
    ProposeKeys,
    key_change_hash,
    read_fact,
)
from abci_app.domain.members.tables import key_counts_are_true
from abci_app.kernel.approvals import MOST_SIGNATURES, Approve, DocumentKind, Signature, Verdict
from abci_app.kernel.costs import SIGNATURE
from abci_app.kernel.encoding import Value
from abci_app.kernel.envelope import chain_hash
from abci_app.kernel.facts import read_record
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import verify
from settle.chain.keys import Signer, propose_keys
from tests.support.chains import CHAIN, CHAIN_ID, CMCC, CUCC, Network, signed, signer

ADMIN, SECOND_ADMIN = signer(CMCC, Role.ADMIN), signer(CMCC, Role.ADMIN, 1)
NEW_SECRET = sha256(b"a new maker's key").digest()
MAKER, NEW_MAKER = signer(CMCC, Role.MAKER), Signer(NEW_SECRET, CMCC, Role.MAKER)
GRANT = NEW_MAKER.grant
ROTATE = propose_keys(CHAIN, 1, (NEW_MAKER,), (MAKER.public,))
CHANGE = KeyChange(CMCC, 1, (GRANT,), (MAKER.public,))
DOCUMENT = key_change_hash(CHAIN, CHANGE)


class Book:
    """Sends messages one block each, and gives back the code and the facts."""

    def __init__(self) -> None:
        self.network = Network()
        self._numbers: dict[bytes, int] = {}

    def send(self, by: Signer, message: Value) -> tuple[int, list[Value]]:
        number = self._numbers[by.public] = self._numbers.get(by.public, 0) + 1
        size = len(self.network.store.records)
        (outcome,) = self.network.block(signed(by, number, message))
        facts: list[Value] = [read_fact(read_record(raw).body) for raw in self.network.store.records[size:]]
        assert key_counts_are_true(self.network.store)
        return outcome.code, facts


def approval(by: Signer, verdict: Verdict = Verdict.APPROVE, document: bytes = DOCUMENT) -> Approve:
    return Approve(DocumentKind.KEY_CHANGE, document, by.role, verdict)


def signature(by: Signer, verdict: Verdict = Verdict.APPROVE) -> Signature:
    return Signature(by.operator, by.role, by.public, verdict)


def test_a_key_rotates_when_two_administrators_have_signed() -> None:
    book = Book()
    assert book.send(ADMIN, ROTATE) == (0, [KeysProposed(DOCUMENT, CHANGE)])
    assert book.send(ADMIN, approval(ADMIN)) == (0, [KeyChangeSigned(DOCUMENT, signature(ADMIN))])
    assert book.send(SECOND_ADMIN, approval(SECOND_ADMIN)) == (
        0,
        [
            KeyChangeSigned(DOCUMENT, signature(SECOND_ADMIN)),
            KeyChangeClosed(DOCUMENT, ChangeState.IN_FORCE),
            KeyRegistered(CMCC, 1, NEW_MAKER.public, Role.MAKER),
            KeyRevoked(CMCC, MAKER.public),
        ],
    )
    check = book.network.chain.check
    assert check(signed(NEW_MAKER, 1, ROTATE), recheck=False).code == 0
    assert "registered, active key" in check(signed(MAKER, 1, ROTATE), recheck=False).log


def test_an_operator_with_one_administrator_needs_one_signature() -> None:
    book, admin = Book(), signer(CUCC, Role.ADMIN)
    new = signer(CUCC, Role.MAKER, 5)
    document = key_change_hash(CHAIN, KeyChange(CUCC, 1, (new.grant,), ()))
    book.send(admin, propose_keys(CHAIN, 1, (new,)))
    code, facts = book.send(admin, approval(admin, document=document))
    assert code == 0
    assert KeyRegistered(CUCC, 1, new.public, Role.MAKER) in facts


def test_another_operator_cannot_register_our_new_key_before_us() -> None:
    """A key is known for ever: whoever sees it proposed could otherwise keep its owner from having it."""
    book, thief = Book(), signer(CUCC, Role.ADMIN)
    assert book.send(ADMIN, ROTATE)[0] == 0
    copied = replace(ROTATE, revoke=())
    for attempt in (
        copied,
        replace(copied, register=(KeyGrant(1, NEW_MAKER.public, Role.CHECKER),)),
        replace(copied, proofs=(signer(CUCC, Role.MAKER, 5).possession(CHAIN),)),
    ):
        assert book.send(thief, attempt) == (Code.POSSESSION_NOT_PROVEN, [])
        document = key_change_hash(CHAIN, KeyChange(CUCC, 1, attempt.register, ()))
        assert book.send(thief, approval(thief, document=document)) == (Code.DOCUMENT_NOT_FOUND, [])
    book.send(ADMIN, approval(ADMIN))
    code, facts = book.send(SECOND_ADMIN, approval(SECOND_ADMIN))
    assert code == 0
    assert KeyRegistered(CMCC, 1, NEW_MAKER.public, Role.MAKER) in facts


def test_what_a_new_key_signs_is_chain_operator_role_and_itself() -> None:
    signed_over = chain_hash(CHAIN_ID) + bytes((0, 0, 0, CMCC)) + bytes((2,)) + NEW_MAKER.public
    digest = sha256(b"settlement/key/possession/1\0" + signed_over).digest()
    assert verify(1, NEW_MAKER.public, digest, ROTATE.proofs[0])


@pytest.mark.parametrize(
    "proof",
    [
        NEW_MAKER.possession(chain_hash(b"pilot")),
        Signer(NEW_SECRET, CUCC, Role.MAKER).possession(CHAIN),
        Signer(NEW_SECRET, CMCC, Role.ADMIN).possession(CHAIN),
        ADMIN.possession(CHAIN),
        bytes(64),
        ROTATE.proofs[0][:-1] + bytes((ROTATE.proofs[0][-1] ^ 1,)),
    ],
    ids=["another chain", "another operator", "another role", "another key", "nothing", "a bit changed"],
)
def test_a_proof_holds_for_one_chain_operator_role_and_key(proof: bytes) -> None:
    assert Book().send(ADMIN, replace(ROTATE, proofs=(proof,))) == (Code.POSSESSION_NOT_PROVEN, [])


def test_every_new_key_proves_itself_in_its_place() -> None:
    both = propose_keys(CHAIN, 1, (NEW_MAKER, signer(CMCC, Role.CHECKER, 5)))
    assert Book().send(ADMIN, replace(both, proofs=both.proofs[::-1])) == (Code.POSSESSION_NOT_PROVEN, [])
    assert Book().send(ADMIN, replace(both, proofs=(both.proofs[0], bytes(64)))) == (Code.POSSESSION_NOT_PROVEN, [])
    assert Book().send(ADMIN, both)[0] == 0


def test_every_proof_is_charged_as_a_signature() -> None:
    one, two = (propose_keys(CHAIN, 1, (NEW_MAKER, signer(CMCC, Role.CHECKER, 5))[:count]) for count in (1, 2))
    revoked = propose_keys(CHAIN, 1, (NEW_MAKER,), (MAKER.public,))
    assert cost_of((two,), 0) - cost_of((revoked,), 0) == SIGNATURE
    assert cost_of((one,), 0) < cost_of((revoked,), 0)


def test_one_refusal_closes_a_key_change() -> None:
    book = Book()
    book.send(ADMIN, ROTATE)
    assert book.send(SECOND_ADMIN, approval(SECOND_ADMIN, Verdict.REFUSE)) == (
        0,
        [
            KeyChangeSigned(DOCUMENT, signature(SECOND_ADMIN, Verdict.REFUSE)),
            KeyChangeClosed(DOCUMENT, ChangeState.REFUSED),
        ],
    )
    assert book.send(ADMIN, approval(ADMIN)) == (Code.DOCUMENT_CLOSED, [])


def test_the_same_content_again_is_accepted_and_changes_nothing() -> None:
    book = Book()
    book.send(ADMIN, ROTATE)
    assert book.send(ADMIN, ROTATE) == (0, [])
    book.send(ADMIN, approval(ADMIN))
    assert book.send(ADMIN, approval(ADMIN)) == (0, [])


def test_a_signature_of_a_key_revoked_meanwhile_is_not_counted() -> None:
    book = Book()
    book.send(ADMIN, ROTATE)
    book.send(ADMIN, approval(ADMIN))
    third = signer(CMCC, Role.ADMIN, 2)
    swap = KeyChange(CMCC, 2, (third.grant,), (ADMIN.public,))
    book.send(SECOND_ADMIN, propose_keys(CHAIN, 2, (third,), swap.revoke))
    for by in (ADMIN, SECOND_ADMIN):
        book.send(by, approval(by, document=key_change_hash(CHAIN, swap)))
    code, facts = book.send(SECOND_ADMIN, approval(SECOND_ADMIN))
    assert (code, facts) == (0, [KeyChangeSigned(DOCUMENT, signature(SECOND_ADMIN))]), "still waits for a living second"
    code, facts = book.send(third, approval(third))
    assert code == 0
    assert KeyRevoked(CMCC, MAKER.public) in facts


@pytest.mark.parametrize(
    ("by", "message", "code"),
    [
        (ADMIN, propose_keys(CHAIN, 1, ()), Code.NOTHING_TO_CHANGE),
        (ADMIN, propose_keys(CHAIN, 1, (NEW_MAKER, NEW_MAKER)), Code.KEY_NAMED_TWICE),
        (ADMIN, ProposeKeys(1, (KeyGrant(1, b"\x05" * 33, Role.MAKER),), (), ROTATE.proofs), Code.NOT_A_KEY),
        (ADMIN, ProposeKeys(1, (KeyGrant(2, NEW_MAKER.public, Role.MAKER),), (), ROTATE.proofs), Code.NOT_A_KEY),
        (ADMIN, replace(ROTATE, proofs=()), Code.PROOFS_DO_NOT_MATCH),
        (ADMIN, replace(ROTATE, proofs=ROTATE.proofs * 2), Code.PROOFS_DO_NOT_MATCH),
        (ADMIN, replace(ROTATE, register=()), Code.PROOFS_DO_NOT_MATCH),
    ],
)
def test_a_form_that_no_state_would_accept_is_refused_at_the_door(by: Signer, message: Value, code: Code) -> None:
    assert Network().chain.check(signed(by, 1, message), recheck=False).code == code


@pytest.mark.parametrize(
    ("by", "message", "code"),
    [
        (MAKER, ROTATE, Code.WRONG_ROLE),
        (ADMIN, propose_keys(CHAIN, 0, (NEW_MAKER,)), Code.EXISTS_WITH_DIFFERENT_CONTENT),
        (ADMIN, propose_keys(CHAIN, 3, (NEW_MAKER,)), Code.SERIAL_OUT_OF_TURN),
        (ADMIN, propose_keys(CHAIN, 1, (MAKER,)), Code.KEY_ALREADY_KNOWN),
        (ADMIN, propose_keys(CHAIN, 1, (), (NEW_MAKER.public,)), Code.KEY_NOT_ACTIVE),
        (ADMIN, propose_keys(CHAIN, 1, (), (signer(CUCC, Role.MAKER).public,)), Code.KEY_NOT_ACTIVE),
        (ADMIN, propose_keys(CHAIN, 1, (), (ADMIN.public, SECOND_ADMIN.public)), Code.NO_ADMINISTRATOR_LEFT),
        (ADMIN, approval(ADMIN), Code.DOCUMENT_NOT_FOUND),
    ],
)
def test_a_refused_message_changes_nothing(by: Signer, message: Value, code: Code) -> None:
    book = Book()
    before = {key: value for key, value in book.network.store.rows.items() if key[0] != 9}
    assert book.send(by, message) == (code, [])
    assert {key: value for key, value in book.network.store.rows.items() if key[0] != 9} == before


@pytest.mark.parametrize(
    ("by", "message", "code"),
    [
        (ADMIN, Approve(DocumentKind.KEY_CHANGE, DOCUMENT, Role.MAKER, Verdict.APPROVE), Code.ROLE_NOT_THE_KEYS),
        (MAKER, approval(MAKER), Code.NOT_ASKED_TO_SIGN),
        (signer(CUCC, Role.ADMIN), approval(signer(CUCC, Role.ADMIN)), Code.NOT_ASKED_TO_SIGN),
        (ADMIN, approval(ADMIN, Verdict.REFUSE), Code.ALREADY_SIGNED),
    ],
)
def test_only_those_who_are_asked_sign_and_only_once(by: Signer, message: Approve, code: Code) -> None:
    book = Book()
    book.send(ADMIN, ROTATE)
    book.send(ADMIN, approval(ADMIN))
    assert book.send(by, message) == (code, [])


def test_an_operator_holds_at_most_64_keys() -> None:
    book, admin = Book(), signer(CUCC, Role.ADMIN)
    for serial in range(1, 5):
        proposal = propose_keys(CHAIN, serial, [signer(CUCC, Role.MAKER, 100 * serial + n) for n in range(16)])
        code, _ = book.send(admin, proposal)
        if code:
            break
        document = key_change_hash(CHAIN, KeyChange(CUCC, serial, proposal.register, ()))
        book.send(admin, approval(admin, document=document))
    assert (serial, code) == (4, Code.TOO_MANY_KEYS)


def test_a_document_holds_at_most_32_signatures_even_of_keys_revoked_since() -> None:
    book = Book()
    book.send(ADMIN, ROTATE)
    signing, serial = signer(CMCC, Role.ADMIN, 10), 2
    code, _ = change_keys(book, serial, signing)
    for which in range(11, 11 + MOST_SIGNATURES):
        assert code == 0
        code, _ = book.send(signing, approval(signing))
        following, serial = signer(CMCC, Role.ADMIN, which), serial + 1
        change_keys(book, serial, following, signing.public)
        signing = following
    assert book.send(signing, approval(signing)) == (Code.TOO_MANY_SIGNATURES, [])


def change_keys(book: Book, serial: int, new: Signer, *revoke: bytes) -> tuple[int, list[Value]]:
    """A key change that the first two administrators propose and sign."""
    change = KeyChange(CMCC, serial, (new.grant,), revoke)
    book.send(ADMIN, propose_keys(CHAIN, serial, (new,), revoke))
    book.send(ADMIN, approval(ADMIN, document=key_change_hash(CHAIN, change)))
    return book.send(SECOND_ADMIN, approval(SECOND_ADMIN, document=key_change_hash(CHAIN, change)))
