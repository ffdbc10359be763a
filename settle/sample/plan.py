"""What is to be generated: who, when, how much, in which mix, with which faults."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from itertools import combinations

import msgspec

from settle.sample.errors import BadFault, BadPlan, require_within
from settle.sample.faults import FaultList, LateFile, LostRecords, WrongTrunkMap
from settle.sample.ranges import mobile_ranges

DAY = 86_400
MOST_SUBSCRIBERS = 10_000_000
"""Seven digits tell every subscriber from every other: the largest operator's, times the operators."""


class Form(StrEnum):
    """How record files are written."""

    PARQUET = "parquet"
    CSV = "csv"


class SampleOperator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One operator: its code, its national number ranges (leading digits), its size per mille."""

    code: str
    ranges: tuple[str, ...]
    weight: int
    subscribers: int = 100_000

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", self.code) or self.code in ("LOCAL", "TRUTH"):
            raise BadPlan(
                "operator code",
                expected="2 to 10 capitals and digits",
                came=self.code,
                next_step="Choose another code.",
            )
        require_within(BadPlan, f"weight of {self.code}", self.weight, 1, 1_000_000)
        require_within(BadPlan, f"subscribers of {self.code}", self.subscribers, 2, 2**20)
        bad = [digits for digits in self.ranges if not re.fullmatch(r"1[0-9]{2,3}", digits)]
        if bad or not self.ranges:
            raise BadPlan(
                f"ranges of {self.code}", expected="the three or four leading digits of mobile numbers",
                came=", ".join(bad) or "none", next_step="Give ranges such as 139 or 1703, without the country code.",
            )  # fmt: skip


class ServiceMix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Shares per mille: of the services among all events, and of what fails within each."""

    voice: int = 700
    sms: int = 220
    mms: int = 20
    data: int = 60
    calls_failed: int = 250
    messages_failed: int = 15
    messages_undelivered: int = 25

    def __post_init__(self) -> None:
        for field in self.__struct_fields__:
            require_within(BadPlan, f"mix.{field}", getattr(self, field), 0, 1000)
        for field, total, wanted in (
            ("mix.voice + sms + mms + data", self.voice + self.sms + self.mms + self.data, (1000, 1000)),
            ("mix.messages_failed + messages_undelivered", self.messages_failed + self.messages_undelivered, (0, 1000)),
        ):
            require_within(BadPlan, field, total, *wanted)


@cache
def domestic_operators() -> tuple[SampleOperator, ...]:
    """China's four mobile operators with their real ranges; weights near their shares of subscribers."""
    weights = (("CMCC", 560), ("CUCC", 230), ("CTCC", 180), ("CBN", 30))
    return tuple(SampleOperator(code=code, ranges=mobile_ranges()[code], weight=weight) for code, weight in weights)


class SamplePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a sample: equal plans give equal rows.

    `records` counts events of the truth; each is seen by two switches, so twice as many records are
    written. Usage is [usage_from, usage_to), UTC seconds, whole days of the local time at `utc_offset_s`.
    Of a pair's `trunks`, the first `local_trunks` carry traffic inside one local network. `label` ends the
    names of the streams: a second sample of the same network (same seed, other days) keeps to streams of its own.
    Raises `BadPlan` or `BadFault`.
    """

    seed: int
    records: int
    usage_from: int
    usage_to: int
    utc_offset_s: int = 8 * 3600
    operators: tuple[SampleOperator, ...] = msgspec.field(default_factory=domestic_operators)
    mix: ServiceMix = ServiceMix()
    trunks: int = 4
    local_trunks: int = 1
    ported_permille: int = 30
    rows_per_file: int = 100_000
    days_per_file: int = 7
    form: Form = Form.PARQUET
    label: str = ""
    faults: FaultList = FaultList()

    def __post_init__(self) -> None:
        for field, low, high in (
            ("seed", 0, 2**63 - 1), ("records", 0, 10**9), ("utc_offset_s", -14 * 3600, 14 * 3600),
            ("usage_from", 0, 2**36), ("usage_to", 0, 2**36), ("trunks", 1, 64), ("ported_permille", 0, 1000),
            ("rows_per_file", 100, 1_000_000), ("days_per_file", 1, 31),
        ):  # fmt: skip
            require_within(BadPlan, field, getattr(self, field), low, high)
        require_within(BadPlan, "local_trunks", self.local_trunks, 0, self.trunks)
        if not re.fullmatch(r"[A-Za-z0-9._-]{0,16}", self.label):
            raise BadPlan(
                "label", expected="at most 16 letters, digits, dots, dashes and underscores", came=self.label,
                next_step="Choose another label.",
            )  # fmt: skip
        self._require_whole_days()
        self._require_operators()
        self._require_faults_of_this_plan()

    @property
    def days(self) -> int:
        """Local days of usage."""
        return (self.usage_to - self.usage_from) // DAY

    def stream(self, operator: str, peer: str) -> str:
        """The name of an operator's stream of files about one peer."""
        return f"{operator}-{peer}{self.label}"

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every pair of operators once, in the plan's order."""
        return tuple(combinations((operator.code for operator in self.operators), 2))

    def _require_whole_days(self) -> None:
        length = self.usage_to - self.usage_from
        if not 0 < length <= 400 * DAY or length % DAY or (self.usage_from + self.utc_offset_s) % DAY:
            raise BadPlan(
                "usage", expected="1 to 400 whole days from a local midnight",
                came=f"{self.usage_from} to {self.usage_to}", next_step="Use month(year, month).",
            )  # fmt: skip

    def _require_operators(self) -> None:
        codes = [operator.code for operator in self.operators]
        if not 2 <= len(set(codes)) == len(codes) <= 16:
            raise BadPlan(
                "operators", expected="2 to 16 operators with different codes", came=", ".join(codes) or "none",
                next_step="List each operator once.",
            )  # fmt: skip
        ranges = [digits for operator in self.operators for digits in operator.ranges]
        shared = sorted(
            a for a in set(ranges) if ranges.count(a) > 1 or any(a != b and a.startswith(b) for b in ranges)
        )
        if shared:
            raise BadPlan(
                "ranges", expected="each range with one operator", came=", ".join(shared),
                next_step="Leave the range with its holder; ported_permille makes ported numbers.",
            )  # fmt: skip
        largest = max(operator.subscribers for operator in self.operators)
        require_within(BadPlan, "subscribers of the largest operator", largest, 2, MOST_SUBSCRIBERS // len(codes))

    def _require_faults_of_this_plan(self) -> None:
        codes = {operator.code for operator in self.operators}
        for fault in self.faults.faults:
            third = {fault.maps_to} if isinstance(fault, WrongTrunkMap) else set()
            unknown = {fault.operator, fault.peer, *third} - codes
            if unknown:
                raise BadFault(
                    type(fault).__name__, expected=f"operators among {', '.join(sorted(codes))}",
                    came=", ".join(sorted(unknown)), next_step="Name operators of the plan.",
                )  # fmt: skip
            if isinstance(fault, WrongTrunkMap | LostRecords):
                require_within(BadFault, f"{type(fault).__name__}.trunk", fault.trunk, 0, self.trunks)
            if isinstance(fault, LateFile):
                self._require_file(fault)

    def _require_file(self, fault: LateFile) -> None:
        fewest = -(-self.days // self.days_per_file)
        require_within(BadFault, "LateFile.sequence", fault.sequence, 1, fewest)


def month(year: int, number: int, utc_offset_s: int = 8 * 3600) -> tuple[int, int]:
    """(usage_from, usage_to) of a calendar month, UTC seconds, at a fixed offset of local time."""
    if not 1970 < year < 4000 or not 1 <= number <= 12:
        raise BadPlan(
            "month",
            expected="a month such as 2014, 1",
            came=f"{year}, {number}",
            next_step="Give a year and a month of 1 to 12.",
        )
    first, after = date(year, number, 1), date(year + number // 12, number % 12 + 1, 1)
    start, end = (int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) for day in (first, after))
    return start - utc_offset_s, end - utc_offset_s
