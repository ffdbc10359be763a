"""Messages, facts, rows and codes of governance."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, TypeAlias

from msgspec import Meta

from abci_app.kernel.approvals import Advance, Approve, Signature, Votes
from abci_app.kernel.encoding import U32, U64, Basis, Decoder, Hash32, Seconds, Text, Value, encode
from abci_app.kernel.hashing import Tag, tagged
from abci_app.kernel.parameters import Parameters
from abci_app.kernel.thresholds import Seats, Thresholds, Track

MOST_CARRIED = 8
LARGEST_CARRIED = 8 * 1024

Carried: TypeAlias = Annotated[
    tuple[Annotated[bytes, Meta(min_length=1, max_length=LARGEST_CARRIED)], ...],
    Meta(min_length=1, max_length=MOST_CARRIED),
]
"""Canonical messages, each in its bytes: governance does not look inside; the application runs them."""
Parties: TypeAlias = Annotated[tuple[U32, ...], Meta(max_length=2)]


class ProposalState(IntEnum):
    """Where a proposal stands."""

    VOTING = 0
    APPROVED = 1  # carried, and its messages have taken effect
    REJECTED = 2  # voted down, out of time, or the keys that had carried it were revoked
    FAILED = 3  # carried, but its messages could not take effect; the row says why


# messages: verbs


class Propose(Value, frozen=True, tag="governance.propose"):
    """Opens a vote on messages that only a vote may send. They take effect together or not at all.

    `serial` numbers the operator's proposals from 1, so that the same thing can be wanted twice.
    """

    serial: U32
    track: Track
    agreement: U32  # on the agreement's track its number, else 0
    parties: Parties  # on the agreement's track its two operators, else none
    concerned: U32  # the operator whose membership is at stake and that has no vote on it, else 0
    order: Basis  # on the mandated track the hash of the regulator's order, else empty
    messages: Carried
    note: Text


class SetParameters(Value, frozen=True, tag="governance.set_parameters"):
    """By proposal only."""

    parameters: Parameters


class SetThresholds(Value, frozen=True, tag="governance.set_thresholds"):
    """By proposal only, on the constitution's track."""

    thresholds: Thresholds


Governed: TypeAlias = SetParameters | SetThresholds
"""What only a carried proposal may say."""
Message: TypeAlias = Propose | Governed
Routed: TypeAlias = Message | Approve | Advance


# documents: nouns


class Proposal(Value, frozen=True):
    """What is voted on: a vote on its hash is a vote on the bundle hash and the height in its messages."""

    proposer: U32
    serial: U32
    track: Track
    agreement: U32
    parties: Parties
    concerned: U32
    order: Basis
    messages: Carried
    note: Text


def proposal_hash(chain: bytes, proposal: Proposal) -> bytes:
    """The hash that votes name: tag, sha256 of the chain id, canonical proposal."""
    return tagged(Tag.PROPOSAL, chain, encode(proposal))


# facts: past participles


class ProposalMade(Value, frozen=True, tag="governance.proposal_made"):
    """Voting has started: `seats` are fixed from now on."""

    document: Hash32
    proposal: Proposal
    seats: Seats
    until: Seconds
    height: U64


class VoteCast(Value, frozen=True, tag="governance.vote_cast"):
    document: Hash32
    vote: Signature


class ProposalCarried(Value, frozen=True, tag="governance.proposal_carried"):
    """Enough votes; what the messages do follows in the same transaction."""

    document: Hash32


class ProposalRejected(Value, frozen=True, tag="governance.proposal_rejected"):
    document: Hash32


class ProposalFailed(Value, frozen=True, tag="governance.proposal_failed"):
    """Carried, but a message was refused with `code` when it should take effect; none of them did."""

    document: Hash32
    code: U32


class MandateLost(Value, frozen=True, tag="governance.mandate_lost"):
    """What the proposal had carried was not yet active when keys that had voted for it were revoked."""

    document: Hash32


class ParametersSet(Value, frozen=True, tag="governance.parameters_set"):
    parameters: Parameters


class ThresholdsSet(Value, frozen=True, tag="governance.thresholds_set"):
    thresholds: Thresholds


Fact: TypeAlias = (
    ProposalMade
    | VoteCast
    | ProposalCarried
    | ProposalRejected
    | ProposalFailed
    | MandateLost
    | ParametersSet
    | ThresholdsSet
)
read_fact: Decoder[Fact] = Decoder(Fact)


# rows


class Ballot(Value, frozen=True):
    """A proposal and its votes."""

    proposal: Proposal
    seats: Seats
    votes: Votes
    until: Seconds
    height: U64  # where voting started
    state: ProposalState
    code: U32  # why it FAILED, else 0


class Proposer(Value, frozen=True):
    serial: U32  # of the last proposal


class ParametersRow(Value, frozen=True):
    parameters: Parameters


class ThresholdsRow(Value, frozen=True):
    thresholds: Thresholds


class Code(IntEnum):
    """Frozen: a released number keeps its meaning for ever. Module 2, so 201 and up."""

    NOT_GOVERNED = 201
    NOT_ON_THIS_TRACK = 202
    AGREEMENT_MISPLACED = 203
    ORDER_MISPLACED = 204
    CONCERNED_DIFFERS = 205
    THRESHOLDS_OUT_OF_BOUNDS = 206
    SLOT_NAMED_TWICE = 207
    NOT_A_PROPOSAL_KEY = 208
    WRONG_ROLE = 209
    NO_SEAT = 210
    NOT_A_PARTY = 211
    NOT_A_REGULATOR = 212
    EXISTS_WITH_DIFFERENT_CONTENT = 213
    SERIAL_OUT_OF_TURN = 214
    NOBODY_MAY_VOTE = 215
    AGREEMENT_NOT_FOUND = 216
    PARTIES_DIFFER = 217
    SCOPE_DIFFERS = 218
    SLOT_NOT_ALLOWED = 219
    TOO_SOON = 220
    DOCUMENT_NOT_FOUND = 221
    ROLE_NOT_THE_KEYS = 222
    VOTING_OVER = 223
    ALREADY_VOTED = 224
    TOO_MANY_VOTES = 225
    ONLY_BY_PROPOSAL = 226
    NOT_ABOUT_THE_CONCERNED = 227
