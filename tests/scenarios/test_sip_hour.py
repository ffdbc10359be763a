"""Three SIP switches' exports, through the agents of three operators, to reconciled periods of their pairs.

The switches' records differ as those of real switches do. Every figure that the parties opened on the chain is held
against the published table; matching calls by their ids is this test's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path

import pytest

from abci_app.domain.obligations.schema import Hold
from abci_app.domain.obligations.tables import OBLIGATIONS
from abci_app.domain.periods.schema import Flags, LineFigures, PeriodState, Statement, StatementLine, Verdict
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.tasks import approve_all_statements, discrepancies
from settle.chain.consortium import CHINA
from settle.cli.demo.scenarios import SipHour
from settle.cli.demo.stage import Operator
from settle.cli.demo.terms import SIP_USAGE
from tests.agent.runtime_world import ALL_CODES, CHECKERS, World, kinds, settle_until
from tests.support.money import HELD_TO_BE_TRUE
from tests.support.sip import FILES, TABLE, A, B, C, Leg, legs_of, matched_by_call_id

PACE = 10.0  # stretches the demonstration's deadlines, which are seconds: blocks here are a second apart
PAIRS = {pair: PeriodKey(number, 0, 1) for number, pair in enumerate(combinations((A, B, C), 2), start=1)}
TOLERANCE = Decimal("0.01")  # of the receiver's figure
MINUTE = 60_000


def micro(yuan: str) -> int:
    """10^-6 CNY."""
    return int(Decimal(yuan) * 1_000_000)


class Expected:
    """What the table makes of one leg by the clauses that its pair has agreed: started minutes, 1 %, the lower one."""

    def __init__(self, leg: Leg) -> None:
        _, self.matched, self.only, self.seconds, self.minutes, money = TABLE[leg]
        self.calls = TABLE[leg][0]
        self.sender, self.receiver = (micro(each) for each in money)
        within = abs(self.sender - self.receiver) <= TOLERANCE * self.receiver
        self.verdict = Verdict.WITHIN if within else Verdict.DIFFERENT
        self.settled = min(self.sender, self.receiver)
        self.disputed = 0 if within else max(0, self.receiver - self.sender)  # what the creditor counts above it


def judged(folder: Path) -> World:
    """The hour has been filed, opened and judged: agreed on before it, filed after it."""
    scenario = SipHour()
    agreed = scenario.agreements(SIP_USAGE[1], PACE)
    made = World(folder, agreed)
    for member in CHINA[:3]:
        operator = Operator(member, made.homes[member.number], {}, made.node)
        files, settings = scenario.deliver(operator)
        assert files == len(FILES[member.code])
        made.start(member.number, settings.model_copy(update={"resend_after_s": 0}))
    made.at(SIP_USAGE[1])
    made.passes(4)
    made.at(agreed[0].calendar[0].cut_off)
    settle_until(made, lambda: all(period(made, key).row.state == PeriodState.RECONCILED for key in PAIRS.values()))
    made.passes(2)
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = judged(tmp_path_factory.mktemp("hour"))
    yield made
    made.close()


def period(world: World, key: PeriodKey) -> KnownPeriod:
    world.follow()
    return next(known for agent in world.agents.values() for known in agent.periods() if known.key == key)


def statement(world: World, key: PeriodKey) -> Statement:
    known = period(world, key)
    found = world.agents[known.terms.first].model.statement(known.row.statement)
    assert found is not None
    return found


def place_of(leg: Leg) -> tuple[PeriodKey, int]:
    """The period of a leg and its direction there, which is its only line's number."""
    return (PAIRS[leg], 0) if leg in PAIRS else (PAIRS[leg[::-1]], 1)


def opened(world: World, leg: Leg) -> tuple[LineFigures, LineFigures]:
    """The sender's and the receiver's figures of a leg, as the chain has them."""
    key, direction = place_of(leg)
    by_party = {each.party: each.lines[direction] for each in world.agents[1].model.figures(key)}
    assert sorted(by_party) == [0, 1]
    return by_party[direction], by_party[1 - direction]


def line_of(world: World, leg: Leg) -> StatementLine:
    key, direction = place_of(leg)
    return statement(world, key).lines[direction]


@pytest.mark.parametrize("leg", TABLE)
def test_the_opened_figures_are_those_of_the_table(world: World, leg: Leg) -> None:
    expected = Expected(leg)
    both = opened(world, leg)
    assert tuple(side.calls for side in both) == expected.calls
    assert tuple((side.units_actual + 500) // 1000 for side in both) == expected.seconds
    assert tuple(side.units_billed for side in both) == tuple(MINUTE * each for each in expected.minutes)
    assert tuple(side.amount for side in both) == (expected.sender, expected.receiver)


@pytest.mark.parametrize("leg", TABLE)
def test_the_calls_behind_them_match_by_their_ids_as_the_table_says(world: World, leg: Leg) -> None:
    legs = legs_of({ALL_CODES[number]: agent.vault.files() for number, agent in world.agents.items()})
    assert matched_by_call_id(legs, leg) == (Expected(leg).matched, Expected(leg).only)
    assert tuple(legs[owner, *leg].height for owner in leg) == tuple(side.calls for side in opened(world, leg))


@pytest.mark.parametrize("leg", TABLE)
def test_a_line_is_judged_within_one_per_cent_and_the_lower_figure_settled(world: World, leg: Leg) -> None:
    expected, line = Expected(leg), line_of(world, leg)
    _, direction = place_of(leg)
    figures = (line.first, line.second) if direction == 0 else (line.second, line.first)
    assert figures == opened(world, leg)
    assert line.verdict == expected.verdict
    assert (line.settled, line.disputed) == (expected.settled, expected.disputed)


def test_four_legs_differ_by_more_than_the_tolerance() -> None:
    """What the table itself says, so that the test above cannot agree with a rule that finds nothing."""
    differing = {leg for leg in TABLE if Expected(leg).verdict == Verdict.DIFFERENT}
    assert differing == {(A, C), (C, A), (B, C), (C, B)}
    assert {leg: Expected(leg).disputed for leg in differing} == {
        (A, C): 0, (C, A): micro("1.52"), (B, C): 0, (C, B): micro("1.32"),
    }  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_each_operator_is_shown_the_differences_line_by_line(world: World, pair: Leg) -> None:
    legs = (pair, pair[::-1])
    differing = [(n, Expected(leg)) for n, leg in enumerate(legs) if Expected(leg).verdict == Verdict.DIFFERENT]
    for party, code in enumerate(pair):
        agent = next(agent for number, agent in world.agents.items() if ALL_CODES[number] == code)
        shown = discrepancies(agent, PAIRS[pair])
        more = {n: each.sender - each.receiver for n, each in differing}
        assert {each.line: each.difference for each in shown} == {n: -d if n != party else d for n, d in more.items()}
        assert [each.disputed for each in shown] == [each.disputed for _, each in differing]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_totals_of_a_statement_are_those_of_its_two_legs(world: World, pair: Leg) -> None:
    struck = statement(world, PAIRS[pair])
    both = Expected(pair), Expected(pair[::-1])
    assert struck.payable == tuple(each.settled for each in both)
    assert struck.disputed == tuple(each.disputed for each in both)


def test_every_record_is_accounted_for_and_none_waits(world: World) -> None:
    rows = {}
    for number, agent in world.agents.items():
        receipts = [receipt for _, receipt in agent.vault.files()]
        assert all(receipt.accounted() == receipt.rows and not receipt.suspense for receipt in receipts)
        rows[ALL_CODES[number]] = sum(receipt.rows for receipt in receipts)
        assert agent.blocked == ()
        assert "FILE_REFUSED" not in kinds(world.actions[number])
    assert rows == {A: 18_715, B: 11_674, C: 4824}


def test_the_pair_within_tolerance_is_signed_and_the_others_are_bound_by_their_date(tmp_path: Path) -> None:
    world = judged(tmp_path)
    counted = {ALL_CODES[n]: approve_all_statements(agent, CHECKERS[n])[:2] for n, agent in world.agents.items()}
    assert counted == {A: (1, 1), B: (1, 1), C: (0, 2)}
    settle_until(world, lambda: period(world, PAIRS[A, B]).row.state == PeriodState.SIGNED)
    assert [period(world, PAIRS[pair]).row.state for pair in ((A, C), (B, C))] == [PeriodState.RECONCILED] * 2
    assert not period(world, PAIRS[A, B]).row.flags & Flags.DEEMED

    world.at(period(world, PAIRS[A, B]).dates.agree_by)
    settle_until(world, lambda: all(period(world, key).row.state == PeriodState.SIGNED for key in PAIRS.values()))
    world.passes(3)
    assert all(period(world, PAIRS[pair]).row.flags & Flags.DEEMED for pair in ((A, C), (B, C)))
    held = {leg: Expected(leg).disputed for leg in TABLE if Expected(leg).disputed}
    claims = [row.claim for _, row in OBLIGATIONS.rows(world.node.network.store) if not row.claim.origin.round]
    amounts = {(ALL_CODES[each.debtor], ALL_CODES[each.creditor], each.hold == Hold.DISPUTED): each for each in claims}
    assert {ends: claim.amount for ends, claim in amounts.items()} == {
        **{(*leg, False): Expected(leg).settled for leg in TABLE},
        **{(*leg, True): disputed for leg, disputed in held.items()},
    }
    assert len(amounts) == len(claims)
    assert all(holds(world.node.network.store) for holds in HELD_TO_BE_TRUE)
    world.close()
