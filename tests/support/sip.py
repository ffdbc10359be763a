"""The published table of the three SIP switches' records, and what of it a test counts by itself.

Every figure is from tests/data/sip/README.md ("What each side's own records say").
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from settle.agent.intake.stream import Receipt, Stream

DATA = Path(__file__).parents[1] / "data" / "sip"
A, B, C = "CMCC", "CUCC", "CTCC"
FILES = {
    A: [DATA / "opA" / "acc_cdrs.csv.gz"],
    B: sorted((DATA / "opB").glob("cdrs_*.gz")),
    C: [DATA / "opC" / "acc_cdrs.csv.gz"],
}

# leg: calls, matched by call id, only one side, seconds, minutes, CNY; sender / receiver
TABLE = {
    (A, B): ((5886, 5923), 5886, (0, 37), (124_508, 126_229), (6337, 6390), ("380.22", "383.40")),
    (B, A): ((4091, 4073), 4073, (18, 0), (85_690, 85_484), (4392, 4373), ("175.68", "174.92")),
    (A, C): ((1899, 1885), 1878, (21, 7), (43_091, 40_036), (2087, 2030), ("125.22", "121.80")),
    (C, A): ((594, 606), 591, (3, 15), (12_369, 14_493), (643, 681), ("25.72", "27.24")),
    (B, C): ((762, 750), 750, (12, 0), (16_843, 15_831), (827, 803), ("49.62", "48.18")),
    (C, B): ((814, 822), 814, (0, 8), (17_881, 18_846), (886, 908), ("53.16", "54.48")),
}

Leg = tuple[str, str]
"""Sender and receiver."""
Legs = dict[tuple[str, str, str], pl.DataFrame]
"""(owner of the records, sender, receiver) → its answered legs."""


def legs_of(files: Mapping[str, Iterable[tuple[Stream, Receipt]]]) -> Legs:
    """Every owner's legs, as they were sorted when its files were taken."""
    found: Legs = {}
    for owner, taken in files.items():
        all_legs = pl.concat([stream.legs(receipt).collect() for stream, receipt in taken])
        for (direction, peer), part in all_legs.partition_by("direction", "peer", as_dict=True).items():
            ends = (owner, peer) if direction == "OUT" else (peer, owner)
            found[owner, *ends] = part
    return found


def matched_by_call_id(legs: Legs, leg: Leg) -> tuple[int, tuple[int, int]]:
    """Calls that both sides have, and those of only the sender and only the receiver."""
    sender, receiver = (set(legs[owner, *leg]["call_id"]) for owner in leg)
    return len(sender & receiver), (len(sender - receiver), len(receiver - sender))
