"""A carried proposal returns to a version that was active before."""

from __future__ import annotations

from abci_app.domain.rulebook.decide.common import check_mandate, check_rule
from abci_app.domain.rulebook.queries import versions_of
from abci_app.domain.rulebook.schema import Code, Fact, RollBack, VersionRetired
from abci_app.domain.rulebook.tables import VERSIONS, VersionKey
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def roll_back(state: Reader, at: Context, message: RollBack) -> tuple[Fact, ...]:
    """The later versions retire at a height, so that the look-up finds the former one; it is ready already."""
    # WHO
    check_mandate(at)

    # WHETHER
    check_rule(state, message.rule)
    target = VERSIONS.get(state, VersionKey(message.rule, message.version))
    if target is None or target.withdrawn or not target.active_from <= at.height < target.active_to:
        expected = f"a version of rule {message.rule} that has been active"
        reject(Code.NOT_FORMERLY_ACTIVE, expected=expected, actual=message.version)
    if message.activation <= at.height:
        reject(Code.ACTIVATES_IN_THE_PAST, expected=f"a height above {at.height}", actual=message.activation)
    later = [
        key
        for key, row in versions_of(state, message.rule)
        if key.version > message.version and not row.withdrawn and row.active_to > message.activation
    ]
    if not later:
        expected = f"a version after {message.version} that still runs at {message.activation}"
        reject(Code.NOTHING_TO_ROLL_BACK, expected=expected, actual="none")

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    return tuple(VersionRetired(*key, message.activation) for key in later)
