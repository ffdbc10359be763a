"""`settle agreement`: what two operators have agreed on."""

from __future__ import annotations

from pathlib import Path

from abci_app.domain.agreements.schema import AgreementVersion, ProposeAgreement, VersionState
from abci_app.kernel.approvals import Approve, DocumentKind, Signatures, Verdict, both_make_and_check
from abci_app.kernel.roles import Role
from settle.chain.keys import Signer
from settle.cli.agreement_file import EXAMPLE, read_terms
from settle.cli.failures import not_done, usage
from settle.cli.names import newest_version, version_of
from settle.cli.options import COMMON, SENDING, Common, Sending, noun
from settle.cli.output import Output, facts_of, table
from settle.cli.plain import CURRENCIES, iso, plain, text
from settle.cli.questions import AGREEMENTS, RULES
from settle.cli.sending import Wish, send
from settle.cli.session import Session, session

app = noun("agreement", "What two operators have agreed on.")


@app.command(name="list")
def list_agreements(*, operator: str | None = None, common: Common = COMMON) -> None:
    """List agreements with their newest version.

    Parameters
    ----------
    operator
        Only those of this operator, by code or number.
    """
    with session(common) as now:
        wanted = None if operator is None else now.operator(operator)
        rows = []
        for number, row in now.ask(AGREEMENTS):
            if wanted in (None, row.first, row.second):
                newest = version_of(now, number, row.proposed)
                state = _state(newest, now.time)
                parties = f"{now.codes[row.first]}-{now.codes[row.second]}"
                currency = CURRENCIES.get(row.currency, row.currency)
                rows.append((number, parties, currency, row.proposed, state, row.active, row.last_ordinal))
        columns = ("number", "parties", "currency", "version", "state", "in force", "periods")
        document = [dict(zip(columns, row, strict=True)) for row in rows]
        now.out.result(document, table(*columns, rows=rows, right=("number", "version", "in force", "periods")))


@app.command
def show(agreement: int, *, version: int | None = None, common: Common = COMMON) -> None:
    """Show the terms of an agreement and who has signed them.

    Parameters
    ----------
    agreement
        Its number.
    version
        A version; the newest by default.
    """
    with session(common) as now:
        number, row = newest_version(now, agreement)
        if version is not None:
            number, row = version, version_of(now, agreement, version)
        terms = row.terms
        missing = _missing(now, row)
        document = {
            "agreement": agreement, "version": number, "state": _state(row, now.time), "document": row.document.hex(),
            "terms": plain(terms), "signatures": plain(row.signatures), "missing": missing,
        }  # fmt: skip
        rules = {rule: text(each.name) for rule, each in now.ask(RULES)}
        shown = facts_of(
            [
                ("agreement", f"{agreement}, version {number}: {_state(row, now.time)}"),
                ("document", row.document.hex()),
                ("parties", f"{now.codes[terms.first]} and {now.codes[terms.second]}, {terms.evidence.name}"),
                ("valid", f"{iso(terms.valid_from)} to {iso(terms.valid_to)}"),
                ("currency, profile", f"{CURRENCIES.get(terms.currency)}, {terms.profile.name}, {terms.flow.name}"),
                ("unit pairs", ", ".join(f"{pair.first}-{pair.second}" for pair in terms.pairs)),
                *((f"rule for {each.slot.name}", _bound(rules, each.rule, each.parameters)) for each in terms.slots),
                ("signed by", _signers(now, row.signatures) or "nobody"),
                ("still missing", ", ".join(missing) or "nothing"),
            ]
        )
        names = ("ordinal", "usage from", "usage to", "cut-off", "declare by", "open by", "agree by", "pay by")
        dates = [(each.ordinal, *map(iso, _times(each))) for each in terms.calendar]
        lines = [
            (index, each.service, ("->", "<-")[each.direction], each.band, each.measure, each.event)
            for index, each in enumerate(terms.catalogue)
        ]
        catalogue = table("line", "service", "direction", "band", "measure", "event", rows=lines)
        now.out.result(document, shown, catalogue, table(*names, rows=dates))


@app.command
def example(*, json: bool = False) -> None:
    """Print a file of terms to start from.

    Parameters
    ----------
    json
        Answer with one JSON document.
    """
    Output(as_json=json).result({"file": EXAMPLE}, EXAMPLE.rstrip())


@app.command
def propose(file: Path, *, agreement: int = 0, sending: Sending = SENDING) -> None:
    """Propose the terms in a file as a checker of one party; then makers and checkers of both approve them.

    Parameters
    ----------
    file
        Terms in TOML or JSON; `settle agreement example` prints one.
    agreement
        The agreement whose next version it is; a new agreement by default.
    """
    with session(sending) as now:
        rules = {text(row.name): number for number, row in now.ask(RULES)}
        terms = read_terms(file, now.operator, rules)
        version = 1
        if agreement:
            last, row = newest_version(now, agreement)
            version = last if row.terms == terms and row.state == VersionState.PROPOSED else last + 1
        wish = Wish("agreement propose", [ProposeAgreement(agreement, version, terms)], now.signer(Role.CHECKER))
        send(now, sending, wish, then="settle agreement list, then settle agreement approve NUMBER")


@app.command
def approve(agreement: int, *, refuse: bool = False, sending: Sending = SENDING) -> None:
    """Sign the newest version of an agreement: as maker, or as checker where the maker has signed.

    Parameters
    ----------
    agreement
        Its number.
    refuse
        Refuse it instead: that closes the version.
    """
    with session(sending) as now:
        _, row = newest_version(now, agreement)
        signer = _signer(now, row)
        verdict = Verdict.REFUSE if refuse else Verdict.APPROVE
        messages = [Approve(DocumentKind.AGREEMENT, row.document, signer.role, verdict)]
        send(now, sending, Wish("agreement approve", messages, signer), then=f"settle agreement show {agreement}")


def _signer(now: Session, row: AgreementVersion) -> Signer:
    """The key asked for; else the maker's before the checker's, whichever has not signed."""
    if now.settings.key.value:
        return now.signer()
    mine = now.myself
    if mine not in (row.terms.first, row.terms.second):
        raise usage(
            expected=f"an agreement of {now.codes[mine]}",
            actual=f"one of {now.codes[row.terms.first]} and {now.codes[row.terms.second]}",
            next_step=f"see `settle agreement list --operator {now.codes[mine]}`",
        )
    signed = {signature.role for signature in row.signatures if signature.operator == mine}
    open_roles = [role for role in (Role.MAKER, Role.CHECKER) if role not in signed]
    if not open_roles:
        raise not_done(
            expected="a role of this operator that has not signed",
            actual="maker and checker have",
            next_step="wait for the other party: `settle agreement show` tells who is missing",
        )
    return now.signer(open_roles[0])


def _missing(now: Session, row: AgreementVersion) -> list[str]:
    if row.state != VersionState.PROPOSED:
        return []
    signed = {(signature.operator, signature.role) for signature in row.signatures}
    policy = both_make_and_check(row.terms.first, row.terms.second)
    return [
        f"{need.role.name.lower()} of {now.codes[need.operator]}"
        for need in policy
        if (need.operator, need.role) not in signed
    ]


def _state(row: AgreementVersion, time: int) -> str:
    expired = row.state == VersionState.ACTIVE and time >= row.terms.valid_to
    return VersionState.EXPIRED.name if expired else row.state.name


def _signers(now: Session, signatures: Signatures) -> str:
    return ", ".join(f"{Role(each.role).name.lower()} of {now.codes[each.operator]}" for each in signatures)


def _bound(rules: dict[int, str], rule: int, parameters: tuple[int, ...]) -> str:
    return f"{rule} {rules.get(rule, '')} {list(parameters) if parameters else ''}".rstrip()


def _times(row: object) -> list[int]:
    names = ("usage_from", "usage_to", "cut_off", "declare_by", "open_by", "agree_by", "pay_by")
    return [getattr(row, name) for name in names]
