"""Anyone records what time has done to a period."""

from __future__ import annotations

from abci_app.domain.periods.decide.common import find
from abci_app.domain.periods.queries import due_facts
from abci_app.domain.periods.schema import Code, Fact
from abci_app.domain.periods.tables import PeriodKey, period_named
from abci_app.kernel.approvals import Advance
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def advance(state: Reader, at: Context, message: Advance) -> tuple[Fact, ...]:
    """What is due and not recorded; nothing where nothing is."""
    key = _named(message)
    governing = find(state, key)

    # WHO: anyone

    # WHETHER: whatever is due

    # HOW MUCH: by the exits of silence

    # WHAT FOLLOWS
    return due_facts(state, at.chain, key, governing, at.time, at.height)


def check_object(message: Advance) -> None:
    """The object is a period's key. Raises `Rejected`."""
    _named(message)


def _named(message: Advance) -> PeriodKey:
    key = period_named(message.object)
    if key is None:
        reject(Code.NOT_A_PERIOD_KEY, expected="a period's object key, 9 bytes", actual=message.object.hex())
    return key
