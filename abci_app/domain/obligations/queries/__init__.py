"""What anyone may ask about obligations, and what has fallen due on one."""

from __future__ import annotations

from abci_app.domain.obligations.queries.arrears import (
    arrears_of,
    bears_interest,
    delays,
    whole_days,
)
from abci_app.domain.obligations.queries.due import (
    due_on_obligation,
    due_on_round,
    effective,
    is_overdue,
    present,
)
from abci_app.domain.obligations.queries.final import (
    closes,
    confirmation,
    is_final,
    items_of,
    notified_at,
    settlement,
    shares_of,
)
from abci_app.domain.obligations.queries.questions import (
    QUERIES,
    Billed,
    BilledInvoice,
    InvoiceQuery,
    NetPosition,
    PairQuery,
)
from abci_app.domain.obligations.queries.stored import (
    PAYABLE,
    Fact,
    account,
    counters,
    ever_owed,
    fold_all,
    last_round,
    open_amount,
)

__all__ = [
    "PAYABLE",
    "QUERIES",
    "Billed",
    "BilledInvoice",
    "Fact",
    "InvoiceQuery",
    "NetPosition",
    "PairQuery",
    "account",
    "arrears_of",
    "bears_interest",
    "closes",
    "confirmation",
    "counters",
    "delays",
    "due_on_obligation",
    "due_on_round",
    "effective",
    "ever_owed",
    "fold_all",
    "is_final",
    "is_overdue",
    "items_of",
    "last_round",
    "notified_at",
    "open_amount",
    "present",
    "settlement",
    "shares_of",
    "whole_days",
]
