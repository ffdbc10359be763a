"""From message to facts to state: the only place where decide meets fold."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias, get_args

from abci_app.domain.members import decide as members_decide
from abci_app.domain.members import fold as members_fold
from abci_app.domain.members import schema as members_schema
from abci_app.domain.members import tables as members_tables
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind
from abci_app.kernel.context import Context
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.facts import FactRecord
from abci_app.state.overlay import Overlay, Reader, Writer

Message: TypeAlias = members_schema.Message | Approve | Advance
Fact: TypeAlias = members_schema.Fact
read_fact: Decoder[Fact] = Decoder(Fact)


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


def _kinds(union: object) -> tuple[type, ...]:
    """The classes of a union, or of a single class."""
    return get_args(union) or (union,)


BY_MESSAGE: dict[type, Module] = dict.fromkeys(_kinds(members_schema.Message), MEMBERS)
BY_FACT: dict[type, Module] = dict.fromkeys(_kinds(members_schema.Fact), MEMBERS)
BY_DOCUMENT: dict[DocumentKind, Module] = {DocumentKind.KEY_CHANGE: MEMBERS}
BY_OBJECT: dict[ObjectKind, Module] = {}


def owner(message: Message) -> Module:
    """The module that decides a message. Approve and Advance go by the kind that they name."""
    match message:
        case Approve():
            return BY_DOCUMENT[message.kind]
        case Advance():
            return BY_OBJECT[message.kind]
        case _:
            return BY_MESSAGE[type(message)]


def check_form(message: Message) -> None:
    """What is wrong with a message whatever the state. Raises `Rejected`."""
    owner(message).check_form(message)


def execute(state: Overlay, at: Context, message: Message) -> tuple[FactRecord, ...]:
    """Decide and fold one message. Raises `Rejected` before anything is written.

    Every fact is encoded and read back before the first is folded, so fold cannot meet a value
    that does not fit.
    """
    facts = owner(message).decide(state, at, message)
    for fact in facts:
        read_fact(encode(fact))
    for fact in facts:
        BY_FACT[type(fact)].fold(state, fact)
    return tuple(record(fact, at.height, at.time, at.operator, at.role) for fact in facts)


def record(fact: Value, height: int, time: int, operator: int, role: int) -> FactRecord:
    """The fact with its circumstances, as it enters the log."""
    module = BY_FACT[type(fact)]
    kind = str(fact.__struct_config__.tag)
    about, basis = module.object_of(fact), module.basis_of(fact)
    return FactRecord(kind, height, time, about, operator, role, basis, encode(fact))
