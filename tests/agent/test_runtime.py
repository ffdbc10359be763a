"""Two agents settle a month of generated records: to the signed statement, invoices, set-off and payment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from abci_app.domain.obligations.schema import RoundState, State
from abci_app.domain.periods.schema import PeriodState, Verdict
from abci_app.kernel.approvals import DocumentKind
from abci_app.rules.bundle import bundle_hash
from settle.agent.intake.bad_input import BadInput
from settle.agent.read_model import PeriodKey, ReadModel
from settle.agent.runtime.people import approve, confirm_payment, notify_payment
from settle.agent.runtime.settings import AgentSettings, SimulatedFault
from settle.agent.tasks import Counted, TaskKind, approve_all_statements, discrepancies, tasks
from settle.chain.follower import Follower
from settle.rules.build import shipped_bundle
from settle.sample.faults import LateFile, LostRecords, WrongTrunkMap
from settle.sample.lines import truth_lines
from tests.agent.runtime_world import (
    CHECKERS,
    CODES,
    CUT_OFF,
    DATES,
    FIRST,
    TERMS_OF_THREE,
    World,
    deliver_all,
    kinds,
    reconciled,
    sample,
    settle_until,
    start_all,
    state,
)
from tests.support.chains import CMCC, CUCC

PAYABLE = (84_420_000, 62_950_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def approve_everywhere(world: World) -> list[Counted]:
    return [approve_all_statements(agent, CHECKERS[operator]) for operator, agent in world.agents.items()]


def test_a_period_is_settled_with_one_action_of_each_checker_and_the_money_is_the_truth(world: World) -> None:
    reconciled(world)
    assert all(kinds(done) == EVERYTHING for done in world.actions.values()), world.actions
    assert [counted[:2] for counted in approve_everywhere(world)] == [(1, 0), (1, 0)]
    settle_until(world, lambda: state(world) == PeriodState.SIGNED)
    known = world.agents[CMCC].period(FIRST)
    statement = world.agents[CMCC].model.statement(known.row.statement)
    assert statement is not None
    assert statement.payable == expected_money()
    settle_until(world, lambda: len(world.agents[CMCC].model.rounds(CMCC)) == 1)
    [proposed] = world.agents[CMCC].model.rounds(CMCC)
    assert proposed.row.terms.net == statement.payable[0] - statement.payable[1]
    for operator, agent in world.agents.items():
        approve(agent.outbox, DocumentKind.NETTING_ROUND, proposed.row.document, CHECKERS[operator])
    world.passes(3)
    payer = world.agents[CMCC]
    [net] = [each for each in payer.model.obligations(CMCC) if each.row.state == State.DUE]
    assert net.row.claim.amount == statement.payable[0] - statement.payable[1]
    notify_payment(payer.outbox, CHECKERS[CMCC], net.number, net.row.claim.amount, b"E2E-1")
    world.passes(2)
    confirm_payment(world.agents[CUCC].outbox, CHECKERS[CUCC], net.number, net.row.claim.amount, b"E2E-1")
    world.passes(2)
    assert state(world) == PeriodState.CLOSED
    assert world.agents[CUCC].model.rounds(CUCC)[0].row.state == RoundState.SETTLED
    assert [tasks(agent) for agent in world.agents.values()] == [[], []]
    assert [agent.blocked for agent in world.agents.values()] == [(), ()]


EVERYTHING = [
    "FILE_TAKEN", "FILE_TAKEN", "ANCHORED", "ANCHORED", "ADVANCED", "DECLARED", "OPENED", "APPROVED",
]  # fmt: skip


def expected_money() -> tuple[int, int]:
    """Payable by MIIT order 2013 no. 506 over the generator's own truth: 10^-6 CNY by direction."""
    rates = {  # a minute or message: from CMCC, to CMCC, to CMCC's series 157 and 188
        "VOICE": (60_000, 40_000, 60_000),
        "SMS": (10_000, 10_000, 10_000),
        "MMS": (50_000, 50_000, 50_000),
    }
    owed = [0, 0]
    for line in truth_lines(sample(), ("86157", "86188")):
        if line.service in rates:
            outward = line.sender == "CMCC"
            rate = rates[line.service][0 if outward else 2 if line.called_special else 1]
            owed[0 if outward else 1] += line.units_started * rate
    return owed[0], owed[1]


def test_lost_records_show_as_different_lines_with_their_size_and_a_reissue_heals_them(world: World) -> None:
    reconciled(world, sample(LostRecords(operator="CUCC", peer="CMCC", share_ppm=80_000)))
    found = discrepancies(world.agents[CUCC], FIRST)
    assert {each.verdict for each in found} == {Verdict.DIFFERENT}
    calls_lost = [each.other.calls - each.own.calls for each in found]
    assert all(lost > 0 for lost in calls_lost)
    assert all(each.difference < 0 for each in found)
    mirrored = discrepancies(world.agents[CMCC], FIRST)
    assert [each.difference for each in mirrored] == [-each.difference for each in found]
    assert "APPROVED" not in kinds([*world.actions[CMCC], *world.actions[CUCC]])
    assert [counted[:2] for counted in approve_everywhere(world)] == [(0, 1), (0, 1)]
    wanted = [task for task in tasks(world.agents[CUCC]) if task.kind is TaskKind.FIND_DIFFERENCE]
    assert [task.amount for task in wanted] == [-each.difference for each in found]

    redeliver(world, CUCC)
    world.passes(1)
    [late] = [task for task in tasks(world.agents[CUCC]) if task.kind is TaskKind.LATE_FILES]
    assert late.deadline == DATES.agree_by
    assert world.agents[CUCC].reissue(FIRST) == 2
    settle_until(world, lambda: not discrepancies(world.agents[CUCC], FIRST))
    world.passes(3)
    assert [counted[:2] for counted in approve_everywhere(world)] == [(1, 0), (1, 0)]
    settle_until(world, lambda: state(world) == PeriodState.SIGNED)


def redeliver(world: World, operator: int) -> None:
    """The whole month comes again under new record names; the agent tells by content what it has already."""
    code = CODES[operator]
    inbox = world.homes[operator] / "agent" / "inbox" / f"{code}-CMCC"
    inbox.mkdir()
    for path in sorted((sample() / code / "records").glob("*.parquet")):
        named = pl.concat_str(pl.lit("again-"), "record_id").alias("record_id")
        pl.read_parquet(path).with_columns(named).write_parquet(inbox / f"again-{path.name}")


def test_a_wrong_rule_version_shows_as_mispriced_lines(world: World) -> None:
    start_all(world)
    other = old_bundle()
    world.agents.pop(CUCC).close()
    fault = SimulatedFault(peer="CMCC", rate_with_bundle=other.hex())
    world.start(CUCC, AgentSettings(resend_after_s=0, simulated_fault=(fault,)))
    world.passes(3)
    world.at(CUT_OFF)
    settle_until(world, lambda: state(world) == PeriodState.RECONCILED)
    found = discrepancies(world.agents[CMCC], FIRST)
    assert {each.verdict for each in found} == {Verdict.MISPRICED}
    sms = [each for each in found if each.sort.service == 2]
    assert [each.own.amount * 3 for each in sms] == [each.other.amount for each in sms]  # 0.03 instead of 0.01 CNY


def old_bundle() -> bytes:
    return bundle_hash(shipped_bundle("domestic_interconnect", 1))


def test_a_wrong_billing_increment_shows_as_different_voice_lines(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    deliver_all(world.homes[CUCC], sample(), CUCC)
    world.start(CMCC)
    fault = SimulatedFault(peer="CMCC", first_ms=6_000, next_ms=6_000)
    world.start(CUCC, AgentSettings(resend_after_s=0, simulated_fault=(fault,)))
    world.passes(3)
    world.at(CUT_OFF)
    settle_until(world, lambda: state(world) == PeriodState.RECONCILED)
    found = discrepancies(world.agents[CMCC], FIRST)
    assert [(each.sort.service, each.verdict) for each in found] == [(1, Verdict.DIFFERENT)] * 3
    assert all(each.own.units_actual == each.other.units_actual for each in found)
    assert all(0 <= each.other.units_billed - each.other.units_actual < 6_000 * each.other.calls for each in found)


def test_a_wrong_trunk_map_moves_traffic_between_two_periods_and_a_corrected_one_moves_it_back(tmp_path: Path) -> None:
    world = World(tmp_path, TERMS_OF_THREE)
    wrong = WrongTrunkMap(operator="CUCC", peer="CMCC", trunk=1, maps_to="CTCC")
    folder = sample(wrong, operators_in_it=3, records=3_000)
    reconciled(world, folder)
    agent, third = world.agents[CUCC], PeriodKey(3, 0, 1)
    assert len(agent.model.anchors(FIRST, 1)) == 2
    assert len(agent.model.anchors(third, 0)) == 4  # files of both streams hold legs towards CTCC now
    assert {reference.stream for reference in agent.model.declarations(third)[0].streams} == {0, 1}
    less, more = discrepancies(agent, FIRST), discrepancies(agent, third)
    assert all(each.difference < 0 for each in less)
    assert all(each.difference > 0 for each in more)
    assert discrepancies(world.agents[CMCC], PeriodKey(2, 0, 1)) == []

    deliver_trunks(world, sample(operators_in_it=3, records=3_000))
    assert (agent.reissue(FIRST), agent.reissue(third)) == (2, 2)
    settle_until(world, lambda: not discrepancies(agent, FIRST) and not discrepancies(agent, third))
    world.passes(3)
    assert [counted[:2] for counted in approve_everywhere(world)] == [(2, 0)] * 3
    settle_until(world, lambda: all(state(world, PeriodKey(number, 0, 1)) == SIGNED for number in (1, 2, 3)))
    world.close()


SIGNED = PeriodState.SIGNED


def test_a_late_file_that_overtakes_the_re_issue_joins_it(world: World) -> None:
    reconciled(world, sample(LostRecords(operator="CUCC", peer="CMCC", share_ppm=80_000)))
    agent = world.agents[CUCC]
    redeliver(world, CUCC)
    inbox = world.homes[CUCC] / "agent" / "inbox" / "CUCC-CMCC"
    second = max(inbox.iterdir())
    aside = second.rename(second.with_name(second.name + ".part"))
    world.passes(1)
    agent.reissue(FIRST)
    settle_until(world, lambda: "DECLARED" in kinds(agent.step()))
    aside.rename(second)  # now the declaration waits in the mempool
    agent.step()
    assert len(world.node.mempool) == 2
    world.node.mempool.reverse()  # a proposer may put the anchor first: the declaration no longer covers all
    settle_until(world, lambda: agent.period(FIRST).row.opened[1] == 2)
    assert not discrepancies(agent, FIRST)


def deliver_trunks(world: World, folder: Path) -> None:
    """CUCC corrects its trunk map."""
    shutil.copy(folder / "CUCC" / "trunks.toml", world.homes[CUCC] / "agent" / "trunks.toml")


def test_files_that_miss_the_cut_off_are_left_out_and_told(world: World) -> None:
    folder = sample(LateFile(operator="CUCC", peer="CMCC", sequence=2))
    reconciled(world, folder)
    deliver_all(world.homes[CUCC], folder, CUCC, late=True)
    world.passes(1)
    assert "LATE_FILES" in [task.kind.name for task in tasks(world.agents[CUCC])]
    assert all(each.own.calls < each.other.calls for each in discrepancies(world.agents[CUCC], FIRST))


def test_a_silent_partner_is_bound_by_the_calendar_and_the_agent_has_that_recorded(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    world.start(CMCC)
    world.passes(3)
    world.at(CUT_OFF)
    world.passes(4)
    world.at(DATES.declare_by)
    world.passes(4)
    assert state(world) == PeriodState.RECONCILED
    world.at(DATES.agree_by)
    world.passes(4)
    assert state(world) == PeriodState.SIGNED
    assert kinds(world.actions[CMCC])[-1] == "INVOICED"
    [invoiced] = world.agents[CMCC].model.obligations(CMCC)
    assert invoiced.row.state == State.HELD
    world.at(invoiced.row.claim.held_until)
    world.passes(3)
    assert world.agents[CMCC].model.obligations(CMCC)[0].row.state == State.DUE


def test_a_filing_shortly_before_its_deadline_is_warned_of(world: World) -> None:
    start_all(world)
    world.at(CUT_OFF - 5)
    world.passes(2)
    assert "NEAR_DEADLINE" in kinds(world.actions[CMCC])


def test_a_read_model_built_again_holds_the_same_content(world: World, tmp_path: Path) -> None:
    reconciled(world)
    again = ReadModel(tmp_path / "again.sqlite", world.node.chain_id)
    Follower(tmp_path / "again.json", world.node, world.node.chain_id).catch_up(again)
    world.follow()
    assert again.content() == world.agents[CMCC].model.content() == world.agents[CUCC].model.content()
    about = again.facts_about(FIRST.object)
    assert [fact.kind.partition(".")[2] for fact in about][:2] == ["usage_anchored", "usage_anchored"]
    assert about[-1].kind == "periods.statement_signed"
    assert again.fact(about[0].number) == about[0]
    struck = [fact for fact in about if fact.kind == "periods.statement_struck"]
    assert struck[0] in again.facts_with_basis(struck[0].basis)
    again.close()


def test_a_read_model_that_is_deleted_comes_back(world: World) -> None:
    reconciled(world)
    before = world.agents[CMCC].model.content()
    world.agents.pop(CMCC).close()
    for path in (world.homes[CMCC] / "agent").glob("read_model.sqlite*"):
        path.unlink()
    agent = world.start(CMCC)
    agent.follow()
    assert agent.model.content() == before


def test_the_agents_settings_tell_what_is_wrong_with_them(world: World) -> None:
    (world.homes[CMCC] / "agent" / "agent.toml").write_text("[numbering]\nservices = {VOICE = 300}\n")
    with pytest.raises(BadInput, match="VOICE"):
        world.start(CMCC, None)
