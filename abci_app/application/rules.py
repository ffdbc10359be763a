"""Compiled rules by bundle hash: a cache beside the state, never in it."""

from __future__ import annotations

from abci_app.kernel.context import RuleFunction, Rules
from abci_app.state.overlay import Reader


class RuleCache:
    """Compiles a bundle of the rulebook the first time that a rule is called."""

    def __init__(self) -> None:
        self._loaded: dict[bytes, dict[str, RuleFunction]] = {}

    def bound(self, state: Reader) -> Rules:
        """The rules of a state: a function from bundle hash and entry point to the compiled rule."""

        def entry(bundle: bytes, name: str) -> RuleFunction:
            return self._loaded[bundle][name]

        return entry
