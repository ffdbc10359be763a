"""HOME/agent/agent.toml: what an agent needs that neither the chain nor the agreements tell.

trunks = "trunks.toml"              # relative to HOME/agent
ported = "ported_numbers.csv"       # portability data; none where it is left out
inbox = "inbox"                     # record files: INBOX/FILE, or INBOX/STREAM/FILE

[numbering]
services = {VOICE = 1, SMS = 2, MMS = 3, DATA = 4}      # the rating rules' numbers
submitted_events = [2]                                  # catalogue events: a message counts once submitted

[[layout]]                          # a stream in a switch's own layout
stream = "kamailio"
mapping = "kamailio.toml"

[[simulated_fault]]                 # for demonstrations: this agent rates one peer's traffic wrongly
peer = "CUCC"
rate_with_bundle = "9f..."          # by another bundle of the rulebook
first_ms = 6000                     # or in other billing increments
next_ms = 6000
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from settle.agent.intake.bad_input import BadInput
from settle.agent.records import Service

_STRICT = ConfigDict(frozen=True, extra="forbid")
_FILE = "agent.toml"


class NumberingSettings(BaseModel):
    """The rating rules' numbers of services and events. Directions and networks come from the agreement."""

    model_config = _STRICT

    services: dict[Service, Annotated[int, Field(ge=0, le=255)]] = Field(
        default={Service.VOICE: 1, Service.SMS: 2, Service.MMS: 3, Service.DATA: 4}
    )
    submitted_events: frozenset[int] = frozenset({2})


class Layout(BaseModel):
    """A stream whose files come in a switch's own layout; `mapping` is a mapping file, relative to HOME/agent."""

    model_config = _STRICT

    stream: str
    mapping: Path


class SimulatedFault(BaseModel):
    """A fault of this agent, on purpose: how it rates one peer's traffic. Never set in earnest."""

    model_config = _STRICT

    peer: str
    rate_with_bundle: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    first_ms: Annotated[int, Field(ge=1)] | None = None
    next_ms: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if (self.first_ms is None) != (self.next_ms is None):
            raise ValueError("first_ms and next_ms come together")
        if self.rate_with_bundle is None and self.first_ms is None:
            raise ValueError("name rate_with_bundle, or first_ms and next_ms")
        return self


class AgentSettings(BaseModel):
    """The file. Every entry may be missing but the trunk map's file must be there when records come."""

    model_config = _STRICT

    trunks: Path = Path("trunks.toml")
    ported: Path | None = None
    inbox: Path = Path("inbox")
    clock_tolerance_s: Annotated[int, Field(ge=0)] = 86_400
    longest_call_s: Annotated[int, Field(ge=1)] = 86_400
    resend_after_s: Annotated[float, Field(ge=0)] = 2.0
    numbering: NumberingSettings = NumberingSettings()
    layout: tuple[Layout, ...] = ()
    simulated_fault: tuple[SimulatedFault, ...] = ()

    def fault_towards(self, peer: str) -> SimulatedFault | None:
        """The simulated fault on one peer's traffic, if there is one."""
        return next((fault for fault in self.simulated_fault if fault.peer == peer), None)


def agent_folder(home: Path) -> Path:
    """Where an operator's agent keeps everything."""
    return home / "agent"


def load_settings(home: Path) -> AgentSettings:
    """The settings of a home; the defaults where there is no file. Raises `BadInput` that names the wrong entry."""
    path = agent_folder(home) / _FILE
    if not path.exists():
        return AgentSettings()
    try:
        return AgentSettings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        came = str(fault)
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        came = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    raise BadInput(file=_FILE, expected="the agent's settings (TOML)", came=came, next_step="correct that entry")
