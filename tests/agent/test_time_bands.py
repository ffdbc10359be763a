"""Two agents rate by the time of day: over the boundaries of bands, and over the nights in which the clocks change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import CatalogueLine, SlotBinding, Terms
from abci_app.domain.periods.schema import LineFigures, PeriodState, Verdict
from abci_app.rules.bundle import bundle_hash
from abci_app.rules.interface import Slot
from settle.agent.runtime.inbox import deliver
from settle.agent.runtime.settings import AgentSettings, SimulatedFault
from settle.rules.build import shipped_bundle
from settle.rules.shipped import ShippedRule
from settle.sample.plan import month
from tests.agent.intake_world import record, write_csv, write_totals
from tests.agent.runtime_world import (
    CODES,
    CUT_OFF,
    DATES,
    FIRST,
    QUICK,
    TERMS,
    VOICE,
    World,
    settle_until,
    state,
)
from tests.support.chains import CMCC, CUCC
from tests.support.wall_clocks import (
    BERLIN,
    DAY,
    EVENING,
    MORNING,
    MUNICH_NUMBER,
    NIGHT,
    SHANGHAI,
    SHANGHAI_NUMBER,
    SMALL_HOURS,
    billed,
    telekom_1996,
    unicom_2001,
)

BANDS = ((0, range(MORNING, NIGHT + 1)), (1, (DAY, EVENING, SMALL_HOURS)))
CATALOGUE = tuple(CatalogueLine(VOICE, direction, band, 1, 1) for direction, bands in BANDS for band in bands)
WEEKENDS = {"spring": datetime(2015, 3, 27, tzinfo=UTC), "autumn": datetime(2015, 10, 23, tzinfo=UTC)}
"""Fridays before the clocks of Europe change: on 2015-03-29 and 2015-10-25, 01:00 UTC (tz database)."""


def terms(friday: datetime) -> Terms:
    """The month's calls: to Munich by the clock of the second party, to Shanghai by the clock of the first."""
    usage = month(friday.year, friday.month)
    rating = SlotBinding(Slot.RATING, ShippedRule.INTERNATIONAL_VOICE, ())
    dates = replace(DATES, usage_from=usage[0], usage_to=usage[1])
    return replace(TERMS, valid_from=usage[0], calendar=(dates,), catalogue=CATALOGUE, slots=(rating, *TERMS.slots[1:]))


def calls(friday: datetime) -> Iterator[tuple[int, int]]:
    """Start and duration in milliseconds, Friday to Monday: the last millisecond before each hour and the first of
    it, and one every 17 minutes; many of them last beyond the next boundary."""
    for hour in range(4 * 24):
        begun = int((friday + timedelta(hours=hour)).timestamp()) * 1000
        yield begun - 1, 1_000 + hour * 60_000
        yield begun, 599_999 + hour
    for number in range(4 * 24 * 60 // 17):
        yield int(friday.timestamp()) * 1000 + number * 17 * 60_000 + number % 1000, 1 + number * 1_009


def expected(friday: datetime) -> list[LineFigures]:
    """The lines by `datetime` and `zoneinfo`, call by call."""
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for start_ms, duration_ms in calls(friday):
        there, here = (datetime.fromtimestamp(start_ms // 1000, zone) for zone in (BERLIN, SHANGHAI))
        for direction, band in ((0, telekom_1996(there)), (1, unicom_2001(here))):
            for place, value in enumerate((1, duration_ms, *billed(band, duration_ms))):
                sums[direction, band][place] += value
    return [LineFigures(*sums[line.direction, line.band]) for line in CATALOGUE]


def deliver_calls(world: World, folder: Path, friday: datetime) -> None:
    """Each call as the switches of both ends saw it."""
    for operator, code in CODES.items():
        peer = next(one for one in CODES.values() if one != code)
        records = []
        for number, (start_ms, duration_ms) in enumerate(calls(friday)):
            for direction, called in enumerate((MUNICH_NUMBER, SHANGHAI_NUMBER)):
                outward = (direction == 0) == (operator == CMCC)
                trunks = {"trunk_in": "LOCAL" if outward else peer, "trunk_out": peer if outward else "LOCAL"}
                use = {"b_number": called, "start_ms": start_ms, "duration_ms": duration_ms}
                records.append(record(2 * number + direction, **trunks, **use))
        (folder / code).mkdir(exist_ok=True)
        file = write_csv(folder / code / "calls.csv", *records)
        write_totals(file, operator=code)
        deliver(file, world.homes[operator] / "agent" / "inbox")
        trunks_file = world.homes[operator] / "agent" / "trunks.toml"
        trunks_file.write_text(f'[[trunk]]\ntrunk = "{peer}"\npeer = "{peer}"\nlocal = false\n', encoding="utf-8")


def filed(folder: Path, friday: datetime, faulty: AgentSettings = QUICK) -> World:
    """Both have declared and opened; the second rates by `faulty` settings."""
    world = World(folder, (terms(friday),))
    deliver_calls(world, folder, friday)
    for operator, settings in ((CMCC, QUICK), (CUCC, faulty)):
        world.start(operator, settings)
    world.passes(3)
    world.at(CUT_OFF)
    settle_until(world, lambda: state(world) >= PeriodState.RECONCILED)
    assert [agent.blocked for agent in world.agents.values()] == [(), ()]
    return world


@pytest.mark.parametrize("season", WEEKENDS)
def test_both_agents_find_the_bands_of_the_wall_clock_over_a_change_of_the_clocks(tmp_path: Path, season: str) -> None:
    friday = WEEKENDS[season]
    world = filed(tmp_path, friday)
    lines = world.watcher().statement(FIRST).lines
    assert {line.verdict for line in lines} == {Verdict.EQUAL}
    assert [line.first for line in lines] == [line.second for line in lines] == expected(friday)
    assert all(line.first.calls > 20 for line in lines)
    world.close()


def test_the_night_is_an_hour_shorter_in_spring_and_an_hour_longer_in_autumn() -> None:
    """Four nights of three hours, but for the hour: without the offsets both months would have as many calls."""
    night = CATALOGUE.index(CatalogueLine(VOICE, 0, NIGHT, 1, 1))
    spring, autumn = (expected(friday)[night].calls for friday in WEEKENDS.values())
    an_hour = 2 + 60 / 17
    assert spring == pytest.approx(11 * an_hour, abs=3)
    assert autumn == pytest.approx(13 * an_hour, abs=3)


def test_a_simulated_fault_knows_the_time_of_day_too(tmp_path: Path) -> None:
    """The same rule as another one, and started minutes in place of its increments: nothing else differs."""
    friday = WEEKENDS["spring"]
    same = bundle_hash(shipped_bundle("international_voice", 1)).hex()
    fault = SimulatedFault(peer=CODES[CMCC], rate_with_bundle=same, first_ms=60_000, next_ms=60_000)
    world = filed(tmp_path, friday, AgentSettings(resend_after_s=0, simulated_fault=(fault,)))
    lines = world.watcher().statement(FIRST).lines
    assert [line.first for line in lines] == expected(friday)
    assert [line.second.calls for line in lines] == [line.first.calls for line in lines]
    minutes = sum(-(-duration_ms // 60_000) for _, duration_ms in calls(friday))
    both = [sum(line.second.units_billed for line in part) for part in (lines[:5], lines[5:])]
    assert both == [minutes * 60_000] * 2
    world.close()
