"""What the agent does about one period, by where it stands and what time it is on the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from abci_app.domain.agreements.schema import Direction
from abci_app.domain.obligations.schema import IssueInvoice
from abci_app.domain.periods.queries import EffectivePeriod, PeriodQuery, creditor_of, has_difference
from abci_app.domain.periods.schema import LAST_REVISION, Flags, LineFigures, Period, PeriodState, Statement
from abci_app.kernel.approvals import Advance, Approve, DocumentKind, ObjectKind, Verdict
from abci_app.kernel.encoding import Decoder, Value, encode
from abci_app.kernel.roles import Role
from settle.agent.read_model import KnownPeriod, PeriodKey
from settle.agent.runtime.anchors import LegIndex, want_anchors
from settle.agent.runtime.desk import ActionKind, Desk, Wish
from settle.agent.runtime.figures import declared_figures, figures_to_declare, revisions_behind
from settle.agent.runtime.filing import declare_message, open_message
from settle.agent.runtime.rating import CannotRate, Side

_read_effective: Final[Decoder[EffectivePeriod]] = Decoder(EffectivePeriod)
_FILING: Final = (PeriodState.CUT_OFF, PeriodState.DECLARED)


def work_on_period(desk: Desk, known: KnownPeriod, index: LegIndex) -> None:
    """Everything that is to be done now, and no more: the next pass sees what came of it."""
    side, row, dates, time = desk.side_of(known), known.row, known.dates, desk.now.time
    if row.state >= PeriodState.SIGNED:
        _invoice(desk, side)
    elif time < dates.cut_off:
        want_anchors(desk, side, index)
    elif row.state == PeriodState.OPEN:
        _advance(desk, side)  # pins the rules: figures are rated by them and no others
    else:
        try:
            _file(desk, side, index)
        except CannotRate as fault:
            desk.block(ActionKind.DECLARED, str(known.key), str(fault))
        _approve(desk, side)
        _advance_when_due(desk, side)


def may_reissue(known: KnownPeriod, party: int, statement: Statement | None) -> bool:
    """Whether a party may file once more: a line differs, its last filing is opened, a revision is left."""
    row = known.row
    return (
        row.state == PeriodState.RECONCILED
        and statement is not None
        and has_difference(statement)
        and row.declared[party] == row.opened[party]
        and 0 < row.opened[party] < LAST_REVISION
    )


def is_ours(statement: Statement, party: int, figures: Sequence[tuple[LineFigures, ...]]) -> bool:
    """Whether our side of every line is a figure of ours and no line differs: only such a statement is approved.

    `figures`: our opened lines of every revision; a line that was agreed earlier keeps those of its time.
    """
    if not figures or has_difference(statement):
        return False
    own = [(line.first, line.second)[party] for line in statement.lines]
    last = figures[-1]
    return all(
        line == last[index] or any(line == earlier[index] for earlier in figures) for index, line in enumerate(own)
    )


def present_statement(desk: Desk, row: Period) -> Statement | None:
    """The present statement of a period."""
    return desk.model.statement(row.statement) if row.statement else None


def _file(desk: Desk, side: Side, index: LegIndex) -> None:
    """Declare and open: the first revision by itself, a further one where a person asked for it."""
    known = side.known
    row, dates, key, time = known.row, known.dates, known.key, desk.now.time
    declared, opened = row.declared[side.party], row.opened[side.party]
    if declared > opened:
        _open(desk, side, declared)
    elif declared == 0 and row.state in _FILING and time < dates.declare_by:
        _declare(desk, side, 1)
    elif 1 < opened + 1 == desk.vault.wanted_revision(key) and time < dates.agree_by:
        may = may_reissue(known, side.party, present_statement(desk, row))
        if may and want_anchors(desk, side, index, revision=opened + 1):
            _declare(desk, side, opened + 1)


def _declare(desk: Desk, side: Side, revision: int) -> None:
    key, dates = side.known.key, side.known.dates
    if not side.known.row.rating:
        reason = "no one version of the rating rule covers its usage: agree on periods that end where the rule changes"
        desk.block(ActionKind.DECLARED, str(key), reason)
        return
    rated = figures_to_declare(desk, side, revision)
    until = dates.declare_by if revision == 1 else dates.agree_by
    left_out = ", ".join(f"{number} {cause}" for cause, number in rated.left_out.items())

    def messages() -> list[Value]:
        return [declare_message(desk.vault, desk.chain, desk.operator, key, rated)]

    detail = f"revision {revision}" + (f"; in no line: {left_out}" if left_out else "")
    covered = sha256(encode(rated.streams)).hexdigest()[:16]
    name = f"declare {key} r{revision} over {covered}"
    desk.want(Wish(ActionKind.DECLARED, name, str(key), messages, until, detail))


def _open(desk: Desk, side: Side, revision: int) -> None:
    """Open what is declared, as soon as the chain lets it be opened."""
    known = side.known
    row, dates, key, time = known.row, known.dates, known.key, desk.now.time
    if revision == 1:
        allowed = row.declared[1 - side.party] > 0 or time >= dates.declare_by
        until = dates.open_by
    else:
        statement = present_statement(desk, row)
        allowed = statement is not None and has_difference(statement)
        until = dates.agree_by
    if not allowed or time >= until:
        return
    rated = declared_figures(desk, side, revision)
    if rated is None:
        reason = "the record files, the trunk map or the settings are not those that the declaration was made from"
        desk.block(ActionKind.OPENED, str(key), reason)
        return

    def messages() -> list[Value]:
        return [open_message(desk.vault, desk.chain, key, rated)]

    wish = Wish(ActionKind.OPENED, f"open {key} r{revision}", str(key), messages, until, f"revision {revision}")
    desk.want(wish)


def _approve(desk: Desk, side: Side) -> None:
    """Sign as maker what agrees with our own figures; never anything else."""
    known = side.known
    row, key = known.row, known.key
    statement = present_statement(desk, row)
    if row.state != PeriodState.RECONCILED or statement is None or row.flags & Flags.REFUSED:
        return
    if Role.MAKER in desk.signed_roles(row.signatures) or desk.now.time >= known.dates.agree_by:
        return
    own = revisions_behind(desk, side, statement)
    if own is None or not is_ours(statement, side.party, own):
        return
    approval = Approve(DocumentKind.STATEMENT, row.statement, Role.MAKER, Verdict.APPROVE)
    name = f"approve statement {key} {row.statement.hex()} by {desk.maker.hex()}"
    desk.want(Wish(ActionKind.APPROVED, name, str(key), _constant(approval), known.dates.agree_by, "statement"))


def _invoice(desk: Desk, side: Side) -> None:
    """Bill every direction in which we are owed; lines that differ wait for the agree-by date."""
    known = side.known
    row, key, terms = known.row, known.key, known.terms
    statement = present_statement(desk, row) if row.state == PeriodState.SIGNED else None
    if statement is None:
        return
    if has_difference(statement) and desk.now.time < known.dates.agree_by:
        return
    invoiced = desk.model.invoices(key)
    for direction, owed in enumerate(zip(statement.payable, statement.disputed, strict=True)):
        if any(owed) and direction not in invoiced and creditor_of(terms.flow, direction) == side.party:
            invoice = IssueInvoice(*key, Direction(direction))
            name = f"invoice {key} {direction}"
            desk.want(Wish(ActionKind.INVOICED, name, str(key), _constant(invoice), None, f"direction {direction}"))


def _advance_when_due(desk: Desk, side: Side) -> None:
    """Have recorded what time has done, where no message of ours would record it."""
    row, dates, time = side.known.row, side.known.dates, desk.now.time
    if row.state == PeriodState.RECONCILED:
        due = time >= dates.agree_by
    else:
        due = time >= dates.declare_by and _effective_state(desk, side.known.key) != row.state
    if due:
        _advance(desk, side)


def _effective_state(desk: Desk, key: PeriodKey) -> PeriodState:
    return _read_effective(desk.node.query("/effective/period", encode(PeriodQuery(*key)))).state


def _advance(desk: Desk, side: Side) -> None:
    key, state = side.known.key, side.known.row.state
    name = f"advance period {key} {state.name}"
    message = Advance(ObjectKind.PERIOD, key.object)
    desk.want(Wish(ActionKind.ADVANCED, name, str(key), _constant(message), None, f"from {state.name}"))


def _constant(message: Value) -> Callable[[], Sequence[Value]]:
    return lambda: (message,)
