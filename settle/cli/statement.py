"""`settle statement`: read what a period comes to, and sign it."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from cyclopts import Parameter

from abci_app.domain.periods.queries import PeriodQuery
from abci_app.domain.periods.schema import Period, PeriodState
from abci_app.kernel.approvals import Approve, DocumentKind, Verdict
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer
from settle.cli.failures import not_done, usage
from settle.cli.figures import flag_names, lines_table, totals
from settle.cli.names import Governing, all_periods, governing, my_agreements, name_of, period_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of
from settle.cli.plain import iso, plain
from settle.cli.questions import PERIODS, STATEMENT
from settle.cli.sending import Wish, send_all
from settle.cli.session import Session, session

app = noun("statement", "Statements of periods: read and sign them.")


class Waiting(NamedTuple):
    """A statement that waits for a signature of this operator in a role."""

    key: PeriodQuery
    document: bytes
    role: Role
    terms: Governing


def waiting(now: Session, *roles: Role) -> list[Waiting]:
    """The statements that this operator's roles have still to sign, in the order of their agree-by dates."""
    mine = now.myself
    found = []
    for agreement in my_agreements(now, mine):
        rows = {(pair, ordinal): row for pair, ordinal, row in now.ask(PERIODS, agreement)}
        for key, terms in all_periods(now, agreement):
            row = rows.get((key.pair, key.ordinal))
            if row is not None and row.state == PeriodState.RECONCILED and now.time < terms.dates.agree_by:
                found += [
                    Waiting(key, row.statement, role, terms) for role in roles if not _has_signed(row, mine, role)
                ]
    return sorted(found, key=lambda each: (each.terms.dates.agree_by, each.key.agreement, each.key.pair))


@app.command
def show(period: str, *, common: Common = COMMON) -> None:
    """Show the present statement of a period: both parties' figures, verdicts, totals, signatures.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    """
    with session(common) as now:
        key = period_of(period)
        terms = governing(now, key)
        row = _row(now, key)
        statement = now.ask(STATEMENT, row.statement)
        names = dict(now.codes)
        signed = [f"{Role(each.role).name.lower()} of {names[each.operator]}" for each in row.signatures]
        document = {
            "period": name_of(key), "document": row.statement.hex(), "state": row.state.name,
            "flags": flag_names(row.flags), "currency": terms.terms.currency, "statement": plain(statement),
            "signatures": plain(row.signatures),
        }  # fmt: skip
        head = facts_of(
            [
                ("statement", row.statement.hex()),
                ("period", f"{name_of(key)} of {' and '.join(names[party] for party in terms.parties)}"),
                ("state", " ".join([row.state.name, *flag_names(row.flags)])),
                ("revisions", f"{statement.revisions[0]} and {statement.revisions[1]}"),
                ("rating, tolerance", f"{statement.rating.hex()}, {statement.tolerance.hex()}"),
                ("signed by", ", ".join(signed) or "nobody"),
                ("agree by", iso(terms.dates.agree_by)),
            ]
        )
        figures = lines_table(statement, terms.terms, names)
        now.out.result(document, head, figures, facts_of(totals(statement, terms.terms, names)))


@app.command
def approve(
    *periods: str,
    everything: Annotated[bool, Parameter(name="--all")] = False,
    refuse: bool = False,
    role: str = "",
    sending: Sending = SENDING,
) -> None:
    """Sign statements. One command is one action, however many it signs.

    Parameters
    ----------
    periods
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3; several may be given.
    everything
        Sign all that wait for this role.
    refuse
        Refuse them instead: at the agree-by date they bind all the same, flagged.
    role
        maker or checker; by default the role of --key, else checker.
    """
    with session(sending) as now:
        if everything == bool(periods):
            raise usage(
                expected="periods, or --all",
                actual="both" if periods else "neither",
                next_step="see `settle task list`",
            )
        signer = _signer(now, role)
        if everything:
            chosen = [(each.key, each.document) for each in waiting(now, signer.role)]
        else:
            chosen = [(key, _row(now, key).statement) for key in map(period_of, periods)]
        if not chosen:
            raise not_done(
                expected=f"a statement that waits for a {signer.role.name.lower()} of {now.codes[signer.operator]}",
                actual="none",
                next_step="see `settle period list`",
            )
        verdict = Verdict.REFUSE if refuse else Verdict.APPROVE
        wishes = [
            Wish(
                f"statement approve {name_of(key)}",
                [Approve(DocumentKind.STATEMENT, document, signer.role, verdict)],
                signer,
            )
            for key, document in chosen
        ]
        if not sending.dry_run:
            now.out.hint(f"one action: {len(wishes)} statements {'refused' if refuse else 'approved'}")
        send_all(now, sending, wishes, then="settle period list")


def _signer(now: Session, role: str) -> Signer:
    if role and role not in ("maker", "checker"):
        raise usage(expected="--role maker or checker", actual=role, next_step="leave it away for checker")
    return now.signer(Role[role.upper()] if role else Role.CHECKER)


def _row(now: Session, key: PeriodQuery) -> Period:
    rows = now.ask(PERIODS, key.agreement)
    for pair, ordinal, row in rows:
        if (pair, ordinal) == (key.pair, key.ordinal) and row.statement:
            return row
    raise not_done(
        expected=f"a statement of period {name_of(key)}",
        actual="none struck yet",
        next_step=f"see `settle period show {name_of(key)}`",
    )


def _has_signed(row: Period, operator: int, role: Role) -> bool:
    return any((each.operator, each.role) == (operator, role) for each in row.signatures)
