"""Months without faults, four operators, every pair: agreed unaided, and the money is the truth to the last unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from abci_app.domain.agreements.schema import CalendarRow, Terms
from abci_app.domain.obligations.queries import PAYABLE, open_amount
from abci_app.domain.obligations.schema import RoundState, State
from abci_app.domain.obligations.tables import ACCOUNTS
from abci_app.domain.periods.schema import PeriodState, Statement, Verdict
from abci_app.domain.periods.tables import periods_are_whole, statements_add_up
from abci_app.kernel.approvals import DocumentKind
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.people import approve, confirm_payment, notify_payment
from settle.agent.tasks import TaskKind, approve_all_statements, tasks
from settle.chain.consortium import CHINA
from settle.cli.demo import terms as demo_terms
from settle.cli.demo.money import lawful_price, truth
from settle.sample.generate import generate
from settle.sample.lines import truth_events
from settle.sample.plan import SamplePlan, ServiceMix, domestic_operators, month
from tests.agent.runtime_world import ALL_CODES, CHECKERS, World, deliver_all, kinds, settle_until
from tests.support.chains import CBN, CMCC, CTCC, CUCC, GENESIS_TIME
from tests.support.money import HELD_TO_BE_TRUE

FEN = 10_000  # 10^-6 CNY: the minor unit
PACE = 10.0  # stretches the demonstration's deadlines, which are seconds: blocks here are a second apart
DAY, HOUR = 86_400, 3_600
MIX = ServiceMix(voice=760, sms=220, mms=20, data=0)
Months = tuple[tuple[int, int], ...]
Owed = Mapping[tuple[str, str], int]  # (sender, receiver) → 10^-6 CNY
ONE_MONTH = ((2014, 1),)
"""The first month of the law: its local midnight is the rule's own."""

# The order's own figures: 电管[2013]506, and the 2003 measure for started minutes. 10^-6 CNY a minute or message.
LAW = [
    ("CMCC", "CUCC", "VOICE", False, 60_000),
    ("CMCC", "CTCC", "VOICE", False, 60_000),
    ("CUCC", "CMCC", "VOICE", False, 40_000),
    ("CTCC", "CMCC", "VOICE", False, 40_000),
    ("CUCC", "CMCC", "VOICE", True, 60_000),
    ("CTCC", "CMCC", "VOICE", True, 60_000),
    ("CUCC", "CTCC", "VOICE", False, 60_000),
    ("CTCC", "CUCC", "VOICE", True, 60_000),  # a number of the series that another network serves now
    ("CBN", "CMCC", "VOICE", False, 60_000),
    ("CMCC", "CBN", "VOICE", False, 60_000),
    ("CUCC", "CMCC", "SMS", True, 10_000),
    ("CBN", "CTCC", "MMS", False, 50_000),
]


@pytest.mark.parametrize(("sender", "receiver", "service", "series", "price"), LAW)
def test_the_truth_is_priced_by_the_figures_of_the_law(
    sender: str, receiver: str, service: str, series: bool, price: int
) -> None:
    assert lawful_price(sender, receiver, service, series, 7) == 7 * price


def sample(folder: Path, seed: int, months: Months, operators: int = 4, records: int = 5_000) -> Path:
    """Traffic between the first operators, in files of a week: a whole month, or two days on either side of an edge."""
    small = tuple(replace(one, subscribers=2_000) for one in domestic_operators()[:operators])
    begin, end = month(*months[0])
    if len(months) > 1:
        begin, end = end - 2 * DAY, end + 2 * DAY
    generate(SamplePlan(seed=seed, records=records, usage_from=begin, usage_to=end, operators=small, mix=MIX), folder)
    return folder


def agreements(months: Months) -> list[Terms]:
    """The demonstration's agreement of every pair, without tolerance, with a period for each month."""
    found = []
    for first, second in demo_terms.pairs(CHINA):
        one = demo_terms.over_the_new_year(first, second, GENESIS_TIME, PACE)
        row = one.calendar[0]
        rows = tuple(
            replace(row, ordinal=number, usage_from=month(*each)[0], usage_to=month(*each)[1])
            for number, each in enumerate(months, start=1)
        )
        found.append(replace(one, calendar=rows, valid_from=rows[0].usage_from, valid_to=rows[-1].usage_to))
    return found


def truth_of(folder: Path, dates: CalendarRow) -> Owed:
    """What is owed for the events that begin in a period, each priced for itself, by the law."""
    settled = pl.col("outcome").is_in(["ANSWERED", "DELIVERED"])
    start = pl.col("start_ms")
    in_period = (start >= dates.usage_from * 1000) & (start < dates.usage_to * 1000)
    columns = ("sender", "receiver", "service", "b_number", "duration_ms", "units")
    owed: Counter[tuple[str, str]] = Counter()
    for row in truth_events(folder).filter(settled & in_period).select(columns).collect().iter_rows():
        sender, receiver, service, called, duration_ms, units = row
        started = -(-duration_ms // 60_000) if service == "VOICE" else units
        owed[sender, receiver] += lawful_price(sender, receiver, service, called[:5] in ("86157", "86188"), started)
    return owed


def begin(folder: Path, months: Months, records: Path) -> World:
    """Agreements in force, every operator's files in its inbox, its agent at work until all is judged."""
    world = World(folder, agreements(months))
    for operator, home in world.homes.items():
        if (records / ALL_CODES[operator]).exists():
            deliver_all(home, records, operator)
        world.start(operator)
    world.passes(4)
    world.at(agreements(months)[0].calendar[0].cut_off)
    settle_until(world, lambda: all(known.row.state == PeriodState.RECONCILED for known in periods(world).values()))
    settle_until(world, lambda: all(len(known.row.signatures) == 2 for known in periods(world).values()))
    return world


def periods(world: World) -> dict[PeriodKey, KnownPeriod]:
    """Every period of every pair, as its own parties know it."""
    world.follow()
    return {known.key: known for agent in world.agents.values() for known in agent.periods()}


def statement(world: World, known: KnownPeriod) -> Statement:
    found = world.agents[known.terms.first].model.statement(known.row.statement)
    assert found is not None
    return found


def ends(terms: Terms, direction: int) -> tuple[str, str]:
    """Sender and receiver of a direction: calling party pays."""
    both = ALL_CODES[terms.first], ALL_CODES[terms.second]
    return both if direction == 0 else both[::-1]


def approve_everything(world: World) -> None:
    """One action of one checker of each operator signs all of its periods; nothing is left to be looked at."""
    for operator, agent in world.agents.items():
        waiting = tasks(agent)
        assert {task.kind for task in waiting} == {TaskKind.SIGN_STATEMENT}
        assert approve_all_statements(agent, CHECKERS[operator])[:2] == (len(agent.periods()), 0)
        assert len(waiting) == len(agent.periods())


def pay_everything(world: World) -> None:
    """Checkers sign the rounds that the agents propose, pay the nets and confirm them, until no period is open."""

    def done() -> bool:
        for operator, agent in world.agents.items():
            agent.follow()
            pay(agent, operator)
        return all(known.row.state == PeriodState.CLOSED for known in periods(world).values())

    settle_until(world, done, most=60)


def pay(agent: Agent, operator: int) -> None:
    """What waits for one checker, done once: outboxes know a step that has been taken."""
    checker = CHECKERS[operator]
    for each in agent.model.rounds(operator):
        if each.row.state == RoundState.PROPOSED and operator not in {one.operator for one in each.row.signatures}:
            approve(agent.outbox, DocumentKind.NETTING_ROUND, each.row.document, checker)
    for number, _, row in agent.model.obligations(operator):
        reference = f"NET-{number}".encode()
        if row.claim.debtor == operator and row.state in PAYABLE and row.claim.origin.round:
            notify_payment(agent.outbox, checker, number, open_amount(row), reference)
        if row.claim.creditor == operator and row.state == State.NOTIFIED:
            confirm_payment(agent.outbox, checker, number, row.notice[0].amount, reference)


def invoiced(world: World) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """What invoices came to, and the nets that were paid in their stead: debtor and creditor → 10^-6 CNY."""
    gross: Counter[tuple[str, str]] = Counter()
    net: Counter[tuple[str, str]] = Counter()
    obligations = {each.number: each.row for n, agent in world.agents.items() for each in agent.model.obligations(n)}
    for row in obligations.values():
        names = ALL_CODES[row.claim.debtor], ALL_CODES[row.claim.creditor]
        into = net if row.claim.origin.round else gross
        into[names] += row.claim.amount
        assert row.state == (State.PAID if row.claim.origin.round else State.NETTED)
    return gross, net


def check_ledger(world: World, net: Mapping[tuple[str, str], int]) -> None:
    """Debits are credits, nothing is pending, and what is posted is what was paid."""
    store = world.node.network.store
    for holds in (*HELD_TO_BE_TRUE, statements_add_up, periods_are_whole):
        assert holds(store), holds.__name__
    rows = [row for _, row in ACCOUNTS.rows(store)]
    assert sum(row.debits_posted for row in rows) == sum(row.credits_posted for row in rows) == sum(net.values()) > 0
    assert all(row.debits_pending == row.credits_pending == 0 for row in rows)


@pytest.fixture
def worlds() -> Iterator[list[World]]:
    opened: list[World] = []
    yield opened
    for world in opened:
        world.close()


MONTHS = [
    (3, ONE_MONTH),
    (20, ONE_MONTH),
    (11, ((2014, 12), (2015, 1))),  # over New Year: an agreement of two months and traffic around their edge
    (29, ((2016, 2), (2016, 3))),  # over 29 February
]


@pytest.mark.parametrize(("seed", "months"), MONTHS)
def test_every_period_is_agreed_unaided_and_the_money_paid_is_the_truth(
    tmp_path: Path, worlds: list[World], seed: int, months: Months
) -> None:
    records = sample(tmp_path / "sample", seed, months)
    world = begin(tmp_path, months, records)
    worlds.append(world)
    assert len(periods(world)) == 6 * len(months)
    true: Counter[tuple[str, str]] = Counter()
    for key, known in periods(world).items():
        struck = statement(world, known)
        assert {line.verdict for line in struck.lines} == {Verdict.EQUAL}, key
        assert all(line.first == line.second and line.first.calls > 0 for line in struck.lines if line.first.amount)
        assert (struck.revisions, struck.flags, struck.disputed) == ((1, 1), 0, (0, 0))
        owed = truth_of(records, known.dates)
        assert struck.payable == tuple(owed[ends(known.terms, direction)] for direction in (0, 1))
        assert all(amount > 0 for amount in struck.payable)
        true.update({ends(known.terms, direction): struck.payable[direction] for direction in (0, 1)})
    assert true == truth(records)  # no event of the truth is in no period, none in two

    approve_everything(world)
    pay_everything(world)
    gross, net = invoiced(world)
    assert gross == true
    assert all(amount % FEN == 0 for amount in gross.values())
    assert net == {
        (one, other): amount - true[other, one] for (one, other), amount in true.items() if amount > true[other, one]
    }
    check_ledger(world, net)
    assert [agent.blocked for agent in world.agents.values()] == [()] * 4
    assert [tasks(agent) for agent in world.agents.values()] == [[]] * 4


@pytest.mark.parametrize(("seed", "months"), [each for each in MONTHS if len(each[1]) > 1])
def test_there_is_traffic_where_the_month_is_another_in_utc(tmp_path: Path, seed: int, months: Months) -> None:
    """What the claim above is worth: records, calls in progress and files lie across the local edge of the months."""
    records = sample(tmp_path / "sample", seed, months)
    edge = month(*months[1])[0] * 1000
    assert edge % (DAY * 1000) == 16 * HOUR * 1000  # midnight in UTC+8 is 16:00 UTC
    start, end = pl.col("start_ms"), pl.col("start_ms") + pl.col("duration_ms")
    events = truth_events(records).filter(pl.col("outcome").is_in(["ANSWERED", "DELIVERED"])).collect()
    assert events.filter((start >= edge) & (start < edge + 8 * HOUR * 1000)).height > 50
    assert events.filter((start >= edge - 8 * HOUR * 1000) & (start < edge)).height > 50
    assert events.filter((start < edge) & (end > edge)).height > 0
    files = [pl.read_parquet(path)["start_ms"] for path in (records / "CMCC" / "records").glob("*.parquet")]
    assert all(times.min() < edge < times.max() for times in files)


def test_a_pair_without_traffic_closes_with_the_last_approval_and_has_no_invoice(
    tmp_path: Path, worlds: list[World]
) -> None:
    records = sample(tmp_path / "sample", 5, ONE_MONTH, operators=3, records=1_500)
    world = begin(tmp_path, ONE_MONTH, records)
    worlds.append(world)
    idle = {key for key, known in periods(world).items() if known.terms.second == CBN}
    assert len(idle) == 3
    for key in idle:
        struck = statement(world, periods(world)[key])
        assert {line.verdict for line in struck.lines} == {Verdict.EQUAL}
        assert (struck.payable, struck.disputed) == ((0, 0), (0, 0))
    for operator in (CMCC, CUCC, CTCC):
        approve_all_statements(world.agents[operator], CHECKERS[operator])
    world.passes(2)
    assert {periods(world)[key].row.state for key in idle} == {PeriodState.RECONCILED}

    approve_all_statements(world.agents[CBN], CHECKERS[CBN])
    world.passes(2)
    for key in idle:
        model = world.agents[CBN].model
        last = model.facts_about(key.object)[-3:]
        assert [fact.kind for fact in last] == [
            "periods.statement_signed", "periods.period_signed", "periods.period_closed",
        ]  # fmt: skip
        assert len({fact.height for fact in last}) == 1
        assert model.invoices(key) == {}
    world.passes(3)
    assert world.agents[CBN].model.obligations(CBN) == []
    assert tasks(world.agents[CBN]) == []
    assert "INVOICED" not in kinds(world.actions[CBN])
    busy = [known.row.state for key, known in periods(world).items() if key not in idle]
    assert busy == [PeriodState.SIGNED] * 3
