"""An operator votes on a proposal."""

from __future__ import annotations

from abci_app.domain.governance.queries import effective_state, tally
from abci_app.domain.governance.schema import (
    Code,
    Fact,
    ProposalCarried,
    ProposalRejected,
    ProposalState,
    VoteCast,
)
from abci_app.domain.governance.tables import BALLOTS, BallotKey
from abci_app.domain.members.queries import is_member, signatures_in_force
from abci_app.kernel.approvals import MOST_VOTES, Approve, Signature, has_signed, has_used_its_places
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def vote(state: Reader, at: Context, message: Approve) -> tuple[Fact, ...]:
    """One vote a seat, for good; the vote that decides also closes the vote."""
    ballot = BALLOTS.get(state, BallotKey(message.document))
    if ballot is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a proposal", actual=message.document.hex())

    # WHO
    if message.role != at.role:
        reject(Code.ROLE_NOT_THE_KEYS, expected=at.role.name, actual=message.role.name)
    if at.role != Role.GOVERNANCE:
        reject(Code.WRONG_ROLE, expected=Role.GOVERNANCE.name, actual=at.role.name)
    if at.operator not in {seat.operator for seat in ballot.seats} or not is_member(state, at.operator):
        expected = f"one of {[seat.operator for seat in ballot.seats]}, not suspended"
        reject(Code.NO_SEAT, expected=expected, actual=at.operator)

    # WHETHER
    given = Signature(at.operator, at.role, at.key, message.verdict)
    if given in ballot.votes:
        return ()
    standing = effective_state(ballot, at.time)
    if standing != ProposalState.VOTING:
        reject(Code.VOTING_OVER, expected=ProposalState.VOTING.name, actual=standing.name)
    voted = {earlier.operator for earlier in signatures_in_force(state, ballot.votes)}
    if has_signed(ballot.votes, at.key) or at.operator in voted:
        reject(Code.ALREADY_VOTED, expected="an operator that has not voted", actual=at.operator)
    places = MOST_VOTES // len(ballot.seats)  # so nobody fills the row with keys that it revokes
    if has_used_its_places(ballot.votes, at.operator, places):
        reject(Code.TOO_MANY_VOTES, expected=f"at most {places} of one operator", actual=places + 1)

    # HOW MUCH
    count = tally(state, ballot, (given,))

    # WHAT FOLLOWS
    cast = VoteCast(message.document, given)
    if count.carried:
        return (cast, ProposalCarried(message.document))
    if not count.can_carry:
        return (cast, ProposalRejected(message.document))
    return (cast,)
