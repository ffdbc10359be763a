"""Every question that a node answers, with the forms of its arguments and of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from abci_app.domain.agreements.queries import VersionQuery
from abci_app.domain.agreements.schema import (
    Agreement,
    AgreementVersion,
    DocumentPlace,
    PeriodCalendar,
    VersionState,
)
from abci_app.domain.governance.queries import BallotAt
from abci_app.domain.governance.schema import Ballot, ProposalState
from abci_app.domain.members.schema import Node as PeerNode
from abci_app.domain.members.schema import Operator, PendingKeyChange, RegisteredKey, Unit, Validator
from abci_app.domain.obligations.queries import BilledInvoice, InvoiceQuery, NetPosition, PairQuery
from abci_app.domain.obligations.schema import Account, Invoice, LatePayment, Note, Obligation, Payment, Rerating, Round
from abci_app.domain.periods.queries import EffectivePeriod, PairOfUnits, PeriodQuery
from abci_app.domain.periods.schema import (
    Anchor,
    Declaration,
    Figures,
    LineShifts,
    Period,
    RunningBias,
    Statement,
    Stream,
)
from abci_app.domain.rulebook.queries import AtHeight, ReadinessAt, VersionAt
from abci_app.domain.rulebook.schema import Bundle, Draft, Rule, RuleVersion, Suspension
from abci_app.kernel.encoding import U32, U64, Decoder, Hash32, KeyBytes, Malformed, Seconds, Value, encode
from abci_app.kernel.parameters import Parameters
from abci_app.kernel.thresholds import Thresholds
from settle.chain.errors import ChainError
from settle.chain.queries import ReplayWindow
from settle.chain.rpc import Node

A = TypeVar("A")

NOT_FOUND = 933
"""The application's code for a question whose subject does not exist."""


class Marker(Value, frozen=True):
    """The last committed block as the application tells it; `chain` is sha256 of the chain id."""

    format: U32
    height: U64
    time: Seconds
    app_hash: Hash32
    chain: Hash32
    facts: U64


class Simulation(Value, frozen=True):
    """What a transaction would do in the next block; `records` are canonical fact records."""

    code: U32
    log: str
    cost: U32
    records: tuple[bytes, ...]


@dataclass(frozen=True)
class Question(Generic[A]):
    """`arguments` is their type, None where there are none; `raw` ones are bytes as they are, not an encoded value."""

    path: str
    arguments: object
    read: Decoder[A]
    raw: bool = False


def _question(path: str, arguments: object, answer: type[A], raw: bool = False) -> Question[A]:
    return Question(path, arguments, Decoder(answer), raw)


MARKER = _question("/marker", None, tuple[Marker, tuple[tuple[str, Hash32], ...]])
REPLAY = _question("/replay", KeyBytes, ReplayWindow, raw=True)
OPERATORS = _question("/members/operators", None, tuple[tuple[int, Operator], ...])
OPERATOR = _question("/members/operator", U32, Operator)
UNITS = _question("/members/units", None, tuple[tuple[int, int, Unit], ...])
KEYS = _question("/members/keys", None, tuple[tuple[KeyBytes, RegisteredKey], ...])
KEY = _question("/members/key", KeyBytes, RegisteredKey)
KEY_CHANGES = _question("/members/key_changes", None, tuple[tuple[Hash32, PendingKeyChange], ...])
KEY_CHANGE = _question("/members/key_change", Hash32, PendingKeyChange)
VALIDATORS = _question("/members/validators", None, tuple[tuple[Hash32, Validator], ...])
NODES = _question("/members/nodes", None, tuple[tuple[bytes, PeerNode], ...])
PROPOSALS = _question("/governance/proposals", None, tuple[tuple[Hash32, ProposalState, Ballot], ...])
PROPOSAL = _question("/governance/proposal", Hash32, BallotAt)
PROPOSER = _question("/governance/proposer", U32, int)
PARAMETERS = _question("/governance/parameters", None, Parameters)
THRESHOLDS = _question("/governance/thresholds", None, Thresholds)
RULES = _question("/rulebook/rules", None, tuple[tuple[int, Rule], ...])
RULE = _question("/rulebook/rule", U32, Rule)
RULE_VERSIONS = _question("/rulebook/versions", U32, tuple[tuple[int, RuleVersion], ...])
BUNDLE = _question("/rulebook/bundle", Hash32, Bundle)
RULE_HISTORY = _question("/rulebook/history", AtHeight, tuple[VersionAt, ...])
DRAFTS = _question("/rulebook/drafts", None, tuple[tuple[Hash32, Draft], ...])
DRAFT = _question("/rulebook/draft", Hash32, Draft)
READINESS = _question("/rulebook/readiness", Hash32, ReadinessAt)
WAITING = _question("/rulebook/waiting", None, tuple[ReadinessAt, ...])
SUSPENSIONS = _question("/rulebook/suspensions", U32, tuple[tuple[int, Suspension], ...])
AGREEMENTS = _question("/agreements/agreements", None, tuple[tuple[int, Agreement], ...])
AGREEMENT = _question("/agreements/agreement", U32, Agreement)
AGREEMENT_VERSION = _question("/agreements/version", VersionQuery, AgreementVersion)
AGREEMENT_DOCUMENT = _question("/agreements/document", Hash32, DocumentPlace)
CALENDAR = _question("/agreements/calendar", U32, tuple[PeriodCalendar, ...])
EFFECTIVE_AGREEMENT = _question("/effective/agreement", VersionQuery, VersionState)
PERIODS = _question("/periods/periods", U32, tuple[tuple[int, int, Period], ...])
PERIOD = _question("/periods/period", PeriodQuery, Period)
STREAMS = _question("/periods/streams", PeriodQuery, tuple[tuple[int, int, Stream], ...])
ANCHORS = _question("/periods/anchors", PeriodQuery, tuple[tuple[int, int, int, Anchor], ...])
DECLARATIONS = _question("/periods/declarations", PeriodQuery, tuple[tuple[int, int, Declaration], ...])
FIGURES = _question("/periods/figures", PeriodQuery, tuple[tuple[int, int, Figures], ...])
STATEMENT = _question("/periods/statement", Hash32, Statement)
BIAS = _question("/periods/bias", PairOfUnits, RunningBias)
SHIFTS = _question("/periods/shifts", PeriodQuery, LineShifts)
EFFECTIVE_PERIOD = _question("/effective/period", PeriodQuery, EffectivePeriod)
OBLIGATION = _question("/obligations/obligation", U32, Obligation)
OBLIGATIONS_OF = _question("/obligations/of_operator", U32, tuple[tuple[int, Obligation], ...])
INVOICE = _question("/obligations/invoice", InvoiceQuery, Invoice)
BILLED = _question("/obligations/billed", InvoiceQuery, BilledInvoice)
NOTE = _question("/obligations/note", U32, Note)
NOTES = _question("/obligations/notes", U32, tuple[tuple[int, Note], ...])
DELAYS = _question("/obligations/delays", U32, tuple[LatePayment, ...])
RERATING = _question("/obligations/rerating", PeriodQuery, Rerating)
PAYMENTS = _question("/obligations/payments", U32, tuple[tuple[bytes, Payment], ...])
ROUNDS = _question("/obligations/rounds", None, tuple[tuple[int, Round], ...])
ROUND = _question("/obligations/round", U32, Round)
ACCOUNTS = _question("/obligations/accounts", U32, tuple[tuple[int, int, Account], ...])
NET_POSITION = _question("/obligations/net_position", PairQuery, NetPosition)
EFFECTIVE_OBLIGATION = _question("/effective/obligation", U32, Obligation)
EFFECTIVE_ROUND = _question("/effective/round", U32, Round)

QUESTIONS: dict[str, Question[Any]] = {
    each.path: each for each in tuple(globals().values()) if isinstance(each, Question)
}
"""By path. `/facts` and `/simulate` have functions of their own."""


def ask(node: Node, question: Question[A], argument: object = None) -> A:
    """The answer to a question, decoded. Raises `QueryRefused`; its code is `NOT_FOUND` for what is not there."""
    if question.arguments is None:
        data = b""
    elif question.raw:
        assert isinstance(argument, bytes)
        data = argument
    else:
        data = encode(argument)
    return _read(question.read, node.query(question.path, data), question.path)


_read_simulation: Decoder[Simulation] = Decoder(Simulation)


def simulate(node: Node, raw: bytes) -> Simulation:
    """What a transaction's bytes would do on the committed state."""
    return _read(_read_simulation, node.query("/simulate", raw), "/simulate")


def read_argument(question: Question[Any], text: str | None) -> object:
    """A question's argument from what a person types: a number, hex, or JSON fields. ValueError says what is wrong."""
    path, wanted = question.path, question.arguments
    if wanted is None:
        if text is not None:
            raise ValueError(f"{path} takes no argument")
        return None
    if text is None:
        raise ValueError(f"{path} needs {_form(wanted)}")
    try:
        if isinstance(wanted, type) and issubclass(wanted, Value):
            given = msgspec.json.decode(text)
            fields = wanted.__struct_fields__
            return msgspec.convert([given[name] for name in fields] if isinstance(given, dict) else given, wanted)
        return msgspec.convert(bytes.fromhex(text) if wanted in (Hash32, KeyBytes) else int(text), wanted)
    except (KeyError, ValueError, msgspec.MsgspecError) as fault:
        raise ValueError(f"{path} needs {_form(wanted)}, came {text}: {fault}") from fault


def _form(wanted: object) -> str:
    if wanted is Hash32:
        return "a hash of 64 hex digits"
    if wanted is KeyBytes:
        return "a key of 66 hex digits"
    if isinstance(wanted, type) and issubclass(wanted, Value):
        return "JSON such as {" + ", ".join(f'"{name}": 1' for name in wanted.__struct_fields__) + "}"
    return "a number"


def _read(read: Decoder[A], raw: bytes, path: str) -> A:
    try:
        return read(raw)
    except Malformed as fault:
        raise ChainError(
            expected=f"this version's canonical answer to {path}",
            actual=str(fault),
            next_step="run node and `settle` of the same release",
        ) from fault
