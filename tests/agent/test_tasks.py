"""The task list: everything that waits for a person, with its deadline, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import AgreementDocument, agreement_hash
from abci_app.domain.obligations.schema import ClaimInterest, ProposeRound, State
from abci_app.domain.periods.schema import PeriodState
from abci_app.kernel.approvals import DocumentKind, Verdict
from abci_app.kernel.parameters import DAY
from abci_app.kernel.roles import Role
from settle.agent.runtime.people import approve, confirm_payment, contest_payment, notify_payment, propose_agreement
from settle.agent.tasks import Task, TaskKind, approve_all_statements, tasks
from settle.chain.consortium import key_folder
from settle.chain.keys import propose_keys
from tests.agent.runtime_world import (
    CHECKERS,
    CODES,
    CUT_OFF,
    DATES,
    FIRST,
    PEOPLE,
    TERMS,
    USAGE,
    World,
    deliver_all,
    reconciled,
    sample,
    settle_until,
    state,
)
from tests.support.chains import CHAIN, CMCC, CUCC, signer
from tests.support.slot_rules import INTEREST_BEARING


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def of_kind(world: World, operator: int, kind: TaskKind) -> list[Task]:
    return [task for task in tasks(world.agents[operator]) if task.kind is kind]


def test_a_statement_waits_for_the_checker_until_agree_by_and_one_action_signs_all(world: World) -> None:
    reconciled(world)
    [task] = tasks(world.agents[CMCC])
    assert (task.kind, task.role, task.deadline) == (TaskKind.SIGN_STATEMENT, Role.CHECKER, DATES.agree_by)
    assert approve_all_statements(world.agents[CMCC], CHECKERS[CMCC])[:2] == (1, 0)
    world.passes(2)
    assert tasks(world.agents[CMCC]) == []
    assert approve_all_statements(world.agents[CMCC], CHECKERS[CMCC])[:2] == (0, 0)
    assert [task.kind for task in tasks(world.agents[CUCC])] == [TaskKind.SIGN_STATEMENT]


def test_a_refused_statement_waits_for_nobody(world: World) -> None:
    reconciled(world)
    [task] = tasks(world.agents[CMCC])
    approve(world.agents[CMCC].outbox, DocumentKind.STATEMENT, task.document, CHECKERS[CMCC], Verdict.REFUSE)
    world.passes(2)
    assert of_kind(world, CMCC, TaskKind.SIGN_STATEMENT) == of_kind(world, CUCC, TaskKind.SIGN_STATEMENT) == []


def test_payments_are_told_to_the_payer_and_then_to_the_payee(world: World) -> None:
    world.agree(replace(TERMS, set_off=False, slots=TERMS.slots[:2]))  # agreement 2: the same, without set-off
    reconciled(world)
    for operator, agent in world.agents.items():
        assert approve_all_statements(agent, CHECKERS[operator]).signed == 2
    settle_until(world, lambda: state(world) == PeriodState.SIGNED)
    settle_until(world, lambda: len(world.agents[CMCC].model.obligations(CMCC)) == 4)
    world.passes(2)
    [wanted] = of_kind(world, CMCC, TaskKind.PAY)  # those of agreement 1 wait for the round instead
    assert (wanted.role, wanted.deadline) == (Role.CHECKER, DATES.pay_by)
    [round_task] = of_kind(world, CMCC, TaskKind.SIGN_ROUND)
    assert round_task.role == Role.CHECKER
    number = int(wanted.subject.split()[1])
    notify_payment(world.agents[CMCC].outbox, CHECKERS[CMCC], number, wanted.amount, b"E2E-7")
    world.passes(2)
    [answer] = of_kind(world, CUCC, TaskKind.CONFIRM_PAYMENT)
    assert (answer.amount, answer.detail) == (wanted.amount, "bank reference E2E-7")
    assert of_kind(world, CMCC, TaskKind.PAY) == []
    contest_payment(world.agents[CUCC].outbox, CHECKERS[CUCC], number, b"E2E-7", b"nothing came")
    world.passes(2)
    assert [task.amount for task in of_kind(world, CMCC, TaskKind.PAY)] == [wanted.amount]
    world.at(DATES.pay_by)
    world.passes(2)
    assert next(task.detail for task in of_kind(world, CMCC, TaskKind.PAY)) == "overdue"


def test_interest_on_what_is_paid_late_is_for_a_person_to_claim(world: World) -> None:
    bearing = replace(TERMS, set_off=False, slots=(*TERMS.slots[:2], INTEREST_BEARING))
    world.agree(bearing)  # agreement 2: the same, with interest and without set-off
    reconciled(world)
    for operator, agent in world.agents.items():
        assert approve_all_statements(agent, CHECKERS[operator]).signed == 2
    settle_until(world, lambda: len(world.agents[CMCC].model.obligations(CMCC)) == 4)
    assert of_kind(world, CUCC, TaskKind.CLAIM_INTEREST) == []
    world.at(DATES.pay_by + 2 * DAY)
    world.passes(2)
    [wanted] = of_kind(world, CUCC, TaskKind.CLAIM_INTEREST)  # of agreement 2 alone
    [paid] = [task for task in of_kind(world, CMCC, TaskKind.PAY) if task.amount == wanted.amount][-1:]
    assert (wanted.role, wanted.deadline, wanted.detail) == (Role.MAKER, None, f"2 days on {paid.amount}")
    number = int(wanted.subject.split()[1])
    assert "obligations.interest_claimed" not in world.watcher().kinds(), "no agent claims by itself"
    world.send(PEOPLE[CUCC], ClaimInterest(number))
    world.passes(1)
    assert of_kind(world, CUCC, TaskKind.CLAIM_INTEREST) == []
    model = world.agents[CUCC].model
    [note] = model.notes()
    assert model.arrears()[number].claimed_to == DATES.pay_by + 2 * DAY
    assert any(task.subject.startswith(f"obligation {note} ") for task in of_kind(world, CMCC, TaskKind.PAY))
    world.at(DATES.pay_by + 4 * DAY)
    notify_payment(world.agents[CMCC].outbox, CHECKERS[CMCC], number, wanted.amount, b"E2E-9")
    world.passes(2)
    confirm_payment(world.agents[CUCC].outbox, CHECKERS[CUCC], number, wanted.amount, b"E2E-9")
    world.passes(2)
    assert [task.detail for task in of_kind(world, CUCC, TaskKind.CLAIM_INTEREST)] == [f"2 days on {wanted.amount}"]


def test_an_unanswered_payment_notice_is_recorded_as_paid(world: World) -> None:
    reconciled(world)
    for operator, agent in world.agents.items():
        approve_all_statements(agent, CHECKERS[operator])
    settle_until(world, lambda: len(world.agents[CMCC].model.rounds(CMCC)) == 1)
    [proposed] = world.agents[CMCC].model.rounds(CMCC)
    for operator, agent in world.agents.items():
        approve(agent.outbox, DocumentKind.NETTING_ROUND, proposed.row.document, CHECKERS[operator])
    world.passes(3)
    [wanted] = of_kind(world, CMCC, TaskKind.PAY)
    number = int(wanted.subject.split()[1])
    notify_payment(world.agents[CMCC].outbox, CHECKERS[CMCC], number, wanted.amount, b"E2E-8")
    world.passes(2)
    [answer] = of_kind(world, CUCC, TaskKind.CONFIRM_PAYMENT)
    assert answer.deadline is not None
    world.at(answer.deadline)
    world.passes(3)
    paid = {each.number: each.row for each in world.agents[CUCC].model.obligations(CUCC)}[number]
    assert paid.state == State.PAID
    assert state(world) == PeriodState.CLOSED


def test_a_round_that_is_not_paid_unwinds_and_is_not_proposed_again(world: World) -> None:
    reconciled(world)
    for operator, agent in world.agents.items():
        approve_all_statements(agent, CHECKERS[operator])
    settle_until(world, lambda: len(world.agents[CMCC].model.rounds(CMCC)) == 1)
    [proposed] = world.agents[CMCC].model.rounds(CMCC)
    for operator, agent in world.agents.items():
        approve(agent.outbox, DocumentKind.NETTING_ROUND, proposed.row.document, CHECKERS[operator])
    world.passes(3)
    world.at(proposed.row.terms.deadline)
    world.passes(4)
    states = [each.row.state for each in world.agents[CMCC].model.obligations(CMCC)]
    assert states == [State.DUE, State.DUE, State.VOID]
    assert len(world.agents[CMCC].model.rounds(CMCC)) == 1


def test_a_round_that_nobody_signs_hides_no_debt_beyond_its_due_date(world: World) -> None:
    reconciled(world)
    for operator, agent in world.agents.items():
        approve_all_statements(agent, CHECKERS[operator])
    settle_until(world, lambda: len(world.agents[CMCC].model.rounds(CMCC)) == 1)
    [proposed] = world.agents[CMCC].model.rounds(CMCC)
    approve(
        world.agents[CMCC].outbox, DocumentKind.NETTING_ROUND, proposed.row.document, CHECKERS[CMCC], Verdict.REFUSE
    )
    world.passes(2)
    numbers = tuple(item.obligation for item in proposed.row.terms.items)
    world.send(PEOPLE[CUCC], ProposeRound(CMCC, CUCC, TERMS.currency, numbers, DATES.pay_by * 2))
    world.passes(1)
    assert of_kind(world, CMCC, TaskKind.PAY) == []
    world.at(DATES.pay_by)
    world.passes(1)
    assert [task.detail for task in of_kind(world, CMCC, TaskKind.PAY)] == ["overdue"]


def test_who_signs_a_round_is_told_what_interest_that_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path, (replace(TERMS, slots=(*TERMS.slots, INTEREST_BEARING)),))
    reconciled(world)
    for operator, agent in world.agents.items():
        approve_all_statements(agent, CHECKERS[operator])
    settle_until(world, lambda: len(world.agents[CMCC].model.rounds(CMCC)) == 1)
    [proposed] = world.agents[CMCC].model.rounds(CMCC)
    [task] = of_kind(world, CUCC, TaskKind.SIGN_ROUND)
    assert task.detail == "2 obligations"
    numbers = tuple(item.obligation for item in proposed.row.terms.items)
    world.at(DATES.pay_by + DAY)
    world.passes(2)
    world.send(PEOPLE[CUCC], ProposeRound(CMCC, CUCC, TERMS.currency, numbers, DATES.pay_by * 2))
    world.passes(1)
    for operator, agent in world.agents.items():
        ours = [number for number, _, row in agent.model.obligations(operator) if row.claim.creditor == operator]
        [task] = of_kind(world, operator, TaskKind.SIGN_ROUND)
        assert task.detail == f"2 obligations; whoever signs gives up the interest on {ours[0]}"
    asked: list[str] = []
    answer = world.node.query
    monkeypatch.setattr(world.node, "query", lambda path, data: asked.append(path) or answer(path, data))
    [_] = of_kind(world, CUCC, TaskKind.CLAIM_INTEREST)
    assert asked.count("/obligations/delays") == 1, "the node is asked once an obligation"
    world.close()


def test_an_agreement_waits_for_maker_and_checker_before_its_first_cut_off(world: World) -> None:
    for operator in CODES:
        world.start(operator)
    terms = replace(TERMS, valid_from=USAGE[0] + 1)
    propose_agreement(world.agents[CMCC].outbox, CHECKERS[CMCC], terms)
    world.passes(2)
    found = of_kind(world, CUCC, TaskKind.SIGN_AGREEMENT)
    assert [(task.role, task.deadline) for task in found] == [(Role.MAKER, CUT_OFF), (Role.CHECKER, CUT_OFF)]
    assert {task.document for task in found} == {agreement_hash(CHAIN, AgreementDocument(0, 1, terms))}
    approve(world.agents[CUCC].outbox, DocumentKind.AGREEMENT, found[0].document, PEOPLE[CUCC])
    world.passes(2)
    assert [task.role for task in of_kind(world, CUCC, TaskKind.SIGN_AGREEMENT)] == [Role.CHECKER]
    assert len(of_kind(world, CMCC, TaskKind.SIGN_AGREEMENT)) == 2


def test_a_change_of_keys_waits_for_an_administrator(world: World) -> None:
    world.start(CMCC)
    new = signer(CMCC, Role.CHECKER, 7)
    world.send(signer(CMCC, Role.ADMIN), propose_keys(CHAIN, 1, (new,)))
    world.passes(1)
    [task] = of_kind(world, CMCC, TaskKind.SIGN_KEY_CHANGE)
    assert (task.role, len(task.document)) == (Role.ADMIN, 32)


def test_an_agent_whose_key_is_revoked_says_so(world: World) -> None:
    world.start(CUCC)
    world.passes(1)
    assert tasks(world.agents[CUCC]) == []
    admin = signer(CUCC, Role.ADMIN)
    world.send(admin, propose_keys(CHAIN, 1, (), (world.agents[CUCC].signer.public,)))
    world.follow()
    [change] = of_kind(world, CUCC, TaskKind.SIGN_KEY_CHANGE)
    approve(world.agents[CUCC].outbox, DocumentKind.KEY_CHANGE, change.document, admin)
    world.passes(2)
    [task] = of_kind(world, CUCC, TaskKind.BLOCKED)
    assert "revoked" in task.detail


def test_a_key_that_is_registered_late_only_delays_the_agent(world: World) -> None:
    path = key_folder(world.homes[CUCC]) / "agent.json"
    path.unlink()
    new = signer(CUCC, Role.MAKER, 5)
    new.write(path)
    deliver_all(world.homes[CUCC], sample(), CUCC)
    agent = world.start(CUCC)
    world.passes(2)
    assert [(blocked.kind.name, blocked.code) for blocked in agent.blocked] == [("ANCHORED", 907)] * 2
    world.send(signer(CUCC, Role.ADMIN), propose_keys(CHAIN, 1, (new,)))
    world.follow()
    [change] = of_kind(world, CUCC, TaskKind.SIGN_KEY_CHANGE)
    approve(agent.outbox, DocumentKind.KEY_CHANGE, change.document, signer(CUCC, Role.ADMIN))
    world.passes(4)
    assert agent.blocked == ()
    assert len(agent.model.anchors(FIRST, 1)) == 2


def test_a_signature_of_a_revoked_key_is_given_again_by_its_successor(world: World) -> None:
    reconciled(world)
    old, new = world.agents[CUCC].signer, signer(CUCC, Role.MAKER, 6)
    world.send(signer(CUCC, Role.ADMIN), propose_keys(CHAIN, 1, (new,), (old.public,)))
    world.follow()
    [change] = of_kind(world, CUCC, TaskKind.SIGN_KEY_CHANGE)
    approve(world.agents[CUCC].outbox, DocumentKind.KEY_CHANGE, change.document, signer(CUCC, Role.ADMIN))
    world.passes(2)
    world.agents.pop(CUCC).close()
    path = key_folder(world.homes[CUCC]) / "agent.json"
    path.unlink()
    new.write(path)
    world.start(CUCC)
    for operator, agent in world.agents.items():
        approve_all_statements(agent, CHECKERS[operator])
    settle_until(world, lambda: state(world) == PeriodState.SIGNED)
    assert {each.key for each in world.agents[CUCC].period(FIRST).row.signatures} > {old.public, new.public}


def odd_file(world: World, name: str, sequence: int, wrong: bool = False) -> None:
    """A record file of CMCC with one call through a trunk that nobody knows."""
    source = sorted((sample() / "CMCC" / "records").glob("*.parquet"))[0]
    records = pl.read_parquet(source).head(10)
    records = records.with_columns(
        trunk_out=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("T-NEW")).otherwise(pl.col("trunk_out"))
    )
    path = world.homes[CMCC] / "agent" / "inbox" / name
    records.write_parquet(path)
    control = {
        "operator": "CMCC", "stream": "odd", "sequence": sequence, "records": records.height + wrong,
        "duration_ms": int(records["duration_ms"].sum()), "units": int(records["units"].sum()),
        "sha256": sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    path.with_name(name + ".control.json").write_text(json.dumps(control))


def test_suspense_refused_files_and_gaps_in_a_stream_are_told(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    world.start(CMCC)
    odd_file(world, "wrong.parquet", 1, wrong=True)
    world.passes(1)
    odd_file(world, "one.parquet", 1)
    odd_file(world, "three.parquet", 3)
    world.passes(1)
    told = {task.kind: (task.subject, task.detail) for task in tasks(world.agents[CMCC])}
    assert set(told) == {TaskKind.SUSPENSE, TaskKind.FILE_REFUSED, TaskKind.FILE_WAITS}
    assert told[TaskKind.SUSPENSE] == ("odd", "1 UNKNOWN_TRUNK")
    assert told[TaskKind.FILE_REFUSED][0] == "wrong.parquet"
    assert "records 11" in told[TaskKind.FILE_REFUSED][1]
    assert told[TaskKind.FILE_WAITS] == ("three.parquet", "file 3 of odd; file 2 has not come")
    trunks = world.homes[CMCC] / "agent" / "trunks.toml"
    trunks.write_text(trunks.read_text() + '\n[[trunk]]\ntrunk = "T-NEW"\npeer = "CUCC"\n')
    world.passes(1)
    assert of_kind(world, CMCC, TaskKind.SUSPENSE) == []


def test_who_declared_nothing_is_told_what_follows(world: World) -> None:
    world.start(CUCC)
    world.at(DATES.declare_by)
    world.passes(2)
    [missed] = of_kind(world, CUCC, TaskKind.MISSED_FILING)
    assert (missed.deadline, missed.detail[:16]) == (DATES.agree_by, "nothing declared")
    to_sign = of_kind(world, CUCC, TaskKind.SIGN_STATEMENT)
    assert {task.role for task in to_sign} == {Role.MAKER, Role.CHECKER}, "the agent signs no figures but its own"


def test_who_declared_and_never_opened_is_told_what_follows(world: World) -> None:
    for operator in world.homes:
        deliver_all(world.homes[operator], sample(), operator)
        world.start(operator)
    world.passes(3)
    world.at(CUT_OFF)
    world.passes(2)
    away = world.agents.pop(CUCC)
    world.passes(3)
    world.at(DATES.open_by)
    world.passes(3)
    away.follow()
    row = away.period(FIRST).row
    assert (row.state, row.declared, row.opened) == (PeriodState.RECONCILED, (1, 1), (1, 0)), "CMCC had it recorded"
    world.agents[CUCC] = away
    [missed] = of_kind(world, CUCC, TaskKind.MISSED_FILING)
    assert missed.detail.startswith("declared, never opened")
