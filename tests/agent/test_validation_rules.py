"""The validation rule that an agreement binds: causes of suspense, refused files, and who is not concerned."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import polars as pl
import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import SlotBinding
from abci_app.domain.periods.schema import PeriodState
from abci_app.domain.rulebook.schema import RuleVersionActivated
from abci_app.rules.bundle import LoadedRule
from abci_app.rules.codes import RejectedByRule, RuleRefused
from abci_app.rules.interface import Slot
from settle.agent.intake.bad_input import BadInput
from settle.agent.intake.causes import EXPLANATIONS, Cause, explanation
from settle.agent.intake.sort import IN, OUT, Sorted, sort_records, split_legs
from settle.agent.intake.stream import Taken
from settle.agent.intake.validate import Validation, judge_legs
from settle.agent.runtime.desk import ActionKind
from settle.rules.build import shipped_rule
from settle.rules.shipped import ShippedRule
from tests.agent import runtime_world
from tests.agent.intake_world import (
    FROM_MS,
    NOW_MS,
    PEER,
    THIRD,
    TO_MS,
    TRUNKS,
    csv_text,
    frame,
    record,
    setting,
    stream,
    with_rows,
    write_csv,
    write_totals,
)
from tests.agent.runtime_world import CUT_OFF, FIRST, TERMS, World, deliver_all, sample, settle_until, state
from tests.support.chains import CMCC, CUCC

DAY_S = 86_400
AGREED = {
    "longest_ms": 3_600_000,
    "most_units": 1_000,
    "late_after": 14_400,
    "refuse_after": 60 * DAY_S,
    "ahead": 300,
    "calling_needed": 1,
    "ranges_hold": 0,
    "totals_bps": 5_000,
    "missing_allowed": 0,
}
ARRIVED = FROM_MS + 3_600_000
NEXT_DAY = FROM_MS + DAY_S * 1000


@cache
def rule() -> LoadedRule:
    return shipped_rule("file_validation", 1)


def validation(**changed: object) -> Validation:
    base: dict[str, object] = {
        "peer": PEER,
        "unit": 11,
        "own_unit": 0,
        "from_ms": FROM_MS,
        "to_ms": TO_MS,
        "services": {"VOICE": 1, "SMS": 2},
        "directions": {OUT: 0, IN: 1},
        "rule": rule(),
        "parameters": AGREED,
    }
    return Validation(**{**base, **changed})  # type: ignore[arg-type]  # a test's table of changes


def sort(*records: dict[str, object], arrived_ms: int = ARRIVED, **changed: object) -> Sorted:
    judged_by = setting(validations=(validation(**changed),), longest_ms=10**12)
    return sort_records(with_rows(frame(*records)), judged_by, arrived_ms)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, None),
        ({"duration_ms": 3_600_000}, None),
        ({"duration_ms": 3_600_001}, "ABSURD_DURATION"),
        ({"a_number": ""}, "NO_CALLING_NUMBER"),
        ({"service": "SMS", "duration_ms": 0, "units": 1_000, "outcome": "DELIVERED"}, None),
        ({"service": "SMS", "duration_ms": 0, "units": 1_001, "outcome": "DELIVERED"}, "ABSURD_UNITS"),
        ({"start_ms": ARRIVED + 300_000}, None),
        ({"start_ms": ARRIVED + 300_001}, "FROM_THE_FUTURE"),
        ({"start_ms": ARRIVED + 302_000}, "FROM_THE_FUTURE"),
    ],
)
def test_a_rejection_is_the_cause_of_suspense(changed: dict[str, object], code: str | None) -> None:
    found = sort(record(1), record(2, **changed))
    assert found.suspense.select("row", "why").rows() == ([] if code is None else [(2, code)])
    assert found.settled == found.legs.height == (2 if code is None else 1)


def test_late_records_are_taken_and_counted_until_they_are_too_old() -> None:
    for seconds, late, settled in ((14_400, 0, 1), (14_401, 1, 1), (60 * DAY_S, 1, 1), (60 * DAY_S + 1, 0, 0)):
        found = sort(record(1, start_ms=FROM_MS), arrived_ms=FROM_MS + seconds * 1000)
        assert (found.late, found.settled) == (late, settled)
    assert found.suspense["why"].to_list() == ["TOO_OLD"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"peer": "CTCC"},
        {"unit": 12},
        {"own_unit": 1},
        {"from_ms": TO_MS, "to_ms": TO_MS + 1},
        {"services": {"SMS": 2}},
    ],
)
def test_legs_of_another_agreement_period_or_service_are_not_judged(elsewhere: dict[str, object]) -> None:
    assert sort(record(1, duration_ms=3_600_001), **elsewhere).settled == 1


def test_the_intakes_own_causes_come_first() -> None:
    strange = record(1, duration_ms=3_600_001, b_number="0000000")
    assert sort(strange).suspense["why"].to_list() == [Cause.UNKNOWN_PREFIX]


def test_what_one_agreement_rejects_of_a_transit_call_waits_as_a_whole() -> None:
    found = sort(record(1, trunk_in="T-T", trunk_out="T-U", duration_ms=3_600_001))
    assert (found.legs.height, found.suspense["why"].to_list()) == (0, ["ABSURD_DURATION"])


def test_arguments_that_the_rule_was_not_proved_for_are_a_cause_too() -> None:
    assert sort(record(1), services={"VOICE": 256}).suspense["why"].to_list() == ["ARGUMENT_OUT_OF_RANGE"]


def by_executor(
    legs: pl.DataFrame, records: pl.DataFrame, validations: tuple[Validation, ...], arrived_ms: int
) -> tuple[dict[int, str], int]:
    """What `judge_legs` says, leg by leg as consensus would run the rule: causes by row, and the late legs."""
    known = {row["row"]: row for row in records.iter_rows(named=True)}
    causes: dict[int, str] = {}
    late: list[int] = []
    for each in validations:
        own = each.rule.bound("validate_record", each.parameters)
        for leg in legs.iter_rows(named=True):
            use = known[leg["row"]]
            same_units = (leg["peer"], leg["unit"], leg["own_unit"]) == (each.peer, each.unit, each.own_unit)
            if not same_units or use["service"] not in each.services:
                continue
            if not each.from_ms <= use["start_ms"] < each.to_ms:
                continue
            numbers = each.services[use["service"]], each.directions[leg["direction"]], use["a_number"], use["b_number"]
            quantities = use["duration_ms"], use["units"], (arrived_ms - use["start_ms"]) // 1000
            try:
                (is_late,) = each.rule.call("validate_record", *numbers, *quantities, *own)
            except RejectedByRule as rejection:
                causes.setdefault(leg["row"], rejection.code)
            except RuleRefused as refusal:
                causes.setdefault(leg["row"], refusal.code.name)
            else:
                late += [leg["row"]] * int(is_late)
    return causes, sum(row not in causes for row in late)


def drawn(chance: Random, number: int) -> dict[str, object]:
    trunks = ("LOCAL", "T-U", "T-T", "T-MOVED")
    long = "8613900000001" + "0" * chance.choice([0, 0, 0, 7, 8])  # 21 digits are none of a number
    return record(
        number,
        service=chance.choice(["VOICE", "SMS", "MMS"]),
        trunk_in=chance.choice(trunks),
        trunk_out=chance.choice(trunks),
        a_number=chance.choice([long, long, ""]),
        b_number=chance.choice([long, long, ""]),
        start_ms=chance.choice([FROM_MS, FROM_MS, NEXT_DAY, TO_MS]) + chance.randrange(-400_000, 400_000),
        duration_ms=chance.choice([-1, 0, 61_000, 3_600_000, 3_600_001, 2**63 - 1]),
        units=chance.choice([-1, 0, 1_000, 1_001]),
    )


@pytest.mark.parametrize("seed", range(4))
def test_columns_judge_as_the_executor_does_and_the_first_leg_of_a_record_decides(seed: int) -> None:
    chance = Random(seed)
    records = with_rows(frame(*(drawn(chance, number) for number in range(1, 1_001))))
    legs = split_legs(records, TRUNKS)
    validations = (
        validation(services={"VOICE": 1, "SMS": 2, "MMS": 256}),
        validation(peer=THIRD, unit=0, parameters={**AGREED, "longest_ms": 60_000, "calling_needed": 0}),
        # of a call that comes and goes by one peer's trunk, the leg out is first, and out of range
        validation(unit=0, directions={OUT: 2, IN: 1}, parameters={**AGREED, "late_after": 0, "ahead": 86_400}),
    )
    expected, expected_late = by_executor(legs, records, validations, NEXT_DAY)
    causes, late = judge_legs(legs, records, validations, NEXT_DAY)
    assert (dict(causes.rows()), late) == (expected, expected_late)
    assert causes.height == len(expected)
    assert len(set(expected.values())) >= 8
    assert {"ARGUMENT_OUT_OF_RANGE", "ABSURD_DURATION"} <= set(expected.values())
    assert 0 < late < legs.height


@pytest.mark.parametrize(
    "changed",
    [
        {"peer": "CTCC"},
        {"unit": 12},
        {"own_unit": 1},
        {"from_ms": FROM_MS + 1},
        {"to_ms": TO_MS + 1},
        {"services": {"VOICE": 1, "SMS": 3}},
        {"directions": {OUT: 1, IN: 0}},
        {"parameters": {**AGREED, "ahead": 301}},
    ],
)
def test_whatever_a_judgement_hangs_on_has_suspense_judged_again(changed: dict[str, object]) -> None:
    assert validation(**changed).facts() != validation().facts() == validation(parameters=dict(AGREED)).facts()


def test_a_rules_code_is_explained_as_a_rules() -> None:
    assert explanation("TOO_OLD").startswith("an agreement's validation rule rejects it")
    assert {cause: explanation(cause.value) for cause in Cause} == EXPLANATIONS


def take(folder: Path, file: Path, **changed: object) -> Taken:
    judged_by = setting(validations=(validation(**changed),))
    return stream(folder).take(file, judged_by, now_ms=NOW_MS)


def test_rejected_records_stay_in_the_totals_and_a_milder_rule_releases_them(tmp_path: Path) -> None:
    kept = stream(tmp_path)
    file = write_csv(tmp_path / "a.csv", record(1, start_ms=TO_MS - 1), record(2, start_ms=TO_MS - 2, a_number=""))
    receipt = take(tmp_path, file).receipt
    assert (receipt.records, receipt.settled, receipt.suspense) == (2, 1, {"NO_CALLING_NUMBER": 1})
    detail = kept.suspense(receipt)["detail"].to_list()
    assert detail == ["from  to 8613000000002, ms 61000, units 0"]
    mild = setting(validations=(validation(parameters={**AGREED, "calling_needed": 0}),))
    [after] = kept.reprocess(mild)
    assert (after.settled, after.suspense, after.late) == (2, {}, 0)


def test_age_is_counted_to_the_arrival_even_when_judged_again(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1, a_number=""))
    receipt = take(tmp_path, file).receipt
    assert (receipt.late, receipt.suspense) == (0, {"NO_CALLING_NUMBER": 1})
    mild = setting(validations=(validation(parameters={**AGREED, "calling_needed": 0}),))
    [after] = stream(tmp_path).reprocess(mild)
    assert (after.late, after.taken_at_ms) == (1, NOW_MS)


def spoilt(folder: Path, rows: int) -> Path:
    """A file of ten calls whose last rows cannot be read; the control totals tell of ten."""
    file = folder / "a.csv"
    file.write_text(csv_text(*(record(n) for n in range(1, 11))))
    write_totals(file)
    stated = {"duration_ms": 610_000}
    lines = file.read_text().splitlines()
    lines[-rows:] = [line.replace("ANSWERED", "?") for line in lines[-rows:]]
    file.write_text("\n".join(lines) + "\n")
    write_totals(file, **stated)
    return file


def test_a_file_whose_readable_records_are_near_the_totals_is_doubtful(tmp_path: Path) -> None:
    receipt = take(tmp_path, spoilt(tmp_path, 5)).receipt
    assert (receipt.doubtful, receipt.suspense) == (True, {"MALFORMED": 5})


def test_a_file_whose_readable_records_are_far_from_the_totals_is_refused_whole(tmp_path: Path) -> None:
    file = spoilt(tmp_path, 6)
    with pytest.raises(BadInput, match=r"RECORDS_DIFFER: 4 readable records of 10, 244000 ms of 610000") as refused:
        take(tmp_path, file)
    assert "agreement with CUCC" in refused.value.expected
    assert stream(tmp_path).receipts() == []
    assert not take(tmp_path, file, parameters={**AGREED, "totals_bps": 6_000}).repeated


def test_a_file_that_is_as_stated_is_not_doubtful(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", record(1))
    write_totals(file)
    assert not take(tmp_path, file).receipt.doubtful


# in the agent


def agreed(*parameters: int) -> SlotBinding:
    return SlotBinding(Slot.VALIDATION, ShippedRule.FILE_VALIDATION, parameters)


def test_an_agreement_that_binds_a_validation_rule_has_its_records_judged(tmp_path: Path) -> None:
    """The sample is years old when it arrives: whether that is too old is the agreement's to say."""
    terms = replace(TERMS, slots=(*TERMS.slots, agreed(*{**AGREED, "most_units": 10**12}.values())))
    world = World(tmp_path, (terms,))
    deliver_all(world.homes[CMCC], sample(), CMCC)
    agent = world.start(CMCC)
    world.passes(1)
    receipts = [receipt for _, receipt in agent.vault.files()]
    assert receipts
    assert all(set(receipt.suspense) == {"TOO_OLD"} for receipt in receipts)
    assert all((receipt.settled, receipt.legs, receipt.late) == (0, 0, 0) for receipt in receipts)
    world.close()


def test_two_agents_with_a_validation_rule_settle(tmp_path: Path) -> None:
    patient = {**AGREED, "most_units": 10**12, "refuse_after": 3_650 * DAY_S, "longest_ms": DAY_S * 1000}
    terms = replace(TERMS, slots=(*TERMS.slots, agreed(*patient.values())))
    world = World(tmp_path, (terms,))
    for operator in (CMCC, CUCC):
        deliver_all(world.homes[operator], sample(), operator)
        world.start(operator)
    world.passes(3)
    world.at(CUT_OFF)
    settle_until(world, lambda: state(world, FIRST) >= PeriodState.RECONCILED)
    receipts = [receipt for agent in world.agents.values() for _, receipt in agent.vault.files()]
    assert all(receipt.late == receipt.legs > 0 and not receipt.suspense for receipt in receipts)
    world.close()


def test_a_rule_that_the_agreement_does_not_fit_lets_no_file_in_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain tries a rule that is active when an agreement is proposed; this one comes later."""
    later = [
        replace(fact, active_from=40)
        if isinstance(fact, RuleVersionActivated) and fact.rule == ShippedRule.FILE_VALIDATION
        else fact
        for fact in runtime_world._genesis()
    ]
    monkeypatch.setattr(runtime_world, "_genesis", lambda: tuple(later))
    world = World(tmp_path, (replace(TERMS, slots=(*TERMS.slots, agreed(1, 2))),))
    while world.node.height < 40:
        world.node.make_block()
    deliver_all(world.homes[CMCC], sample(), CMCC)
    agent = world.start(CMCC)
    world.passes(1)
    assert list(agent.vault.files()) == []
    blocked = [each for each in agent.blocked if each.kind is ActionKind.FILE_TAKEN]
    assert "the parameters longest_ms, most_units" in blocked[0].reason
    world.close()
