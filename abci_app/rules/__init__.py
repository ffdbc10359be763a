"""The rule language in consensus: tree, tables, checker, printer, executor, bundles. Parses no text."""
