"""The rules in force: which version of which rule rates what usage, from which height on."""
