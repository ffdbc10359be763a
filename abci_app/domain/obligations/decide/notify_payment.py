"""The payer says that it has paid."""

from __future__ import annotations

from abci_app.domain.obligations.decide.common import find, require_payable, require_role
from abci_app.domain.obligations.queries import Fact, open_amount, present
from abci_app.domain.obligations.schema import Code, Notice, NotifyPayment, PaymentNotified
from abci_app.domain.obligations.tables import PAYMENTS, payment_key
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Reader


def notify_payment(state: Reader, at: Context, message: NotifyPayment) -> tuple[Fact, ...]:
    """A notice; nothing is paid until the payee confirms it or lets the answer-by date pass."""
    claim = find(state, message.obligation).claim

    # WHO
    if at.operator != claim.debtor:
        reject(Code.NOT_THE_PAYER, expected=claim.debtor, actual=at.operator)
    require_role(at, Role.CHECKER)

    # WHETHER
    before = PAYMENTS.get(state, payment_key(message.obligation, message.bank_reference))
    if before is not None:
        if before.amount == message.amount:
            return ()
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=before.amount, actual=message.amount)
    due, _, row = present(state, message.obligation, at.time)
    require_payable(row)

    # HOW MUCH
    owed = open_amount(row)
    if message.amount > owed:
        reject(Code.MORE_THAN_OWED, expected=f"at most {owed}", actual=message.amount)

    # WHAT FOLLOWS
    notice = Notice(message.bank_reference, message.amount, at.time + claim.contest)
    return (*due, PaymentNotified(message.obligation, notice))
