"""From message to facts to state: the only place where decide meets fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, get_args

import msgspec

from abci_app.application.governed import carried_messages, check_carried, check_proposed
from abci_app.application.recount import recounted
from abci_app.domain.agreements import decide as agreements_decide
from abci_app.domain.agreements import fold as agreements_fold
from abci_app.domain.agreements import schema as agreements
from abci_app.domain.agreements import tables as agreements_tables
from abci_app.domain.governance import decide as governance_decide
from abci_app.domain.governance import fold as governance_fold
from abci_app.domain.governance import schema as governance
from abci_app.domain.governance import tables as governance_tables
from abci_app.domain.governance.tables import BALLOTS, BallotKey
from abci_app.domain.members import decide as members_decide
from abci_app.domain.members import fold as members_fold
from abci_app.domain.members import schema as members
from abci_app.domain.members import tables as members_tables
from abci_app.domain.obligations import decide as obligations_decide
from abci_app.domain.obligations import fold as obligations_fold
from abci_app.domain.obligations import schema as obligations
from abci_app.domain.obligations import tables as obligations_tables
from abci_app.domain.periods import decide as periods_decide
from abci_app.domain.periods import fold as periods_fold
from abci_app.domain.periods import schema as periods
from abci_app.domain.periods import tables as periods_tables
from abci_app.domain.rulebook import decide as rulebook_decide
from abci_app.domain.rulebook import fold as rulebook_fold
from abci_app.domain.rulebook import schema as rulebook
from abci_app.domain.rulebook import tables as rulebook_tables
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind
from abci_app.kernel.codes import Rejected
from abci_app.kernel.context import Context
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.facts import FactRecord
from abci_app.state.overlay import Overlay, Reader, Writer

Message: TypeAlias = (
    members.Message
    | governance.Message
    | rulebook.Message
    | agreements.Message
    | periods.Message
    | obligations.Message
    | Approve
    | Advance
)
Fact: TypeAlias = members.Fact | governance.Fact | rulebook.Fact | agreements.Fact | periods.Fact | obligations.Fact
read_fact: Decoder[Fact] = Decoder(Fact)
_read_own = msgspec.msgpack.Decoder(Fact).decode  # our own bytes: forms and bounds, not the spelling


class Module(NamedTuple):
    """A domain module as the router sees it."""

    name: str
    check_form: Callable[[Any], None]
    decide: Callable[[Reader, Context, Any], tuple[Value, ...]]
    fold: Callable[[Writer, Any], None]
    object_of: Callable[[Any], bytes]
    basis_of: Callable[[Any], bytes]


def _module(name: str, decide: ModuleType, fold: ModuleType, tables: ModuleType) -> Module:
    return Module(name, decide.check_form, decide.decide, fold.fold, tables.object_of, tables.basis_of)


MEMBERS = _module("members", members_decide, members_fold, members_tables)
GOVERNANCE = _module("governance", governance_decide, governance_fold, governance_tables)
RULEBOOK = _module("rulebook", rulebook_decide, rulebook_fold, rulebook_tables)
AGREEMENTS = _module("agreements", agreements_decide, agreements_fold, agreements_tables)
PERIODS = _module("periods", periods_decide, periods_fold, periods_tables)
OBLIGATIONS = _module("obligations", obligations_decide, obligations_fold, obligations_tables)


def _owned(*unions: tuple[object, Module]) -> dict[type, Module]:
    """Every class of every union (or single class) with its module."""
    return {kind: module for union, module in unions for kind in get_args(union) or (union,)}


BY_MESSAGE = _owned(
    (members.Message, MEMBERS),
    (governance.Message, GOVERNANCE),
    (rulebook.Message, RULEBOOK),
    (agreements.Message, AGREEMENTS),
    (periods.Message, PERIODS),
    (obligations.Message, OBLIGATIONS),
)
BY_FACT = _owned(
    (members.Fact, MEMBERS),
    (governance.Fact, GOVERNANCE),
    (rulebook.Fact, RULEBOOK),
    (agreements.Fact, AGREEMENTS),
    (periods.Fact, PERIODS),
    (obligations.Fact, OBLIGATIONS),
)
BY_DOCUMENT = {
    DocumentKind.KEY_CHANGE: MEMBERS,
    DocumentKind.AGREEMENT: AGREEMENTS,
    DocumentKind.STATEMENT: PERIODS,
    DocumentKind.NETTING_ROUND: OBLIGATIONS,
    DocumentKind.BUNDLE: RULEBOOK,
    DocumentKind.PROPOSAL: GOVERNANCE,
    DocumentKind.READINESS: RULEBOOK,
}
BY_OBJECT = {
    ObjectKind.PERIOD: PERIODS,
    ObjectKind.OBLIGATION: OBLIGATIONS,
    ObjectKind.NETTING_ROUND: OBLIGATIONS,
    ObjectKind.PROPOSAL: GOVERNANCE,
}


def owner(message: Message) -> Module:
    """The module that decides a message. Approve and Advance go by the kind that they name."""
    if not isinstance(message, Approve | Advance):
        return BY_MESSAGE[type(message)]
    return BY_DOCUMENT[message.kind] if isinstance(message, Approve) else BY_OBJECT[message.kind]


def check_form(message: Message) -> None:
    """What is wrong with a message whatever the state, and with those that it carries. Raises `Rejected`."""
    owner(message).check_form(message)
    if isinstance(message, governance.Propose):
        for inner in check_carried(message):
            owner(inner).check_form(inner)


def execute(state: Overlay, at: Context, message: Message) -> tuple[FactRecord, ...]:
    """Decide and fold one message, and what follows from it. Raises `Rejected` before anything is written."""
    facts = owner(message).decide(state, at, message)
    if isinstance(message, governance.Propose):
        for fact in facts:
            if isinstance(fact, governance.ProposalMade):
                check_proposed(state, at, message)
                _run(Overlay(state), at._replace(mandate=fact.document), message.messages)
    return apply(state, at, facts)


def apply(state: Overlay, at: Context, facts: Sequence[Value]) -> tuple[FactRecord, ...]:
    """Fold facts and what follows from them; their records, in order.

    Every fact is encoded and read back before the first is folded, so fold cannot meet a value
    that does not fit.
    """
    for fact in facts:
        _read_own(encode(fact))
    for fact in facts:
        BY_FACT[type(fact)].fold(state, fact)
    records = tuple(record(fact, at.height, at.time, at.operator, at.role) for fact in facts)
    for fact in facts:
        if isinstance(fact, governance.ProposalCarried):
            records += _carry_out(state, at, fact.document)
    if any(isinstance(fact, _CHANGE_WHO_COUNTS) for fact in facts):
        records += apply(state, at, recounted(state, at))
    return records


_CHANGE_WHO_COUNTS = (
    members.KeyRevoked,
    members.MembershipChanged,
    members.ValidatorAdded,
    members.ValidatorRemoved,
    members.ValidatorSuspended,
)


def _carry_out(state: Overlay, at: Context, document: bytes) -> tuple[FactRecord, ...]:
    """Run what a proposal carries, all or nothing. A refusal makes it FAILED with the code, and the chain goes on."""
    ballot = BALLOTS.require(state, BallotKey(document))
    attempt = Overlay(state)
    try:
        records = _run(attempt, at._replace(mandate=document), ballot.proposal.messages)
    except Rejected as refusal:
        return apply(state, at, (governance.ProposalFailed(document, int(refusal.code)),))
    state.absorb(attempt)
    return records


def _run(state: Overlay, at: Context, messages: tuple[bytes, ...]) -> tuple[FactRecord, ...]:
    records: tuple[FactRecord, ...] = ()
    for message in carried_messages(messages):
        records += execute(state, at, message)
    return records


def record(fact: Value, height: int, time: int, operator: int, role: int) -> FactRecord:
    """The fact with its circumstances, as it enters the log."""
    module = BY_FACT[type(fact)]
    kind = str(fact.__struct_config__.tag)
    about, basis = module.object_of(fact), module.basis_of(fact)
    return FactRecord(kind, height, time, about, operator, role, basis, encode(fact))
