"""Two operators with agents over one chain in memory, and a month of generated records between them."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from msgspec.structs import replace

from abci_app.domain.agreements.schema import (
    AgreementDocument,
    CalendarRow,
    CatalogueLine,
    DataClass,
    Evidence,
    Flow,
    Profile,
    ProposeAgreement,
    SlotBinding,
    Terms,
    UnitPair,
    agreement_hash,
)
from abci_app.domain.members.schema import KeyRegistered
from abci_app.domain.periods.schema import Period, PeriodState, Statement, UsageAnchored
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.encoding import Value
from abci_app.kernel.facts import read_record
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from settle.agent.read_model import PeriodKey, ReadModel
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.desk import Action
from settle.agent.runtime.inbox import deliver
from settle.agent.runtime.settings import AgentSettings
from settle.chain.consortium import key_folder
from settle.chain.follower import NumberedFact
from settle.chain.keys import Signer
from settle.rules.shipped import ShippedRule, rulebook_facts
from settle.sample.faults import Fault, FaultList
from settle.sample.generate import generate
from settle.sample.plan import SamplePlan, domestic_operators, month
from tests.support.chains import CBN, CHAIN, CMCC, CTCC, CUCC, GENESIS_TIME, genesis_facts, signed, signer
from tests.support.fake_node import ChainNode
from tests.support.slot_rules import slot_rule_facts

CODES = {CMCC: "CMCC", CUCC: "CUCC"}
ALL_CODES = {**CODES, CTCC: "CTCC", CBN: "CBN"}
USAGE = month(2014, 1)
FIRST = PeriodKey(1, 0, 1)
CUT_OFF = GENESIS_TIME + 100
DATES = CalendarRow(1, *USAGE, CUT_OFF, CUT_OFF + 100, CUT_OFF + 200, CUT_OFF + 400, CUT_OFF + 1000)
VOICE, SMS, MMS = 1, 2, 3
CATALOGUE = (
    CatalogueLine(VOICE, 0, 0, 1, 1),
    CatalogueLine(VOICE, 1, 0, 1, 1),
    CatalogueLine(VOICE, 1, 1, 1, 1),
    CatalogueLine(SMS, 0, 0, 2, 1),
    CatalogueLine(SMS, 1, 0, 2, 1),
    CatalogueLine(MMS, 0, 0, 2, 1),
    CatalogueLine(MMS, 1, 0, 2, 1),
)
TERMS = Terms(
    evidence=Evidence.TWO_SIDED,
    first=CMCC,
    second=CUCC,
    networks=(1, 2),
    pairs=(UnitPair(0, 0),),
    currency=156,
    profile=Profile.MIIT,
    data_class=DataClass.PUBLIC,
    flow=Flow.CALLING_PARTY_PAYS,
    valid_from=USAGE[0],
    valid_to=GENESIS_TIME + 10_000_000,
    calendar=(DATES,),
    contest=500,
    catalogue=CATALOGUE,
    slots=(
        SlotBinding(Slot.RATING, ShippedRule.DOMESTIC_INTERCONNECT, ()),
        SlotBinding(Slot.TOLERANCE, ShippedRule.TOLERANCE_PERCENT, (100,)),
        SlotBinding(Slot.SET_OFF, ShippedRule.SET_OFF, ()),
    ),
    set_off=True,
)
TERMS_OF_THREE = (
    TERMS,
    replace(TERMS, second=CTCC, networks=(1, 3)),
    replace(TERMS, first=CUCC, second=CTCC, networks=(2, 3), catalogue=(*CATALOGUE[:2], *CATALOGUE[3:])),
)
"""Every pair of the three: only calls to CMCC have a second band."""
CHECKERS = {operator: signer(operator, Role.CHECKER) for operator in ALL_CODES}
PEOPLE = {operator: signer(operator, Role.MAKER, 1) for operator in ALL_CODES}
"""A person's maker key; the agents have the other one."""
QUICK = AgentSettings(resend_after_s=0)


@cache
def _genesis() -> tuple[Value, ...]:
    people = [KeyRegistered(number, key.suite, key.public, key.role) for number, key in PEOPLE.items()]
    return (*genesis_facts(), *people, *rulebook_facts(), *slot_rule_facts())


@cache
def sample(*faults: Fault, records: int = 2_000, operators_in_it: int = 2) -> Path:
    """A generated month of the first operators; made once for each list of faults."""
    operators = tuple(replace(one, subscribers=2_000) for one in domestic_operators()[:operators_in_it])
    plan = SamplePlan(
        seed=7, records=records, usage_from=USAGE[0], usage_to=USAGE[1], days_per_file=16, operators=operators,
        faults=FaultList(faults),
    )  # fmt: skip
    scratch = Path(mkdtemp())
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    folder = scratch / "sample"
    generate(plan, folder)
    return folder


def make_home(home: Path, operator: int) -> Path:
    """The home of an operator with its agent's key, and without records."""
    keys = key_folder(home)
    keys.mkdir(parents=True)
    signer(operator, Role.MAKER).write(keys / "agent.json")
    PEOPLE[operator].write(keys / "maker.json")
    CHECKERS[operator].write(keys / "checker.json")
    return home


def deliver_all(home: Path, folder: Path, operator: int, *, late: bool = False) -> None:
    """Put an operator's files of a sample into its inbox, and its trunk map where the agent looks for it."""
    code = ALL_CODES[operator]
    for path in sorted((folder / code / ("late" if late else "records")).glob("*.parquet")):
        deliver(path, home / "agent" / "inbox")
    shutil.copy(folder / code / "trunks.toml", home / "agent" / "trunks.toml")


class World:
    """A chain with agreements in force, and the homes of their operators."""

    def __init__(self, folder: Path, terms: Sequence[Terms] = (TERMS,)) -> None:
        self.node = ChainNode(_genesis())
        parties = sorted({operator for each in terms for operator in (each.first, each.second)})
        self.homes = {operator: make_home(folder / ALL_CODES[operator], operator) for operator in parties}
        self.agents: dict[int, Agent] = {}
        self.actions: dict[int, list[Action]] = {operator: [] for operator in parties}
        self._numbers: dict[bytes, int] = {}
        for each in terms:
            self.agree(each)

    def agree(self, terms: Terms) -> None:
        document = agreement_hash(CHAIN, AgreementDocument(0, 1, terms))
        first, second = terms.first, terms.second
        self.send(CHECKERS[first], ProposeAgreement(0, 1, terms))
        for by in (PEOPLE[first], CHECKERS[first], PEOPLE[second], CHECKERS[second]):
            self.send(by, Approve(DocumentKind.AGREEMENT, document, by.role, Verdict.APPROVE))

    def send(self, by: Signer, *messages: Value) -> None:
        """A transaction by hand, in a block of its own; it must succeed."""
        number = self._numbers[by.public] = self._numbers.get(by.public, 0) + 1
        raw = signed(by, number, *messages, expiry=self.node.height + 100)
        assert self.node.broadcast(raw).code == 0
        [outcome] = self.node.make_block()
        assert outcome.code == 0, outcome.log

    def watcher(self) -> Watcher:
        """Somebody who reads the chain for the test."""
        return Watcher(self.node, self.homes[CMCC])

    def start(self, operator: int, settings: AgentSettings | None = QUICK) -> Agent:
        """The operator's agent, as after a start of its process."""
        agent = Agent(self.homes[operator], self.node, self.node.chain_id, settings)
        self.agents[operator] = agent
        return agent

    def passes(self, number: int = 3, after: int = 1) -> None:
        """So many passes of every agent, with a block after each."""
        for _ in range(number):
            for operator, agent in self.agents.items():
                self.actions[operator] += agent.step()
            self.node.make_block(after=after)

    def at(self, time: int) -> None:
        """The chain's time is now this."""
        self.node.run_until(time)

    def follow(self) -> None:
        for agent in self.agents.values():
            agent.follow()

    def close(self) -> None:
        for agent in self.agents.values():
            agent.close()


class Watcher:
    """Reads the chain beside the agents, without their faults."""

    def __init__(self, node: ChainNode, folder: Path) -> None:
        self._node = node
        self._model = ReadModel(folder / "watcher.sqlite", node.chain_id)

    @property
    def model(self) -> ReadModel:
        """The read model with everything up to now."""
        start = self._model.next_number
        records = self._node.network.store.facts(start, 10_000)
        self._model([NumberedFact(number, record) for number, record in enumerate(records, start)])
        return self._model

    def anchors(self, key: PeriodKey, party: int) -> list[UsageAnchored]:
        return self.model.anchors(key, party)

    def row(self, key: PeriodKey) -> Period:
        return next(known.row for known in self.model.periods_of(CMCC) if known.key == key)

    def statement(self, key: PeriodKey) -> Statement:
        found = self.model.statement(self.row(key).statement)
        assert found is not None
        return found

    def kinds(self) -> list[str]:
        """The kinds of all facts, in order."""
        return [read_record(record).kind for record in self._node.network.store.facts(0, 10_000)]


def settle_until(world: World, done: Callable[[], bool], most: int = 40) -> int:
    """Passes until something holds; how many it took."""
    for number in range(most):
        if done():
            return number
        world.passes(1)
    raise AssertionError(f"not done after {most} passes: {[agent.blocked for agent in world.agents.values()]}")


def start_all(world: World, folder: Path | None = None) -> None:
    """Every operator has its month's files in the inbox, and its agent runs."""
    for operator in world.homes:
        deliver_all(world.homes[operator], sample() if folder is None else folder, operator)
        world.start(operator)


def state(world: World, key: PeriodKey = FIRST) -> PeriodState:
    """Where a period stands, as one of its parties knows it."""
    world.follow()
    return next(known.row.state for agent in world.agents.values() for known in agent.periods() if known.key == key)


def reconciled(world: World, folder: Path | None = None) -> None:
    """Records in, anchored, declared, opened, judged, signed by the agents where they agree."""
    start_all(world, folder)
    world.passes(3)
    world.at(CUT_OFF)
    settle_until(world, lambda: state(world) >= PeriodState.RECONCILED)
    world.passes(2)


def kinds(actions: Sequence[Action]) -> list[str]:
    return [action.kind.name for action in actions]
