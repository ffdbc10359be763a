"""The sealed list of faults: drawn, hidden behind its hash, opened and compared at the end."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from settle.chain.consortium import CHINA
from settle.cli.demo.terms import USAGE_FROM, USAGE_TO, pairs
from settle.sample.faults import FaultList
from settle.sample.plan import SamplePlan, ServiceMix
from settle.sample.sealed import NONCE_BYTES, Cause, draw_faults, opened, seal

IN_RECORDS = (
    Cause.LOST_RECORDS,
    Cause.DUPLICATED_RECORDS,
    Cause.SLICED_CALLS,
    Cause.WRONG_TIME_ZONE,
    Cause.PERIOD_EDGE,
)
"""Causes that lie in one switch's records; its operator cannot mend them within minutes."""
IN_SETTINGS = (Cause.WRONG_INCREMENT,)
"""Causes that lie in an agent's settings: found, corrected, and filed again."""


class Envelope(NamedTuple):
    """What is in it, and the hash that everyone has seen."""

    faults: FaultList
    nonce: bytes
    hash: str

    def is_the_sealed_one(self) -> bool:
        """Whether list and nonce give the hash that was shown before."""
        return opened(self.faults, self.nonce, self.hash)


def fill(seed: int) -> Envelope:
    """One fault in records and one in settings, each on another pair."""
    every = [(first.code, second.code) for first, second in pairs(CHINA)]
    in_records = draw_faults(seed, every, 1, IN_RECORDS)
    hit = {in_records.faults[0].operator, in_records.faults[0].peer}
    others = [pair for pair in every if set(pair) != hit]
    in_settings = draw_faults(seed + 1, others, 1, IN_SETTINGS)
    faults = FaultList((*in_records.faults, *in_settings.faults))
    nonce = secrets.token_bytes(NONCE_BYTES)
    return Envelope(faults, nonce, seal(faults, nonce))


def traffic(seed: int, events: int, envelope: Envelope) -> SamplePlan:
    """A month of calls and messages between the four operators, each event seen by two switches."""
    mix = ServiceMix(voice=760, sms=220, mms=20, data=0)
    return SamplePlan(
        seed=seed, records=events, usage_from=USAGE_FROM, usage_to=USAGE_TO, mix=mix, faults=envelope.faults
    )
