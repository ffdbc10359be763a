"""A transaction before it is executed: its form, its cost, its signature's particulars."""

from __future__ import annotations

from enum import IntEnum
from hashlib import sha256
from typing import Annotated, NamedTuple

from msgspec import Meta

from abci_app.application.costs import cost_of
from abci_app.application.interface import Signed
from abci_app.application.remembered import Remembered
from abci_app.application.router import Message, check_form
from abci_app.kernel.codes import reject
from abci_app.kernel.costs import MOST_PER_TRANSACTION
from abci_app.kernel.encoding import U64, Decoder, Malformed, Value
from abci_app.kernel.envelope import LARGEST_TRANSACTION, read_envelope, transaction_id
from abci_app.kernel.signatures import SUITES

MOST_MESSAGES = 16
_MOST_VALUES = 32_768  # in a body: a little more than the largest messages have, sixteen full agreements
# A decoded transaction takes up to 15 times its bytes: this bounds what strangers can make us keep to 250 MiB,
# and holds a full mempool of transactions of the usual size, which every block looks at again.
_REMEMBERED_BYTES = 16 * 1024 * 1024
_REMEMBERED_UP_TO = 2048  # bytes; larger transactions are decoded again rather than kept


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 9, so 901 and up."""

    TOO_LARGE = 901
    MALFORMED_ENVELOPE = 902
    UNKNOWN_SUITE = 903
    MALFORMED_BODY = 904
    TOO_COSTLY = 905
    BAD_SIGNATURE = 906
    UNKNOWN_KEY = 907
    EXPIRED = 908
    EXPIRES_TOO_LATE = 909
    NUMBER_USED = 910
    NUMBER_TOO_OLD = 911
    NUMBER_TOO_FAR = 912
    APPLICATION_FAULT = 920
    UNKNOWN_QUERY = 930
    MALFORMED_QUERY = 931
    HEIGHT_NOT_KEPT = 932
    NOT_FOUND = 933
    ANSWER_TOO_LARGE = 934
    UNKNOWN_PEER = 940


class Body(Value, frozen=True):
    """What is signed. The messages take effect together or not at all."""

    messages: Annotated[tuple[Message, ...], Meta(min_length=1, max_length=MOST_MESSAGES)]
    number: Annotated[int, Meta(ge=1, le=2**63 - 1)]  # replay number, see replay.py
    expiry: U64  # the last height in whose block it may stand


read_body: Decoder[Body] = Decoder(Body, most_nodes=_MOST_VALUES)


class Transaction(NamedTuple):
    """A well-formed transaction. Nothing here depends on the state."""

    signed: Signed
    body: Body
    cost: int


def read(chain: bytes, raw: bytes) -> Transaction:
    """Decode and check the form of a transaction's bytes. Raises `Rejected`, and nothing else.

    A pure function of the chain's hash and the bytes. A small one that is accepted is remembered; a refusal
    is not, for with its traceback it would keep everything that was read before it.
    """
    if len(raw) > _REMEMBERED_UP_TO:
        return _read(chain, raw)
    name = chain + raw
    found = _remembered.get(name)
    if found is None:
        found = _read(chain, raw)
        _remembered.keep(name, found)
    return found


def _read(chain: bytes, raw: bytes) -> Transaction:
    if len(raw) > LARGEST_TRANSACTION:
        reject(Code.TOO_LARGE, expected=f"at most {LARGEST_TRANSACTION} bytes", actual=len(raw))
    try:
        envelope = read_envelope(raw)
    except Malformed as fault:
        reject(Code.MALFORMED_ENVELOPE, expected="[body, suite, key, signature]", actual=fault)
    if envelope.suite not in SUITES:
        reject(Code.UNKNOWN_SUITE, expected=f"one of {SUITES}", actual=envelope.suite)
    try:
        body = read_body(envelope.body)
    except Malformed as fault:
        reject(Code.MALFORMED_BODY, expected="[messages, number, expiry]", actual=fault)
    for message in body.messages:
        check_form(message)
    cost = cost_of(body.messages, len(raw))
    if cost > MOST_PER_TRANSACTION:
        reject(Code.TOO_COSTLY, expected=f"at most {MOST_PER_TRANSACTION}", actual=cost)
    digest = transaction_id(chain, envelope.suite, envelope.key, envelope.body)
    signed = Signed(sha256(raw).digest(), envelope.suite, envelope.key, digest, envelope.signature)
    return Transaction(signed, body, cost)


_remembered: Remembered[Transaction] = Remembered(_REMEMBERED_BYTES)
