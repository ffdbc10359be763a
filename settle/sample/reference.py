"""What an operator's agent needs beside the records: trunk map, settings, portability."""

from __future__ import annotations

from pathlib import Path

import msgspec
import tomlkit

from settle.agent.intake.trunks import Trunk, TrunkMap
from settle.sample.faults import OldRateVersion, WrongIncrement, WrongTrunkMap
from settle.sample.files import FAULTS, PLAN, PORTED, REFERENCE, SETTINGS, TRUNKS, TRUTH, write_json
from settle.sample.plan import SamplePlan
from settle.sample.subscribers import Subscribers
from settle.sample.views import trunk_name


class Setting(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an operator settles with one peer where it differs from the agreement; absent fields do not."""

    peer: str
    rule_version: int | None = None
    first_ms: int | None = None
    next_ms: int | None = None


def settings_of(plan: SamplePlan, operator: str) -> tuple[Setting, ...]:
    """The faults of an operator that are settings of its agent, in the fault list's order."""
    found = []
    for fault in plan.faults.faults:
        if fault.operator != operator:
            continue
        if isinstance(fault, OldRateVersion):
            found.append(Setting(fault.peer, rule_version=fault.version))
        if isinstance(fault, WrongIncrement):
            found.append(Setting(fault.peer, first_ms=fault.first_ms, next_ms=fault.next_ms))
    return tuple(found)


def trunk_map(plan: SamplePlan, operator: str) -> TrunkMap:
    """The operator's map from its trunks to peers, wrong where a fault says so."""
    peers = [other.code for other in plan.operators if other.code != operator]
    wrong = {
        (fault.peer, fault.trunk): fault.maps_to
        for fault in plan.faults.faults
        if isinstance(fault, WrongTrunkMap) and fault.operator == operator
    }
    return TrunkMap(
        tuple(
            Trunk(
                trunk=trunk_name(operator, peer, number),
                peer=wrong.get((peer, number), peer),
                local=number <= plan.local_trunks,
            )
            for peer in peers
            for number in range(1, plan.trunks + 1)
        )
    )


def write_reference(plan: SamplePlan, people: Subscribers, folder: Path) -> None:
    """Write everything of a sample but records and events."""
    write_json(folder / TRUTH / PLAN, plan)
    write_json(folder / TRUTH / FAULTS, plan.faults)
    (folder / REFERENCE).mkdir()
    people.ported().write_csv(folder / REFERENCE / PORTED)
    for code in (operator.code for operator in plan.operators):
        write_json(folder / code / SETTINGS, {"operator": code, "settings": settings_of(plan, code)})
        rows = [row.model_dump(include={"trunk", "peer", "local"}) for row in trunk_map(plan, code).rows]
        (folder / code / TRUNKS).write_text(tomlkit.dumps({"trunk": rows}), encoding="utf-8")
