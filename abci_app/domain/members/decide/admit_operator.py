"""A carried proposal admits a new member."""

from __future__ import annotations

from abci_app.domain.members.decide.common import (
    check_grants,
    check_mandate,
    check_possession,
    check_proofs,
    check_unknown,
)
from abci_app.domain.members.schema import (
    OPERATING,
    AdmitOperator,
    Code,
    Fact,
    KeyRegistered,
    OperatorAdmitted,
    UnitRegistered,
)
from abci_app.domain.members.tables import OPERATORS
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.kernel.thresholds import MOST_SEATS
from abci_app.state.overlay import Reader


def admit_operator(state: Reader, at: Context, message: AdmitOperator) -> tuple[Fact, ...]:
    """The next number, a code of its own, keys that nobody has had."""
    # WHO
    check_mandate(at)

    # WHETHER
    operators = [(key.operator, row) for key, row in OPERATORS.rows(state)]
    following = max((number for number, _ in operators), default=0) + 1
    if message.operator != following or following > MOST_SEATS:
        reject(Code.NUMBER_OUT_OF_TURN, expected=f"{following}, at most {MOST_SEATS}", actual=message.operator)
    for number, row in operators:
        if row.code == message.code:
            reject(Code.CODE_TAKEN, expected="a code of its own", actual=f"that of operator {number}")
    check_unknown(state, message.keys)
    check_possession(at, message.operator, message.keys, message.proofs)

    # HOW MUCH: no amounts

    # WHAT FOLLOWS
    number = message.operator
    return (
        OperatorAdmitted(number, message.code, message.name, message.kind, message.currency),
        *(UnitRegistered(number, unit.unit, unit.name) for unit in message.units),
        *(KeyRegistered(number, grant.suite, grant.key, grant.role) for grant in message.keys),
    )


def check_operator(message: AdmitOperator) -> None:
    """Keys and units are whole; an operating member can vote from its first day. Raises `Rejected`."""
    check_grants(message.keys)
    check_proofs(message.keys, message.proofs)
    needed = {Role.ADMIN, Role.GOVERNANCE} if message.kind in OPERATING else {Role.ADMIN}
    if not needed <= {grant.role for grant in message.keys}:
        expected = f"a key for {sorted(role.name for role in needed)}"
        reject(Code.NO_ADMINISTRATOR_LEFT, expected=expected, actual=[grant.role.name for grant in message.keys])
    if len({unit.unit for unit in message.units}) != len(message.units):
        reject(Code.UNIT_NAMED_TWICE, expected="each unit once", actual=[unit.unit for unit in message.units])
