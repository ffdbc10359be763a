"""`settle period`: where settlement periods stand."""

from __future__ import annotations

from rich.table import Table

from abci_app.domain.periods.queries import EffectivePeriod, PeriodQuery
from abci_app.domain.periods.schema import UNTOUCHED, Period, PeriodState
from abci_app.kernel.approvals import Advance, ObjectKind
from abci_app.kernel.roles import Role
from settle.agent.read_model import PeriodKey
from settle.cli.figures import flag_names, lines_table, totals
from settle.cli.names import Governing, all_periods, governing, my_agreements, name_of, period_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import facts_of, table
from settle.cli.plain import fields, iso, plain
from settle.cli.questions import ANCHORS, DECLARATIONS, EFFECTIVE_PERIOD, PERIOD, STREAMS
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("period", "Settlement periods: where they stand.")


@app.command(name="list")
def list_periods(*, agreement: int | None = None, everybody: bool = False, common: Common = COMMON) -> None:
    """List periods with their state and the next deadline.

    Parameters
    ----------
    agreement
        Only of this agreement.
    everybody
        Of all operators, not only the home's.
    """
    with session(common) as now:
        whose = None if everybody or not now.keys else now.myself
        numbers = my_agreements(now, whose) if agreement is None else [agreement]
        rows = []
        for number in numbers:
            for key, terms in all_periods(now, number):
                row = _effective(now, key)
                deadline, at = next_deadline(row.state, terms)
                parties = "-".join(now.codes[party] for party in terms.parties)
                flags = ",".join(flag_names(row.flags))
                rows.append((name_of(key), parties, row.state.name, flags, deadline, iso(at) if at else ""))
        columns = ("period", "parties", "state", "flags", "next", "at")
        document = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document, table(*columns, rows=rows))


@app.command
def show(period: str, *, common: Common = COMMON) -> None:
    """Show one period: dates, streams, declarations, and the figures of both where they are open.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    """
    with session(common) as now:
        key = period_of(period)
        terms = governing(now, key)
        row, effective = now.find(PERIOD, key) or UNTOUCHED, _effective(now, key)
        filed = _filed(now, key, terms)
        document = {
            "period": name_of(key),
            "parties": [now.codes[party] for party in terms.parties],
            "version": terms.version,
            "state": effective.state.name,
            "stored_state": row.state.name,
            "flags": flag_names(effective.flags),
            "dates": plain(terms.dates),
            "currency": terms.terms.currency,
            "row": plain(row),
            "statement": plain(effective.statement),
            **filed,
        }
        known = _head(now, key, terms, row, effective, filed)
        if effective.statement is None:
            now.out.result(document, known)
        else:
            names = dict(now.codes)
            figures = lines_table(effective.statement, terms.terms, names)
            now.out.result(document, known, figures, facts_of(totals(effective.statement, terms.terms, names)))


def _filed(now: Session, key: PeriodQuery, terms: Governing) -> dict[str, list[dict[str, object]]]:
    """What the parties have anchored and declared."""
    codes = [now.codes[party] for party in terms.parties]
    return {
        "streams": [
            {"party": codes[party], "stream": number, **fields(each)} for party, number, each in now.ask(STREAMS, key)
        ],
        "anchors": [
            {"party": codes[party], "stream": number, "sequence": sequence, **fields(each)}
            for party, number, sequence, each in now.ask(ANCHORS, key)
        ],
        "declarations": [
            {"revision": revision, "party": codes[party], **fields(each)}
            for revision, party, each in now.ask(DECLARATIONS, key)
        ],
    }


def _head(
    now: Session,
    key: PeriodQuery,
    terms: Governing,
    row: Period,
    effective: EffectivePeriod,
    filed: dict[str, list[dict[str, object]]],
) -> Table:
    codes = [now.codes[party] for party in terms.parties]
    opened = [f"{code} revision {revision}" for code, revision in zip(codes, effective.opened, strict=True) if revision]
    return facts_of(
        [
            ("period", f"{name_of(key)} of {' and '.join(codes)}, version {terms.version}"),
            ("state", " ".join([effective.state.name, *flag_names(effective.flags)])),
            *((name, iso(getattr(terms.dates, name))) for name in terms.dates.__struct_fields__ if name != "ordinal"),
            *(
                (f"stream {each['stream']} of {each['party']}", f"{each['sequence']} files")
                for each in filed["streams"]
            ),
            *((f"declared by {each['party']}", f"revision {each['revision']}") for each in filed["declarations"]),
            ("opened by", ", ".join(opened) or "nobody"),
            ("statement", row.statement.hex() or "none struck"),
        ]
    )


@app.command
def advance(period: str, *, sending: Sending = SENDING) -> None:
    """Have what has fallen due on a period recorded; it does nothing that time has not done.

    Parameters
    ----------
    period
        AGREEMENT/PAIR/ORDINAL, such as 7/0/3.
    """
    with session(sending) as now:
        key = period_of(period)
        governing(now, key)
        place = PeriodKey(key.agreement, key.pair, key.ordinal)
        messages = [Advance(ObjectKind.PERIOD, place.object)]
        signer = now.signer(Role.MAKER, Role.CHECKER)
        wish = Wish("period advance", messages, signer, moment=str(now.status.height))
        send(now, sending, wish, then=f"settle period show {name_of(key)}")


def next_deadline(state: PeriodState, terms: Governing) -> tuple[str, int]:
    """What comes next for a period in this state, and when; ("", 0) for nothing."""
    dates = terms.dates
    match state:
        case PeriodState.OPEN:
            return "cut-off", dates.cut_off
        case PeriodState.CUT_OFF:
            return "declare by", dates.declare_by
        case PeriodState.DECLARED:
            return "open by", dates.open_by
        case PeriodState.RECONCILED:
            return "agree by", dates.agree_by
        case PeriodState.SIGNED:
            return "pay by", dates.pay_by
        case _:
            return "", 0


def _effective(now: Session, key: PeriodQuery) -> EffectivePeriod:
    return now.require(f"period {name_of(key)}", EFFECTIVE_PERIOD, key, "settle period list")
