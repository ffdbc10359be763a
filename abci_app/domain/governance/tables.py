"""Where governance lives, and what must always hold of it."""

from __future__ import annotations

from typing import NamedTuple, assert_never

from abci_app.domain.governance.schema import (
    Ballot,
    Fact,
    MandateLost,
    ParametersRow,
    ParametersSet,
    ProposalCarried,
    ProposalFailed,
    ProposalMade,
    ProposalRejected,
    ProposalState,
    Proposer,
    ThresholdsRow,
    ThresholdsSet,
    VoteCast,
)
from abci_app.state.overlay import Reader
from abci_app.state.tables import Table

STORE = 2


class BallotKey(NamedTuple):
    document: bytes


class ProposerKey(NamedTuple):
    operator: int


class OnlyKey(NamedTuple):
    """The only row there is: number 0."""

    number: int


BALLOTS: Table[BallotKey, Ballot] = Table(STORE, 1, BallotKey, "32s", Ballot)
PROPOSERS: Table[ProposerKey, Proposer] = Table(STORE, 2, ProposerKey, "I", Proposer)
PARAMETERS: Table[OnlyKey, ParametersRow] = Table(STORE, 3, OnlyKey, "B", ParametersRow)
THRESHOLDS: Table[OnlyKey, ThresholdsRow] = Table(STORE, 4, OnlyKey, "B", ThresholdsRow)
THE_ONLY = OnlyKey(0)


def ballot_named(raw: bytes) -> BallotKey | None:
    """The key in a proposal's object key of 34 bytes; None for other bytes."""
    key = BallotKey(raw[2:])
    return key if len(raw) == 34 and BALLOTS.at(key) == raw else None


def object_of(fact: Fact) -> bytes:
    """The key of the row that a fact is about."""
    match fact:
        case ProposalMade() | VoteCast() | ProposalCarried() | ProposalRejected() | ProposalFailed() | MandateLost():
            return BALLOTS.at(BallotKey(fact.document))
        case ParametersSet():
            return PARAMETERS.at(THE_ONLY)
        case ThresholdsSet():
            return THRESHOLDS.at(THE_ONLY)
        case _:
            assert_never(fact)


def basis_of(fact: Fact) -> bytes:
    """The hash of the proposal that a fact rests on; empty where there is none."""
    match fact:
        case ProposalMade() | VoteCast() | ProposalCarried() | ProposalRejected() | ProposalFailed() | MandateLost():
            return fact.document
        case ParametersSet() | ThresholdsSet():
            return b""
        case _:
            assert_never(fact)


def ballots_are_sound(state: Reader) -> bool:
    """Only seats vote, no key twice; the one concerned has none; a failure has its code and nothing else has one."""
    for _, row in BALLOTS.rows(state):
        seats = {seat.operator for seat in row.seats}
        keys = [vote.key for vote in row.votes]
        if row.proposal.concerned in seats or len(set(keys)) != len(keys):
            return False
        if any(vote.operator not in seats for vote in row.votes):
            return False
        if (row.code != 0) != (row.state == ProposalState.FAILED):
            return False
    return True
