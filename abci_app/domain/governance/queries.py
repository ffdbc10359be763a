"""What anyone may ask about governance."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from abci_app.domain.governance.schema import Ballot, Fact, ProposalRejected, ProposalState
from abci_app.domain.governance.tables import (
    BALLOTS,
    PARAMETERS,
    PROPOSERS,
    THE_ONLY,
    THRESHOLDS,
    BallotKey,
    ProposerKey,
)
from abci_app.domain.members.queries import is_member, signatures_in_force
from abci_app.kernel.approvals import Signature, Verdict, approving
from abci_app.kernel.context import Moment
from abci_app.kernel.encoding import U32, Decoder, Hash32, Value
from abci_app.kernel.parameters import FIRST_PARAMETERS, Parameters
from abci_app.kernel.thresholds import FIRST_THRESHOLDS, Thresholds, carried
from abci_app.state.overlay import Reader


def parameters(state: Reader) -> Parameters:
    """The parameters that the members have set, or those that hold from the start."""
    row = PARAMETERS.get(state, THE_ONLY)
    return FIRST_PARAMETERS if row is None else row.parameters


def thresholds(state: Reader) -> Thresholds:
    """The thresholds that the members have set, or those that hold from the start."""
    row = THRESHOLDS.get(state, THE_ONLY)
    return FIRST_THRESHOLDS if row is None else row.thresholds


class Tally(NamedTuple):
    """How a vote stands."""

    carried: bool
    can_carry: bool  # with the votes of everyone who has not voted


def tally(state: Reader, ballot: Ballot, further: tuple[Signature, ...] = ()) -> Tally:
    """The votes of keys that are still active, of operators that are still members, over the seats of the start."""
    votes = signatures_in_force(state, (*ballot.votes, *further))
    members = {seat.operator for seat in ballot.seats if is_member(state, seat.operator)}
    yes = approving(votes) & members
    no = {vote.operator for vote in votes if vote.verdict == Verdict.REFUSE}
    track, needed = ballot.proposal.track, thresholds(state)
    return Tally(
        carried(track, needed, ballot.seats, yes),
        carried(track, needed, ballot.seats, members - no),
    )


def has_lost_votes(state: Reader, ballot: Ballot) -> bool:
    """Whether somebody who said yes does not count any more: a key was revoked, a member suspended or removed."""
    in_force = approving(signatures_in_force(state, ballot.votes))
    return approving(ballot.votes) != {operator for operator in in_force if is_member(state, operator)}


def effective_state(ballot: Ballot, time: int) -> ProposalState:
    """Where a proposal stands at a header time: out of time is rejected, whether or not anyone has recorded it."""
    out_of_time = ballot.state == ProposalState.VOTING and time >= ballot.until
    return ProposalState.REJECTED if out_of_time else ballot.state


def due_facts(document: bytes, ballot: Ballot, time: int) -> tuple[Fact, ...]:
    """What has fallen due on a proposal and is not recorded."""
    recorded = effective_state(ballot, time) == ballot.state
    return () if recorded else (ProposalRejected(document),)


class BallotAt(Value, frozen=True):
    """A proposal as of the last block's time, and how its vote stands."""

    state: ProposalState
    carried: bool
    can_carry: bool
    ballot: Ballot


_read_hash: Decoder[bytes] = Decoder(Hash32)
_read_operator: Decoder[int] = Decoder(U32)


def _proposals(state: Reader, now: Moment, data: bytes) -> object:
    return tuple((key.document, effective_state(row, now.time), row) for key, row in BALLOTS.rows(state))


def _proposal(state: Reader, now: Moment, data: bytes) -> object:
    row = BALLOTS.get(state, BallotKey(_read_hash(data)))
    return None if row is None else BallotAt(effective_state(row, now.time), *tally(state, row), row)


def _proposer(state: Reader, now: Moment, data: bytes) -> object:
    """The serial of an operator's last proposal; 0 where it has made none."""
    row = PROPOSERS.get(state, ProposerKey(_read_operator(data)))
    return 0 if row is None else row.serial


def _parameters(state: Reader, now: Moment, data: bytes) -> object:
    return parameters(state)


def _thresholds(state: Reader, now: Moment, data: bytes) -> object:
    return thresholds(state)


QUERIES: dict[str, Callable[[Reader, Moment, bytes], object]] = {
    "/governance/proposals": _proposals,
    "/governance/proposal": _proposal,
    "/governance/proposer": _proposer,
    "/governance/parameters": _parameters,
    "/governance/thresholds": _thresholds,
}
"""Path to question: (state, moment, canonical arguments) -> answer to encode, or None."""
