"""The payee says that a notified payment has not arrived."""

from __future__ import annotations

from abci_app.domain.obligations.decide.common import find, require_payee
from abci_app.domain.obligations.queries import Fact, due_on_obligation, fold_all, present
from abci_app.domain.obligations.schema import Code, ContestPayment, PaymentContested, PaymentState
from abci_app.domain.obligations.tables import PAYMENTS, payment_key
from abci_app.kernel.codes import reject
from abci_app.kernel.context import Context
from abci_app.state.overlay import Reader


def contest_payment(state: Reader, at: Context, message: ContestPayment) -> tuple[Fact, ...]:
    """The obligation is owed again as it was before the notice."""
    key = payment_key(message.obligation, message.bank_reference)
    claimed = find(state, message.obligation)

    # WHO
    require_payee(at, claimed)

    # WHETHER
    before = PAYMENTS.get(state, key)
    if before is None:
        reject(Code.PAYMENT_NOT_FOUND, expected="a notified payment", actual=message.bank_reference.hex())
    if before.state == PaymentState.CONTESTED:
        if before.reason == message.reason:
            return ()
        reject(Code.EXISTS_WITH_DIFFERENT_CONTENT, expected=before.reason.hex(), actual=message.reason.hex())
    due, view, _ = present(state, message.obligation, at.time)
    answered = PAYMENTS.require(view, key).state
    if answered != PaymentState.NOTIFIED:
        reject(Code.PAYMENT_ANSWERED, expected=PaymentState.NOTIFIED.name, actual=answered.name)

    # HOW MUCH: what was notified

    # WHAT FOLLOWS
    contested = PaymentContested(message.obligation, message.bank_reference, message.reason)
    fold_all(view, (contested,))
    return (*due, contested, *due_on_obligation(view, message.obligation, at.time))
