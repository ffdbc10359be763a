"""The four operators at work: each agent by itself, and the few things that people do, counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from abci_app.domain.agreements.schema import AgreementDocument, Terms, agreement_hash
from abci_app.domain.members.schema import KeyChange, key_change_hash
from abci_app.domain.obligations.queries import PAYABLE, open_amount
from abci_app.domain.obligations.schema import RoundState, State
from abci_app.domain.periods.schema import PeriodState, Statement, StreamReference
from abci_app.kernel.approvals import DocumentKind
from abci_app.kernel.roles import Role
from settle.agent.read_model import KnownPeriod, PeriodKey, ReadModel
from settle.agent.runtime import people
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.desk import Action
from settle.agent.runtime.settings import AgentSettings
from settle.agent.tasks import approve_all_statements
from settle.chain.consortium import key_folder
from settle.chain.errors import NodeUnreachable, RpcError
from settle.chain.keys import generate, propose_keys
from settle.chain.outbox import Ticket
from settle.cli.demo.scenarios import Scenario
from settle.cli.demo.stage import CHAIN_ID, Operator, Stage
from settle.cli.failures import not_done

_PAUSE = 0.25  # seconds between passes: a third of a block


class Player(NamedTuple):
    """An operator with its agent."""

    operator: Operator
    agent: Agent


class Troupe:
    """The agents of a stage, worked one after the other in this thread."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._actions: set[tuple[int, str]] = set()  # operator and what was done, each once
        self.held: set[int] = set()  # operators whose agents do nothing for now
        self.players: list[Player] = []

    def deliver(self, scenario: Scenario) -> int:
        """Every operator's agent is set up, and its switch has files for it; the number of files."""
        delivered = 0
        for operator in self.stage.operators:
            files, settings = scenario.deliver(operator)
            self.players.append(Player(operator, self._agent(operator, settings)))
            delivered += files
        return delivered

    def correct(self, code: str, keys: Sequence[PeriodKey]) -> dict[PeriodKey, int]:
        """People of one operator set its agent right and have periods filed once more; the revisions."""
        place = next(i for i, player in enumerate(self.players) if player.operator.code == code)
        operator, before = self.players[place]
        before.close()
        agent = self._agent(operator, before.settings.model_copy(update={"simulated_fault": ()}))
        self.players[place] = Player(operator, agent)
        self._actions.update((operator.number, f"correct {key}") for key in keys)
        agent.follow()
        return {key: agent.reissue(key) for key in keys}

    def work(self, until: Callable[[], bool], within: float, what: str, told: Callable[[str, Action], None]) -> None:
        """Pass after pass of every agent, until it is so. Raises `Failure` that names what was waited for."""
        end = time.monotonic() + within
        while not until():
            if time.monotonic() > end:
                raise not_done(
                    expected=f"{what} within {within:.0f} s",
                    actual="a network or machine that is slower than the demonstration's deadlines",
                    next_step="run it again with a slower pace, such as `settle demo --pace 2`",
                )
            for player in self.players:
                if player.operator.number not in self.held:
                    self._pass(player, told)
            time.sleep(_PAUSE)

    def periods(self) -> dict[PeriodKey, KnownPeriod]:
        """Every period of everybody, as the first operator's read model has it."""
        numbers = [player.operator.number for player in self.players]
        every = [known for number in numbers for known in self._model.periods_of(number)]
        return dict(sorted((known.key, known) for known in every))

    def statement(self, document: bytes) -> Statement | None:
        """A statement by its hash."""
        return self._model.statement(document)

    def anchors(self, known: KnownPeriod) -> int:
        """How many files both parties have anchored in a period."""
        return sum(len(self._model.anchors(known.key, party)) for party in (0, 1))

    def streams(self, key: PeriodKey, party: int) -> tuple[StreamReference, ...]:
        """What a party's declaration of a period has to name: every stream as far as it is anchored."""
        last = {anchor.stream: anchor for anchor in self._model.anchors(key, party)}
        return tuple(StreamReference(each.stream, each.sequence, each.running) for _, each in sorted(last.items()))

    def declared(self, key: PeriodKey, party: int) -> bool:
        """Whether a party has declared figures of a period."""
        return any(fact.party == party for fact in self._model.declarations(key))

    def owes_only_disputes(self, key: PeriodKey) -> bool:
        """Whether a signed period is invoiced and all of it is paid but what is held for a dispute."""
        invoices = self._model.invoices(key)
        numbers = {invoice.payable for invoice in invoices.values() if invoice.payable}
        operators = [player.operator.number for player in self.players]
        rows = {number: row for each in operators for number, _, row in self._model.obligations(each)}
        settled = {
            r.number for each in operators for r in self._model.rounds(each) if r.row.state == RoundState.SETTLED
        }
        return bool(invoices) and all(
            rows[number].state == State.PAID or rows[number].round in settled for number in numbers
        )

    def agree(self, wanted: Iterable[Terms]) -> None:
        """Checkers propose, makers and checkers of both sign. These signatures are the contract, not the month."""
        tickets: list[tuple[Player, Ticket]] = []
        by_number = {player.operator.number: player for player in self.players}
        for terms in wanted:
            proposer = by_number[terms.first]
            keys = proposer.operator.keys
            tickets.append((proposer, people.propose_agreement(proposer.agent.outbox, keys["checker"], terms)))
        self._settle(tickets)
        tickets = []
        for terms in wanted:
            document = agreement_hash(self.stage.chain, AgreementDocument(0, 1, terms))
            for number in (terms.first, terms.second):
                player = by_number[number]
                for name in ("maker", "checker"):
                    signer = player.operator.keys[name]
                    ticket = people.approve(player.agent.outbox, DocumentKind.AGREEMENT, document, signer)
                    tickets.append((player, ticket))
        self._settle(tickets)

    def rotate_checker(self, player: Player) -> None:
        """Two administrators give the checker a new key and revoke the old one; open periods do not notice."""
        operator, outbox = player.operator, player.agent.outbox
        new = generate(operator.number, Role.CHECKER)
        new.write(key_folder(operator.home) / "checker-2.json")
        proposal = propose_keys(self.stage.chain, 1, (new,), (operator.keys["checker"].public,))
        change = KeyChange(operator.number, proposal.serial, proposal.register, proposal.revoke)
        document = key_change_hash(self.stage.chain, change)
        first, second = operator.keys["admin-1"], operator.keys["admin-2"]
        self._settle([(player, people.submit(outbox, "keys propose", first, proposal))])
        for admin in (first, second):
            self._settle([(player, people.approve(outbox, DocumentKind.KEY_CHANGE, document, admin))])
        operator.keys["checker"] = new

    def sign_statements(self) -> None:
        """Each checker signs all that agrees, in one action."""
        for player in self.players:
            counted = approve_all_statements(player.agent, player.operator.keys["checker"])
            if counted.signed:
                self._actions.add((player.operator.number, f"approve all: {counted.tickets}"))

    def sign_rounds(self) -> None:
        """Checkers sign the set-off rounds that wait for them."""
        for player in self.players:
            for each in player.agent.model.rounds(player.operator.number):
                mine = any(s.operator == player.operator.number for s in each.row.signatures)
                if each.row.state == RoundState.PROPOSED and not mine:
                    checker = player.operator.keys["checker"]
                    ticket = people.approve(player.agent.outbox, DocumentKind.NETTING_ROUND, each.row.document, checker)
                    self._actions.add((player.operator.number, ticket.content_key))

    def pay(self) -> None:
        """Checkers pay the nets of the set-off rounds and confirm what has arrived; gross amounts are set off first."""
        for player in self.players:
            operator, outbox = player.operator, player.agent.outbox
            for number, _, row in player.agent.model.obligations(operator.number):
                reference = f"DEMO-{number}".encode()
                checker = operator.keys["checker"]
                if row.claim.debtor == operator.number and row.state in PAYABLE and row.claim.origin.round:
                    ticket = people.notify_payment(outbox, checker, number, open_amount(row), reference)
                elif row.claim.creditor == operator.number and row.state == State.NOTIFIED:
                    [notice] = row.notice
                    ticket = people.confirm_payment(outbox, checker, number, notice.amount, notice.bank_reference)
                else:
                    continue
                self._actions.add((operator.number, ticket.content_key))

    def all_in(self, *states: PeriodState) -> bool:
        """Whether every period stands in one of these states."""
        return all(known.row.state in states for known in self.periods().values())

    @property
    def human_actions(self) -> int:
        """What people did in the month, each step of each operator once; agreements are older than the month."""
        return len(self._actions)

    def close(self) -> None:
        """Close the agents' files."""
        for player in self.players:
            player.agent.close()

    @property
    def _model(self) -> ReadModel:
        return self.players[0].agent.model

    def _pass(self, player: Player, told: Callable[[str, Action], None]) -> None:
        try:
            for action in player.agent.step():
                told(player.operator.code, action)
        except (NodeUnreachable, RpcError):
            return  # its node is down: the agent goes on when it is back

    def _agent(self, operator: Operator, settings: AgentSettings) -> Agent:
        return Agent(operator.home, operator.rpc, CHAIN_ID, settings)

    def _settle(self, tickets: list[tuple[Player, Ticket]]) -> None:
        for player, ticket in tickets:
            result = player.agent.outbox.wait(ticket, timeout=30.0)
            if result.code:
                raise not_done(
                    expected=f"{ticket.content_key} accepted", actual=result.log, next_step="report it: a fault of ours"
                )
