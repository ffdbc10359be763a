"""Votes and readiness are counted again when who counts has changed: keys, members, validators."""

from __future__ import annotations

from abci_app.domain.governance.queries import has_lost_votes, tally
from abci_app.domain.governance.schema import MandateLost, ProposalState
from abci_app.domain.governance.tables import BALLOTS, BallotKey
from abci_app.domain.rulebook.queries import activation, waiting
from abci_app.domain.rulebook.schema import ActivationSet, VersionWithdrawn
from abci_app.kernel.context import Context
from abci_app.kernel.encoding import Value
from abci_app.state.overlay import Reader


def recounted(state: Reader, at: Context) -> tuple[Value, ...]:
    """What it means for rule versions that a vote has carried and that are not active yet.

    A vote that would no longer carry is lost with its versions: the vote of a key revoked between vote and
    activation does not count. One that has lost nobody stays carried, whatever thresholds are asked for since.
    Else the height is what the nodes that still count are ready for. A proposal that is taking effect right now,
    or only tried, has no vote to lose to its own messages: it is left alone.
    """
    facts: list[Value] = []
    for key, row in waiting(state, at.height):
        if row.mandate == at.mandate:
            continue
        ballot = BALLOTS.require(state, BallotKey(row.mandate))
        if has_lost_votes(state, ballot) and not tally(state, ballot).carried:
            lost = MandateLost(row.mandate)
            if ballot.state == ProposalState.APPROVED and lost not in facts:
                facts.append(lost)
            facts.append(VersionWithdrawn(*key))
            continue
        active_from = activation(state, row, at.height, at.parameters.grace)
        if active_from != row.active_from:
            facts.append(ActivationSet(*key, active_from))
    return tuple(facts)
