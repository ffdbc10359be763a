"""The payee says that a payment has arrived; only now is it paid."""

from __future__ import annotations

from abci_app.domain.obligations.decide.common import find, require_payable, require_payee
from abci_app.domain.obligations.queries import (
    Fact,
    confirmation,
    due_on_obligation,
    fold_all,
    notified_at,
    open_amount,
    present,
)
from abci_app.domain.obligations.schema import Code, ConfirmPayment, PaymentState
from abci_app.domain.obligations.tables import PAYMENTS, payment_key
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader

ARRIVED = (PaymentState.CONFIRMED, PaymentState.DEEMED)


def confirm_payment(state: Reader, at: Context, message: ConfirmPayment) -> tuple[Fact, ...]:
    """A notified payment is posted. One that was contested may still turn up, if it is still owed."""
    key = payment_key(message.obligation, message.bank_reference)
    claimed = find(state, message.obligation)

    # WHO
    require_payee(at, claimed)

    # WHETHER
    before = PAYMENTS.get(state, key)
    if before is None:
        reject(Code.PAYMENT_NOT_FOUND, expected="a notified payment", actual=message.bank_reference.hex())
    if message.amount != before.amount:
        reject(Code.DIFFERENT_AMOUNT, expected=before.amount, actual=message.amount)
    if before.state in ARRIVED:
        return ()
    due, view, row = present(state, message.obligation, at.time)
    if PAYMENTS.require(view, key).state in ARRIVED:
        return due  # the payee was too late to be needed
    if before.state == PaymentState.CONTESTED:
        require_payable(row)

    # HOW MUCH
    owed = open_amount(row)
    if message.amount > owed:
        reject(Code.MORE_THAN_OWED, expected=f"at most {owed}", actual=message.amount)

    # WHAT FOLLOWS
    paid_on = notified_at(row) if row.notice else at.time
    paid = confirmation(view, message.obligation, message.bank_reference, message.amount, paid_on, deemed=False)
    fold_all(view, paid)
    return (*due, *paid, *due_on_obligation(view, message.obligation, at.time))
