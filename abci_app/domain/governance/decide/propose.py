"""A member opens a vote, or a regulator's order is put on record."""

from __future__ import annotations

from abci_app.domain.governance.schema import (
    Code,
    Fact,
    Proposal,
    ProposalCarried,
    ProposalMade,
    Propose,
    proposal_hash,
)
from abci_app.domain.governance.tables import BALLOTS, PROPOSERS, BallotKey, ProposerKey
from abci_app.domain.members.queries import is_member, seats
from abci_app.domain.members.schema import Kind, Membership
from abci_app.domain.members.tables import OPERATORS, OperatorKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import Seat, Track
from abci_app.state.overlay import Reader


def propose(state: Reader, at: Context, message: Propose) -> tuple[Fact, ...]:
    """Who may vote is fixed now; proposing is not yet a vote. An order of the regulator is carried as it stands."""
    said = (message.track, message.agreement, message.parties, message.concerned, message.order)
    proposal = Proposal(at.operator, message.serial, *said, message.messages, message.note)
    document = proposal_hash(at.chain, proposal)
    sitting = seats(state)

    # WHO
    if at.role != Role.GOVERNANCE:
        reject(Code.WRONG_ROLE, expected=Role.GOVERNANCE.name, actual=at.role.name)
    _check_proposer(state, at, message, sitting)

    # WHETHER
    if BALLOTS.get(state, BallotKey(document)) is not None:
        return ()
    proposer = PROPOSERS.get(state, ProposerKey(at.operator))
    last = 0 if proposer is None else proposer.serial
    if message.serial <= last:
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=last + 1, actual=message.serial)
    if message.serial != last + 1:
        reject(Code.SERIAL_OUT_OF_TURN, expected=last + 1, actual=message.serial)
    voters = _voters(message, sitting)
    if not voters and message.track != Track.MANDATED:
        reject(Code.NOBODY_MAY_VOTE, expected="a seat beside the one concerned", actual=message.concerned)

    # HOW MUCH
    until = at.time + at.parameters.voting

    # WHAT FOLLOWS
    made = ProposalMade(document, proposal, voters, until, at.height)
    return (made, ProposalCarried(document)) if message.track == Track.MANDATED else (made,)


def check_proposal(message: Propose) -> None:
    """What a proposal says must belong to its track. Raises `Rejected`."""
    if message.track == Track.AGREEMENT:
        expected, fits = "an agreement and its two parties", message.agreement > 0 and len(set(message.parties)) == 2
    else:
        expected, fits = "no agreement and no parties", not message.agreement and not message.parties
    if not fits:
        reject(Code.AGREEMENT_MISPLACED, expected=expected, actual=f"{message.agreement}, {message.parties}")
    if (message.track == Track.MANDATED) != (len(message.order) == 32) or len(message.order) not in (0, 32):
        expected = "the hash of the order on the mandated track, and there only"
        reject(Code.ORDER_MISPLACED, expected=expected, actual=message.order.hex())


def _check_proposer(state: Reader, at: Context, message: Propose, sitting: tuple[Seat, ...]) -> None:
    if message.track == Track.MANDATED:
        row = OPERATORS.require(state, OperatorKey(at.operator))
        if row.kind != Kind.REGULATOR or row.membership != Membership.ACTIVE:
            actual = f"{row.kind.name}, {row.membership.name}"
            reject(Code.NOT_A_REGULATOR, expected="a regulator that is not suspended", actual=actual)
    elif message.track == Track.AGREEMENT:
        if at.operator not in message.parties or not is_member(state, at.operator):
            reject(Code.NOT_A_PARTY, expected=f"one of {message.parties}, not suspended", actual=at.operator)
    elif at.operator not in {seat.operator for seat in sitting}:
        reject(Code.NO_SEAT, expected="an operating member that is not suspended", actual=at.operator)


def _voters(message: Propose, sitting: tuple[Seat, ...]) -> tuple[Seat, ...]:
    if message.track == Track.MANDATED:
        return ()
    if message.track == Track.AGREEMENT:
        return tuple(Seat(party, 0) for party in message.parties)
    return tuple(seat for seat in sitting if seat.operator != message.concerned)
