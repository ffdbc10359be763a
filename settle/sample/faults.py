"""The causes of disagreement: one type each, a fault being one operator's doing on one pair.

A fault of the records (clock, loss, slicing, ...) changes what the operator's switch wrote. A fault of
reference data changes its trunk map. A fault of the settlement itself (an old rate version, a wrong
increment) leaves the records alone and is written into the operator's `settings.json`, which whoever
runs the operator's agent applies. Lines that a fault moves are the same for both kinds.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, TypeAlias

import msgspec

from settle.sample.errors import BadFault, require_within

PPM = 1_000_000
MOST_FAULTS = 62
"""A record's faults are bits of a number that a signed 64-bit column holds."""

_DAY_MS = 86_400_000


class Injector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="cause"):
    """A fault of `operator`'s own side of its pair with `peer`."""

    BOUNDS: ClassVar[dict[str, tuple[int, int]]] = {}

    operator: str
    peer: str

    def __post_init__(self) -> None:
        if self.operator == self.peer:
            raise BadFault(
                "peer", expected=f"another operator than {self.operator}", came=self.peer,
                next_step="Name the other side of the pair.",
            )  # fmt: skip
        for field, (low, high) in self.BOUNDS.items():
            require_within(BadFault, f"{type(self).__name__}.{field}", getattr(self, field), low, high)


class ClockOffset(Injector, frozen=True, tag="clock_offset"):
    """The switch's clock is `offset_ms` ahead at the start of usage and gains `drift_ppm`."""

    BOUNDS: ClassVar = {"offset_ms": (-_DAY_MS, _DAY_MS), "drift_ppm": (-1000, 1000)}

    offset_ms: int
    drift_ppm: int = 0


class DurationJitter(Injector, frozen=True, tag="duration_jitter"):
    """Answered calls are measured longer by `low_ms` to `high_ms`, uniformly; negative is shorter."""

    BOUNDS: ClassVar = {"low_ms": (-60_000, 60_000), "high_ms": (-60_000, 60_000), "share_ppm": (1, PPM)}

    low_ms: int
    high_ms: int
    share_ppm: int = PPM

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.high_ms < self.low_ms:
            raise BadFault(
                "DurationJitter.high_ms", expected=f"at least low_ms, {self.low_ms}", came=self.high_ms,
                next_step="Exchange the two bounds.",
            )  # fmt: skip


class LostRecords(Injector, frozen=True, tag="lost_records"):
    """A share of the records never reaches the files; on one trunk only, unless `trunk` is 0."""

    BOUNDS: ClassVar = {"share_ppm": (1, PPM), "trunk": (0, 64)}

    share_ppm: int
    trunk: int = 0


class Copy(StrEnum):
    """How a record that is delivered twice looks the second time.

    SAME: to the letter. RENUMBERED: under a record id of its own. REWRITTEN: by another program, which
    numbers anew, knows no network reference and cuts times to the second; only a comparison of calls finds it.
    """

    SAME = "same"
    RENUMBERED = "renumbered"
    REWRITTEN = "rewritten"


class DuplicatedRecords(Injector, frozen=True, tag="duplicated_records"):
    """A share of the records is delivered twice."""

    BOUNDS: ClassVar = {"share_ppm": (1, PPM)}

    share_ppm: int
    copy: Copy = Copy.SAME


class SlicedCalls(Injector, frozen=True, tag="sliced_calls"):
    """A call longer than `slice_ms` is written in slices of that length and a rest."""

    BOUNDS: ClassVar = {"slice_ms": (10_000, _DAY_MS)}

    slice_ms: int


class WrongTrunkMap(Injector, frozen=True, tag="wrong_trunk_map"):
    """The operator's trunk map says that trunk number `trunk` of this pair leads to `maps_to`."""

    BOUNDS: ClassVar = {"trunk": (1, 64)}

    trunk: int
    maps_to: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.maps_to in (self.operator, self.peer):
            raise BadFault(
                "WrongTrunkMap.maps_to", expected=f"a third operator beside {self.operator} and {self.peer}",
                came=self.maps_to, next_step="Name an operator that the trunk does not lead to.",
            )  # fmt: skip


class OldRateVersion(Injector, frozen=True, tag="old_rate_version"):
    """A setting: the operator rates this pair with an older version of the rule."""

    BOUNDS: ClassVar = {"version": (1, 2**32 - 1)}

    version: int


class WrongTimeZone(Injector, frozen=True, tag="wrong_time_zone"):
    """Times are off by `shift_s` from `since_s` of usage on: a zone (since 0), or a missed change to DST."""

    BOUNDS: ClassVar = {"shift_s": (-86_400, 86_400), "since_s": (0, 400 * 86_400)}

    shift_s: int
    since_s: int = 0


class WrongIncrement(Injector, frozen=True, tag="wrong_increment"):
    """A setting: the operator bills this pair's calls in another first and next increment."""

    BOUNDS: ClassVar = {"first_ms": (1, 3_600_000), "next_ms": (1, 3_600_000)}

    first_ms: int
    next_ms: int


class LateFile(Injector, frozen=True, tag="late_file"):
    """The stream stops: files from number `sequence` on miss the cut-off and are written under `late/`.

    A reader takes the files of a stream in order, so one missing file holds up those after it.
    """

    BOUNDS: ClassVar = {"sequence": (1, 10**6)}

    sequence: int


class PortabilityMismatch(Injector, frozen=True, tag="portability_mismatch"):
    """Legs of ported numbers are booked on a trunk of the range's holder, as if nobody had ported."""

    BOUNDS: ClassVar = {"share_ppm": (1, PPM)}

    share_ppm: int = PPM


class PeriodEdge(Injector, frozen=True, tag="period_edge"):
    """Calls that end in the last `window_s` of usage, or after it, are dated `window_s` past their end.

    Window 0 is the plain form: a call in progress at the edge is dated by its end, not its answer.
    """

    BOUNDS: ClassVar = {"window_s": (0, 10 * 86_400)}

    window_s: int = 0


Fault: TypeAlias = (
    ClockOffset
    | DurationJitter
    | LostRecords
    | DuplicatedRecords
    | SlicedCalls
    | WrongTrunkMap
    | OldRateVersion
    | WrongTimeZone
    | WrongIncrement
    | LateFile
    | PortabilityMismatch
    | PeriodEdge
)
SETTINGS = (OldRateVersion, WrongIncrement)


class FaultList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Faults in the order in which they are applied; a fault's number is its place, from 0."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        require_within(BadFault, "number of faults", len(self.faults), 0, MOST_FAULTS)

    def of(self, operator: str, peer: str) -> tuple[tuple[int, Fault], ...]:
        """The numbered faults of one operator's side of one pair."""
        return tuple(
            (number, fault)
            for number, fault in enumerate(self.faults)
            if (fault.operator, fault.peer) == (operator, peer)
        )
