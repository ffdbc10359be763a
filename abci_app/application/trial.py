"""Every version that a vote has scheduled is tried on this machine before any block calls it."""

from __future__ import annotations

from abci_app.application.rules import ExecutorFault, RuleCache
from abci_app.domain.rulebook.tables import VERSIONS
from abci_app.state.overlay import Reader


class Trial:
    """Loads the bundles of the rulebook's versions, vectors run: at start, and when a block has changed the rulebook.

    So a version is compiled before its height, and a machine that computes otherwise is found before it does.
    """

    def __init__(self, rules: RuleCache) -> None:
        self._rules = rules
        self._failed: dict[bytes, ExecutorFault] = {}

    @property
    def is_open(self) -> bool:
        """Whether a version has failed and waits for its height: each block is then a reason to look."""
        return bool(self._failed)

    def run(self, state: Reader, height: int) -> list[str]:
        """Try what has not been tried, as of a block that is next; alarms for versions that wait.

        Raises `ExecutorFault` for one that runs from that block on, or did: disputes may yet call it. A version that
        waits stops nobody, since without the readiness of two thirds of the nodes it never runs.
        """
        alarms, failed = [], dict[bytes, ExecutorFault]()
        for key, row in VERSIONS.rows(state):
            if row.withdrawn:
                continue
            known = self._failed.get(row.bundle)
            fault = known or self._fault(state, row.bundle)
            if fault is None:
                continue
            if row.active_from <= height:
                raise fault
            failed[row.bundle] = fault
            if known is None:
                alarms.append(f"version {key.version} of rule {key.rule} would stop this node at its height: {fault}")
        self._failed = failed
        return alarms

    def _fault(self, state: Reader, bundle: bytes) -> ExecutorFault | None:
        try:
            self._rules.rule(state, bundle)
        except ExecutorFault as fault:
            return fault
        return None
