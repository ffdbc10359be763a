"""What an operator's people and systems run."""
