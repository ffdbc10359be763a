"""The agent's parts, each alone: what it signs, how it numbers, what time it is, what it refuses to begin with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from abci_app.domain.agreements.schema import UnitPair
from abci_app.domain.periods.schema import UNTOUCHED, LineFigures, Statement, StatementLine, Verdict
from abci_app.domain.periods.tables import PERIODS
from abci_app.domain.periods.tables import PeriodKey as ChainPeriodKey
from abci_app.kernel.approvals import Advance, ObjectKind
from settle.agent.intake.sort import IN, OUT
from settle.agent.read_model import KnownPeriod, PeriodKey, ReadModel
from settle.agent.records import Outcome, Service
from settle.agent.runtime.agent import NotReady
from settle.agent.runtime.clock import BlockClock, seconds_of
from settle.agent.runtime.period_work import is_ours
from settle.agent.runtime.rating import Side, numbering_of
from settle.agent.runtime.settings import AgentSettings, NumberingSettings, SimulatedFault, load_settings
from settle.chain.consortium import key_folder
from settle.chain.errors import ChainError, FollowerBroken, WrongChain
from settle.chain.follower import NumberedFact
from tests.agent.runtime_world import CUT_OFF, DATES, FIRST, TERMS, World, deliver_all, kinds, sample
from tests.support.chains import CMCC, CUCC
from tests.support.fake_node import ChainNode, lost_connection

A, B = LineFigures(10, 600_000, 600_000, 600_000), LineFigures(9, 540_000, 540_000, 540_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def test_a_period_is_named_as_the_chain_names_it() -> None:
    for key in (FIRST, PeriodKey(2**32 - 1, 63, 2**16 - 1)):
        assert key.object == PERIODS.at(ChainPeriodKey(*key))


# what an agent signs


def statement(*lines: tuple[LineFigures, LineFigures, Verdict]) -> Statement:
    made = tuple(StatementLine(first, second, verdict, 0, 0) for first, second, verdict in lines)
    return Statement(1, 1, 0, 1, (2, 1), 0, 0, b"", b"", made, (0, 0), (0, 0))


def test_a_statement_of_our_figures_that_agrees_is_ours() -> None:
    assert is_ours(statement((A, A, Verdict.EQUAL), (B, A, Verdict.WITHIN)), 0, [(A, B)])
    assert is_ours(statement((A, A, Verdict.EQUAL), (B, A, Verdict.WITHIN)), 1, [(A, A)])


@pytest.mark.parametrize("verdict", [Verdict.DIFFERENT, Verdict.MISPRICED])
def test_a_statement_with_a_difference_is_never_ours(verdict: Verdict) -> None:
    assert not is_ours(statement((A, A, Verdict.EQUAL), (B, A, verdict)), 0, [(A, B)])


def test_a_statement_with_another_figure_for_our_side_is_not_ours() -> None:
    assert not is_ours(statement((A, A, Verdict.EQUAL), (B, B, Verdict.EQUAL)), 0, [(A, A)])
    assert not is_ours(statement((A, A, Verdict.EQUAL)), 0, [])


def test_a_line_that_agreed_earlier_keeps_the_figure_of_its_time() -> None:
    assert is_ours(statement((A, A, Verdict.EQUAL), (B, B, Verdict.EQUAL)), 0, [(A, A), (B, B)])


# how an agreement is read


def side(party: int) -> Side:
    known = KnownPeriod(FIRST, 1, replace(TERMS, pairs=(UnitPair(11, 31),)), DATES, UNTOUCHED)
    return Side(known, party, *(("CUCC", "CMCC") if party else ("CMCC", "CUCC")))


def test_both_parties_number_one_leg_alike() -> None:
    first, second = (numbering_of(side(party), NumberingSettings()) for party in (0, 1))
    assert first.directions[OUT] == second.directions[IN] == 0
    assert first.ends(OUT, "CUCC") == second.ends(IN, "CMCC") == (1, 2)
    assert first.ends(IN, "CUCC") == second.ends(OUT, "CMCC") == (2, 1)
    assert (side(0).units, side(1).units) == ((11, 31), (31, 11))


def test_the_catalogues_event_says_when_a_message_counts() -> None:
    delivered = numbering_of(side(0), NumberingSettings())
    assert delivered.counted[Service.SMS] == {Outcome.DELIVERED}
    catalogue = tuple(replace(line, event=2) if line.service == 2 else line for line in TERMS.catalogue)
    known = side(0).known._replace(terms=replace(TERMS, catalogue=catalogue))
    submitted = numbering_of(side(0)._replace(known=known), NumberingSettings())
    assert submitted.counted[Service.SMS] == {Outcome.DELIVERED, Outcome.SUBMITTED}
    assert submitted.counted[Service.MMS] == {Outcome.DELIVERED}


# time


def test_block_time_is_floored_to_seconds() -> None:
    assert seconds_of("2023-11-14T22:13:20.999999999Z") == 1_700_000_000
    assert seconds_of("2023-11-14T22:13:20Z") == 1_700_000_000


def test_an_idle_stretch_does_not_make_blocks_look_slow() -> None:
    node = ChainNode()
    clock = BlockClock(node)
    assert clock.read()[:2] == (0, 0)
    for after in (2, 2, 2, 500, 2):
        node.make_block(after=after)
        now = clock.read()
    assert now.block_seconds == Fraction(2)
    assert now.is_near(now.time + 19)
    assert not now.is_near(now.time + 20)


# the read model


def test_a_gap_in_the_facts_is_refused_and_a_repetition_passed_over(world: World, tmp_path: Path) -> None:
    records = world.node.network.store.facts(0, 1_000)
    facts = [NumberedFact(number, record) for number, record in enumerate(records)]
    model = ReadModel(tmp_path / "model.sqlite", "books")
    model(facts[:10])
    with pytest.raises(FollowerBroken, match="fact 10 next"):
        model(facts[11:12])
    model(facts)
    model(facts[5:8])
    assert model.next_number == len(facts)
    model.close()
    with pytest.raises(WrongChain, match="facts of chain books"):
        ReadModel(tmp_path / "model.sqlite", "another")


def test_a_fact_of_another_release_is_told(tmp_path: Path) -> None:
    model = ReadModel(tmp_path / "model.sqlite", "books")
    with pytest.raises(ChainError, match="same release"):
        model([NumberedFact(0, b"\x90")])
    assert model.next_number == 0


# what cannot begin


def test_an_agent_without_its_own_key_does_not_begin(world: World) -> None:
    (key_folder(world.homes[CMCC]) / "agent.json").unlink()
    with pytest.raises(NotReady, match="a maker key agent"):
        world.start(CMCC)


def test_a_reissue_is_refused_while_there_is_nothing_to_correct(world: World) -> None:
    agent = world.start(CMCC)
    agent.follow()
    with pytest.raises(NotReady, match="a judged difference"):
        agent.reissue(FIRST)
    with pytest.raises(NotReady, match="a period of an active agreement"):
        agent.reissue(PeriodKey(9, 0, 1))


def test_an_unfinished_file_is_not_taken(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    inbox = world.homes[CMCC] / "agent" / "inbox"
    for path in inbox.glob("*.parquet"):
        path.rename(path.with_name(path.name + ".part"))
    world.start(CMCC)
    world.passes(1)
    assert world.actions[CMCC] == []
    for path in inbox.glob("*.part"):
        path.rename(path.with_suffix(""))
    world.passes(1)
    assert kinds(world.actions[CMCC]) == ["FILE_TAKEN", "FILE_TAKEN", "ANCHORED", "ANCHORED"]
    assert list(inbox.iterdir()) == []


def test_records_without_a_trunk_map_wait(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    (world.homes[CMCC] / "agent" / "trunks.toml").unlink()
    agent = world.start(CMCC)
    world.passes(1)
    assert [blocked.subject for blocked in agent.blocked] == ["inbox"]


def test_an_agent_waits_for_a_node_that_is_away(world: World, caplog: pytest.LogCaptureFixture) -> None:
    agent = world.start(CUCC)
    looks: list[int] = []

    def away(_name: str) -> None:
        if len(looks) < 3:
            raise lost_connection()

    world.node.before_call = away
    with caplog.at_level(logging.WARNING, "settle.agent"):
        agent.run(lambda: len(looks) == 5, sleep=lambda _: looks.append(1))
    assert [line for line in caplog.messages if "waiting for the node" in line] == caplog.messages[:1]
    assert agent.model.next_number > 0


def test_figures_that_our_vault_did_not_make_are_not_opened(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    world.start(CMCC)
    world.passes(3)
    world.at(CUT_OFF)
    world.passes(2)
    vault = world.homes[CMCC] / "agent" / "vault"
    world.agents.pop(CMCC).close()
    (vault / "root.secret").write_bytes(bytes(32))  # so the declaration under our name is another vault's
    agent = world.start(CMCC)
    world.at(DATES.declare_by)
    world.passes(3)
    assert [(blocked.kind.name, blocked.subject) for blocked in agent.blocked] == [("OPENED", "1/0/1")]
    assert agent.period(FIRST).row.opened == (0, 0)


def test_other_content_under_a_name_in_the_outbox_blocks_and_kills_nobody(world: World) -> None:
    deliver_all(world.homes[CMCC], sample(), CMCC)
    agent = world.start(CMCC)
    world.passes(3)
    agent.outbox.submit(f"open {FIRST} r1", [Advance(ObjectKind.PERIOD, FIRST.object)], agent.signer)
    world.at(CUT_OFF)
    world.passes(3)
    world.at(DATES.declare_by)
    world.passes(3)
    assert [blocked.kind.name for blocked in agent.blocked] == ["OPENED"]


# settings


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    assert load_settings(tmp_path) == AgentSettings()
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "agent.toml").write_text(
        """
        trunks = "map.toml"
        ported = "ported.csv"
        [numbering]
        services = {VOICE = 9}
        submitted_events = []
        [[simulated_fault]]
        peer = "CUCC"
        first_ms = 6000
        next_ms = 6000
        """
    )
    settings = load_settings(tmp_path)
    assert settings.numbering.services == {Service.VOICE: 9}
    assert settings.fault_towards("CUCC") == SimulatedFault(peer="CUCC", first_ms=6000, next_ms=6000)
    assert settings.fault_towards("CTCC") is None


@pytest.mark.parametrize("fields", [{}, {"first_ms": 1}, {"rate_with_bundle": "beef"}])
def test_a_simulated_fault_says_what_it_is(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatedFault.model_validate({"peer": "CUCC", **fields})
