"""What is built here is what the chain reads."""

from __future__ import annotations

from hashlib import sha256

import pytest

from abci_app.application import queries, replay, transaction
from abci_app.kernel.encoding import encode
from abci_app.kernel.envelope import chain_hash, read_envelope
from abci_app.kernel.roles import Role
from abci_app.kernel.signatures import verify
from settle.chain.follower import BATCH
from settle.chain.keys import Signer, generate, propose_keys
from settle.chain.queries import ReplayWindow
from settle.chain.transactions import encode_messages, sign_messages

CHAIN = chain_hash(b"test-chain")
ADMIN = Signer(b"\7" * 32, 1, Role.ADMIN)
NEW = generate(1, Role.MAKER)
CHANGE = propose_keys(CHAIN, 1, (NEW,))


def test_the_application_reads_what_was_signed() -> None:
    made = sign_messages(CHAIN, encode_messages([CHANGE]), 5, 900, ADMIN)
    read = transaction.read(CHAIN, made.raw)
    assert read.body == transaction.Body((CHANGE,), 5, 900)
    assert (read.signed.key, read.signed.digest) == (ADMIN.public, made.id)
    assert verify(read.signed.suite, read.signed.key, read.signed.digest, read.signed.signature)
    assert made.hash == sha256(made.raw).digest()


def test_another_chain_number_expiry_or_signer_gives_another_id() -> None:
    messages = encode_messages([CHANGE])
    made = {
        sign_messages(CHAIN, messages, 5, 900, ADMIN).id,
        sign_messages(chain_hash(b"other"), messages, 5, 900, ADMIN).id,
        sign_messages(CHAIN, messages, 6, 900, ADMIN).id,
        sign_messages(CHAIN, messages, 5, 901, ADMIN).id,
        sign_messages(CHAIN, messages, 5, 900, generate(1, Role.ADMIN)).id,
    }
    assert len(made) == 5


def test_the_same_input_gives_the_same_bytes() -> None:
    messages = encode_messages([CHANGE])
    assert sign_messages(CHAIN, messages, 5, 900, ADMIN) == sign_messages(CHAIN, messages, 5, 900, ADMIN)


@pytest.mark.parametrize("count", [1, 16])
def test_messages_keep_their_order(count: int) -> None:
    changes = [propose_keys(CHAIN, serial, (NEW,)) for serial in range(1, count + 1)]
    made = sign_messages(CHAIN, encode_messages(changes), 1, 10, ADMIN)
    assert transaction.read_body(read_envelope(made.raw).body).messages == tuple(changes)


def test_the_clients_view_of_the_replay_row_is_the_applications() -> None:
    assert encode(ReplayWindow(7, bytes(32))) == encode(replay.Window(7, bytes(32)))


def test_a_batch_of_facts_is_within_what_a_node_gives() -> None:
    assert BATCH <= queries.MOST_FACTS
