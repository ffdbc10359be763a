"""Keys are rotated while a period is open: two administrators sign, and the period does not notice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from abci_app.domain.members.schema import KeyChange, key_change_hash
from abci_app.domain.obligations.schema import IssueInvoice
from abci_app.domain.periods.schema import Declare, Open, PeriodState
from abci_app.domain.periods.tables import PERIODS, PeriodKey
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.envelope import read_envelope
from abci_app.kernel.roles import Role
from settle.agent.runtime.desk import ActionKind
from settle.agent.tasks import TaskKind, approve_all_statements, tasks
from settle.chain.consortium import key_folder
from settle.chain.keys import Signer, propose_keys
from tests.agent.runtime_world import CHECKERS, CUT_OFF, FIRST, World, kinds, settle_until, start_all
from tests.support.chains import CHAIN, CMCC, CUCC, signed, signer

ADMINISTRATORS = (signer(CMCC, Role.ADMIN), signer(CMCC, Role.ADMIN, 1))
AGENT = [signer(CMCC, Role.MAKER), signer(CMCC, Role.MAKER, 2), signer(CMCC, Role.MAKER, 3)]
CHECKER = [CHECKERS[CMCC], signer(CMCC, Role.CHECKER, 1), signer(CMCC, Role.CHECKER, 2)]
"""CMCC's keys, each pair in force until the next."""
UNKNOWN_KEY = 907


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Both have declared, nobody has opened."""
    made = World(tmp_path)
    start_all(made)
    made.passes(3)
    made.at(CUT_OFF)
    settle_until(made, lambda: period(made).declared == (1, 1))
    assert period(made).opened == (0, 0)
    yield made
    made.close()


def period(world: World) -> msgspec.Struct:
    """The period's row in the state itself."""
    row = PERIODS.get(world.node.network.store, PeriodKey(*FIRST))
    assert row is not None
    return row


def rotate(world: World, serial: int) -> None:
    """Both administrators give agent and checker their next keys and revoke those before."""
    old, new = (AGENT[serial - 1], CHECKER[serial - 1]), (AGENT[serial], CHECKER[serial])
    proposal = propose_keys(CHAIN, serial, new, tuple(each.public for each in old))
    world.send(ADMINISTRATORS[0], proposal)
    document = key_change_hash(CHAIN, KeyChange(CMCC, serial, proposal.register, proposal.revoke))
    for administrator in ADMINISTRATORS:
        world.send(administrator, Approve(DocumentKind.KEY_CHANGE, document, Role.ADMIN, Verdict.APPROVE))


def give_key(world: World, new: Signer) -> None:
    """The agent's new key lies where the old one did, and the agent is started again."""
    path = key_folder(world.homes[CMCC]) / "agent.json"
    path.unlink()
    new.write(path)
    world.agents.pop(CMCC).close()
    world.start(CMCC)


def signers_of(world: World, kind: type[msgspec.Struct], operator_keys: list[Signer]) -> list[bytes]:
    """The keys, among these, that have signed a message of a kind in a block that took it."""
    publics = [each.public for each in operator_keys]
    found = []
    for block in world.node.blocks:
        for raw, outcome in zip(block.transactions, block.outcomes, strict=True):
            envelope = read_envelope(raw)
            messages = msgspec.msgpack.decode(envelope.body)[0]
            tags = [message[0] for message in messages]
            if outcome.code == 0 and kind.__struct_config__.tag in tags and envelope.key in publics:
                found.append(envelope.key)
    return found


def code_of(world: World, by: Signer, number: int) -> int:
    """What CheckTx says of another approval of the statement by a key."""
    approval = Approve(DocumentKind.STATEMENT, period(world).statement, by.role, Verdict.APPROVE)
    return world.node.network.chain.check(signed(by, number, approval), recheck=False).code


@pytest.mark.parametrize("tried_with_the_old_key", [False, True])
def test_the_agent_opens_with_its_new_key_what_the_old_one_declared(world: World, tried_with_the_old_key: bool) -> None:
    rotate(world, 1)
    if tried_with_the_old_key:
        world.passes(3)
        agent = world.agents[CMCC]
        assert period(world).opened == (0, 1)  # the other party goes on
        assert [(each.kind, each.code) for each in agent.blocked] == [(ActionKind.OPENED, UNKNOWN_KEY)]
        assert "keys" in [task.subject for task in tasks(agent) if task.kind is TaskKind.BLOCKED]
    give_key(world, AGENT[1])
    settle_until(world, lambda: period(world).state == PeriodState.RECONCILED)
    assert signers_of(world, Declare, AGENT) == [AGENT[0].public]
    assert signers_of(world, Open, AGENT) == [AGENT[1].public]
    world.passes(2)
    signatures = {(each.operator, each.role, each.key) for each in period(world).signatures}
    assert (CMCC, Role.MAKER, AGENT[1].public) in signatures
    assert approve_all_statements(world.agents[CMCC], CHECKER[1])[:2] == (1, 0)
    assert approve_all_statements(world.agents[CUCC], CHECKERS[CUCC])[:2] == (1, 0)
    settle_until(world, lambda: period(world).state == PeriodState.SIGNED)
    assert world.agents[CMCC].blocked == ()


def test_an_approval_by_a_key_that_is_revoked_before_the_last_one_is_not_counted(world: World) -> None:
    rotate(world, 1)
    give_key(world, AGENT[1])
    settle_until(world, lambda: len(period(world).signatures) == 2)  # the makers: both agents
    approve_all_statements(world.agents[CMCC], CHECKER[1])
    settle_until(world, lambda: len(period(world).signatures) == 3)
    rotate(world, 2)  # before the last checker signs
    assert code_of(world, CHECKER[1], 90) == code_of(world, AGENT[1], 90) == UNKNOWN_KEY
    held = world.agents.pop(CMCC)
    approve_all_statements(world.agents[CUCC], CHECKERS[CUCC])
    world.passes(3)
    assert [each.key for each in period(world).signatures if each.operator == CMCC] == [
        AGENT[1].public, CHECKER[1].public,
    ]  # fmt: skip
    assert {each.role for each in period(world).signatures if each.operator == CUCC} == {Role.MAKER, Role.CHECKER}
    assert period(world).state == PeriodState.RECONCILED  # four signatures, two of them worth nothing

    world.agents[CMCC] = held
    give_key(world, AGENT[2])
    world.passes(3)  # the agent signs again by itself
    assert period(world).state == PeriodState.RECONCILED
    [waiting] = tasks(world.agents[CMCC])
    assert (waiting.kind, waiting.role) == (TaskKind.SIGN_STATEMENT, Role.CHECKER)
    assert tasks(world.agents[CUCC]) == []
    assert approve_all_statements(world.agents[CMCC], CHECKER[2])[:2] == (1, 0)
    settle_until(world, lambda: period(world).state == PeriodState.SIGNED)
    assert [each.key for each in period(world).signatures if each.operator == CMCC] == [
        AGENT[1].public, CHECKER[1].public, AGENT[2].public, CHECKER[2].public,
    ]  # fmt: skip
    settle_until(world, lambda: "ROUND_PROPOSED" in kinds(world.actions[CMCC]))
    assert signers_of(world, IssueInvoice, AGENT) == [AGENT[2].public]
    assert [agent.blocked for agent in world.agents.values()] == [(), ()]
