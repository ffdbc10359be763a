"""The replicated state machine of Settlement Chain: the same on every validator."""
