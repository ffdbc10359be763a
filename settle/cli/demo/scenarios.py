"""What is settled in a demonstration: a generated month with hidden faults, or an hour of three real switches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

from abci_app.domain.agreements.schema import Terms
from settle.agent.intake import mappings
from settle.agent.runtime.inbox import deliver
from settle.agent.runtime.settings import AgentSettings, Layout, SimulatedFault, agent_folder
from settle.chain.consortium import CHINA
from settle.cli.demo import terms
from settle.cli.demo.envelope import Envelope, fill, traffic
from settle.cli.demo.money import truth
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

    def prepare(self) -> str:
        """Have the records at hand; what they are, in a sentence."""
        ...

    def deliver(self, operator: Operator) -> tuple[int, AgentSettings]:
        """Put an operator's record files into its inbox; their number, and its agent's settings."""
        ...

    def agreements(self, now: int, pace: float) -> list[Terms]:
        """What the operators agree on; deadlines follow `now`, the chain's time."""
        ...

    def truth(self) -> dict[tuple[str, str], int]:
        """(sender, receiver) → what is owed in truth, 10^-6 CNY; empty where nobody knows."""
        ...


class Generated:
    """A month of four operators from the two-view generator."""

    def __init__(self, folder: Path, seed: int, events: int) -> None:
        self._folder, self._seed, self._events = folder, seed, events
        self.envelope: Envelope | None = fill(seed)

    def prepare(self) -> str:
        assert self.envelope is not None
        generate(traffic(self._seed, self._events, self.envelope), self._folder)
        return f"a month of traffic, {self._events:,} records a side over all pairs"

    def deliver(self, operator: Operator) -> tuple[int, AgentSettings]:
        home, own = agent_folder(operator.home), self._folder / operator.code
        shutil.copy(own / TRUNKS, home / TRUNKS)
        shutil.copy(self._folder / REFERENCE / PORTED, home / PORTED)
        rows = json.loads((own / SETTINGS).read_text(encoding="utf-8"))["settings"]
        faults = tuple(SimulatedFault(peer=r["peer"], first_ms=r["first_ms"], next_ms=r["next_ms"]) for r in rows)
        files = sorted(path for path in (own / RECORDS).glob("*") if not path.name.endswith(".control.json"))
        for file in files:
            deliver(file, home / "inbox")
        return len(files), AgentSettings(ported=Path(PORTED), simulated_fault=faults)

    def agreements(self, now: int, pace: float) -> list[Terms]:
        return [terms.of_the_month(first, second, now, pace) for first, second in terms.pairs(CHINA)]

    def truth(self) -> dict[tuple[str, str], int]:
        return truth(self._folder)


class SipHour:
    """The exports of three SIP switches, faults of their own and all, under a flat tariff of started minutes."""

    envelope: Envelope | None = None

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

    def agreements(self, now: int, pace: float) -> list[Terms]:
        return [terms.of_the_hour(first, second, now, pace) for first, second in terms.pairs(CHINA[:3])]

    def truth(self) -> dict[tuple[str, str], int]:
        return {}
