"""The sealed list of faults: drawn, hidden behind its hash, opened and compared at the end."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from msgspec.structs import replace

from settle.chain.consortium import CHINA
from settle.cli.demo.terms import OLD_YEAR, USAGE_FROM, USAGE_TO, pairs
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
_DAYS_PER_FILE = 4
"""Some files for every agent to take in all the while that the rule changes."""
_SHARE_OF_THE_OLD_YEAR = 15  # of the month's events


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
    """A month of calls and messages between the four operators, each event seen by two switches.

    None of it is inside one local network: the old tariff has a band for that, which the new one refuses to price,
    and an agreement has the same lines in all of its periods.
    """
    mix = ServiceMix(voice=760, sms=220, mms=20, data=0)
    return SamplePlan(
        seed=seed,
        records=events,
        usage_from=USAGE_FROM,
        usage_to=USAGE_TO,
        mix=mix,
        local_trunks=0,
        days_per_file=_DAYS_PER_FILE,
        faults=envelope.faults,
    )


def traffic_of_the_old_year(month: SamplePlan) -> SamplePlan:
    """The day before, from the same network and without faults in its records, in streams of its own."""
    usage_from, usage_to = OLD_YEAR
    events = month.records // _SHARE_OF_THE_OLD_YEAR
    return replace(month, records=events, usage_from=usage_from, usage_to=usage_to, label="-2013", faults=FaultList())
