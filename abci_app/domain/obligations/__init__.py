"""Who owes whom how much: invoices, the ledger, set-off rounds and payments."""
