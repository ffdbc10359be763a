"""What each fact does to governance. Writes only; cannot fail."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

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
from abci_app.domain.governance.tables import (
    BALLOTS,
    PARAMETERS,
    PROPOSERS,
    THE_ONLY,
    THRESHOLDS,
    BallotKey,
    ProposerKey,
)
from abci_app.state.overlay import Writer


def fold(state: Writer, fact: Fact) -> None:
    """Write what a fact says."""
    match fact:
        case ProposalMade():
            proposal = fact.proposal
            ballot = Ballot(proposal, fact.seats, (), fact.until, fact.height, ProposalState.VOTING, 0)
            BALLOTS.put(state, BallotKey(fact.document), ballot)
            PROPOSERS.put(state, ProposerKey(proposal.proposer), Proposer(proposal.serial))
        case VoteCast():
            row = BALLOTS.require(state, BallotKey(fact.document))
            BALLOTS.put(state, BallotKey(fact.document), replace(row, votes=(*row.votes, fact.vote)))
        case ProposalCarried():
            _move(state, fact.document, ProposalState.APPROVED)
        case ProposalRejected() | MandateLost():
            _move(state, fact.document, ProposalState.REJECTED)
        case ProposalFailed():
            _move(state, fact.document, ProposalState.FAILED, fact.code)
        case ParametersSet():
            PARAMETERS.put(state, THE_ONLY, ParametersRow(fact.parameters))
        case ThresholdsSet():
            THRESHOLDS.put(state, THE_ONLY, ThresholdsRow(fact.thresholds))
        case _:
            assert_never(fact)


def _move(state: Writer, document: bytes, to: ProposalState, code: int = 0) -> None:
    row = BALLOTS.require(state, BallotKey(document))
    BALLOTS.put(state, BallotKey(document), replace(row, state=to, code=code))
