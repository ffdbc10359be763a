"""Anyone records that a proposal is out of time."""

from __future__ import annotations

from abci_app.domain.governance.queries import due_facts
from abci_app.domain.governance.schema import Code, Fact
from abci_app.domain.governance.tables import BALLOTS, BallotKey, ballot_named
from abci_app.kernel.approvals import Advance
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def advance(state: Reader, at: Context, message: Advance) -> tuple[Fact, ...]:
    """What is due and not recorded; nothing where nothing is."""
    key = _named(message)
    ballot = BALLOTS.get(state, key)
    if ballot is None:
        reject(Code.DOCUMENT_NOT_FOUND, expected="a proposal", actual=key.document.hex())

    # WHO: anyone

    # WHETHER: whatever is due

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return due_facts(key.document, ballot, at.time)


def check_object(message: Advance) -> None:
    """The object is a proposal's key. Raises `Rejected`."""
    _named(message)


def _named(message: Advance) -> BallotKey:
    key = ballot_named(message.object)
    if key is None:
        expected = "a proposal's object key, 34 bytes"
        reject(Code.NOT_A_PROPOSAL_KEY, expected=expected, actual=message.object.hex())
    return key
