"""What each message costs: the one table. A message without an entry is a failing style test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from abci_app.application.router import Message
from abci_app.domain.agreements.schema import ProposeAgreement
from abci_app.domain.members.schema import ProposeKeys
from abci_app.domain.obligations.schema import (
    ConfirmPayment,
    ContestPayment,
    IssueInvoice,
    NotifyPayment,
    ProposeRound,
)
from abci_app.domain.periods.schema import AnchorUsage, Declare, Open
from abci_app.kernel.approvals import Advance, Approve
from abci_app.kernel.commitments import multiplications_to_open, multiplications_to_verify
from abci_app.kernel.costs import FACT, POINT_MULTIPLICATION, ROW_WRITE, RULE_CALL, SIGNATURE, bytes_cost
from abci_app.rules.interface import Slot


def _rows(facts: int, rows: int) -> int:
    return facts * FACT + rows * ROW_WRITE


def _approve(_: Approve) -> int:
    return _rows(4, 6)


def _advance(_: Advance) -> int:
    return _rows(8, 8)


def _propose_keys(message: ProposeKeys) -> int:
    """The keys are charged here and written when the change takes effect; each new one has signed."""
    keys = len(message.register) + len(message.revoke)
    return _rows(2, 2) + keys * _rows(1, 2) + len(message.register) * SIGNATURE


def _propose_agreement(message: ProposeAgreement) -> int:
    """Rating and validation are tried with every line, the tolerance rule once; the calendar is written in the end."""
    terms = message.terms
    by_line = sum(bound.slot in (Slot.RATING, Slot.VALIDATION) for bound in terms.slots)
    return _rows(1, 4) + len(terms.calendar) * ROW_WRITE + (by_line * len(terms.catalogue) + 1) * RULE_CALL


def _anchor_usage(_: AnchorUsage) -> int:
    return _rows(2, 4)


def _declare(message: Declare) -> int:
    return _rows(2, 3) + multiplications_to_verify(len(message.commitments)) * POINT_MULTIPLICATION


def _issue_invoice(_: IssueInvoice) -> int:
    """With it may come what has fallen due on the period."""
    return _rows(12, 20)


def _propose_round(message: ProposeRound) -> int:
    """An item is charged here for all that a round does to it: accepting, unwinding, settling, closing periods.

    That is sound because a pair of operators has one open round in a currency.
    """
    return _rows(2, 4) + len(message.obligations) * (2 * RULE_CALL + _rows(3, 10))


def _payment(_: NotifyPayment | ConfirmPayment | ContestPayment) -> int:
    """A payment may end a round, an obligation and a period."""
    return _rows(4, 10)


def _open(message: Open) -> int:
    """Every commitment is made again, every line of both parties priced and judged."""
    lines = len(message.lines)
    return _rows(3, 5) + multiplications_to_open(2 * lines) * POINT_MULTIPLICATION + 3 * lines * RULE_CALL


COSTS: dict[type, Callable[[Any], int]] = {
    Approve: _approve,
    Advance: _advance,
    ProposeKeys: _propose_keys,
    ProposeAgreement: _propose_agreement,
    AnchorUsage: _anchor_usage,
    Declare: _declare,
    Open: _open,
    IssueInvoice: _issue_invoice,
    ProposeRound: _propose_round,
    NotifyPayment: _payment,
    ConfirmPayment: _payment,
    ContestPayment: _payment,
}


def cost_of(messages: Sequence[Message], size: int) -> int:
    """The cost of a transaction of `size` bytes: signature, replay row, bytes, and its messages."""
    return SIGNATURE + ROW_WRITE + bytes_cost(size) + sum(COSTS[type(m)](m) for m in messages)
