"""Transactions that CheckTx refuses: wrong bytes, wrong signatures, wrong numbers, wrong in themselves."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec
from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    CatalogueLine,
    DataClass,
    Evidence,
    ProposeAgreement,
    Terms,
)
from abci_app.domain.agreements.schema import Code as OfAgreements
from abci_app.domain.members.schema import Code as OfMembers
from abci_app.domain.members.schema import KeyGrant, ProposeKeys
from abci_app.domain.obligations.schema import Code as OfObligations
from abci_app.domain.obligations.schema import ProposeRound
from abci_app.domain.periods.schema import AnchorUsage, ControlTotals, StreamReference
from abci_app.domain.periods.schema import Code as OfPeriods
from abci_app.kernel.approvals import Advance, ObjectKind
from abci_app.kernel.curve import ORDER
from abci_app.kernel.encoding import Value, encode
from abci_app.kernel.envelope import LARGEST_TRANSACTION, Envelope, chain_hash, read_envelope
from abci_app.kernel.roles import Role
from settle.chain.consortium import CNY
from settle.chain.keys import propose_keys
from settle.sample.load.agreements import terms_of
from settle.sample.load.consortium import Consortium, stranger
from settle.sample.load.fault import Fault, Stage
from settle.sample.load.filings import settle_period
from settle.sample.load.mix import ANCHORED, UNTOUCHED, key_change
from settle.sample.load.pen import Pen


class Code(IntEnum):
    """The application's own codes (module 9), which belong to no message."""

    TOO_LARGE = 901
    MALFORMED_ENVELOPE = 902
    UNKNOWN_SUITE = 903
    MALFORMED_BODY = 904
    BAD_SIGNATURE = 906
    UNKNOWN_KEY = 907
    EXPIRED = 908
    EXPIRES_TOO_LATE = 909
    NUMBER_USED = 910
    NUMBER_TOO_OLD = 911
    NUMBER_TOO_FAR = 912


def form_faults(of: Consortium, pen: Pen) -> Iterator[Fault]:
    """Every fault that shows before a transaction is executed."""
    for name, code, raw in (*_envelopes(of, pen), *_bodies(of, pen), *_signatures(of, pen), *_numbers(of, pen)):
        yield Fault(name, code, Stage.CHECK, raw)
    for name, code, role, message in (*_members(of), *_agreements(of), *_periods(of), *_obligations()):
        yield Fault(name, code, Stage.CHECK, pen.sign(of.keys[1][role], message))


_Raw = tuple[str, IntEnum, bytes]
_Formed = tuple[str, IntEnum, str, Value]


def file_of(sequence: int = 1, *, records: int = 1) -> AnchorUsage:
    """A small file at the start of a stream that no good transaction names."""
    totals = ControlTotals(records, 61_000, 1)
    return AnchorUsage(*ANCHORED, stream=31, sequence=sequence, root=bytes(32), totals=totals, late=False)


def _envelopes(of: Consortium, pen: Pen) -> Iterator[_Raw]:
    raw = pen.sign(of.keys[1]["agent-2"], file_of())
    envelope = read_envelope(raw)
    fields = msgspec.structs.astuple(envelope)
    yield "undecodable", Code.MALFORMED_ENVELOPE, b"\xc1" * 64
    yield "cut_short", Code.MALFORMED_ENVELOPE, raw[:-1]
    yield "trailing_byte", Code.MALFORMED_ENVELOPE, raw + b"\x00"
    yield "long_array_head", Code.MALFORMED_ENVELOPE, b"\xdc\x00\x04" + raw[1:]
    yield "map_for_array", Code.MALFORMED_ENVELOPE, encode(msgspec.structs.asdict(envelope))
    yield "extra_field", Code.MALFORMED_ENVELOPE, encode((*fields, 0))
    yield "missing_field", Code.MALFORMED_ENVELOPE, encode(fields[:-1])
    yield "text_for_bytes", Code.MALFORMED_ENVELOPE, encode((fields[0], fields[1], "k" * 33, fields[3]))
    yield "short_signature", Code.MALFORMED_ENVELOPE, encode((*fields[:3], envelope.signature[:-1]))
    yield "nested_deeply", Code.MALFORMED_ENVELOPE, b"\x91" * 5_000 + b"\x90"
    yield "too_large", Code.TOO_LARGE, encode(replace(envelope, body=bytes(LARGEST_TRANSACTION)))
    yield "unknown_suite", Code.UNKNOWN_SUITE, encode(replace(envelope, suite=9))


def _bodies(of: Consortium, pen: Pen) -> Iterator[_Raw]:
    agent = of.keys[1]["agent-2"]
    anchor = encode(file_of())
    negative = encode(file_of()).replace(encode(ControlTotals(1, 61_000, 1)), encode((-1, 61_000, 1)))
    fraction = encode(file_of()).replace(encode(ControlTotals(1, 61_000, 1)), encode((1.0, 61_000, 1)))
    for name, messages in (
        ("no_message", encode(())),
        ("seventeen_messages", b"\xdc\x00\x11" + anchor * 17),
        ("unknown_message", encode((("periods.no_such_message", 1),))),
        ("messages_no_array", encode("anchor")),
        ("message_without_a_field", encode((("approve", 1, bytes(32), 2),))),
        ("unknown_document_kind", encode((("approve", 99, bytes(32), 2, 1),))),
        ("negative_records", b"\x91" + negative),
        ("fraction_of_records", b"\x91" + fraction),
    ):
        yield name, Code.MALFORMED_BODY, pen.sign_raw(agent, messages)
    yield "number_zero", Code.MALFORMED_BODY, pen.sign_raw(agent, b"\x91" + anchor, number=0)


def _signatures(of: Consortium, pen: Pen) -> Iterator[_Raw]:
    agent = of.keys[1]["agent-2"]
    envelope = read_envelope(pen.sign(agent, file_of()))
    r, s = envelope.signature[:32], int.from_bytes(envelope.signature[32:], "big")

    def altered(**changes: bytes) -> bytes:
        return encode(Envelope(**{**msgspec.structs.asdict(envelope), **changes}))

    yield "forged", Code.BAD_SIGNATURE, altered(key=of.keys[2]["agent-2"].public)
    yield "high_s", Code.BAD_SIGNATURE, altered(signature=r + (ORDER - s).to_bytes(32, "big"))
    yield "zero_signature", Code.BAD_SIGNATURE, altered(signature=bytes(64))
    yield "r_beyond_the_order", Code.BAD_SIGNATURE, altered(signature=b"\xff" * 32 + envelope.signature[32:])
    yield "key_off_the_curve", Code.BAD_SIGNATURE, altered(key=b"\x02" + b"\xff" * 32)
    other = read_envelope(pen.sign(agent, file_of(records=2)))
    yield "signature_of_another_body", Code.BAD_SIGNATURE, altered(signature=other.signature)
    yield "wrong_chain", Code.BAD_SIGNATURE, pen.sign(agent, file_of(), chain=chain_hash(b"another chain"))
    yield "unknown_key", Code.UNKNOWN_KEY, pen.sign(stranger(of.seed, 0), file_of())


def _numbers(of: Consortium, pen: Pen) -> Iterator[_Raw]:
    agent, jumping = of.keys[1]["agent-2"], of.keys[1]["agent-1"]
    used = of.keys[1]["admin-1"]  # its one good transaction has number 1, whatever the length of the run
    yield "replayed", Code.NUMBER_USED, pen.sign(used, key_change(of).message, number=1)
    yield "number_used", Code.NUMBER_USED, pen.sign(used, propose_keys(of.chain, 9, (), (used.public,)), number=1)
    yield "number_too_old", Code.NUMBER_TOO_OLD, pen.sign(jumping, file_of(), number=1)
    yield "number_too_far", Code.NUMBER_TOO_FAR, pen.sign(agent, file_of(), number=2**40)
    yield "expired", Code.EXPIRED, pen.sign(agent, file_of(), expiry=0)
    yield "expires_too_late", Code.EXPIRES_TOO_LATE, pen.sign(agent, file_of(), expiry=2**40)


def _members(of: Consortium) -> Iterator[_Formed]:
    unproven = replace(propose_keys(of.chain, 2, (stranger(of.seed, 2),)), proofs=())
    grant = KeyGrant(1, b"\x02" + b"\xff" * 32, Role.MAKER)  # beyond the field: no point has this x
    key = b"\x02" + bytes(31) + b"\x01"
    yield "key_change_of_nothing", OfMembers.NOTHING_TO_CHANGE, "admin-1", propose_keys(of.chain, 2, ())
    yield "key_named_twice", OfMembers.KEY_NAMED_TWICE, "admin-1", propose_keys(of.chain, 2, (), (key, key))
    yield "not_a_key", OfMembers.NOT_A_KEY, "admin-1", ProposeKeys(2, (grant,), (), (bytes(64),))
    yield "key_without_proof", OfMembers.PROOFS_DO_NOT_MATCH, "admin-1", unproven


def _agreements(of: Consortium) -> Iterator[_Formed]:
    terms = terms_of(1, 2, of.genesis_time)
    first = terms.calendar[0]

    def changed(**changes: object) -> Terms:
        return replace(terms, **changes)

    cases: tuple[tuple[str, OfAgreements, Terms], ...] = (
        ("one_sided_agreement", OfAgreements.NOT_SERVED_YET, changed(evidence=Evidence.ONE_SIDED)),
        ("confidential_agreement", OfAgreements.NOT_SERVED_YET, changed(data_class=DataClass.CONFIDENTIAL)),
        ("agreement_with_oneself", OfAgreements.SAME_PARTY, changed(second=1)),
        ("unknown_currency", OfAgreements.CURRENCY_NOT_LISTED, changed(currency=1)),
        ("ends_before_it_begins", OfAgreements.VALIDITY_OUT_OF_ORDER, changed(valid_to=terms.valid_from)),
        ("pair_named_twice", OfAgreements.PAIR_NAMED_TWICE, changed(pairs=terms.pairs[:1] * 2)),
        ("calendar_backwards", OfAgreements.CALENDAR_OUT_OF_ORDER, changed(calendar=terms.calendar[::-1])),
        (
            "deadlines_out_of_order",
            OfAgreements.CALENDAR_OUT_OF_ORDER,
            changed(calendar=(replace(first, open_by=first.agree_by + 1),)),
        ),
        ("line_named_twice", OfAgreements.LINE_NAMED_TWICE, changed(catalogue=terms.catalogue[:1] * 2)),
        ("no_such_direction", OfAgreements.NO_SUCH_DIRECTION, changed(catalogue=(CatalogueLine(1, 2, 0, 1, 1),))),
        ("slot_bound_twice", OfAgreements.SLOT_BOUND_TWICE, changed(slots=terms.slots[:1] * 2)),
        ("slot_not_bound", OfAgreements.SLOT_NOT_BOUND, changed(slots=terms.slots[:1])),
    )
    for name, code, wrong in cases:
        yield name, code, "checker", ProposeAgreement(0, 1, wrong)
    yield "first_version_is_two", OfAgreements.VERSION_OUT_OF_TURN, "checker", ProposeAgreement(0, 2, terms)


def _periods(of: Consortium) -> Iterator[_Formed]:
    declare = settle_period(of, UNTOUCHED).filings[0].declare
    streams = tuple(StreamReference(stream, 1, bytes(32)) for stream in (1, 0))
    unsorted = replace(declare, streams=streams)
    yield "streams_out_of_order", OfPeriods.STREAMS_NOT_ASCENDING, "agent-2", unsorted
    yield "advance_of_no_period", OfPeriods.NOT_A_PERIOD_KEY, "agent-2", Advance(ObjectKind.PERIOD, b"\x05")


def _obligations() -> Iterator[_Formed]:
    round_of = ProposeRound(1, 2, CNY, (1, 2), 2**40)
    backwards = replace(round_of, obligations=(2, 1))
    yield "round_of_second_and_first", OfObligations.OPERATORS_NOT_ASCENDING, "maker", replace(round_of, first=3)
    yield "round_out_of_order", OfObligations.OBLIGATIONS_NOT_ASCENDING, "maker", backwards
    of_nothing = Advance(ObjectKind.OBLIGATION, b"\x07")
    yield "advance_of_no_obligation", OfObligations.NOT_AN_OBJECT_KEY, "maker", of_nothing
