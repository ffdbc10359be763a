"""A block's transactions, executed in order over the committed state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from abci_app.application import replay
from abci_app.application.evidence import suspensions, validator_updates
from abci_app.application.interface import Block, Event, Misbehaviour, Outcome, ValidatorPower
from abci_app.application.router import apply, execute
from abci_app.application.transaction import Code, Transaction
from abci_app.domain.governance.queries import parameters
from abci_app.domain.members.queries import active_key
from abci_app.kernel.codes import Rejected, reject
from abci_app.kernel.context import Context, Rules
from abci_app.kernel.encoding import encode
from abci_app.kernel.facts import FactRecord
from abci_app.kernel.merkle import leaf, root
from abci_app.kernel.roles import Role
from abci_app.state.overlay import Overlay, Reader

CODESPACE = "settlement"


class Executed(NamedTuple):
    """What one transaction did: its outcome, and its facts if it was accepted."""

    outcome: Outcome
    records: tuple[FactRecord, ...]
    admitted: bool  # False: it should not be in a block at all


class Executor:
    """Executes transactions one after another. The block's writes gather in `state`."""

    def __init__(self, base: Reader, chain: bytes, height: int, time: int, rules: Callable[[Reader], Rules]) -> None:
        self.state = Overlay(base)
        self.own: tuple[FactRecord, ...] = ()  # facts that no transaction brought
        self._base = base
        self._chain, self._height, self._time = chain, height, time
        self._rules = rules(self.state)

    def take_evidence(self, evidence: tuple[Misbehaviour, ...]) -> None:
        """Before the first transaction: what a block's evidence does by rule. Operator 0, in the nodes' role."""
        found = suspensions(self.state, evidence)
        if found:
            set_by_vote = parameters(self.state)
            at = Context(self._height, self._time, self._chain, 0, Role.NODE, bytes(33), self._rules, set_by_vote)
            self.own += apply(self.state, at, found)

    def validator_updates(self) -> tuple[ValidatorPower, ...]:
        """The validators that the block has changed so far."""
        return validator_updates(self._base, self.state)

    def run(self, transaction: Transaction) -> Executed:
        """Execute one transaction; a refusal leaves nothing but its replay number.

        Any exception but `Rejected` is a fault of ours, leaves nothing, and is left to the caller.
        """
        signed, body = transaction.signed, transaction.body
        try:
            at = self.admit(transaction)
        except Rejected as refusal:
            return Executed(refused(refusal, transaction.cost), (), admitted=False)
        attempt = Overlay(self.state)
        records: tuple[FactRecord, ...] = ()
        try:
            for message in body.messages:
                records += execute(attempt, at, message)
        except Rejected as refusal:
            replay.use(self.state, signed.key, body.number)
            return Executed(refused(refusal, transaction.cost), (), admitted=True)
        replay.use(attempt, signed.key, body.number)
        outcome = accepted(records, transaction.cost)
        self.state.absorb(attempt)  # last: nothing after it can fail
        return Executed(outcome, records, admitted=True)

    def admit(self, transaction: Transaction) -> Context:
        """Whether the signer may send this transaction now. Raises `Rejected`."""
        signed, body = transaction.signed, transaction.body
        key = active_key(self.state, signed.key)
        if key is None:
            reject(Code.UNKNOWN_KEY, expected="a registered, active key", actual=signed.key.hex())
        window = replay.window_of(self.state, signed.key)
        replay.check(window, signed.key, body.number, body.expiry, self._height)
        signer = key.operator, key.role, signed.key
        return Context(self._height, self._time, self._chain, *signer, self._rules, parameters(self.state))


class Candidate(NamedTuple):
    """A block executed and not yet committed."""

    block: Block
    writes: dict[bytes, bytes | None]
    records: tuple[bytes, ...]  # canonical fact records, in order
    outcomes: tuple[Outcome, ...]
    validators: tuple[ValidatorPower, ...]  # that the block changes
    admissible: bool  # every transaction was admitted


def gather(block: Block, executor: Executor, runs: Sequence[Executed]) -> Candidate:
    """The candidate that a block's runs add up to."""
    of_runs = (record for run in runs for record in run.records)
    records = tuple(encode(record) for record in (*executor.own, *of_runs))
    outcomes = tuple(run.outcome for run in runs)
    changed, admissible = executor.validator_updates(), all(run.admitted for run in runs)
    return Candidate(block, executor.state.writes, records, outcomes, changed, admissible)


def accepted(records: tuple[FactRecord, ...], cost: int) -> Outcome:
    """Code 0; `data` is the root of the transaction's fact leaves, empty where there are none."""
    leaves = [leaf(encode(record)) for record in records]
    data = root(leaves) if leaves else b""
    return Outcome(0, data, "", cost, cost, tuple(_event(record) for record in records), CODESPACE)


def refused(refusal: Rejected, cost: int) -> Outcome:
    """The refusal's code, and its text in the log."""
    return Outcome(int(refusal.code), b"", str(refusal), cost, cost, (), CODESPACE)


def _event(record: FactRecord) -> Event:
    attributes = (("object", record.object.hex()), ("operator", str(record.operator)))
    return Event(f"settlement.{record.kind}", attributes)
