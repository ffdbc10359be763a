"""`settle task`: what waits for this operator's people, the nearest deadline first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from abci_app.domain.agreements.schema import VersionState
from abci_app.domain.members.schema import ChangeState
from abci_app.domain.obligations.schema import State
from abci_app.kernel.approvals import both_make_and_check
from abci_app.kernel.roles import Role
from settle.cli.names import all_periods, my_agreements, name_of, version_of
from settle.cli.net_position import missing_checkers
from settle.cli.options import COMMON, Common, noun
from settle.cli.output import table
from settle.cli.period import next_deadline
from settle.cli.plain import iso, money
from settle.cli.questions import (
    AGREEMENTS,
    DELAYS,
    EFFECTIVE_OBLIGATION,
    EFFECTIVE_PERIOD,
    EFFECTIVE_ROUND,
    KEY_CHANGES,
    OBLIGATIONS_OF,
    ROUNDS,
)
from settle.cli.session import Session, session
from settle.cli.statement import waiting

app = noun("task", "What waits for this operator's people.")

_NO_DEADLINE = 2**62


class Task(NamedTuple):
    """One thing to do. `deadline` is in block time, 0 for none."""

    deadline: int
    role: str
    what: str
    command: str


@app.command(name="list")
def list_tasks(*, common: Common = COMMON) -> None:
    """List what this operator's people have to do, with the command for each and the time left in block time."""
    with session(common) as now:
        tasks = sorted(
            [*_key_changes(now), *_agreements(now), *_filings(now), *_statements(now), *_rounds(now), *_payments(now)],
            key=lambda task: (task.deadline or _NO_DEADLINE, task.role, task.what),
        )
        document = [
            {"deadline": iso(each.deadline) if each.deadline else None, "seconds_left": _left(now, each)}
            | {"role": each.role, "task": each.what, "command": each.command}
            for each in tasks
        ]
        rows = [
            (iso(each.deadline) if each.deadline else "", _span(_left(now, each)), each.role, each.what, each.command)
            for each in tasks
        ]
        now.out.result(document, table("deadline", "left", "role", "task", "command", rows=rows, right=("left",)))
        if not tasks:
            now.out.hint("nothing waits")


def _left(now: Session, task: Task) -> int | None:
    return task.deadline - now.time if task.deadline else None


def _span(seconds: int | None) -> str:
    if seconds is None:
        return ""
    sign, rest = ("-", -seconds) if seconds < 0 else ("", seconds)
    days, rest = divmod(rest, 86_400)
    hours, rest = divmod(rest, 3600)
    if days:
        return f"{sign}{days}d {hours}h"
    return f"{sign}{hours}h {rest // 60:02}m" if hours else f"{sign}{rest // 60}m {rest % 60:02}s"


def _key_changes(now: Session) -> Iterator[Task]:
    for _, row in now.ask(KEY_CHANGES):
        if row.change.operator == now.myself and row.state == ChangeState.OPEN:
            serial = row.change.serial
            what = f"sign key change {serial} ({len(row.signatures)} have)"
            yield Task(0, "admin", what, f"settle keys approve {serial}")


def _agreements(now: Session) -> Iterator[Task]:
    for number, row in now.ask(AGREEMENTS):
        if now.myself in (row.first, row.second):
            version = version_of(now, number, row.proposed)
            signed = {(signature.operator, signature.role) for signature in version.signatures}
            for need in both_make_and_check(row.first, row.second):
                waits = need.operator == now.myself and (need.operator, need.role) not in signed
                if waits and version.state == VersionState.PROPOSED:
                    what = f"sign version {row.proposed} of agreement {number}"
                    yield Task(0, need.role.name.lower(), what, f"settle agreement approve {number}")


def _filings(now: Session) -> Iterator[Task]:
    """Declarations and openings are the agent's; they are listed because a person must see a deadline pass."""
    for agreement in my_agreements(now, now.myself):
        for key, terms in all_periods(now, agreement):
            if now.time < terms.dates.cut_off or now.time >= terms.dates.open_by:
                continue
            row = now.find(EFFECTIVE_PERIOD, key)
            party = terms.parties.index(now.myself)
            if row is None or row.statement is not None or row.opened[party]:
                continue
            name, deadline = next_deadline(row.state, terms)
            verb = "open" if row.declared[party] else "declare"
            what = f"{verb} period {name_of(key)} ({name}; the agent does)"
            yield Task(deadline, "maker", what, f"settle period show {name_of(key)}")


def _statements(now: Session) -> Iterator[Task]:
    for each in waiting(now, Role.MAKER, Role.CHECKER):
        role = each.role.name.lower()
        what = f"sign the statement of period {name_of(each.key)}"
        command = f"settle statement approve {name_of(each.key)} --role {role}"
        yield Task(each.terms.dates.agree_by, role, what, command)


def _rounds(now: Session) -> Iterator[Task]:
    for number, _ in now.ask(ROUNDS):
        row = now.find(EFFECTIVE_ROUND, number)
        if row is not None and now.codes[now.myself] in missing_checkers(now, row):
            net = money(abs(row.terms.net), row.terms.currency)
            what = f"sign set-off round {number}, net {net}"
            yield Task(row.terms.deadline, "checker", what, f"settle net-position approve {number}")


def _payments(now: Session) -> Iterator[Task]:
    for number, _ in now.ask(OBLIGATIONS_OF, now.myself):
        row = now.find(EFFECTIVE_OBLIGATION, number)
        if row is None:
            continue
        claim = row.claim
        amount = money(claim.amount - row.paid, claim.currency)
        if claim.debtor == now.myself and row.state in (State.DUE, State.OVERDUE, State.PARTIAL):
            what = f"pay {amount} to {now.codes[claim.creditor]}"
            yield Task(claim.due, "checker", what, f"settle pay notify {number} --reference REFERENCE")
        if claim.creditor == now.myself and row.state != State.NOTIFIED and now.ask(DELAYS, number):
            what = f"claim interest from {now.codes[claim.debtor]}, or leave it"
            yield Task(0, "maker", what, f"settle pay claim-interest {number}")
        if claim.creditor == now.myself:
            for notice in row.notice:
                what = f"confirm {money(notice.amount, claim.currency)} from {now.codes[claim.debtor]}"
                yield Task(notice.answer_by, "checker", what, f"settle pay confirm {number}")
