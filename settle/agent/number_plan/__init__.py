"""Number plan: prefix → country and operator, compiled once from `phonenumbers` and pinned by hash."""
