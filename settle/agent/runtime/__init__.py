"""The agent at work: from record files to signed periods and invoices, without a person."""
