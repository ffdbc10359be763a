"""What is settled in a demonstration: a generated month with hidden faults, or an hour of three real switches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

from abci_app.domain.agreements.schema import Terms
from settle.agent.intake import mappings
from settle.agent.intake.control import SIDECAR_SUFFIX
from settle.agent.runtime.inbox import deliver
from settle.agent.runtime.settings import AgentSettings, Layout, SimulatedFault, agent_folder
from settle.chain.consortium import CHINA
from settle.cli.demo import terms
from settle.cli.demo.envelope import Envelope, fill, traffic, traffic_of_the_old_year
from settle.cli.demo.money import Owed, before_the_order, by_the_order, truth
from settle.cli.demo.stage import Operator
from settle.cli.failures import bad_input
from settle.sample.files import PORTED, RECORDS, REFERENCE, SETTINGS, TRUNKS
from settle.sample.generate import generate

SIP_RECORDS = Path(__file__).resolve().parents[3] / "tests" / "data" / "sip"
"""The switches' exports, in a checkout of the project."""


_SWITCHES = {"CMCC": ("opA", "acc_cdrs.csv.gz"), "CUCC": ("opB", "cdrs_*.gz"), "CTCC": ("opC", "acc_cdrs.csv.gz")}


class Scenario(Protocol):
    """Traffic, and the agreements that it is settled under."""

    envelope: Envelope | None
    order: bool
    """Whether a regulator's order replaces the rating rule before the cut-off."""

    def prepare(self) -> str:
        """Have the records at hand; what they are, in a sentence."""
        ...

    def deliver(self, operator: Operator) -> tuple[int, AgentSettings]:
        """Put an operator's first record files into its inbox; the number of all, and its agent's settings."""
        ...

    def deliver_further(self, share: float) -> None:
        """Have this share of all files delivered, from 0 to 1."""
        ...

    def deliver_late(self) -> int:
        """Deliver what was held back until the rule had changed; the number of files."""
        ...

    def agreements(self, now: int, pace: float) -> list[Terms]:
        """What the operators agree on; deadlines follow `now`, the chain's time."""
        ...

    def truth(self) -> Owed:
        """What is owed in truth; empty where nobody knows."""
        ...


class Generated:
    """A month of four operators from the two-view generator, and the last day of the year before, which comes late."""

    order = True

    def __init__(self, folder: Path, seed: int, events: int) -> None:
        self._month, self._old_year = folder / "month", folder / "old-year"
        self.envelope: Envelope | None = fill(seed)
        self._plan = traffic(seed, events, self.envelope)
        self._waiting: list[tuple[Path, Path]] = []  # file and inbox, the first ones first
        self._late: list[tuple[Path, Path]] = []
        self._files = 0

    def prepare(self) -> str:
        old_year = traffic_of_the_old_year(self._plan)
        generate(self._plan, self._month)
        generate(old_year, self._old_year)
        return (
            f"January 2014, {self._plan.records:,} records a side over all pairs, come in while the month is open; "
            f"31 December 2013, {old_year.records:,} a side, comes late"
        )

    def deliver(self, operator: Operator) -> tuple[int, AgentSettings]:
        home, own = agent_folder(operator.home), self._month / operator.code
        shutil.copy(own / TRUNKS, home / TRUNKS)
        shutil.copy(self._month / REFERENCE / PORTED, home / PORTED)
        rows = json.loads((own / SETTINGS).read_text(encoding="utf-8"))["settings"]
        faults = tuple(SimulatedFault(peer=r["peer"], first_ms=r["first_ms"], next_ms=r["next_ms"]) for r in rows)
        files, late = _files_of(own), _files_of(self._old_year / operator.code)
        self._waiting += [(file, home / "inbox") for file in files]
        self._waiting.sort(key=lambda each: each[0].stem[-4:])  # the sequence: of all streams side by side
        self._late += [(file, home / "inbox") for file in late]
        self._files = len(self._waiting)
        return len(files) + len(late), AgentSettings(ported=Path(PORTED), simulated_fault=faults)

    def deliver_further(self, share: float) -> None:
        held_back = self._files - round(min(share, 1.0) * self._files)
        while len(self._waiting) > held_back:
            deliver(*self._waiting.pop(0))

    def deliver_late(self) -> int:
        for each in self._late:
            deliver(*each)
        return len(self._late)

    def agreements(self, now: int, pace: float) -> list[Terms]:
        return [terms.over_the_new_year(first, second, now, pace) for first, second in terms.pairs(CHINA)]

    def truth(self) -> Owed:
        old, new = truth(self._old_year, before_the_order), truth(self._month, by_the_order)
        return {(1, *names): owed for names, owed in old.items()} | {(2, *names): owed for names, owed in new.items()}


def _files_of(own: Path) -> list[Path]:
    return sorted(path for path in (own / RECORDS).glob("*") if not path.name.endswith(SIDECAR_SUFFIX))


class SipHour:
    """The exports of three SIP switches, faults of their own and all, under a flat tariff of started minutes."""

    envelope: Envelope | None = None
    order = False

    def prepare(self) -> str:
        if not SIP_RECORDS.is_dir():
            raise bad_input(
                expected=f"the switches' exports in {SIP_RECORDS}",
                actual="no such folder: this is no checkout of the project",
                next_step="run `settle demo --records sip` from a clone",
            )
        return "22,600 call attempts as three SIP switches wrote them down, each in its own layout"

    def deliver(self, operator: Operator) -> tuple[int, AgentSettings]:
        if operator.code not in _SWITCHES:
            return 0, AgentSettings()
        home, low = agent_folder(operator.home), operator.code.lower()
        for name in (f"{low}_trunks.toml", f"{low}_export.toml"):
            shutil.copy(mappings.FOLDER / "sip" / name, home / name)
        folder, pattern = _SWITCHES[operator.code]
        files = sorted((SIP_RECORDS / folder).glob(pattern))
        for file in files:
            deliver(file, home / "inbox" / "switch")
        layout = Layout(stream="switch", mapping=Path(f"{low}_export.toml"))
        return len(files), AgentSettings(trunks=Path(f"{low}_trunks.toml"), layout=(layout,))

    def deliver_further(self, share: float) -> None:
        """Nothing: the hour is over, and its files are there."""

    def deliver_late(self) -> int:
        return 0

    def agreements(self, now: int, pace: float) -> list[Terms]:
        return [terms.of_the_hour(first, second, now, pace) for first, second in terms.pairs(CHINA[:3])]

    def truth(self) -> Owed:
        return {}
