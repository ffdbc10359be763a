"""The business modules. Each has the same six files; learn one, know all."""
