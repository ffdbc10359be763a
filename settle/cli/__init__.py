"""The `settle` command: one file per noun, and around them what all nouns share."""
