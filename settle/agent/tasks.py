"""What waits for a person: signatures, payments, differences, suspense, with the deadlines of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

from abci_app.domain.agreements.queries import bindings
from abci_app.domain.agreements.schema import CatalogueLine, VersionState
from abci_app.domain.members.schema import ChangeState
from abci_app.domain.obligations.queries import PAYABLE, open_amount, whole_days
from abci_app.domain.obligations.schema import Arrears, LatePayment, RoundState, State
from abci_app.domain.periods.schema import Flags, LineFigures, PeriodState, Statement, Verdict
from abci_app.kernel.approvals import DocumentKind, Signature
from abci_app.kernel.encoding import Decoder, encode
from abci_app.kernel.roles import Role
from abci_app.rules.interface import Slot
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.agent import Agent
from settle.agent.runtime.anchors import LegIndex, late_files
from settle.agent.runtime.desk import Desk
from settle.agent.runtime.figures import revisions_behind
from settle.agent.runtime.people import approve
from settle.agent.runtime.period_work import is_ours, present_statement
from settle.chain.keys import Signer
from settle.chain.outbox import Ticket
from settle.chain.readable import readable

_AGREED = (Verdict.EQUAL, Verdict.WITHIN)
_read_delays: Final[Decoder[tuple[LatePayment, ...]]] = Decoder(tuple[LatePayment, ...])
Delays: TypeAlias = dict[int, tuple[int, tuple[LatePayment, ...]]]
"""By obligation that is owed to us: the debtor, and the delays that no claim has taken yet."""


class TaskKind(StrEnum):
    """What is to be done."""

    SIGN_STATEMENT = "sign the statement"
    SIGN_ROUND = "sign the set-off round"
    SIGN_AGREEMENT = "sign the agreement"
    SIGN_KEY_CHANGE = "sign the change of keys"
    PAY = "pay, then notify"
    CONFIRM_PAYMENT = "confirm or contest the payment"
    CLAIM_INTEREST = "claim interest, or leave it"
    FIND_DIFFERENCE = "find the difference"
    LATE_FILES = "files came after the cut-off"
    MISSED_FILING = "our figures were not filed in time"
    SUSPENSE = "records in suspense"
    FILE_REFUSED = "record file refused"
    FILE_WAITS = "record file waits for its predecessor"
    BLOCKED = "the agent cannot go on"


class Task(NamedTuple):
    """One thing for a person.

    `role`: whose key it takes; None for everyone. `deadline`: header time, UTC seconds; None where there is none.
    `amount`: 10^-6 units of the currency, 0 where no money is meant. `document`: the hash to sign, else empty.
    """

    kind: TaskKind
    subject: str
    deadline: int | None
    role: Role | None = None
    amount: int = 0
    document: bytes = b""
    detail: str = ""


class Discrepancy(NamedTuple):
    """A statement line on which the parties do not agree. `difference`: our amount less the other's, 10^-6 units."""

    line: int
    sort: CatalogueLine
    verdict: Verdict
    own: LineFigures
    other: LineFigures
    difference: int
    disputed: int


class Counted(NamedTuple):
    """What one action signed, and how many statements it left because they are not ours to sign unseen."""

    signed: int
    left: int
    tickets: tuple[Ticket, ...]


def tasks(agent: Agent) -> list[Task]:
    """Everything that waits for a person, the nearest deadline first. Asks the node for its time and new facts."""
    desk = agent.desk()
    delays = _delays(desk)
    found = [
        *_agreements(desk),
        *_keys(agent),
        *(task for known in agent.periods() for task in _of_period(desk, known, agent.index)),
        *_rounds(desk, delays),
        *_payments(desk),
        *_interest(desk, delays),
        *_files(agent, desk),
        *(
            Task(TaskKind.BLOCKED, each.subject, None, None, detail=f"{each.kind}: {each.reason}")
            for each in agent.blocked
        ),
    ]
    return sorted(found, key=lambda task: (task.deadline is None, task.deadline or 0, task.kind, task.subject))


def discrepancies(agent: Agent, key: PeriodKey) -> list[Discrepancy]:
    """The lines of a period's present statement that differ; none where there is no statement."""
    known = agent.period(key)
    statement = agent.model.statement(known.row.statement) if known.row.statement else None
    return [] if statement is None else _differing(known, statement, 0 if known.terms.first == agent.operator else 1)


def approve_all_statements(agent: Agent, signer: Signer) -> Counted:
    """One action of a person: sign every statement that waits for this role, agrees and shows our own figures.

    Statements with a difference, or with figures that are not ours, are left to be looked at one by one.
    """
    desk = agent.desk()
    tickets: list[Ticket] = []
    left = 0
    for known in agent.periods():
        statement = _signable(desk, known, signer.role)
        if statement is None:
            continue
        if _shows_our_figures(desk, known, statement):
            tickets.append(approve(agent.outbox, DocumentKind.STATEMENT, known.row.statement, signer))
        else:
            left += 1
    return Counted(len(tickets), left, tuple(tickets))


def _signable(desk: Desk, known: KnownPeriod, role: Role) -> Statement | None:
    """The present statement, where our operator's signature in the role is still wanted."""
    row = known.row
    open_still = row.state == PeriodState.RECONCILED and not row.flags & Flags.REFUSED
    if not open_still or role in desk.signed_roles(row.signatures) or desk.now.time >= known.dates.agree_by:
        return None
    return present_statement(desk, row)


def _shows_our_figures(desk: Desk, known: KnownPeriod, statement: Statement) -> bool:
    side = desk.side_of(known)
    own = revisions_behind(desk, side, statement)
    return own is not None and is_ours(statement, side.party, own)


def _differing(known: KnownPeriod, statement: Statement, party: int) -> list[Discrepancy]:
    found = []
    for index, (line, sort) in enumerate(zip(statement.lines, known.terms.catalogue, strict=True)):
        if line.verdict not in _AGREED:
            own, other = (line.second, line.first) if party else (line.first, line.second)
            difference = own.amount - other.amount
            found.append(Discrepancy(index, sort, line.verdict, own, other, difference, line.disputed))
    return found


def _of_period(desk: Desk, known: KnownPeriod, index: LegIndex) -> Iterator[Task]:
    side, row, dates = desk.side_of(known), known.row, known.dates
    name = f"{known.key} with {side.peer}"
    statement = present_statement(desk, row)
    unsigned = row.state < PeriodState.SIGNED
    for role in (Role.MAKER, Role.CHECKER):
        wanted = _signable(desk, known, role)
        # the agent signs as maker what agrees and is ours; anything else takes a person
        if wanted is not None and not (role == Role.MAKER and _shows_our_figures(desk, known, wanted)):
            yield Task(TaskKind.SIGN_STATEMENT, name, dates.agree_by, role, sum(wanted.payable), row.statement)
    if statement is not None and unsigned:
        for each in _differing(known, statement, side.party):
            detail = f"line {each.line}, {each.verdict.name}: ours {each.own.amount}, theirs {each.other.amount}"
            yield Task(TaskKind.FIND_DIFFERENCE, name, dates.agree_by, None, abs(each.difference), detail=detail)
    if dates.cut_off <= desk.now.time and unsigned:
        late = late_files(desk, side, index)
        if late:
            listed = ", ".join(f"{stream} {sequence}" for stream, sequence in (file.name for file in late))
            yield Task(TaskKind.LATE_FILES, name, dates.agree_by, None, detail=f"{listed}: a re-issue takes them in")
    undeclared = row.declared[side.party] == 0 and desk.now.time >= dates.declare_by
    unopened = statement is not None and statement.revisions[side.party] == 0
    if unsigned and (undeclared or unopened):
        detail = f"{'nothing declared' if undeclared else 'declared, never opened'}: the other party's figures stand"
        yield Task(TaskKind.MISSED_FILING, name, dates.agree_by, None, detail=detail)


def _agreements(desk: Desk) -> Iterator[Task]:
    for known in desk.model.versions():
        terms = known.terms
        if known.state != VersionState.PROPOSED or desk.operator not in (terms.first, terms.second):
            continue
        other = desk.codes[terms.second if desk.operator == terms.first else terms.first]
        name = f"agreement {known.agreement} version {known.version} with {other}"
        deadline = terms.calendar[0].cut_off
        for role in _unsigned_roles(desk, desk.model.signatures(known.document), (Role.MAKER, Role.CHECKER)):
            yield Task(TaskKind.SIGN_AGREEMENT, name, deadline, role, document=known.document)


def _rounds(desk: Desk, bearing: Delays) -> Iterator[Task]:
    for each in desk.model.rounds(desk.operator):
        terms = each.row.terms
        if each.row.state == RoundState.PROPOSED:
            name = f"round {each.number} of {desk.codes[terms.first]} and {desk.codes[terms.second]}"
            for role in _unsigned_roles(desk, each.row.signatures, (Role.CHECKER,)):
                lost = [str(item.obligation) for item in terms.items if item.obligation in bearing]
                unclaimed = f"; whoever signs gives up the interest on {', '.join(lost)}" if lost else ""
                detail = f"{len(terms.items)} obligations{unclaimed}"
                yield Task(TaskKind.SIGN_ROUND, name, terms.deadline, role, abs(terms.net), each.row.document, detail)


def _unsigned_roles(desk: Desk, given: Sequence[Signature], roles: tuple[Role, ...]) -> list[Role]:
    signed = desk.signed_roles(given)
    return [role for role in roles if role not in signed]


def _payments(desk: Desk) -> Iterator[Task]:
    proposed = {
        item.obligation
        for each in desk.model.rounds(desk.operator)
        if each.row.state == RoundState.PROPOSED
        for item in each.row.terms.items
    }
    for number, _, row in desk.model.obligations(desk.operator):
        claim = row.claim
        overdue = desk.now.time >= claim.due
        # a round that is only proposed, by anybody and until any day, hides no debt beyond its due date
        if claim.debtor == desk.operator and row.state in PAYABLE and (overdue or number not in proposed):
            late = "overdue" if overdue else ""
            name = f"obligation {number} to {desk.codes[claim.creditor]}"
            yield Task(TaskKind.PAY, name, claim.due, Role.CHECKER, open_amount(row), detail=late)
        if claim.creditor == desk.operator and row.state == State.NOTIFIED:
            [notice] = row.notice
            name = f"obligation {number} by {desk.codes[claim.debtor]}"
            detail = f"bank reference {readable(notice.bank_reference)}"
            yield Task(TaskKind.CONFIRM_PAYMENT, name, notice.answer_by, Role.CHECKER, notice.amount, detail=detail)


def _interest(desk: Desk, late: Delays) -> Iterator[Task]:
    """What was or is paid late to us. Whether to claim is people's to say: the agent never does by itself."""
    for number, (debtor, delays) in late.items():
        days = ", ".join(f"{whole_days(each.owed_from, each.owed_to)} days on {each.amount}" for each in delays)
        name, owed = f"obligation {number} of {desk.codes[debtor]}", sum(each.amount for each in delays)
        yield Task(TaskKind.CLAIM_INTEREST, name, None, Role.MAKER, owed, detail=days)


def _delays(desk: Desk) -> Delays:
    """Those of now. Asks the node once an obligation that is or was late."""
    arrears, notes = desk.model.arrears(), desk.model.notes()
    bearing = {known.key for known in desk.model.periods_of(desk.operator) if bindings(known.terms, Slot.INVOICE)}
    found: Delays = {}
    for number, _, row in desk.model.obligations(desk.operator):
        claim, origin = row.claim, row.claim.origin
        ours = claim.creditor == desk.operator and PeriodKey(origin.agreement, origin.pair, origin.ordinal) in bearing
        if not ours or row.round or number in notes or row.state == State.NOTIFIED:
            continue
        known = arrears.get(number, Arrears(claim.due, 0, 0))
        still_late = row.state in PAYABLE and whole_days(known.claimed_to, desk.now.time)
        if known.late > known.settled or still_late:
            delays = _read_delays(desk.node.query("/obligations/delays", encode(number)))
            if delays:
                found[number] = claim.debtor, delays
    return found


def _keys(agent: Agent) -> Iterator[Task]:
    for change in agent.model.key_changes(agent.operator):
        if change.state == ChangeState.OPEN:
            name = f"change {change.change.serial}"
            yield Task(TaskKind.SIGN_KEY_CHANGE, name, None, Role.ADMIN, document=change.document)
    if agent.signer.public not in dict(agent.model.active_keys(agent.operator)):
        detail = "the agent's key is not registered, or revoked: nothing that it sends is accepted"
        yield Task(TaskKind.BLOCKED, "keys", None, Role.ADMIN, detail=detail)


def _files(agent: Agent, desk: Desk) -> Iterator[Task]:
    waiting: Counter[tuple[str, str]] = Counter()
    for _, receipt in desk.files:
        for cause, number in receipt.suspense.items():
            waiting[receipt.stream, cause] += number
    for (stream, cause), number in sorted(waiting.items()):
        yield Task(TaskKind.SUSPENSE, stream, None, None, detail=f"{number} {cause}")
    for refused in agent.inbox.refused():
        detail = f"expected {refused.expected}, came {refused.came}; next: {refused.next_step}"
        yield Task(TaskKind.FILE_REFUSED, refused.file, None, None, detail=detail)
    for file in agent.inbox.waiting(agent.vault):
        detail = f"file {file.sequence} of {file.stream}; file {file.next_sequence} has not come"
        yield Task(TaskKind.FILE_WAITS, file.file, None, None, detail=detail)
