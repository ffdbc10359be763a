"""Anyone records what time has done to an obligation or a round."""

from __future__ import annotations

from abci_app.domain.obligations.decide.common import find
from abci_app.domain.obligations.queries import Fact, due_on_obligation, due_on_round
from abci_app.domain.obligations.schema import Code
from abci_app.domain.obligations.tables import ROUNDS, RoundKey, obligation_named, round_named
from abci_app.kernel.approvals import Advance, ObjectKind
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def advance(state: Reader, at: Context, message: Advance) -> tuple[Fact, ...]:
    """What is due and not recorded; nothing where nothing is."""
    number = _named(message)

    # WHO: anyone

    # WHETHER: whatever is due
    if message.kind == ObjectKind.OBLIGATION:
        find(state, number)
    elif ROUNDS.get(state, RoundKey(number)) is None:
        reject(Code.ROUND_NOT_FOUND, expected="a proposed round", actual=number)

    # HOW MUCH: what was held, notified or netted

    # WHAT FOLLOWS
    due = due_on_obligation if message.kind == ObjectKind.OBLIGATION else due_on_round
    return due(state, number, at.time)


def check_object(message: Advance) -> None:
    """The object is the key of an obligation or of a round, as the kind says. Raises `Rejected`."""
    _named(message)


def _named(message: Advance) -> int:
    named = obligation_named if message.kind == ObjectKind.OBLIGATION else round_named
    number = named(message.object)
    if number is None:
        expected = f"the object key of one {message.kind.name}, 6 bytes"
        reject(Code.NOT_AN_OBJECT_KEY, expected=expected, actual=message.object.hex())
    return number
